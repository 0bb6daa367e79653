#include "schedule/schedule.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#define SITES 50
#define FLOWS 2000

struct scene {
    struct arena arena;
    struct schedule *schedule;
    uint64_t now;
    uint64_t until;
};

static struct schedule_options options_of(void)
{
    return (struct schedule_options){
        .flows_max = FLOWS,
        .sites_max = SITES,
        .shares_max = 500,
        .sessions_max = 100,
        .sessions_reserved = 10,
        .limits = {.connections_max = 8, .messages_per_connection = 100, .messages_per_session = 4},
        .key = {{1, 2}},
        .seed = 5,
    };
}

static struct scene scene;

static void scene_start(const struct schedule_options *options)
{
    memset(&scene, 0, sizeof(scene));
    scene.now = 1000 * NS_PER_S;
    assert_int_equal(arena_open(&scene.arena, schedule_cost(options)), 0);
    scene.schedule = schedule_open(&scene.arena, options, scene.now);
    arena_seal(&scene.arena);
}

static int open_scene(void **state)
{
    struct schedule_options options = options_of();

    (void)state;
    scene_start(&options);
    return 0;
}

static int close_scene(void **state)
{
    (void)state;
    arena_close(&scene.arena);
    return 0;
}

static uint32_t site_of(uint32_t number)
{
    char name[32];
    int size = snprintf(name, sizeof(name), "mx.site%u.test", (unsigned)number);
    int site = schedule_site(scene.schedule, span_make(name, (size_t)size));

    assert_true(site >= 0);
    return (uint32_t)site;
}

static void add_flow(uint32_t flow, uint32_t site, enum lane lane, uint32_t campaign,
                     uint32_t count)
{
    struct schedule_place place = {.site = site, .campaign = campaign, .weight = 1, .lane = lane};

    assert_int_equal(schedule_flow_attach(scene.schedule, flow, &place), 0);
    schedule_flow_ready(scene.schedule, flow, count);
}

static uint32_t wanting(void)
{
    return schedule_wanting(scene.schedule, scene.now, &scene.until);
}

/* Opens every session that is wanted; how many. */
static uint32_t open_all(void)
{
    uint32_t count = 0;
    uint32_t site;

    while ((site = wanting()) != SCHEDULE_NONE) {
        schedule_session_opened(scene.schedule, site, scene.now);
        assert_true(++count <= 1000);
    }
    return count;
}

/* Asks whenever it is told to, until sessions are wanted; the time that took. */
static uint64_t wait_for_sessions(uint32_t count)
{
    uint64_t start = scene.now;
    uint32_t opened;

    while ((opened = open_all()) == 0) {
        assert_true(scene.until > scene.now && scene.until != SCHEDULE_NEVER);
        scene.now = scene.until;
    }
    assert_int_equal(opened, count);
    return scene.now - start;
}

static uint32_t next(uint32_t site)
{
    const struct schedule_session session = {.site = site, .has = UINT32_MAX};

    return schedule_next(scene.schedule, session, scene.now, &scene.until);
}

struct answer {
    enum outcome_stage stage;
    uint16_t code;
};

static const struct answer delivered = {STAGE_DOT, 250};
static const struct answer slow_down = {STAGE_MAIL, 421};
static const struct answer full_mailbox = {STAGE_RCPT, 450};

static enum site_change tell(uint32_t site, struct answer answer)
{
    struct reply reply = {.code = answer.code};
    struct outcome outcome = outcome_from_reply(answer.stage, &reply);

    return schedule_feedback(scene.schedule, site, &outcome, scene.now);
}

static enum site_change tell_refused(uint32_t site)
{
    struct outcome outcome =
        outcome_from_cause(OUTCOME_DEFERRED, STAGE_CONNECT, CAUSE_CONNECT, 111, SPAN("refused"));

    return schedule_feedback(scene.schedule, site, &outcome, scene.now);
}

static void test_sessions_follow_the_mail(void **state)
{
    uint32_t site = site_of(1);

    (void)state;
    assert_int_equal(wanting(), SCHEDULE_NONE);
    assert_true(scene.until == SCHEDULE_NEVER);
    add_flow(0, site, LANE_BULK, 0, 0);
    assert_int_equal(open_all(), 0);
    schedule_flow_ready(scene.schedule, 0, 1);
    assert_int_equal(open_all(), 1);
    schedule_flow_ready(scene.schedule, 0, 4);
    assert_int_equal(open_all(), 0); /* one session a four records */
    schedule_flow_ready(scene.schedule, 0, 9);
    assert_int_equal(open_all(), 2);
    schedule_flow_ready(scene.schedule, 0, 100000);
    assert_int_equal(open_all(), 5); /* connections_max */
    schedule_session_closed(scene.schedule, site, scene.now);
    assert_int_equal(open_all(), 1);
    schedule_flow_empty(scene.schedule, 0);
    schedule_session_closed(scene.schedule, site, scene.now);
    assert_int_equal(open_all(), 0);
}

