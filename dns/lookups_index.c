#include "dns/lookups_index.h"

#include <string.h>

#include "base/check.h"

static uint64_t hash_of_key(const struct lookups_index *index, struct dns_cache_key key)
{
    uint8_t bytes[DNS_NAME_SIZE_MAX + 2];

    memcpy(bytes, key.name->bytes, key.name->size);
    bytes[key.name->size] = (uint8_t)(key.type >> 8);
    bytes[key.name->size + 1] = (uint8_t)key.type;
    return table_hash(&index->seed, span_make(bytes, (size_t)key.name->size + 2));
}

static uint64_t hash_of_id(uint16_t id)
{
    return id * UINT64_C(0x9e3779b97f4a7c15) >> 32;
}

static bool key_matches(const void *context, uint32_t value, const void *key)
{
    const struct lookups_index *index = context;
    const struct lookup *lookup = slab_at(index->slab, value);
    const struct dns_cache_key *wanted = key;

    CHECK(lookup != NULL);
    return lookup->type == wanted->type && dns_name_equal(&lookup->key, wanted->name);
}

static bool id_matches(const void *context, uint32_t value, const void *key)
{
    const struct lookups_index *index = context;
    const struct lookup *lookup = slab_at(index->slab, value);

    CHECK(lookup != NULL);
    return lookup->id == *(const uint16_t *)key;
}

static struct lookup *lookup_at(const struct lookups_index *index, uint32_t slot)
{
    return slot == TABLE_NONE ? NULL : slab_at(index->slab, slot);
}

static uint32_t slot_of(const struct lookups_index *index, const struct lookup *lookup)
{
    return slab_handle_of(index->slab, lookup).index;
}

static struct dns_cache_key key_of(const struct lookup *lookup)
{
    return (struct dns_cache_key){.name = &lookup->key, .type = lookup->type};
}

size_t lookups_index_cost(uint32_t lookups_max)
{
    return 2 * table_cost(lookups_max);
}

void lookups_index_init(struct lookups_index *index, struct arena *arena, const struct slab *slab,
                        struct prng *prng)
{
    index->slab = slab;
    prng_fill(prng, &index->seed, sizeof(index->seed));
    table_init(&index->by_key, arena, slab->slots_max);
    table_init(&index->by_id, arena, slab->slots_max);
}

struct lookup *lookups_index_find(const struct lookups_index *index, struct dns_cache_key key)
{
    return lookup_at(index,
                     table_find(&index->by_key, hash_of_key(index, key), key_matches, index, &key));
}

void lookups_index_add(struct lookups_index *index, const struct lookup *lookup)
{
    int r =
        table_insert(&index->by_key, hash_of_key(index, key_of(lookup)), slot_of(index, lookup));

    CHECK(r >= 0);
}

void lookups_index_remove(struct lookups_index *index, const struct lookup *lookup)
{
    CHECK(table_remove(&index->by_key, hash_of_key(index, key_of(lookup)), slot_of(index, lookup)));
}

struct lookup *lookups_index_find_id(const struct lookups_index *index, uint16_t id)
{
    return lookup_at(index, table_find(&index->by_id, hash_of_id(id), id_matches, index, &id));
}

/* There are at most a quarter as many questions as ids, so the draw ends soon. */
void lookups_index_draw_id(struct lookups_index *index, struct prng *prng, struct lookup *lookup)
{
    uint32_t slot = slot_of(index, lookup);
    uint16_t id;

    (void)table_remove(&index->by_id, hash_of_id(lookup->id), slot); /* not there at first */
    do {
        id = (uint16_t)prng_next(prng);
    } while (lookups_index_find_id(index, id) != NULL);
    lookup->id = id;
    int r = table_insert(&index->by_id, hash_of_id(id), slot);
    CHECK(r >= 0);
}

void lookups_index_remove_id(struct lookups_index *index, const struct lookup *lookup)
{
    CHECK(table_remove(&index->by_id, hash_of_id(lookup->id), slot_of(index, lookup)));
}
