#include "bounce/hygiene_held.h"

#include <string.h>

#define HELD_MAX 1000000
#define NO_CELL UINT32_MAX
#define NOBODY UINT32_MAX

static uint32_t count_for(uint32_t addresses_max)
{
    return addresses_max < HELD_MAX ? addresses_max : HELD_MAX;
}

/* Room for those that were removed: at most every so many puts the others move up. */
static uint32_t end_for(uint32_t count_max)
{
    return count_max + count_max / 2 + 16;
}

/* At most half of the places are used. */
static uint32_t places_for(uint32_t count_max)
{
    uint32_t places = 16;

    while (places < 2 * count_max)
        places *= 2;
    return places;
}

size_t hygiene_held_cost(uint32_t addresses_max)
{
    uint32_t count_max = count_for(addresses_max);

    return arena_cost(end_for(count_max), sizeof(struct hygiene_held_item)) +
           arena_cost(places_for(count_max), sizeof(uint32_t));
}

void hygiene_held_init(struct hygiene_held *held, struct arena *arena, uint32_t addresses_max)
{
    held->count_max = count_for(addresses_max);
    held->end_max = end_for(held->count_max);
    held->places_mask = places_for(held->count_max) - 1;
    held->items = arena_alloc(arena, held->end_max, sizeof(struct hygiene_held_item));
    held->places = arena_alloc(arena, (size_t)held->places_mask + 1, sizeof(uint32_t));
    held->count = held->end = 0; /* the arena's zeroes are empty places */
    held->seen = held->seen_rank = NOBODY;
}

void hygiene_held_clear(struct hygiene_held *held)
{
    if (held->end > 0)
        memset(held->places, 0, ((size_t)held->places_mask + 1) * sizeof(uint32_t));
    held->count = held->end = 0;
    held->seen = held->seen_rank = NOBODY;
}

uint64_t hygiene_held_provider(struct span name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < name.size; i++)
        hash = (hash ^ span_lower_byte(name.data[i])) * UINT64_C(0x100000001b3);
    return hash;
}

/* --- the index: cells are numbers that a keyed hash gave --- */

static uint32_t home_of(const struct hygiene_held *held, uint32_t cell)
{
    return (cell * UINT32_C(0x9e3779b1) >> 7) & held->places_mask;
}

/* Where the cell stands, or the empty place where it would. */
static uint32_t place_of(const struct hygiene_held *held, uint32_t cell)
{
    uint32_t at = home_of(held, cell);

    while (held->places[at] != 0 && held->items[held->places[at] - 1].cell != cell)
        at = (at + 1) & held->places_mask;
    return at;
}

/* Empties a place; who stands behind it because it was taken moves up. */
static void empty(struct hygiene_held *held, uint32_t at)
{
    uint32_t next = at, mask = held->places_mask;

    for (;;) {
        uint32_t home;

        next = (next + 1) & mask;
        if (held->places[next] == 0)
            break;
        home = home_of(held, held->items[held->places[next] - 1].cell);
        if (((next - home) & mask) < ((next - at) & mask))
            continue; /* it may not stand before its home */
        held->places[at] = held->places[next];
        at = next;
    }
    held->places[at] = 0;
}

/* --- the list --- */

/* The others move up to where nobody is any more. */
static void move_up(struct hygiene_held *held)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < held->end; i++) {
        if (held->items[i].cell == NO_CELL)
            continue;
        if (i != kept) {
            held->places[place_of(held, held->items[i].cell)] = kept + 1;
            held->items[kept] = held->items[i];
        }
        kept++;
    }
    held->end = kept;
    held->seen = held->seen_rank; /* without gaps they are the same */
}

struct hygiene_held_item *hygiene_held_find(struct hygiene_held *held, uint32_t cell)
{
    uint32_t place = held->places[place_of(held, cell)];

    return place == 0 ? NULL : &held->items[place - 1];
}

bool hygiene_held_put(struct hygiene_held *held, const struct hygiene_held_item *item)
{
    if (held->count == held->count_max)
        return false;
    if (held->end == held->end_max)
        move_up(held);
    held->items[held->end] = *item;
    held->places[place_of(held, item->cell)] = ++held->end;
    held->count++;
    return true;
}

void hygiene_held_remove(struct hygiene_held *held, struct hygiene_held_item *item)
{
    uint32_t index = (uint32_t)(item - held->items);

    empty(held, place_of(held, item->cell));
    item->cell = NO_CELL;
    held->count--;
    if (held->seen != NOBODY && index <= held->seen)
        held->seen_rank--; /* -1: none is left before or at it */
    if (held->count == 0) {
        held->end = 0;
        held->seen = held->seen_rank = NOBODY;
    }
}

struct hygiene_held_item *hygiene_held_next(struct hygiene_held *held, uint32_t *index)
{
    while (*index < held->end) {
        struct hygiene_held_item *item = &held->items[(*index)++];

        if (item->cell != NO_CELL)
            return item;
    }
    return NULL;
}

struct hygiene_held_item *hygiene_held_ranked(struct hygiene_held *held, uint32_t rank)
{
    uint32_t index = held->seen + 1, next = held->seen_rank + 1; /* both 0 when nobody was seen */
    struct hygiene_held_item *item;

    if (rank >= held->count)
        return NULL;
    if (rank < next)
        index = next = 0;
    do
        item = hygiene_held_next(held, &index);
    while (next++ < rank);
    held->seen = index - 1;
    held->seen_rank = rank;
    return item;
}
