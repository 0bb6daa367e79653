#include "engine/leasing.h"

#include <string.h>

#include "base/check.h"
#include "engine/session.h"
#include "engine/shard.h"

#define HEAR_MAX 256                             /* messages of one peer a turn */
#define OWED_MAX_NS (UINT64_C(86400) * NS_PER_S) /* times connections: in 64 bits */

static bool alone(const struct leasing *leasing)
{
    return leasing->links == NULL || leasing->links->count <= 1;
}

size_t leasing_cost(const struct leasing_links *links, uint32_t sites_max)
{
    size_t size = arena_cost(sites_max, sizeof(struct leasing_site));

    if (links == NULL || links->count <= 1)
        return size;
    return size + leasing_homes_cost(links->count, sites_max * links->count) +
           table_cost(sites_max);
}

void leasing_init(struct leasing *leasing, struct arena *arena, struct leasing_links *links,
                  uint32_t sites_max)
{
    memset(leasing, 0, sizeof(*leasing));
    leasing->links = links;
    leasing->sites_max = sites_max;
    leasing->sites = arena_alloc(arena, sites_max, sizeof(struct leasing_site));
    list_init(&leasing->dirty);
    if (alone(leasing))
        return;
    leasing_homes_init(&leasing->homes, arena, links->count, sites_max * links->count);
    table_init(&leasing->sites_by_hash, arena, sites_max);
}

static bool match_site(const void *context, uint32_t value, const void *key)
{
    const struct leasing *leasing = context;
    const uint64_t *hash = key;

    return leasing->sites[value].used && leasing->sites[value].hash == *hash;
}

/* --- the schedule's side --- */

/* The share of the message rate that goes with `lease` of `limit` connections. */
static uint64_t share_of(uint64_t rate, uint32_t lease, uint32_t limit)
{
    uint64_t share;

    if (rate == 0)
        return 0;
    share = (rate / limit) * lease + (rate % limit) * lease / limit;
    return share > 0 ? share : 1;
}

/* What is owed to the message rate is kept in time of the site's whole rate: a shard with a part of
 * the connections has the same part of the rate, and needs as much longer to make up for it. */
static uint64_t paced_ns(const struct shard *shard, uint32_t site)
{
    const struct leasing_site *item = &shard->leasing.sites[site];
    uint64_t now_ns = shard_now_ns(shard);
    uint64_t full_ns = schedule_site_at(shard->schedule, site)->messages.full_ns;
    uint64_t owed_ns = full_ns > now_ns ? min_u64(full_ns - now_ns, OWED_MAX_NS) : 0;

    return now_ns + owed_ns * max_u64(item->told, 1) / item->limit;
}

static void owe(struct shard *shard, uint32_t site, uint64_t until_ns)
{
    const struct leasing_site *item = &shard->leasing.sites[site];
    uint64_t now_ns = shard_now_ns(shard);
    uint64_t owed_ns = until_ns > now_ns ? min_u64(until_ns - now_ns, OWED_MAX_NS) : 0;

    schedule_site_owes(shard->schedule, site,
                       now_ns + owed_ns * item->limit / max_u64(item->told, 1));
}

static void tell_schedule(struct shard *shard, uint32_t site, uint32_t lease)
{
    struct leasing_site *item = &shard->leasing.sites[site];
    uint64_t until_ns = paced_ns(shard, site);
    struct policy_limits limits =
        policy_limits_for(shard->policy, span_cstr(shard->routing.destinations[site].site));
    uint64_t rate = share_of(limits.messages_per_hour_per_site, lease > 0 ? lease : 1, item->limit);
    struct site_limits site_limits = {
        .connections_max = item->limit,
        /* Not in each of many shards: that would be much of the limit. */
        .connections_reserved = item->limit > 4 && lease > item->limit / 2 ? 1 : 0,
        .messages_per_connection = limits.messages_per_connection,
        .messages = {.count = rate,
                     .period_ns = 60 * NS_PER_MINUTE,
                     .burst = (uint32_t)min_u64(1 + rate / 3600, 1000)},
    };

    schedule_site_limits(shard->schedule, site, &site_limits);
    schedule_site_lease(shard->schedule, site, lease);
    item->told = lease;
    owe(shard, site, until_ns);
}

static void take_leave(struct leasing *leasing, struct leasing_site *item)
{
    struct leasing_farewell *farewell;

    if (leasing->farewells_count == LEASING_FAREWELLS_MAX)
        return;
    farewell = &leasing->farewells[leasing->farewells_count++];
    *farewell = (struct leasing_farewell){.home = item->home,
                                          .message = {.site = item->hash, .limit = item->limit}};
    lease_holder_end(&item->holder, &farewell->message.is.announcement);
}

