#include "queue/stops.h"

#include <errno.h>

#include "base/check.h"

size_t stops_cost(void)
{
    return arena_cost(STOPS_MAX, sizeof(struct stop)) + table_cost(STOPS_MAX);
}

void stops_init(struct stops *stops, struct arena *arena)
{
    *stops = (struct stops){.list = arena_alloc(arena, STOPS_MAX, sizeof(struct stop))};
    table_init(&stops->table, arena, STOPS_MAX);
}

void stops_clear(struct stops *stops)
{
    stops->count = 0;
    table_clear(&stops->table);
}

/* The numbers are ours, nobody can choose them to collide. */
static uint64_t hash_of(uint32_t campaign, uint32_t domain)
{
    uint64_t word = ((uint64_t)domain << 32 | campaign) * UINT64_C(0x9e3779b97f4a7c15);

    word = (word ^ word >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
    return word ^ word >> 32;
}

static uint64_t hash_at(const struct stops *stops, uint32_t index)
{
    return hash_of(stops->list[index].campaign, stops->list[index].domain);
}

static bool is_same(const void *context, uint32_t value, const void *key)
{
    const struct stops *stops = context;
    const struct stop *wanted = key;

    return stops->list[value].campaign == wanted->campaign &&
           stops->list[value].domain == wanted->domain;
}

static uint32_t index_of(const struct stops *stops, uint32_t campaign, uint32_t domain)
{
    const struct stop wanted = {.campaign = campaign, .domain = domain};

    return table_find(&stops->table, hash_of(campaign, domain), is_same, stops, &wanted);
}

/* The last one takes the place that becomes free. */
static void take_away(struct stops *stops, uint32_t index)
{
    uint32_t last = stops->count - 1;

    CHECK(table_remove(&stops->table, hash_at(stops, index), index));
    if (index != last) {
        CHECK(table_remove(&stops->table, hash_at(stops, last), last));
        stops->list[index] = stops->list[last];
        CHECK(table_insert(&stops->table, hash_at(stops, index), index) == 0);
    }
    stops->count = last;
}

int stops_set(struct stops *stops, const struct stop *stop)
{
    uint32_t index = index_of(stops, stop->campaign, stop->domain);

    CHECK(stop->kind != STOP_CANCELLED || stop->campaign != STOPS_EVERY);
    if (index != TABLE_NONE && stops->list[index].kind == STOP_CANCELLED)
        return 0;
    if (stop->kind == STOP_NONE) {
        if (index != TABLE_NONE)
            take_away(stops, index);
        return 0;
    }
    if (index != TABLE_NONE) {
        stops->list[index] = *stop;
        return 0;
    }
    if (stops->count == STOPS_MAX)
        return -ENOSPC;
    stops->list[stops->count] = *stop;
    CHECK(table_insert(&stops->table, hash_at(stops, stops->count), stops->count) == 0);
    stops->count++;
    return 0;
}

const struct stop *stops_find(const struct stops *stops, uint32_t campaign, uint32_t domain)
{
    uint32_t index = stops->count == 0 ? TABLE_NONE : index_of(stops, campaign, domain);

    return index == TABLE_NONE ? NULL : &stops->list[index];
}

enum stop_kind stops_kind(const struct stops *stops, uint32_t campaign, uint32_t domain)
{
    const struct stop *own, *every;

    if (stops->count == 0)
        return STOP_NONE;
    own = stops_find(stops, campaign, domain);
    if (own != NULL && own->kind == STOP_CANCELLED)
        return STOP_CANCELLED;
    every = stops_find(stops, STOPS_EVERY, domain);
    return own != NULL || every != NULL ? STOP_PAUSED : STOP_NONE;
}

void stops_forget(struct stops *stops, uint32_t campaign)
{
    for (uint32_t i = stops->count; i-- > 0;)
        if (stops->list[i].campaign == campaign)
            take_away(stops, i);
}

const char *stops_kind_name(enum stop_kind kind)
{
    static const char *const names[STOP_KIND_COUNT] = {
        [STOP_NONE] = "open", [STOP_PAUSED] = "paused", [STOP_CANCELLED] = "cancelled"};

    CHECK(kind < STOP_KIND_COUNT);
    return names[kind];
}
