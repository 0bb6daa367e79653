/* hygiene_filter.h - "is this address surely not suppressed?" in one cache line.
 *
 * A Bloom filter in blocks of 64 octets: eight words, one bit in each. It forgets nothing; what was
 * withdrawn stays in it until it is made anew at the next start. One thread adds, any number ask at
 * the same time: an address whose adding has returned is found by every later question of a thread
 * that was told of it. Knows nothing of addresses: it takes their keyed 64-bit hash. */
#ifndef BOUNCE_HYGIENE_FILTER_H
#define BOUNCE_HYGIENE_FILTER_H

#include "base/arena.h"

/* At this density one of a thousand strangers is taken for a member. */
#define HYGIENE_FILTER_BITS_PER_KEY 20

struct hygiene_filter {
    _Atomic uint64_t *words;
    uint64_t blocks_count;
};

/* Bytes for so many addresses: 50 million take 125,000,000. */
size_t hygiene_filter_size(uint64_t count_max);
size_t hygiene_filter_cost(uint64_t count_max);
void hygiene_filter_init(struct hygiene_filter *filter, struct arena *arena, uint64_t count_max);
/* Forgets all; nobody asks meanwhile. */
void hygiene_filter_clear(struct hygiene_filter *filter);
void hygiene_filter_add(struct hygiene_filter *filter, uint64_t hash);
/* It will be added or asked for soon. */
void hygiene_filter_prefetch(const struct hygiene_filter *filter, uint64_t hash);
/* False: surely not added. */
MUST_USE bool hygiene_filter_has(const struct hygiene_filter *filter, uint64_t hash);

#endif
