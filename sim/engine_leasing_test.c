/* Leases and campaign rates between shards that are nothing but a schedule: no queue, no sessions.
 * What the shards hold together is checked after every turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/session.h"
#include "engine/shard.h"
#include "engine/tag.h"
#include "sim/sim_world.h"

#define SHARDS 4
#define SITES 8
#define FLOWS 16

struct scene {
    struct arena arena;
    struct policy policy;
    struct leasing_links links;
    struct io_group *group;
    struct shard *shards[SHARDS];
    uint32_t count;
};

static struct scene scene;

static void open_shard(uint32_t index, uint32_t limit)
{
    struct schedule_options schedule = {.flows_max = FLOWS,
                                        .sites_max = SITES,
                                        .shares_max = SITES,
                                        .sessions_max = 100,
                                        .limits = {.connections_max = limit}};
    struct io_options ring = {
        .group = scene.group, .index = index, .wake_tag = tag_of(TAG_WAKE, 0)};
    struct shard *shard = arena_alloc(&scene.arena, 1, sizeof(*shard));
    char words[256];
    struct text error;

    text_init(&error, words, sizeof(words));
    shard->options.index = index;
    shard->options.count = scene.count;
    shard->policy = &scene.policy;
    list_init(&shard->hungry);
    assert_int_equal(io_open(&shard->io, &ring, &error), 0);
    shard->schedule = schedule_open(&scene.arena, &schedule, io_now_ns(shard->io));
    leasing_init(&shard->leasing, &scene.arena, scene.count > 1 ? &scene.links : NULL, SITES);
    shard->routing.destinations =
        arena_alloc(&scene.arena, SITES, sizeof(*shard->routing.destinations));
    scene.shards[index] = shard;
}

static void open_scene(uint32_t count, uint32_t limit)
{
    struct table_key key = {{7, 9}};

    sim_world_open(1, NULL);
    memset(&scene, 0, sizeof(scene));
    scene.count = count;
    policy_init(&scene.policy);
    scene.policy.limits.connections_per_site = limit;
    scene.policy.limits.messages_per_connection = 100;
    assert_int_equal(arena_open(&scene.arena, 64 * MIB), 0);
    assert_int_equal(io_group_open(&scene.group, count), 0);
    leasing_links_init(&scene.links, &scene.arena, count, key);
    for (uint32_t i = 0; i < count; i++)
        open_shard(i, limit);
}

static void close_scene(void)
{
    for (uint32_t i = 0; i < scene.count; i++)
        io_close(scene.shards[i]->io);
    io_group_close(scene.group);
    arena_close(&scene.arena);
    sim_world_close();
}

/* The site in this shard, with so much mail. */
static uint32_t site_with(uint32_t shard_index, const char *name, uint32_t mail)
{
    struct shard *shard = scene.shards[shard_index];
    int site = schedule_site(shard->schedule, span_cstr(name));
    struct schedule_place place = {.site = (uint32_t)site, .weight = 1, .lane = LANE_BULK};

    assert_true(site >= 0);
    if (shard->leasing.sites[site].limit == 0)
        leasing_site(shard, (uint32_t)site, span_cstr(name));
    assert_int_equal(schedule_flow_attach(shard->schedule, (uint32_t)site, &place), 0);
    schedule_flow_ready(shard->schedule, (uint32_t)site, mail);
    leasing_touch(shard, (uint32_t)site);
    return (uint32_t)site;
}

static uint32_t sessions_at(uint32_t shard, uint32_t site)
{
    const struct schedule *schedule = scene.shards[shard]->schedule;

    return schedule_site_claimed(schedule, site) ? schedule_site_at(schedule, site)->sessions_count
                                                 : 0;
}

/* Every session that the schedule wants, in every shard. Invariant L1. */
static void open_sessions(uint32_t site, uint32_t limit)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < scene.count; i++) {
        struct shard *shard = scene.shards[i];
        uint64_t until;
        uint32_t wanting;

        while ((wanting = schedule_wanting(shard->schedule, shard_now_ns(shard), &until)) !=
               SCHEDULE_NONE) {
            schedule_session_opened(shard->schedule, wanting, shard_now_ns(shard));
            leasing_opened(shard, wanting);
        }
        sum += sessions_at(i, site);
    }
    assert_true(sum <= limit);
}

static void close_session(uint32_t shard_index, uint32_t site)
{
    struct shard *shard = scene.shards[shard_index];

    schedule_session_closed(shard->schedule, site, shard_now_ns(shard));
    leasing_closed(shard, site);
}

static void turn_all(void)
{
    struct io_event events[16];

    for (uint32_t i = 0; i < scene.count; i++) {
        struct shard *shard = scene.shards[i];

        uint32_t count =
            io_wait(shard->io, io_now_ns(shard->io) + NS_PER_MS, events, ARRAY_LEN(events));

        assert_true(count <= ARRAY_LEN(events)); /* wakes */
        leasing_turn(shard);
    }
}

static void turns(uint32_t count, uint32_t site, uint32_t limit)
{
    for (uint32_t i = 0; i < count; i++) {
        turn_all();
        open_sessions(site, limit);
    }
}

/* The first had taken what others then got: their sessions end when their message has. */
static void settle(uint32_t site, uint32_t limit)
{
    turns(20, site, limit);
    for (uint32_t i = 0; i < scene.count; i++)
        while (schedule_session_excess(scene.shards[i]->schedule, site))
            close_session(i, site);
    turns(20, site, limit);
}

static void test_alone(void **state)
{
    uint32_t site;

    (void)state;
    open_scene(1, 3);
    site = site_with(0, "mx.a", 1000);
    open_sessions(site, 3);
    assert_int_equal(sessions_at(0, site), 3);
    close_scene();
}

