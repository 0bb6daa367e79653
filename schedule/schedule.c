#include "schedule/schedule.h"

#include <errno.h>

#include "base/check.h"
#include "schedule/schedule_parts.h"

/* ---- which list a site is in ---- */

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
    if (site->sessions_count < limit - reserved &&
        schedule_parts_bulk(entry) > site->sessions_count)
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
    if (wheel_armed(&entry->timer) && !(entry->ramping && lane == LANE_TRANSACTIONAL))
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

void schedule_parts_refresh(struct schedule *schedule, struct entry *entry)
{
    move(schedule, entry, belongs(entry));
}

void schedule_parts_reconsider(struct schedule *schedule, struct entry *entry)
{
    wheel_cancel(&schedule->wheel, &entry->timer);
    schedule_parts_refresh(schedule, entry);
}

static void park(struct schedule *schedule, struct entry *entry, uint64_t until_ns, bool ramping)
{
    entry->ramping = ramping;
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

/* ---- flows ---- */

int schedule_flow_attach(struct schedule *schedule, uint32_t flow,
                         const struct schedule_place *place)
{
    struct share_place share = {place->site, place->campaign, place->weight, place->needs,
                                place->lane};
    uint32_t count = share_ready_count(&schedule->pool, flow);
    struct entry *entry = schedule_parts_at(schedule, place->site);
    int r;

    schedule_flow_detach(schedule, flow);
    r = share_attach(&schedule->pool, flow, &share);
    if (r < 0)
        return r;
    entry->flows_count++;
    share_set_ready(&schedule->pool, &entry->ring, flow, count);
    schedule_parts_refresh(schedule, entry);
    return 0;
}

void schedule_flow_detach(struct schedule *schedule, uint32_t flow)
{
    const struct share_place *place = share_place_of(&schedule->pool, flow);
    struct entry *entry;

    if (place == NULL)
        return;
    entry = schedule_parts_at(schedule, place->site);
    share_detach(&schedule->pool, &entry->ring, flow);
    entry->flows_count--;
    schedule_parts_refresh(schedule, entry);
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
    entry = schedule_parts_at(schedule, place->site);
    share_set_ready(&schedule->pool, &entry->ring, flow, count);
    schedule_parts_refresh(schedule, entry);
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
    return share_serves(&schedule->pool, &schedule_parts_at(schedule, site)->ring, has);
}

uint32_t schedule_unmet(const struct schedule *schedule, uint32_t site, const uint32_t *has,
                        uint32_t has_count)
{
    return share_unmet(&schedule->pool, &schedule_parts_at(schedule, site)->ring, has, has_count);
}

uint32_t schedule_gained(const struct schedule *schedule, uint32_t site, uint32_t less,
                         uint32_t has)
{
    return share_gained(&schedule->pool, &schedule_parts_at(schedule, site)->ring, less, has);
}

uint32_t schedule_next(struct schedule *schedule, struct schedule_session session, uint64_t now_ns,
                       uint64_t *ret_until_ns)
{
    struct entry *entry = schedule_parts_at(schedule, session.site);
    uint64_t from_ns = pace_ready_ns(&entry->site.messages, now_ns);
    uint32_t flow;

    if (!share_serves(&schedule->pool, &entry->ring, session.has)) {
        *ret_until_ns = SCHEDULE_NEVER;
        return SCHEDULE_NONE;
    }
    if (from_ns > now_ns) {
        *ret_until_ns = from_ns; /* it is not for want of sessions that the mail waits */
        ramp_rest(&entry->ramp, entry->site.sessions_count, now_ns);
        return SCHEDULE_NONE;
    }
    flow = share_take(&schedule->pool, &entry->ring, session.has);
    pace_take(&entry->site.messages, now_ns);
    if (schedule_site_ready_count(schedule, session.site) == 0)
        ramp_rest(&entry->ramp, entry->site.sessions_count, now_ns);
    schedule_parts_refresh(schedule, entry);
    return flow;
}

static void wake_parked(struct schedule *schedule, uint64_t now_ns)
{
    struct wheel_timer *timer;

    while ((timer = wheel_expire(&schedule->wheel, now_ns)) != NULL)
        schedule_parts_refresh(schedule, CONTAINER_OF(timer, struct entry, timer));
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

struct ramp_rule schedule_parts_ramp(const struct schedule *schedule, const struct entry *entry)
{
    uint32_t full = entry->site.limits.messages_per_connection;

    return (struct ramp_rule){
        .goal_ns = schedule->options.ramp_goal_ns,
        .full = full < RAMP_FULL_MAX ? full : RAMP_FULL_MAX,
    };
}

/* The time from which the bulk mail is worth one more session: not while the pace lets those that
 * are open wait. */
static uint64_t worth_ns(const struct schedule *schedule, struct entry *entry, uint64_t now_ns)
{
    uint64_t paced_ns = pace_ready_ns(&entry->site.messages, now_ns);
    struct ramp_rule rule = schedule_parts_ramp(schedule, entry);

    if (entry->site.sessions_count > 0 && paced_ns > now_ns)
        return paced_ns;
    return ramp_ready_ns(&entry->ramp, &rule, entry->ring.ready_count[LANE_BULK],
                         entry->site.sessions_count, now_ns);
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
        bool ramping = from_ns <= now_ns && lane == LANE_BULK;

        if (ramping)
            from_ns = worth_ns(schedule, entry, now_ns);
        if (from_ns > now_ns) {
            park(schedule, entry, from_ns, ramping);
            continue;
        }
        schedule_parts_refresh(schedule, entry); /* a site that may probe has a limit of one */
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
    struct entry *entry = schedule_parts_at(schedule, site);

    ramp_opened(&entry->ramp, entry->site.sessions_count, now_ns);
    site_session_opened(&entry->site, now_ns);
    entry->opening_count++;
    schedule->sessions_count++;
    schedule->opening_count++;
    schedule_parts_refresh(schedule, entry);
}

uint32_t schedule_opening_count(const struct schedule *schedule)
{
    return schedule->opening_count;
}

void schedule_session_ready(struct schedule *schedule, uint32_t site)
{
    struct entry *entry = schedule_parts_at(schedule, site);

    if (entry->opening_count > 0)
        entry->opening_count--;
    CHECK(schedule->opening_count > 0);
    schedule->opening_count--;
    schedule_parts_refresh(schedule, entry);
}

void schedule_session_closed(struct schedule *schedule, uint32_t site, uint64_t now_ns)
{
    struct entry *entry = schedule_parts_at(schedule, site);

    ramp_closed(&entry->ramp, entry->site.sessions_count, now_ns);
    site_session_closed(&entry->site);
    schedule->sessions_count--;
    if (entry->opening_count > entry->site.sessions_count)
        entry->opening_count = entry->site.sessions_count;
    if (entry->ramping) /* with fewer sessions the mail may be worth one more now */
        schedule_parts_reconsider(schedule, entry);
    else
        schedule_parts_refresh(schedule, entry);
}

bool schedule_session_excess(const struct schedule *schedule, uint32_t site)
{
    const struct site *entry = &schedule_parts_at(schedule, site)->site;

    if (entry->refused && entry->health == SITE_BACKED_OFF)
        return true;
    return entry->sessions_count > site_window(entry);
}

enum site_change schedule_feedback(struct schedule *schedule, uint32_t site,
                                   const struct outcome *outcome, uint64_t now_ns)
{
    struct entry *entry = schedule_parts_at(schedule, site);
    enum site_change change = site_feedback(&entry->site, outcome, now_ns, &schedule->prng);

    if (outcome->stage >= STAGE_MAIL)
        ramp_ended(&entry->ramp, entry->site.sessions_count, now_ns);
    if (change != SITE_CHANGE_NONE)
        schedule_parts_reconsider(schedule, entry);
    return change;
}
