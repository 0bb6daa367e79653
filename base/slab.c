#include "base/slab.h"

#include <string.h>

#include "base/check.h"

#define CLAIMED (UINT32_C(1) << 31)
#define GENERATION_MASK ((UINT32_C(1) << 24) - 1)
#define SLOT_ALIGNMENT 16

static size_t padded_size(size_t slot_size)
{
    return (slot_size + SLOT_ALIGNMENT - 1) & ~(size_t)(SLOT_ALIGNMENT - 1);
}

static void *slot_at(const struct slab *slab, uint32_t index)
{
    return slab->slots + (size_t)index * slab->slot_size;
}

static uint32_t index_of(const struct slab *slab, const void *slot)
{
    size_t offset = (size_t)((const uint8_t *)slot - slab->slots);

    CHECK((const uint8_t *)slot >= slab->slots);
    CHECK(offset % slab->slot_size == 0);
    CHECK(offset / slab->slot_size < slab->slots_max);
    return (uint32_t)(offset / slab->slot_size);
}

size_t slab_cost(uint32_t slots_max, size_t slot_size)
{
    return arena_cost(slots_max, padded_size(slot_size)) +
           2 * arena_cost(slots_max, sizeof(uint32_t));
}

void slab_init(struct slab *slab, struct arena *arena, uint32_t slots_max, size_t slot_size)
{
    CHECK(slot_size > 0);
    CHECK(slots_max < SLAB_NONE);
    *slab = (struct slab){.slots_max = slots_max, .slot_size = padded_size(slot_size)};
    slab->slots = arena_alloc(arena, slots_max, slab->slot_size);
    slab->generations = arena_alloc(arena, slots_max, sizeof(*slab->generations));
    slab->next_free = arena_alloc(arena, slots_max, sizeof(*slab->next_free));
    for (uint32_t i = 0; i < slots_max; i++) {
        slab->generations[i] = 1;
        slab->next_free[i] = i + 1 < slots_max ? i + 1 : SLAB_NONE;
    }
    slab->free_head = slots_max > 0 ? 0 : SLAB_NONE;
}

void *slab_claim(struct slab *slab)
{
    uint32_t index = slab->free_head;
    void *slot;

    if (index == SLAB_NONE)
        return NULL;
    CHECK((slab->generations[index] & CLAIMED) == 0);
    slab->free_head = slab->next_free[index];
    slab->generations[index] |= CLAIMED;
    slab->claimed_count++;
    slot = slot_at(slab, index);
    memset(slot, 0, slab->slot_size);
    return slot;
}

void slab_release(struct slab *slab, void *slot)
{
    uint32_t index = index_of(slab, slot);
    uint32_t generation = slab->generations[index];

    CHECK((generation & CLAIMED) != 0);
    generation = (generation + 1) & GENERATION_MASK;
    slab->generations[index] = generation == 0 ? 1 : generation;
    slab->next_free[index] = slab->free_head;
    slab->free_head = index;
    slab->claimed_count--;
}

struct slab_handle slab_handle_of(const struct slab *slab, const void *slot)
{
    uint32_t index = index_of(slab, slot);

    CHECK((slab->generations[index] & CLAIMED) != 0);
    return (struct slab_handle){index, slab->generations[index] & GENERATION_MASK};
}

void *slab_get(const struct slab *slab, struct slab_handle handle)
{
    if (handle.index >= slab->slots_max || handle.generation == 0)
        return NULL;
    if (slab->generations[handle.index] != (handle.generation | CLAIMED))
        return NULL;
    return slot_at(slab, handle.index);
}

void *slab_at(const struct slab *slab, uint32_t index)
{
    if (index >= slab->slots_max || (slab->generations[index] & CLAIMED) == 0)
        return NULL;
    return slot_at(slab, index);
}