/* All of the limit is in use, wherever the mail is. */
static void test_split(void **state)
{
    uint32_t site;

    (void)state;
    open_scene(SHARDS, 8);
    for (uint32_t i = 0; i < SHARDS; i++)
        site = site_with(i, "mx.a", 1000);
    settle(site, 8);
    for (uint32_t i = 0; i < SHARDS; i++)
        assert_int_equal(sessions_at(i, site), 2);
    close_scene();
}

/* Three connections, one shard takes them all; then its mail is gone and others have some. */
static void test_rest_goes_to_work(void **state)
{
    uint32_t site;

    (void)state;
    open_scene(SHARDS, 3);
    site = site_with(0, "mx.a", 1000);
    turns(20, site, 3);
    assert_int_equal(sessions_at(0, site), 3);
    schedule_flow_empty(scene.shards[0]->schedule, site);
    for (uint32_t i = 0; i < 3; i++)
        leasing_rests(scene.shards[0], site);
    turns(20, site, 3);
    assert_int_equal(scene.shards[0]->leasing.sites[site].holder.granted, 3); /* nobody needs it */
    assert_int_equal(site_with(2, "mx.a", 1000), site);
    turns(20, site, 3);
    assert_int_equal(scene.shards[0]->leasing.sites[site].holder.granted, 0);
    assert_true(schedule_session_excess(scene.shards[0]->schedule, site));
    for (uint32_t i = 0; i < 3; i++) {
        leasing_works(scene.shards[0], site); /* it ends */
        close_session(0, site);
    }
    turns(20, site, 3);
    assert_int_equal(sessions_at(2, site), 3);
    close_scene();
}

/* What a shard needs is looked at again without anybody saying so. */
static void test_renewed(void **state)
{
    uint32_t site;

    (void)state;
    open_scene(2, 2);
    site = site_with(0, "mx.a", 1000);
    (void)site_with(1, "mx.a", 1000);
    settle(site, 2);
    assert_int_equal(sessions_at(0, site), 1);
    schedule_flow_empty(scene.shards[0]->schedule, site); /* silently */
    scene.shards[0]->leasing.sites[site].resting_count = 1;
    turns(400, site, 2);
    assert_int_equal(scene.shards[0]->leasing.sites[site].holder.granted, 0);
    assert_int_equal(scene.shards[1]->leasing.sites[site].holder.granted,
                     1); /* one is still open */
    close_session(0, site);
    turns(20, site, 2);
    assert_int_equal(sessions_at(1, site), 2);
    close_scene();
}

/* Another policy: the limit falls, and the sum follows when sessions end. */
static void test_other_limit(void **state)
{
    static struct policy fresh;
    uint32_t site;

    (void)state;
    open_scene(2, 6);
    site = site_with(0, "mx.a", 1000);
    (void)site_with(1, "mx.a", 1000);
    turns(20, site, 6);
    fresh = scene.policy;
    fresh.limits.connections_per_site = 2;
    for (uint32_t i = 0; i < 2; i++) {
        scene.shards[i]->policy = &fresh;
        leasing_policy(scene.shards[i]);
    }
    turns(20, site, 6);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(scene.shards[i]->leasing.sites[site].holder.granted, 1);
        while (schedule_session_excess(scene.shards[i]->schedule, site))
            close_session(i, site);
    }
    turns(20, site, 2);
    assert_int_equal(sessions_at(0, site) + sessions_at(1, site), 2);
    close_scene();
}

/* Takes what the pace allows, and ends the sessions of whoever has lost the connection. */
static uint32_t take(uint32_t site)
{
    const struct schedule_session session = {.site = site};
    uint32_t taken = 0;

    for (uint32_t i = 0; i < scene.count; i++) {
        struct shard *shard = scene.shards[i];
        uint64_t until;

        if (!schedule_site_claimed(shard->schedule, site))
            continue;
        while (sessions_at(i, site) > 0 &&
               schedule_next(shard->schedule, session, shard_now_ns(shard), &until) !=
                   SCHEDULE_NONE)
            taken++;
        while (schedule_session_excess(shard->schedule, site))
            close_session(i, site);
    }
    return taken;
}

/* Shards that have a connection in turn send no more than one that has it always. */
static void test_rate(void **state)
{
    static const struct {
        const char *label;
        uint32_t shards, limit;
        uint64_t per_hour;
    } cases[] = {
        {"alone", 1, 1, 3600},
        {"one connection in turn", SHARDS, 1, 3600},
        {"one connection in turn, slowly", SHARDS, 1, 720},
        {"one connection in turn, fast", 2, 1, 36000},
        {"fewer connections than shards", SHARDS, 3, 3600},
        {"a share each", SHARDS, 8, 3600},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t seconds = 30, taken = 0, allowed, began_ns;
        uint32_t site = 0;

        open_scene(cases[i].shards, cases[i].limit);
        scene.policy.limits.messages_per_hour_per_site = cases[i].per_hour;
        for (uint32_t k = 0; k < scene.count; k++)
            site = site_with(k, "mx.a", 100000);
        began_ns = sim_world_now_ns();
        while (sim_world_now_ns() < began_ns + seconds * NS_PER_S) {
            turn_all();
            open_sessions(site, cases[i].limit);
            taken += take(site);
        }
        allowed = seconds * cases[i].per_hour / 3600;
        if (taken > allowed + cases[i].shards + cases[i].per_hour / 3600 ||
            taken + 2 < allowed * 2 / 3)
            fail_msg("%s: %u messages, %u are right", cases[i].label, (unsigned)taken,
                     (unsigned)allowed);
        close_scene();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alone),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_rest_goes_to_work),
        cmocka_unit_test(test_renewed),
        cmocka_unit_test(test_other_limit),
        cmocka_unit_test(test_rate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