static void test_sites_take_turns(void **state)
{
    uint32_t opened[20] = {0};

    (void)state;
    for (uint32_t i = 0; i < 20; i++)
        add_flow(i, site_of(i), LANE_BULK, 0, i == 0 ? 1000000 : 100);
    for (uint32_t round = 1; round <= 4; round++) {
        for (uint32_t i = 0; i < 20; i++) {
            uint32_t site = wanting();

            assert_int_not_equal(site, SCHEDULE_NONE);
            schedule_session_opened(scene.schedule, site, scene.now);
            opened[site]++;
        }
        for (uint32_t i = 0; i < 20; i++)
            assert_int_equal(opened[i], round);
    }
    assert_int_equal(open_all(), 10); /* 90 of 100 sessions: ten stay for the other lane */
    for (uint32_t i = 0; i < schedule_site_at(scene.schedule, 19)->sessions_count; i++)
        schedule_session_ready(scene.schedule, 19);
    add_flow(20, 19, LANE_TRANSACTIONAL, 0, 1);
    assert_int_equal(wanting(), 19);
}

static void test_transactional_never_waits(void **state)
{
    uint32_t site = site_of(1);

    (void)state;
    for (uint32_t flow = 0; flow < 500; flow++)
        add_flow(flow, site, LANE_BULK, flow % 5, 1000);
    assert_int_equal(open_all(), 8);
    for (uint32_t i = 0; i < 1000; i++) {
        (void)next(site);
        if (i % 7 == 0) {
            add_flow(600, site, LANE_TRANSACTIONAL, 99, 1);
            assert_int_equal(next(site), 600);
        }
    }
}

/* Every session is busy with bulk mail: the reserved one is opened for the urgent record. */
static void test_reserved_connection(void **state)
{
    struct site_limits limits = options_of().limits;
    uint32_t site = site_of(1);

    (void)state;
    limits.connections_reserved = 2;
    schedule_site_limits(scene.schedule, site, &limits);
    add_flow(0, site, LANE_BULK, 0, 100000);
    assert_int_equal(open_all(), 6);
    assert_int_equal(schedule_opening_count(scene.schedule), 6);
    for (uint32_t i = 0; i < 6; i++)
        schedule_session_ready(scene.schedule, site);
    assert_int_equal(schedule_opening_count(scene.schedule), 0);
    add_flow(1, site, LANE_TRANSACTIONAL, 1, 1);
    assert_int_equal(wanting(), site);
    schedule_session_opened(scene.schedule, site, scene.now);
    assert_int_equal(schedule_opening_count(scene.schedule), 1);
    assert_int_equal(wanting(), SCHEDULE_NONE); /* it is on its way: not another */
    schedule_session_ready(scene.schedule, site);
    assert_int_equal(next(site), 1);
    assert_int_equal(wanting(), SCHEDULE_NONE);
}

static void test_campaigns_share_by_weight(void **state)
{
    struct schedule_place place;
    uint32_t site = site_of(1);
    uint32_t taken[2] = {0};

    (void)state;
    for (uint32_t flow = 0; flow < 500; flow++)
        add_flow(flow, site, LANE_BULK, 0, 1000);
    place = (struct schedule_place){.site = site, .campaign = 1, .weight = 2, .lane = LANE_BULK};
    assert_int_equal(schedule_flow_attach(scene.schedule, 500, &place), 0);
    schedule_flow_ready(scene.schedule, 500, 100000);
    for (uint32_t i = 0; i < 3000; i++)
        taken[next(site) == 500]++;
    assert_int_equal(taken[0], 1000);
    assert_int_equal(taken[1], 2000);
}

static void test_pace(void **state)
{
    struct site_limits limits = options_of().limits;
    uint32_t site = site_of(1);
    uint32_t count = 0;

    (void)state;
    limits.messages = (struct pace_rate){10, NS_PER_S, 1};
    limits.connections = (struct pace_rate){60, NS_PER_MINUTE, 2};
    schedule_site_limits(scene.schedule, site, &limits);
    assert_int_equal(next(site), SCHEDULE_NONE);
    assert_true(scene.until == SCHEDULE_NEVER);
    add_flow(0, site, LANE_BULK, 0, 1000);
    for (uint64_t end = scene.now + 10 * NS_PER_S; scene.now < end; scene.now = scene.until) {
        assert_int_equal(next(site), 0);
        assert_int_equal(next(site), SCHEDULE_NONE);
        assert_true(scene.until > scene.now);
        count++;
    }
    assert_int_equal(count, 100);
    assert_int_equal(open_all(), 2);
    assert_true(scene.until > scene.now && scene.until <= scene.now + NS_PER_S);
    scene.now += NS_PER_S + NS_PER_MS;
    assert_int_equal(open_all(), 1);
}