void leasing_site(struct shard *shard, uint32_t site, struct span name)
{
    struct leasing *leasing = &shard->leasing;
    struct leasing_site *item = &leasing->sites[site];

    if (item->used && !alone(leasing)) {
        take_leave(leasing, item);
        (void)table_remove(&leasing->sites_by_hash, item->hash, site);
        if (list_linked(&item->node))
            list_remove(&item->node);
    }
    memset(item, 0, sizeof(*item));
    item->used = true;
    item->limit = policy_limits_for(shard->policy, name).connections_per_site;
    if (alone(leasing)) {
        tell_schedule(shard, site, item->limit);
        return;
    }
    item->hash = table_hash(&leasing->links->key, name);
    item->home = (uint32_t)(item->hash % leasing->links->count);
    lease_holder_begin(&item->holder, ++leasing->lives);
    CHECK(table_insert(&leasing->sites_by_hash, item->hash, site) == 0);
    tell_schedule(shard, site, 0);
    leasing_touch(shard, site);
}

void leasing_touch(struct shard *shard, uint32_t site)
{
    struct leasing_site *item = &shard->leasing.sites[site];

    if (!alone(&shard->leasing) && !list_linked(&item->node))
        list_push_back(&shard->leasing.dirty, &item->node);
}

void leasing_opened(struct shard *shard, uint32_t site)
{
    if (alone(&shard->leasing))
        return;
    lease_holder_take(&shard->leasing.sites[site].holder);
    leasing_touch(shard, site);
}

void leasing_closed(struct shard *shard, uint32_t site)
{
    if (alone(&shard->leasing))
        return;
    lease_holder_give(&shard->leasing.sites[site].holder);
    leasing_touch(shard, site);
}

void leasing_rests(struct shard *shard, uint32_t site)
{
    shard->leasing.sites[site].resting_count++;
    leasing_touch(shard, site);
}

void leasing_works(struct shard *shard, uint32_t site)
{
    struct leasing_site *item = &shard->leasing.sites[site];

    CHECK(item->resting_count > 0);
    item->resting_count--;
    leasing_touch(shard, site);
}

/* What a site needs changes with time alone. */
static void renew(struct shard *shard)
{
    struct leasing *leasing = &shard->leasing;

    if (shard_now_ns(shard) < leasing->renew_ns)
        return;
    leasing->renew_ns = shard_now_ns(shard) + LEASING_RENEW_NS;
    leasing->renewing = false;
    for (uint32_t i = 0; i < leasing->sites_max && schedule_site_claimed(shard->schedule, i); i++) {
        if (leasing->sites[i].holder.want == 0)
            continue;
        leasing->renewing = true;
        if (lease_holder_over(&leasing->sites[i].holder))
            session_trim(shard, i); /* those that stayed for a while */
        leasing_touch(shard, i);
    }
}

/* --- between the shards --- */

static void hear_grant(struct shard *shard, const struct leasing_message *message)
{
    struct leasing *leasing = &shard->leasing;
    uint32_t site =
        table_find(&leasing->sites_by_hash, message->site, match_site, leasing, &message->site);
    bool rises;

    if (site == TABLE_NONE)
        return; /* the site was given up here; its place at home asks for nothing */
    lease_holder_hear(&leasing->sites[site].holder, &message->is.granted);
    rises = leasing->sites[site].holder.granted > leasing->sites[site].told;
    tell_schedule(shard, site, leasing->sites[site].holder.granted);
    if (rises)
        owe(shard, site, max_u64(message->paced_ns, paced_ns(shard, site)));
    session_trim(shard, site);
    leasing_touch(shard, site);
}

static void hear(struct shard *shard, uint32_t from, const struct leasing_message *message)
{
    struct leasing *leasing = &shard->leasing;
    struct leasing_home *home;

    if (message->grant) {
        hear_grant(shard, message);
        return;
    }
    home = leasing_homes_at(&leasing->homes, message->site, message->limit);
    if (home == NULL)
        return; /* cannot be: each holder alive is one of some shard's sites_max */
    if (home->home.limit != message->limit)
        lease_home_change_limit(&home->home, message->limit);
    home->paced_ns = max_u64(home->paced_ns, message->paced_ns);
    lease_home_hear(&home->home, from, &message->is.announcement);
    leasing_homes_touch(&leasing->homes, home);
}

/* False when the channel is full. A message to oneself is heard at once. */
static bool say(struct shard *shard, uint32_t to, const struct leasing_message *message)
{
    struct leasing_links *links = shard->leasing.links;
    uint32_t from = shard->options.index;

    if (to == from) {
        hear(shard, from, message);
        return true;
    }
    if (!leasing_links_send(links, from, to, message))
        return false;
    io_wake(shard->io, to);
    return true;
}

