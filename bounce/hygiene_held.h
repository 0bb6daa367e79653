/* hygiene_held.h - the marks that wait for an operator: suppressions of a provider whose breaker is
 * open.
 *
 * A short list in memory, in the order in which they came; names no addresses, only cells of the
 * table of marks. Full, it refuses: the address then is neither held nor suppressed. */
#ifndef BOUNCE_HYGIENE_HELD_H
#define BOUNCE_HYGIENE_HELD_H

#include "base/arena.h"
#include "base/span.h"

struct hygiene_held_item {
    uint64_t provider; /* hygiene_held_provider */
    uint32_t cell;
    uint32_t until_s;
};

struct hygiene_held {
    struct hygiene_held_item *items;
    uint32_t count;
    uint32_t count_max;
    uint32_t found; /* by the last look: the next one begins behind it; UINT32_MAX: at the first */
};

size_t hygiene_held_cost(uint32_t addresses_max);
void hygiene_held_init(struct hygiene_held *held, struct arena *arena, uint32_t addresses_max);
/* Of a provider's name, whatever its case. */
uint64_t hygiene_held_provider(struct span name);
/* The item of a cell; NULL: it is not held. Asked for in the list's order, each is found at
 * once; else it looks through the list. */
struct hygiene_held_item *hygiene_held_find(struct hygiene_held *held, uint32_t cell);
/* The cell is not there yet. False: no room. */
MUST_USE bool hygiene_held_put(struct hygiene_held *held, const struct hygiene_held_item *item);
void hygiene_held_remove(struct hygiene_held *held, const struct hygiene_held_item *item);

#endif
