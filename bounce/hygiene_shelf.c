#include "bounce/hygiene_shelf.h"

#include <errno.h>
#include <string.h>

#include "bounce/hygiene_dossier.h"

struct memory_shelf {
    struct hygiene_shelf shelf;
    uint32_t count_max;
    uint16_t *sizes;
    uint8_t *values;
};

static int get(struct hygiene_shelf *shelf, uint32_t number, struct span *ret_value)
{
    const struct memory_shelf *memory = (const struct memory_shelf *)(const void *)shelf;

    if (number >= memory->count_max || memory->sizes[number] == 0)
        return -ENOENT;
    *ret_value = span_make(memory->values + (size_t)number * HYGIENE_DOSSIER_SIZE_MAX,
                           memory->sizes[number]);
    return 0;
}

static int put(struct hygiene_shelf *shelf, uint32_t number, struct span value)
{
    const struct memory_shelf *memory = (const struct memory_shelf *)(const void *)shelf;

    if (number >= memory->count_max || value.size > HYGIENE_DOSSIER_SIZE_MAX)
        return -ENOSPC;
    memcpy(memory->values + (size_t)number * HYGIENE_DOSSIER_SIZE_MAX, value.data, value.size);
    memory->sizes[number] = (uint16_t)value.size;
    return 0;
}

size_t hygiene_shelf_memory_cost(uint32_t count_max)
{
    return arena_cost(1, sizeof(struct memory_shelf)) + arena_cost(count_max, sizeof(uint16_t)) +
           arena_cost(count_max, HYGIENE_DOSSIER_SIZE_MAX);
}

struct hygiene_shelf *hygiene_shelf_memory_open(struct arena *arena, uint32_t count_max)
{
    static const struct hygiene_shelf_ops ops = {get, put};
    struct memory_shelf *memory = arena_alloc(arena, 1, sizeof(*memory));

    memory->shelf.ops = &ops;
    memory->count_max = count_max;
    memory->sizes = arena_alloc(arena, count_max, sizeof(uint16_t));
    memory->values = arena_alloc(arena, count_max, HYGIENE_DOSSIER_SIZE_MAX);
    return &memory->shelf;
}
