#include "schedule/schedule.h"

#include <errno.h>

#include "base/check.h"
#include "base/list.h"
#include "base/wheel.h"

enum whereabouts {
    IDLE = 0,      /* has flows or sessions, needs no session more */
    WANTING_FIRST, /* in wanting[LANE_TRANSACTIONAL] */
    WANTING_BULK,  /* in wanting[LANE_BULK] */
    PARKED,        /* wants a session, but not before the timer */
    UNUSED         /* in unused: neither flows nor sessions */
};

struct entry {
    struct site site;
    enum whereabouts where;
    struct share_ring ring;
    struct list_node node;    /* in schedule->wanting[] or schedule->unused */
    struct wheel_timer timer; /* armed: parked */
    uint64_t hash;            /* the table's */
    uint64_t second_hash;     /* 128 bits of keyed hash are taken for the name */
    uint32_t generation;      /* 0: never claimed */
    uint32_t flows_count;
    uint32_t opening_count; /* sessions that have not asked for mail yet */
};

struct schedule {
    struct schedule_options options;
    struct entry *entries;
    struct table names;
    struct share_pool pool;
    struct list wanting[LANES_COUNT]; /* sites that want a session: for which lane */
    struct list unused;               /* claimed, neither flows nor sessions; oldest first */
    struct wheel wheel;
    struct prng prng;
    uint32_t entries_count; /* claimed at least once */
    uint32_t sessions_count;
};

/* ---- which list a site is in ---- */

static struct entry *entry_at(const struct schedule *schedule, uint32_t site)
{
    CHECK(site < schedule->entries_count);
    return &schedule->entries[site];
}

static uint64_t bulk_sessions(const struct entry *entry)
{
    uint64_t per_session = entry->site.limits.messages_per_session;

    return (entry->ring.ready_count[LANE_BULK] + per_session - 1) / per_session;
}

/* The lane for which the site wants one more session, or LANES_COUNT. Time is left out. */
static uint32_t lane_wanting(const struct entry *entry)
{
    const struct site *site = &entry->site;
    uint32_t limit = site_sessions_limit(site);
    uint32_t reserved = site->limits.connections_reserved;

    if (site->health == SITE_BACKED_OFF)
        limit = site->lease > 0; /* one may try when the time has come */
    if (site->sessions_count >= limit)
        return LANES_COUNT;
    if (entry->ring.ready_count[LANE_TRANSACTIONAL] > entry->opening_count)
        return LANE_TRANSACTIONAL;
    reserved = reserved < limit ? reserved : limit - 1;
    if (site->sessions_count < limit - reserved && bulk_sessions(entry) > site->sessions_count)
        return LANE_BULK;
    return LANES_COUNT;
}

/* Where the site belongs now. One that is parked stays so while it wants a session. */
static enum whereabouts belongs(const struct entry *entry)
{
    uint32_t lane = lane_wanting(entry);

    if (entry->flows_count == 0 && entry->site.sessions_count == 0)
        return UNUSED;
    if (lane == LANES_COUNT)
        return IDLE;
    if (wheel_armed(&entry->timer))
        return PARKED;
    return lane == LANE_TRANSACTIONAL ? WANTING_FIRST : WANTING_BULK;
}

static struct list *list_of(struct schedule *schedule, enum whereabouts where)
{
    switch (where) {
    case WANTING_FIRST:
        return &schedule->wanting[LANE_TRANSACTIONAL];
    case WANTING_BULK:
        return &schedule->wanting[LANE_BULK];
    case UNUSED:
        return &schedule->unused;
    case IDLE:
    case PARKED:
        return NULL;
    }
    UNREACHABLE("no such whereabouts");
}

/* A site whose lists do not change keeps its place in the rotation. */
static void move(struct schedule *schedule, struct entry *entry, enum whereabouts where)
{
    struct list *list = list_of(schedule, where);

    if (where == entry->where)
        return;
    if (list_linked(&entry->node))
        list_remove(&entry->node);
    if (where != PARKED)
        wheel_cancel(&schedule->wheel, &entry->timer);
    if (list != NULL)
        list_push_back(list, &entry->node);
    entry->where = where;
}

static void refresh(struct schedule *schedule, struct entry *entry)
{
    move(schedule, entry, belongs(entry));
}

/* After a change of health or limits: parked sites are looked at again. */
static void reconsider(struct schedule *schedule, struct entry *entry)
{
    wheel_cancel(&schedule->wheel, &entry->timer);
    refresh(schedule, entry);
}

static void park(struct schedule *schedule, struct entry *entry, uint64_t until_ns)
{
    wheel_arm(&schedule->wheel, &entry->timer, until_ns);
    move(schedule, entry, PARKED);
}

/* ---- sites ---- */

