/* slab.h - a fixed number of slots of one size; a handle is index and generation.
 *
 * A handle outlives its slot safely: slab_get of a slot that has moved on returns NULL. Generations
 * are 24 bits (they travel in completion tags), start at 1 and skip 0.
 * Borrows its memory from an arena. */
#ifndef BASE_SLAB_H
#define BASE_SLAB_H

#include "base/arena.h"
#include "base/base.h"

#define SLAB_NONE UINT32_MAX

struct slab_handle {
    uint32_t index;
    uint32_t generation; /* 0: no slot */
};

struct slab {
    uint8_t *slots;
    uint32_t *generations; /* top bit: claimed */
    uint32_t *next_free;
    size_t slot_size;
    uint32_t slots_max;
    uint32_t claimed_count;
    uint32_t free_head;
};

size_t slab_cost(uint32_t slots_max, size_t slot_size); /* bytes of arena */
void slab_init(struct slab *slab, struct arena *arena, uint32_t slots_max, size_t slot_size);
/* A zeroed slot, or NULL when all are claimed. */
MUST_USE void *slab_claim(struct slab *slab);
void slab_release(struct slab *slab, void *slot);
struct slab_handle slab_handle_of(const struct slab *slab, const void *slot);
MUST_USE void *slab_get(const struct slab *slab, struct slab_handle handle);
/* The claimed slot at `index`, else NULL; for walking all of them. */
MUST_USE void *slab_at(const struct slab *slab, uint32_t index);

#endif
