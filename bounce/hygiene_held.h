/* hygiene_held.h - the marks that wait for an operator: suppressions of a provider whose breaker is
 * open.
 *
 * A list in memory, in the order in which they came, with an index by cell: whatever the order in
 * which they are looked for and settled, each costs the same. Names no addresses, only cells of the
 * table of marks. Full, it refuses: the address then is neither held nor suppressed. */
#ifndef BOUNCE_HYGIENE_HELD_H
#define BOUNCE_HYGIENE_HELD_H

#include "base/arena.h"
#include "base/span.h"

struct hygiene_held_item {
    uint64_t provider; /* hygiene_held_provider */
    uint32_t cell;     /* below UINT32_MAX */
    uint32_t until_s;
};

struct hygiene_held {
    struct hygiene_held_item *items; /* those that were removed leave their places open */
    uint32_t *places;                /* by cell: 1 + index in items, or 0 */
    uint32_t places_mask;
    uint32_t count;
    uint32_t count_max;
    uint32_t end; /* of the items in use, and of their array: then they move up */
    uint32_t end_max;
    uint32_t seen_rank; /* of the item that was shown last, and its index */
    uint32_t seen;
};

size_t hygiene_held_cost(uint32_t addresses_max);
void hygiene_held_init(struct hygiene_held *held, struct arena *arena, uint32_t addresses_max);
void hygiene_held_clear(struct hygiene_held *held);
/* Of a provider's name, whatever its case. */
uint64_t hygiene_held_provider(struct span name);
/* The item of a cell, good until one is put; NULL: it is not held. */
struct hygiene_held_item *hygiene_held_find(struct hygiene_held *held, uint32_t cell);
/* The cell is not there yet. False: no room. */
MUST_USE bool hygiene_held_put(struct hygiene_held *held, const struct hygiene_held_item *item);
void hygiene_held_remove(struct hygiene_held *held, struct hygiene_held_item *item);
/* The first item at or behind *index (0 at first), which moves behind it; NULL: no more. It may be
 * removed before the next one is asked for. */
struct hygiene_held_item *hygiene_held_next(struct hygiene_held *held, uint32_t *index);
/* The item with so many before it; NULL: there are not so many. One behind the other, whatever is
 * removed meanwhile, they are found at once; else it looks through the list. */
struct hygiene_held_item *hygiene_held_ranked(struct hygiene_held *held, uint32_t rank);

#endif