size_t schedule_cost(const struct schedule_options *options)
{
    return arena_cost(1, sizeof(struct schedule)) +
           arena_cost(options->sites_max, sizeof(struct entry)) + table_cost(options->sites_max) +
           share_pool_cost(options->flows_max, options->shares_max);
}

struct schedule *schedule_open(struct arena *arena, const struct schedule_options *options,
                               uint64_t now_ns)
{
    struct schedule *schedule = arena_alloc(arena, 1, sizeof(*schedule));

    CHECK(options->sites_max > 0);
    CHECK(options->sites_max <= INT32_MAX);
    schedule->options = *options;
    schedule->entries = arena_alloc(arena, options->sites_max, sizeof(*schedule->entries));
    table_init(&schedule->names, arena, options->sites_max);
    share_pool_init(&schedule->pool, arena, options->flows_max, options->shares_max, &options->key);
    for (uint32_t lane = 0; lane < LANES_COUNT; lane++)
        list_init(&schedule->wanting[lane]);
    list_init(&schedule->unused);
    wheel_init(&schedule->wheel, now_ns);
    prng_seed(&schedule->prng, options->seed);
    return schedule;
}

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
    refresh(schedule, entry);
    return (int)index;
}

const struct site *schedule_site_at(const struct schedule *schedule, uint32_t site)
{
    return &entry_at(schedule, site)->site;
}

uint32_t schedule_site_generation(const struct schedule *schedule, uint32_t site)
{
    return entry_at(schedule, site)->generation;
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
    struct entry *entry = entry_at(schedule, site);

    site_change_limits(&entry->site, limits);
    reconsider(schedule, entry);
}

void schedule_site_lease(struct schedule *schedule, uint32_t site, uint32_t connections)
{
    struct entry *entry = entry_at(schedule, site);

    site_change_lease(&entry->site, connections);
    reconsider(schedule, entry);
}

uint32_t schedule_site_demand(const struct schedule *schedule, uint32_t site)
{
    const struct entry *entry = entry_at(schedule, site);
    uint64_t demand = entry->site.sessions_count - entry->opening_count +
                      entry->ring.ready_count[LANE_TRANSACTIONAL];

    demand = max_u64(demand, max_u64(bulk_sessions(entry), entry->site.sessions_count));
    return (uint32_t)min_u64(demand, entry->site.limits.connections_max);
}

uint64_t schedule_site_ready_count(const struct schedule *schedule, uint32_t site)
{
    const struct share_ring *ring = &entry_at(schedule, site)->ring;

    return ring->ready_count[LANE_TRANSACTIONAL] + ring->ready_count[LANE_BULK];
}

/* ---- flows ---- */

int schedule_flow_attach(struct schedule *schedule, uint32_t flow,
                         const struct schedule_place *place)
{
    struct share_place share = {place->site, place->campaign, place->weight, place->needs,
                                place->lane};
    uint32_t count = share_ready_count(&schedule->pool, flow);
    struct entry *entry = entry_at(schedule, place->site);
    int r;

    schedule_flow_detach(schedule, flow);
    r = share_attach(&schedule->pool, flow, &share);
    if (r < 0)
        return r;
    entry->flows_count++;
    share_set_ready(&schedule->pool, &entry->ring, flow, count);
    refresh(schedule, entry);
    return 0;
}

void schedule_flow_detach(struct schedule *schedule, uint32_t flow)
{
    const struct share_place *place = share_place_of(&schedule->pool, flow);
    struct entry *entry;

    if (place == NULL)
        return;
    entry = entry_at(schedule, place->site);
    share_detach(&schedule->pool, &entry->ring, flow);
    entry->flows_count--;
    refresh(schedule, entry);
}

uint32_t schedule_flow_site(const struct schedule *schedule, uint32_t flow)
{
    const struct share_place *place = share_place_of(&schedule->pool, flow);

    return place == NULL ? SCHEDULE_NONE : place->site;
}

uint32_t schedule_flow_ready_count(const struct schedule *schedule, uint32_t flow)
{
    return share_ready_count(&schedule->pool, flow);
}

void schedule_flow_ready(struct schedule *schedule, uint32_t flow, uint32_t count)
{
    const struct share_place *place = share_place_of(&schedule->pool, flow);
    struct entry *entry;

    CHECK(place != NULL);
    entry = entry_at(schedule, place->site);
    share_set_ready(&schedule->pool, &entry->ring, flow, count);
    refresh(schedule, entry);
}

/* ---- who goes next ---- */

uint32_t schedule_flow_needs(const struct schedule *schedule, uint32_t flow)
{
    const struct share_place *place = share_place_of(&schedule->pool, flow);

    CHECK(place != NULL);
    return place->needs;
}

bool schedule_serves(const struct schedule *schedule, uint32_t site, uint32_t has)
{
    return share_serves(&schedule->pool, &entry_at(schedule, site)->ring, has);
}

