#include "base/table.h"

#include <errno.h>
#include <openssl/siphash.h>
#include <string.h>

#include "base/check.h"

#define COUNT_LIMIT (UINT32_C(1) << 30)

static uint32_t entries_for(uint32_t count_max)
{
    uint32_t entries = 2;

    CHECK(count_max <= COUNT_LIMIT);
    while (entries / 2 < count_max)
        entries *= 2;
    return entries;
}

uint64_t table_hash(const struct table_key *seed, struct span key)
{
    return SIPHASH_24(seed->words, key.data, key.size);
}

size_t table_cost(uint32_t count_max)
{
    return arena_cost(entries_for(count_max), sizeof(struct table_entry));
}

void table_init(struct table *table, struct arena *arena, uint32_t count_max)
{
    uint32_t entries = entries_for(count_max);

    table->entries = arena_alloc(arena, entries, sizeof(*table->entries));
    table->mask = entries - 1;
    table->count_max = count_max;
    table->count = 0; /* the arena's zeroes are empty places: what is never used costs no memory */
}

void table_clear(struct table *table)
{
    memset(table->entries, 0, ((size_t)table->mask + 1) * sizeof(*table->entries));
    table->count = 0;
}

uint32_t table_find(const struct table *table, uint64_t hash, table_match *match,
                    const void *context, const void *key)
{
    uint32_t i = (uint32_t)hash & table->mask;

    for (; table->entries[i].place != 0; i = (i + 1) & table->mask) {
        const struct table_entry *entry = &table->entries[i];

        if (entry->hash == hash && match(context, entry->place - 1, key))
            return entry->place - 1;
    }
    return TABLE_NONE;
}

uint32_t table_guess(const struct table *table, uint64_t hash)
{
    uint32_t i = (uint32_t)hash & table->mask;

    for (; table->entries[i].place != 0; i = (i + 1) & table->mask)
        if (table->entries[i].hash == hash)
            return table->entries[i].place - 1;
    return TABLE_NONE;
}

int table_insert(struct table *table, uint64_t hash, uint32_t value)
{
    uint32_t i = (uint32_t)hash & table->mask;

    CHECK(value != TABLE_NONE);
    if (table->count >= table->count_max)
        return -ENOSPC;
    while (table->entries[i].place != 0)
        i = (i + 1) & table->mask;
    table->entries[i] = (struct table_entry){.hash = hash, .place = value + 1};
    table->count++;
    return 0;
}

/* Moves later entries of the run back over the hole, so that no search stops short. */
static void close_hole(struct table *table, uint32_t hole)
{
    uint32_t i = hole;

    for (;;) {
        uint32_t home;

        i = (i + 1) & table->mask;
        if (table->entries[i].place == 0)
            break;
        home = (uint32_t)table->entries[i].hash & table->mask;
        /* May it move? Only when its home is not between the hole and where it stands. */
        if (((i - home) & table->mask) < ((i - hole) & table->mask))
            continue;
        table->entries[hole] = table->entries[i];
        hole = i;
    }
    table->entries[hole] = (struct table_entry){.place = 0};
}

bool table_remove(struct table *table, uint64_t hash, uint32_t value)
{
    uint32_t i = (uint32_t)hash & table->mask;

    CHECK(value != TABLE_NONE);
    for (; table->entries[i].place != 0; i = (i + 1) & table->mask) {
        if (table->entries[i].hash == hash && table->entries[i].place == value + 1) {
            close_hole(table, i);
            table->count--;
            return true;
        }
    }
    return false;
}