static void hear_peers(struct shard *shard)
{
    struct leasing_links *links = shard->leasing.links;
    struct leasing_message message;

    shard->leasing.unheard = false;
    for (uint32_t from = 0; from < links->count; from++) {
        uint32_t heard = 0;

        while (heard < HEAR_MAX &&
               leasing_links_receive(links, from, shard->options.index, &message)) {
            hear(shard, from, &message);
            heard++;
        }
        shard->leasing.unheard |= heard == HEAR_MAX;
    }
}

static void say_farewells(struct shard *shard)
{
    struct leasing *leasing = &shard->leasing;

    while (leasing->farewells_count > 0) {
        const struct leasing_farewell *last = &leasing->farewells[leasing->farewells_count - 1];

        if (!leasing_links_has_room(leasing->links, shard->options.index, last->home))
            return;
        CHECK(say(shard, last->home, &last->message));
        leasing->farewells_count--;
    }
}

static bool speak_site(struct shard *shard, struct leasing_site *item, uint32_t site)
{
    struct leasing_message message = {.site = item->hash, .limit = item->limit};

    if (schedule_site_claimed(shard->schedule, site)) {
        message.paced_ns = paced_ns(shard, site);
        lease_holder_want(&item->holder,
                          schedule_site_need(shard->schedule, site, item->resting_count),
                          schedule_site_demand(shard->schedule, site));
    } else {
        lease_holder_want(&item->holder, 0, 0);
    }
    shard->leasing.renewing = shard->leasing.renewing || item->holder.want > 0;
    if (!leasing_links_has_room(shard->leasing.links, shard->options.index, item->home))
        return false;
    if (lease_holder_speak(&item->holder, &message.is.announcement))
        CHECK(say(shard, item->home, &message));
    return true;
}

static bool speak_home(struct shard *shard, struct leasing_home *home)
{
    struct leasing_message message = {
        .site = home->hash, .grant = true, .paced_ns = home->paced_ns};
    uint32_t place;

    for (uint32_t i = 0; i < shard->leasing.links->count; i++)
        if (!leasing_links_has_room(shard->leasing.links, shard->options.index, i))
            return false;
    while (lease_home_speak(&home->home, &place, &message.is.granted)) {
        CHECK(say(shard, place, &message));
        for (uint32_t i = 0; i < shard->leasing.links->count; i++)
            if (!leasing_links_has_room(shard->leasing.links, shard->options.index, i))
                return false;
    }
    return true;
}

/* For every site and then every home that has something to say, as far as there is room. */
static void speak(struct shard *shard)
{
    struct leasing *leasing = &shard->leasing;
    struct list_node *node;

    while ((node = list_first(&leasing->dirty)) != NULL) {
        struct leasing_site *item = CONTAINER_OF(node, struct leasing_site, node);

        if (!speak_site(shard, item, (uint32_t)(item - leasing->sites)))
            break;
        if (list_linked(node))
            list_remove(node);
    }
    while ((node = list_first(&leasing->homes.dirty)) != NULL) {
        if (!speak_home(shard, CONTAINER_OF(node, struct leasing_home, node)))
            break;
        if (list_linked(node))
            list_remove(node);
    }
}

void leasing_turn(struct shard *shard)
{
    struct leasing *leasing = &shard->leasing;

    if (alone(leasing))
        return;
    hear_peers(shard);
    say_farewells(shard);
    leasing_homes_rotate(&leasing->homes, shard_now_ns(shard));
    renew(shard);
    for (uint32_t pass = 0; pass < 3; pass++) /* what is said to oneself may call for an answer */
        speak(shard);
}

uint64_t leasing_deadline_ns(const struct shard *shard)
{
    const struct leasing *leasing = &shard->leasing;
    uint64_t deadline_ns;

    if (alone(leasing))
        return UINT64_MAX;
    if (leasing->unheard)
        return shard_now_ns(shard);
    if (!list_empty(&leasing->dirty) || !list_empty(&leasing->homes.dirty) ||
        leasing->farewells_count > 0)
        return shard_now_ns(shard) + NS_PER_MS;
    deadline_ns = leasing_homes_deadline_ns(&leasing->homes);
    return leasing->renewing ? min_u64(deadline_ns, leasing->renew_ns) : deadline_ns;
}

void leasing_policy(struct shard *shard)
{
    struct leasing *leasing = &shard->leasing;

    for (uint32_t i = 0; i < leasing->sites_max; i++) {
        struct leasing_site *item = &leasing->sites[i];

        if (!item->used || !schedule_site_claimed(shard->schedule, i))
            continue;
        item->limit =
            policy_limits_for(shard->policy, span_cstr(shard->routing.destinations[i].site))
                .connections_per_site;
        tell_schedule(shard, i, alone(leasing) ? item->limit : item->holder.granted);
        leasing_touch(shard, i);
    }
}