uint32_t schedule_unmet(const struct schedule *schedule, uint32_t site, const uint32_t *has,
                        uint32_t has_count)
{
    return share_unmet(&schedule->pool, &entry_at(schedule, site)->ring, has, has_count);
}

uint32_t schedule_next(struct schedule *schedule, uint32_t site, uint32_t has, uint64_t now_ns,
                       uint64_t *ret_until_ns)
{
    struct entry *entry = entry_at(schedule, site);
    uint64_t from_ns = pace_ready_ns(&entry->site.messages, now_ns);
    uint32_t flow;

    if (!share_serves(&schedule->pool, &entry->ring, has)) {
        *ret_until_ns = SCHEDULE_NEVER;
        return SCHEDULE_NONE;
    }
    if (from_ns > now_ns) {
        *ret_until_ns = from_ns;
        return SCHEDULE_NONE;
    }
    flow = share_take(&schedule->pool, &entry->ring, has);
    pace_take(&entry->site.messages, now_ns);
    refresh(schedule, entry);
    return flow;
}

static void wake_parked(struct schedule *schedule, uint64_t now_ns)
{
    struct wheel_timer *timer;

    while ((timer = wheel_expire(&schedule->wheel, now_ns)) != NULL)
        refresh(schedule, CONTAINER_OF(timer, struct entry, timer));
}

/* Sessions of this shard that may be open for a session to be opened for the lane. */
static uint32_t sessions_limit(const struct schedule *schedule, uint32_t lane)
{
    const struct schedule_options *options = &schedule->options;

    if (lane == LANE_TRANSACTIONAL)
        return options->sessions_max;
    if (options->sessions_reserved >= options->sessions_max)
        return 1;
    return options->sessions_max - options->sessions_reserved;
}

/* The first of the rotation that may connect now; the others are parked. */
static struct entry *first_able(struct schedule *schedule, uint32_t lane, uint64_t now_ns)
{
    struct list_node *node;

    if (schedule->sessions_count >= sessions_limit(schedule, lane))
        return NULL;
    while ((node = list_first(&schedule->wanting[lane])) != NULL) {
        struct entry *entry = CONTAINER_OF(node, struct entry, node);
        uint64_t from_ns = site_connect_ns(&entry->site, now_ns);

        if (from_ns > now_ns) {
            park(schedule, entry, from_ns);
            continue;
        }
        refresh(schedule, entry); /* a site that may probe has a limit of one */
        if (list_first(&schedule->wanting[lane]) == node)
            return entry;
    }
    return NULL;
}

uint32_t schedule_wanting(struct schedule *schedule, uint64_t now_ns, uint64_t *ret_until_ns)
{
    wake_parked(schedule, now_ns);
    for (uint32_t lane = 0; lane < LANES_COUNT; lane++) {
        struct entry *entry = first_able(schedule, lane, now_ns);

        if (entry == NULL)
            continue;
        list_remove(&entry->node);
        list_push_back(&schedule->wanting[lane], &entry->node);
        return (uint32_t)(entry - schedule->entries);
    }
    *ret_until_ns = wheel_next_ns(&schedule->wheel);
    return SCHEDULE_NONE;
}

bool schedule_starving(const struct schedule *schedule)
{
    for (uint32_t lane = 0; lane < LANES_COUNT; lane++)
        if (!list_empty(&schedule->wanting[lane]) &&
            schedule->sessions_count >= sessions_limit(schedule, lane))
            return true;
    return false;
}

/* ---- what happened ---- */

void schedule_session_opened(struct schedule *schedule, uint32_t site, uint64_t now_ns)
{
    struct entry *entry = entry_at(schedule, site);

    site_session_opened(&entry->site, now_ns);
    entry->opening_count++;
    schedule->sessions_count++;
    refresh(schedule, entry);
}

void schedule_session_ready(struct schedule *schedule, uint32_t site)
{
    struct entry *entry = entry_at(schedule, site);

    if (entry->opening_count > 0)
        entry->opening_count--;
    refresh(schedule, entry);
}

void schedule_session_closed(struct schedule *schedule, uint32_t site)
{
    struct entry *entry = entry_at(schedule, site);

    site_session_closed(&entry->site);
    schedule->sessions_count--;
    if (entry->opening_count > entry->site.sessions_count)
        entry->opening_count = entry->site.sessions_count;
    refresh(schedule, entry);
}

bool schedule_session_excess(const struct schedule *schedule, uint32_t site)
{
    const struct site *entry = &entry_at(schedule, site)->site;

    return entry->sessions_count > site_window(entry);
}

enum site_change schedule_feedback(struct schedule *schedule, uint32_t site,
                                   const struct outcome *outcome, uint64_t now_ns)
{
    struct entry *entry = entry_at(schedule, site);
    enum site_change change = site_feedback(&entry->site, outcome, now_ns, &schedule->prng);

    if (change != SITE_CHANGE_NONE)
        reconsider(schedule, entry);
    return change;
}
