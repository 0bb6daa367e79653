#include "bounce/hygiene_filter.h"

#include <stdatomic.h>

#define WORDS_A_BLOCK 8
#define BLOCK_SIZE (WORDS_A_BLOCK * sizeof(uint64_t))

size_t hygiene_filter_size(uint64_t count_max)
{
    uint64_t size = count_max * HYGIENE_FILTER_BITS_PER_KEY / 8;

    return (size_t)((size + BLOCK_SIZE) / BLOCK_SIZE * BLOCK_SIZE);
}

size_t hygiene_filter_cost(uint64_t count_max)
{
    return arena_cost(hygiene_filter_size(count_max), 1);
}

void hygiene_filter_init(struct hygiene_filter *filter, struct arena *arena, uint64_t count_max)
{
    size_t size = hygiene_filter_size(count_max);

    filter->words = arena_alloc(arena, size, 1);
    filter->blocks_count = size / BLOCK_SIZE;
}

void hygiene_filter_clear(struct hygiene_filter *filter)
{
    for (uint64_t i = 0; i < filter->blocks_count * WORDS_A_BLOCK; i++)
        atomic_store_explicit(&filter->words[i], 0, memory_order_relaxed);
}

/* The upper half of the hash chooses the block, another mixture of it the bits. */
static _Atomic uint64_t *block_of(const struct hygiene_filter *filter, uint64_t hash)
{
    uint64_t block = (hash >> 32) * filter->blocks_count >> 32;

    return filter->words + block * WORDS_A_BLOCK;
}

static uint64_t mix(uint64_t hash)
{
    hash = (hash ^ hash >> 32) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 29;
}

void hygiene_filter_add(struct hygiene_filter *filter, uint64_t hash)
{
    _Atomic uint64_t *words = block_of(filter, hash);
    uint64_t bits = mix(hash);

    for (uint32_t i = 0; i < WORDS_A_BLOCK; i++, bits >>= 6) {
        uint64_t word = atomic_load_explicit(&words[i], memory_order_relaxed);

        /* No other thread writes. */
        atomic_store_explicit(&words[i], word | UINT64_C(1) << (bits & 63), memory_order_release);
    }
}

void hygiene_filter_prefetch(const struct hygiene_filter *filter, uint64_t hash)
{
    __builtin_prefetch(block_of(filter, hash));
}

bool hygiene_filter_has(const struct hygiene_filter *filter, uint64_t hash)
{
    const _Atomic uint64_t *words = block_of(filter, hash);
    uint64_t bits = mix(hash), all = 1;

    for (uint32_t i = 0; i < WORDS_A_BLOCK; i++, bits >>= 6)
        all &= atomic_load_explicit(&words[i], memory_order_acquire) >> (bits & 63);
    return (all & 1) != 0;
}
