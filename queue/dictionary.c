#include "queue/dictionary.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"

/* Fixed, so that a domain has the same shard in every process. */
static const struct table_key shard_key = {
    {UINT64_C(0x72696e67706f7374), UINT64_C(0x646f6d61696e7321)}};

static uint32_t names_max_for(uint32_t domains_max)
{
    uint64_t bytes = (uint64_t)domains_max * DICTIONARY_NAME_AVERAGE + DICTIONARY_NAME_MAX;

    return (uint32_t)min_u64(bytes, UINT32_MAX);
}

size_t dictionary_cost(uint32_t domains_max)
{
    return arena_cost(domains_max, sizeof(struct dictionary_entry)) +
           arena_cost(names_max_for(domains_max), 1) + arena_cost(domains_max, 1) +
           table_cost(domains_max);
}

void dictionary_init(struct dictionary *dictionary, struct arena *arena, uint32_t domains_max,
                     uint32_t shards_count, struct table_key key)
{
    CHECK(shards_count >= 1);
    CHECK(shards_count <= UINT8_MAX);
    *dictionary = (struct dictionary){
        .count_max = domains_max,
        .names_max = names_max_for(domains_max),
        .shards_count = shards_count,
        .key = key,
    };
    dictionary->entries = arena_alloc(arena, domains_max, sizeof(struct dictionary_entry));
    dictionary->names = arena_alloc(arena, dictionary->names_max, 1);
    dictionary->shards = arena_alloc(arena, domains_max, 1);
    table_init(&dictionary->table, arena, domains_max);
}

void dictionary_clear(struct dictionary *dictionary)
{
    table_clear(&dictionary->table);
    dictionary->count = 0;
    dictionary->names_size = 0;
}

struct span dictionary_name(const struct dictionary *dictionary, uint32_t domain)
{
    const struct dictionary_entry *entry = &dictionary->entries[domain];

    return span_make(dictionary->names + entry->offset, entry->size);
}

static bool matches(const void *context, uint32_t value, const void *key)
{
    return span_equal(dictionary_name(context, value), *(const struct span *)key);
}

/* Lower case; `lower` has DICTIONARY_NAME_MAX bytes. */
static struct span lower_name(struct span name, uint8_t *lower)
{
    for (size_t i = 0; i < name.size; i++)
        lower[i] = span_lower_byte(name.data[i]);
    return span_make(lower, name.size);
}

static uint32_t find_lower(const struct dictionary *dictionary, uint64_t hash, struct span name)
{
    return table_find(&dictionary->table, hash, matches, dictionary, &name);
}

uint32_t dictionary_find(const struct dictionary *dictionary, struct span name)
{
    uint8_t lower[DICTIONARY_NAME_MAX];

    if (name.size == 0 || name.size > sizeof(lower))
        return TABLE_NONE;
    name = lower_name(name, lower);
    return find_lower(dictionary, table_hash(&dictionary->key, name), name);
}

uint32_t dictionary_shard_of(struct span name, uint32_t shards_count)
{
    return (uint32_t)(table_hash(&shard_key, name) % shards_count);
}

int dictionary_add(struct dictionary *dictionary, struct span name, uint32_t *ret_domain)
{
    uint8_t lower[DICTIONARY_NAME_MAX];
    uint64_t hash;
    uint32_t domain;

    if (name.size == 0 || name.size > sizeof(lower))
        return -EINVAL;
    name = lower_name(name, lower);
    hash = table_hash(&dictionary->key, name);
    domain = find_lower(dictionary, hash, name);
    if (domain == TABLE_NONE) {
        if (dictionary->count == dictionary->count_max ||
            name.size > dictionary->names_max - dictionary->names_size)
            return -ENOSPC;
        domain = dictionary->count++;
        memcpy(dictionary->names + dictionary->names_size, name.data, name.size);
        dictionary->entries[domain] =
            (struct dictionary_entry){dictionary->names_size, (uint32_t)name.size};
        dictionary->names_size += (uint32_t)name.size;
        dictionary->shards[domain] = (uint8_t)dictionary_shard_of(name, dictionary->shards_count);
        CHECK(table_insert(&dictionary->table, hash, domain) == 0);
    }
    *ret_domain = domain;
    return 0;
}
