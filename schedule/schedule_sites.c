#include <errno.h>

#include "schedule/schedule_parts.h"

static bool is_named(const void *context, uint32_t value, const void *key)
{
    const struct schedule *schedule = context;
    const uint64_t *second_hash = key;

    return schedule->entries[value].second_hash == *second_hash;
}

/* The site unused for longest; one whose health is to be remembered only when there is no other. */
static struct entry *longest_unused(struct schedule *schedule)
{
    struct list_node *first = list_first(&schedule->unused);

    list_for_each(node, &schedule->unused) {
        struct entry *entry = CONTAINER_OF(node, struct entry, node);

        if (entry->site.health == SITE_STEADY)
            return entry;
    }
    return first == NULL ? NULL : CONTAINER_OF(first, struct entry, node);
}

/* A site never claimed, else one that is given up. */
static struct entry *free_entry(struct schedule *schedule)
{
    struct entry *entry;

    if (schedule->entries_count < schedule->options.sites_max)
        return &schedule->entries[schedule->entries_count++];
    entry = longest_unused(schedule);
    if (entry == NULL)
        return NULL;
    list_remove(&entry->node);
    (void)table_remove(&schedule->names, entry->hash, (uint32_t)(entry - schedule->entries));
    return entry;
}

int schedule_site(struct schedule *schedule, struct span name)
{
    struct table_key second_key = {
        {~schedule->options.key.words[0], ~schedule->options.key.words[1]}};
    uint64_t hash = table_hash(&schedule->options.key, name);
    uint64_t second_hash = table_hash(&second_key, name);
    uint32_t index = table_find(&schedule->names, hash, is_named, schedule, &second_hash);
    struct entry *entry;

    if (index != TABLE_NONE)
        return (int)index;
    entry = free_entry(schedule);
    if (entry == NULL)
        return -ENOSPC;
    index = (uint32_t)(entry - schedule->entries);
    *entry = (struct entry){
        .hash = hash, .second_hash = second_hash, .generation = entry->generation + 1};
    site_init(&entry->site, name, &schedule->options.limits);
    share_ring_init(&entry->ring);
    if (table_insert(&schedule->names, hash, index) < 0)
        UNREACHABLE("the table of names has room for every site");
    schedule_parts_refresh(schedule, entry);
    return (int)index;
}

const struct site *schedule_site_at(const struct schedule *schedule, uint32_t site)
{
    return &schedule_parts_at(schedule, site)->site;
}

uint32_t schedule_site_generation(const struct schedule *schedule, uint32_t site)
{
    return schedule_parts_at(schedule, site)->generation;
}

bool schedule_site_claimed(const struct schedule *schedule, uint32_t site)
{
    return site < schedule->entries_count;
}

uint32_t schedule_sites_max(const struct schedule *schedule)
{
    return schedule->options.sites_max;
}

void schedule_site_limits(struct schedule *schedule, uint32_t site,
                          const struct site_limits *limits)
{
    struct entry *entry = schedule_parts_at(schedule, site);

    site_change_limits(&entry->site, limits);
    schedule_parts_reconsider(schedule, entry);
}

void schedule_site_lease(struct schedule *schedule, uint32_t site, uint32_t connections)
{
    struct entry *entry = schedule_parts_at(schedule, site);

    site_change_lease(&entry->site, connections);
    schedule_parts_reconsider(schedule, entry);
}

void schedule_site_owes(struct schedule *schedule, uint32_t site, uint64_t full_ns)
{
    struct entry *entry = schedule_parts_at(schedule, site);

    pace_owe(&entry->site.messages, full_ns);
    schedule_parts_reconsider(schedule, entry);
}

uint32_t schedule_site_demand(const struct schedule *schedule, uint32_t site)
{
    const struct entry *entry = schedule_parts_at(schedule, site);
    uint64_t demand = entry->site.sessions_count - entry->opening_count +
                      entry->ring.ready_count[LANE_TRANSACTIONAL];

    demand = max_u64(demand, max_u64(schedule_parts_bulk(entry), entry->site.sessions_count));
    return (uint32_t)min_u64(demand, entry->site.limits.connections_max);
}

uint32_t schedule_site_need(const struct schedule *schedule, uint32_t site, uint32_t resting_count)
{
    const struct entry *entry = schedule_parts_at(schedule, site);
    struct ramp_rule rule = schedule_parts_ramp(schedule, entry);
    uint64_t first = entry->ring.ready_count[LANE_TRANSACTIONAL];
    uint64_t bulk = ramp_worth(&entry->ramp, &rule, entry->ring.ready_count[LANE_BULK]);
    uint64_t need = entry->site.sessions_count;

    need -= min_u64(need, resting_count);
    need += first > entry->opening_count ? first - entry->opening_count : 0;
    need = max_u64(need, min_u64(bulk, schedule_parts_bulk(entry)));
    return (uint32_t)min_u64(need, entry->site.limits.connections_max);
}

uint64_t schedule_site_ready_count(const struct schedule *schedule, uint32_t site)
{
    const struct share_ring *ring = &schedule_parts_at(schedule, site)->ring;

    return ring->ready_count[LANE_TRANSACTIONAL] + ring->ready_count[LANE_BULK];
}
