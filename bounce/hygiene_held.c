#include "bounce/hygiene_held.h"

#include <string.h>

#define HELD_MAX 1000000

static uint32_t count_for(uint32_t addresses_max)
{
    return addresses_max < HELD_MAX ? addresses_max : HELD_MAX;
}

size_t hygiene_held_cost(uint32_t addresses_max)
{
    return arena_cost(count_for(addresses_max), sizeof(struct hygiene_held_item));
}

void hygiene_held_init(struct hygiene_held *held, struct arena *arena, uint32_t addresses_max)
{
    held->count = 0;
    held->found = UINT32_MAX;
    held->count_max = count_for(addresses_max);
    held->items = arena_alloc(arena, held->count_max, sizeof(struct hygiene_held_item));
}

uint64_t hygiene_held_provider(struct span name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < name.size; i++)
        hash = (hash ^ span_lower_byte(name.data[i])) * UINT64_C(0x100000001b3);
    return hash;
}

/* Whoever goes through all addresses asks in about this order; who is settled came mostly of late.
 */
struct hygiene_held_item *hygiene_held_find(struct hygiene_held *held, uint32_t cell)
{
    uint32_t begin = held->found + 1 < held->count ? held->found + 1 : 0;

    if (held->count > 0 && held->items[begin].cell == cell) {
        held->found = begin;
        return &held->items[begin];
    }
    for (uint32_t i = held->count; i-- > 0;) {
        if (held->items[i].cell == cell) {
            held->found = i;
            return &held->items[i];
        }
    }
    return NULL;
}

bool hygiene_held_put(struct hygiene_held *held, const struct hygiene_held_item *item)
{
    if (held->count == held->count_max)
        return false;
    held->items[held->count++] = *item;
    return true;
}

void hygiene_held_remove(struct hygiene_held *held, const struct hygiene_held_item *item)
{
    size_t at = (size_t)(item - held->items);

    memmove(&held->items[at], &held->items[at + 1],
            (held->count - at - 1) * sizeof(struct hygiene_held_item));
    held->count--;
}