static void test_back_off_and_probe(void **state)
{
    uint32_t site = site_of(1);
    uint32_t other = site_of(2);

    (void)state;
    add_flow(0, site, LANE_BULK, 0, 1000);
    add_flow(1, other, LANE_BULK, 0, 1000);
    assert_int_equal(open_all(), 16);
    for (uint32_t i = 0; i < 8; i++) { /* all refused */
        (void)tell_refused(site);
        schedule_session_closed(scene.schedule, site, scene.now);
    }
    assert_in_range(wait_for_sessions(1), 54 * NS_PER_S, 66 * NS_PER_S + NS_PER_MS); /* a probe */
    assert_int_equal(tell_refused(site), SITE_CHANGE_BACKED_OFF);
    schedule_session_closed(scene.schedule, site, scene.now);
    assert_in_range(wait_for_sessions(1), 108 * NS_PER_S, 132 * NS_PER_S + NS_PER_MS);
    assert_int_equal(tell(site, delivered), SITE_CHANGE_CLEARED);
    assert_int_equal(open_all(), 3); /* half of eight */
    assert_true(schedule_site_at(scene.schedule, other)->health == SITE_STEADY);
}

static void test_slow_down(void **state)
{
    uint32_t site = site_of(1);

    (void)state;
    add_flow(0, site, LANE_BULK, 0, 100000);
    assert_int_equal(open_all(), 8);
    assert_false(schedule_session_excess(scene.schedule, site));
    assert_int_equal(tell(site, full_mailbox), SITE_CHANGE_NONE);
    assert_false(schedule_session_excess(scene.schedule, site));
    assert_int_equal(tell(site, slow_down), SITE_CHANGE_SLOWED);
    for (uint32_t i = 0; i < 4; i++) {
        assert_true(schedule_session_excess(scene.schedule, site));
        schedule_session_closed(scene.schedule, site, scene.now);
    }
    assert_false(schedule_session_excess(scene.schedule, site));
    assert_int_equal(open_all(), 0);
    for (uint32_t i = 0; i < SITE_GROW_AFTER; i++)
        (void)tell(site, delivered);
    assert_int_equal(open_all(), 1);
}

static void scene_start_ramp(void)
{
    struct schedule_options options = options_of();

    arena_close(&scene.arena);
    options.ramp_goal_ns = NS_PER_S;
    options.limits.messages_per_session = 8;
    scene_start(&options);
}

/* Bulk mail adds sessions by need, transactional mail is not held up by that. */
static void test_ramp(void **state)
{
    uint32_t site;

    (void)state;
    scene_start_ramp();
    site = site_of(1);
    add_flow(0, site, LANE_BULK, 0, 40);
    assert_int_equal(open_all(), 1);
    assert_true(scene.until < scene.now + NS_PER_S);
    add_flow(1, site, LANE_TRANSACTIONAL, 1, 2);
    assert_int_equal(open_all(), 1); /* with the one that is on its way */
    schedule_flow_empty(scene.schedule, 1);
    /* Eight trips in which two sessions take no message: three are worth it at 25 ms a message. */
    assert_in_range(wait_for_sessions(1), 300 * NS_PER_MS, 302 * NS_PER_MS);
}

/* Where a session is filled, one more costs nothing extra. */
static void test_ramp_full(void **state)
{
    (void)state;
    scene_start_ramp();
    add_flow(0, site_of(1), LANE_BULK, 0, 201);
    assert_int_equal(open_all(), 5);
}

/* With fewer sessions the mail is worth another at once, not when the ramp had wanted to look. */
static void test_ramp_after_close(void **state)
{
    uint32_t site;

    (void)state;
    scene_start_ramp();
    site = site_of(1);
    add_flow(0, site, LANE_BULK, 0, 40);
    assert_int_equal(open_all(), 1);
    schedule_session_closed(scene.schedule, site, scene.now);
    assert_int_equal(open_all(), 1);
    /* For leases: one has work, and would not have if it rested. */
    assert_int_equal(schedule_site_demand(scene.schedule, site), 5);
    assert_int_equal(schedule_site_need(scene.schedule, site, 0), 1);
    schedule_flow_empty(scene.schedule, 0);
    assert_int_equal(schedule_site_demand(scene.schedule, site), 1);
    assert_int_equal(schedule_site_need(scene.schedule, site, 0), 1);
    assert_int_equal(schedule_site_need(scene.schedule, site, 1), 0);
}

