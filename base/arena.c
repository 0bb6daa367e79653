#include "base/arena.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"

#define ALIGNMENT 64

int arena_open(struct arena *arena, size_t size)
{
    uintptr_t start;
    void *memory;

    *arena = (struct arena){0};
    if (size > SIZE_MAX - ALIGNMENT)
        return -ENOMEM;
    /* calloc and not an aligned allocation: large runs come zeroed from the kernel, untouched. */
    memory = calloc(1, size + ALIGNMENT);
    if (memory == NULL)
        return -ENOMEM;
    start = ((uintptr_t)memory + ALIGNMENT - 1) & ~(uintptr_t)(ALIGNMENT - 1);
    arena->memory = memory;
    arena->data = (uint8_t *)memory + (start - (uintptr_t)memory);
    arena->size = size;
    return 0;
}

void arena_close(struct arena *arena)
{
    if (arena == NULL)
        return;
    free(arena->memory);
    *arena = (struct arena){0};
}

size_t arena_cost(size_t count, size_t item_size)
{
    size_t size;

    CHECK(!__builtin_mul_overflow(count, item_size, &size));
    CHECK(size <= SIZE_MAX - ALIGNMENT);
    return (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

void *arena_alloc(struct arena *arena, size_t count, size_t item_size)
{
    size_t cost = arena_cost(count, item_size);
    void *memory = arena->data + arena->used;

    CHECK(!arena->sealed);
    CHECK(cost <= arena->size - arena->used);
    arena->used += cost;
    return memory;
}

void arena_seal(struct arena *arena)
{
    arena->sealed = true;
}
