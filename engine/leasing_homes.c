#include "engine/leasing_homes.h"

#include <string.h>

#include "base/check.h"

size_t leasing_homes_cost(uint32_t shards_count, uint32_t max)
{
    return arena_cost(max, sizeof(struct leasing_home)) +
           arena_cost((size_t)max * shards_count, sizeof(struct lease_place)) + table_cost(max);
}

void leasing_homes_init(struct leasing_homes *homes, struct arena *arena, uint32_t shards_count,
                        uint32_t max)
{
    memset(homes, 0, sizeof(*homes));
    homes->shards_count = shards_count;
    homes->max = max;
    homes->homes = arena_alloc(arena, max, sizeof(struct leasing_home));
    homes->places = arena_alloc(arena, (size_t)max * shards_count, sizeof(struct lease_place));
    table_init(&homes->by_hash, arena, max);
    list_init(&homes->dirty);
}

static bool match(const void *context, uint32_t value, const void *key)
{
    const struct leasing_homes *homes = context;
    const uint64_t *hash = key;

    return homes->homes[value].hash == *hash;
}

/* No holder lives: all have taken their leave, and a new one would begin a new life. */
static bool is_free(const struct lease_home *home)
{
    for (uint32_t i = 0; i < home->places_count; i++)
        if (home->places[i].life != 0)
            return false;
    return true;
}

/* A place for one more home, or TABLE_NONE. */
static uint32_t find_home(struct leasing_homes *homes)
{
    if (homes->used_count < homes->max)
        return homes->used_count++;
    for (uint32_t i = 0; i < homes->max; i++) {
        uint32_t index = homes->hand++ % homes->max;
        struct leasing_home *home = &homes->homes[index];

        if (!is_free(&home->home))
            continue;
        (void)table_remove(&homes->by_hash, home->hash, index);
        if (list_linked(&home->node))
            list_remove(&home->node);
        return index;
    }
    return TABLE_NONE;
}

struct leasing_home *leasing_homes_at(struct leasing_homes *homes, uint64_t hash, uint32_t limit)
{
    uint32_t index = table_find(&homes->by_hash, hash, match, homes, &hash);
    struct leasing_home *home;

    if (index != TABLE_NONE)
        return &homes->homes[index];
    index = find_home(homes);
    if (index == TABLE_NONE)
        return NULL;
    home = &homes->homes[index];
    home->hash = hash;
    home->paced_ns = 0;
    lease_home_init(&home->home, &homes->places[(size_t)index * homes->shards_count],
                    homes->shards_count, limit);
    CHECK(table_insert(&homes->by_hash, hash, index) == 0);
    return home;
}

void leasing_homes_touch(struct leasing_homes *homes, struct leasing_home *home)
{
    if (!list_linked(&home->node))
        list_push_back(&homes->dirty, &home->node);
}

void leasing_homes_rotate(struct leasing_homes *homes, uint64_t now_ns)
{
    if (now_ns < homes->rotate_ns)
        return;
    homes->rotate_ns = now_ns + LEASING_HOMES_ROTATE_NS;
    for (uint32_t i = 0; i < homes->used_count; i++) {
        lease_home_rotate(&homes->homes[i].home);
        leasing_homes_touch(homes, &homes->homes[i]);
    }
}

uint64_t leasing_homes_deadline_ns(const struct leasing_homes *homes)
{
    return homes->used_count > 0 ? homes->rotate_ns : UINT64_MAX;
}