/* It is the pace that the mail waits for: more sessions would not help. */
static void test_ramp_and_pace(void **state)
{
    struct site_limits limits = options_of().limits;
    uint64_t until;
    uint32_t site;

    (void)state;
    scene_start_ramp();
    site = site_of(1);
    limits.messages = (struct pace_rate){.count = 1, .period_ns = NS_PER_S, .burst = 1};
    schedule_site_limits(scene.schedule, site, &limits);
    add_flow(0, site, LANE_BULK, 0, 40);
    assert_int_equal(open_all(), 1);
    schedule_session_ready(scene.schedule, site);
    for (uint32_t i = 0; i < 30; i++) {
        assert_int_equal(next(site), 0);
        assert_int_equal(next(site), SCHEDULE_NONE);
        until = scene.until;
        (void)tell(site, delivered);
        assert_int_equal(open_all(), 0);
        scene.now = until;
    }
}

static void test_lease(void **state)
{
    uint32_t site = site_of(1);

    (void)state;
    add_flow(0, site, LANE_BULK, 0, 9);
    assert_int_equal(schedule_site_demand(scene.schedule, site), 3);
    assert_int_equal(schedule_site_need(scene.schedule, site, 0), 3);
    schedule_site_lease(scene.schedule, site, 0);
    assert_int_equal(open_all(), 0);
    schedule_site_lease(scene.schedule, site, 2);
    assert_int_equal(open_all(), 2);
    schedule_site_lease(scene.schedule, site, 1);
    assert_true(schedule_session_excess(scene.schedule, site));
    schedule_flow_ready(scene.schedule, 0, 100000);
    assert_int_equal(schedule_site_demand(scene.schedule, site), 8);
    schedule_flow_empty(scene.schedule, 0);
    assert_int_equal(schedule_site_demand(scene.schedule, site), 2); /* those that are open */
}

static void test_flows_move(void **state)
{
    uint32_t site = site_of(1), other = site_of(2);
    struct schedule_place place = {.site = other, .weight = 1, .lane = LANE_BULK};

    (void)state;
    assert_int_equal(schedule_flow_site(scene.schedule, 3), SCHEDULE_NONE);
    add_flow(3, site, LANE_BULK, 0, 10);
    assert_int_equal(schedule_flow_attach(scene.schedule, 3, &place), 0);
    assert_int_equal(schedule_flow_site(scene.schedule, 3), other);
    assert_int_equal(schedule_site_ready_count(scene.schedule, site), 0);
    assert_int_equal(schedule_site_ready_count(scene.schedule, other), 10);
    assert_int_equal(wanting(), other);
    schedule_flow_detach(scene.schedule, 3);
    schedule_flow_detach(scene.schedule, 3);
    assert_int_equal(schedule_site_ready_count(scene.schedule, other), 0);
    assert_int_equal(wanting(), SCHEDULE_NONE);
}

static void test_sites_are_given_up(void **state)
{
    uint32_t first = site_of(0);
    uint32_t generation = schedule_site_generation(scene.schedule, first);

    (void)state;
    assert_int_equal(site_of(0), first);
    add_flow(0, first, LANE_BULK, 0, 1);
    for (uint32_t i = 1; i < SITES; i++)
        (void)site_of(i);
    assert_int_equal(site_of(0), first); /* in use */
    (void)tell_refused(site_of(1));      /* to be remembered */
    assert_int_equal(site_of(SITES), 2); /* the longest unused healthy one */
    assert_int_equal(schedule_site_generation(scene.schedule, first), generation);
    assert_int_equal(schedule_site_generation(scene.schedule, 2), 2);
    assert_int_equal(site_of(2), 3); /* a new life elsewhere */
    for (uint32_t i = 0; i < SITES; i++)
        add_flow(i + 1, i, LANE_BULK, 0, 1);
    assert_int_equal(schedule_site(scene.schedule, SPAN("one too many")), -ENOSPC);
    schedule_flow_detach(scene.schedule, 2); /* site 1, unhealthy, but the only one */
    assert_int_equal(schedule_site(scene.schedule, SPAN("one too many")), 1);
}

int main(void)
{
#define SCENE(test) cmocka_unit_test_setup_teardown(test, open_scene, close_scene)
    const struct CMUnitTest tests[] = {
        SCENE(test_sessions_follow_the_mail),
        SCENE(test_sites_take_turns),
        SCENE(test_transactional_never_waits),
        SCENE(test_reserved_connection),
        SCENE(test_campaigns_share_by_weight),
        SCENE(test_pace),
        SCENE(test_back_off_and_probe),
        SCENE(test_slow_down),
        SCENE(test_ramp),
        SCENE(test_ramp_full),
        SCENE(test_ramp_after_close),
        SCENE(test_ramp_and_pace),
        SCENE(test_lease),
        SCENE(test_flows_move),
        SCENE(test_sites_are_given_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
