/* arena.h - the start-up allocator: one run of memory, carved once, then sealed.
 *
 * Owns its memory (one aligned calloc at arena_open). After arena_seal every arena_alloc is a CHECK
 * failure: nothing allocates after start, so everything has a limit. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/base.h"

struct arena {
    void *memory;  /* what calloc gave */
    uint8_t *data; /* the same, aligned */
    size_t size;
    size_t used;
    bool sealed;
};

MUST_USE int arena_open(struct arena *arena, size_t size); /* -ENOMEM */
void arena_close(struct arena *arena);
/* Zeroed, aligned to 64 bytes. CHECKs that it fits: sizes are computed before. */
void *arena_alloc(struct arena *arena, size_t count, size_t item_size);
/* What arena_alloc takes off the arena for the same arguments. */
size_t arena_cost(size_t count, size_t item_size);
void arena_seal(struct arena *arena);

#endif
