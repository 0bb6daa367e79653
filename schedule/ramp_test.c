#include "schedule/ramp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct ramp_rule rule = {.goal_ns = NS_PER_MS * 500, .full = 100};
#define SESSIONS_MAX 1000

/* A site whose receiver is so far away: each session ends a message a trip, after RAMP_OPENING
 * trips. Simulated in steps of 100 us. */
struct scene {
    struct ramp ramp;
    uint64_t trip_ns;
    uint64_t waiting;
    uint32_t sessions;
    uint64_t due_ns[SESSIONS_MAX]; /* when the session ends its message, or is open */
    bool open[SESSIONS_MAX];
    uint64_t start;
    uint64_t now;
};

static struct scene scene;

static void scene_start(uint64_t trip_ns, uint64_t waiting)
{
    scene =
        (struct scene){.trip_ns = trip_ns, .waiting = waiting, .start = NS_PER_S, .now = NS_PER_S};
}

static void add_sessions(void)
{
    while (scene.waiting > 0 && scene.sessions < SESSIONS_MAX &&
           ramp_ready_ns(&scene.ramp, &rule, scene.waiting, scene.sessions, scene.now) <=
               scene.now) {
        ramp_opened(&scene.ramp, scene.sessions, scene.now);
        scene.due_ns[scene.sessions] = scene.now + scene.trip_ns * RAMP_OPENING;
        scene.open[scene.sessions++] = false;
    }
}

static void end_messages(void)
{
    for (uint32_t i = 0; i < scene.sessions; i++) {
        if (scene.due_ns[i] > scene.now)
            continue;
        if (scene.open[i])
            ramp_ended(&scene.ramp, scene.sessions, scene.now);
        scene.open[i] = scene.waiting > 0;
        scene.due_ns[i] = scene.open[i] ? scene.now + scene.trip_ns : UINT64_MAX;
        if (!scene.open[i])
            continue;
        if (--scene.waiting == 0)
            ramp_rest(&scene.ramp, scene.sessions, scene.now);
    }
}

/* Until nothing waits; the time that took. */
static uint64_t run(void)
{
    while (scene.waiting > 0) {
        add_sessions();
        scene.now += NS_PER_MS / 10;
        end_messages();
        assert_true(scene.now < scene.start + 1000 * NS_PER_S);
    }
    return scene.now - scene.start;
}

static const struct {
    uint64_t trip_us;
    uint64_t waiting;
    uint32_t sessions_min, sessions_max;
    uint64_t ms_max;
} shapes[] = {
    {200, 1, 1, 1, 2},       /* one message */
    {200, 40, 1, 1, 10},     /* near, little */
    {10000, 40, 1, 1, 500},  /* still within the goal */
    {50000, 40, 3, 4, 1000}, /* far */
    {50000, 1000, 80, 110, 900},
    {50000, 20000, SESSIONS_MAX, SESSIONS_MAX, 1400},
    {2000000, 40, 39, 40, 12000}, /* a receiver that thinks for two seconds */
    {200, 1000, 10, 10, 40},      /* near, but each session has its fill */
};

static void test_shapes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        uint64_t took_ms;

        scene_start(shapes[i].trip_us * NS_PER_US, shapes[i].waiting);
        took_ms = run() / NS_PER_MS;
        if (scene.sessions < shapes[i].sessions_min || scene.sessions > shapes[i].sessions_max ||
            took_ms > shapes[i].ms_max)
            fail_msg("shape %zu: %u sessions, %llu ms", i, scene.sessions,
                     (unsigned long long)took_ms);
    }
}

/* The time to ask again: soon enough, never at once, never far away. */
static void test_when_to_ask(void **state)
{
    struct ramp ramp = {0};
    uint64_t now = NS_PER_S, ready;

    (void)state;
    assert_int_equal(ramp_ready_ns(&ramp, &rule, 40, 0, now), now);
    ramp_opened(&ramp, 0, now);
    ready = ramp_ready_ns(&ramp, &rule, 40, 1, now);
    assert_in_range(ready, now + 99 * NS_PER_MS, now + 101 * NS_PER_MS); /* 4 trips of 25 ms */
    assert_int_equal(ramp_ready_ns(&ramp, &rule, 40, 1, ready), ready);
    assert_int_equal(ramp_ready_ns(&ramp, &rule, 1, 1, ready), ready + NS_PER_S);
    assert_int_equal(ramp_ready_ns(&ramp, &rule, 40, 2, ready - NS_PER_MS) > ready, true);
    assert_int_equal(ramp_ready_ns(&ramp, &(struct ramp_rule){.full = 1}, 1, 100, now), now);
}

/* Sessions that had nothing to do say nothing about the receiver. */
static void test_rest(void **state)
{
    struct ramp ramp = {0};
    uint64_t now = NS_PER_S;

    (void)state;
    ramp_opened(&ramp, 0, now);
    for (uint32_t i = 0; i < 50; i++)
        ramp_ended(&ramp, 1, now += NS_PER_MS);
    ramp_rest(&ramp, 1, now);
    now += 4 * NS_PER_S;
    assert_true(ramp_ready_ns(&ramp, &rule, 40, 1, now) > now);
    assert_int_equal(ramp_worth(&ramp, &rule, 40), 1);
    assert_int_equal(ramp_worth(&ramp, &rule, 2000), 20);
    assert_int_equal(ramp_worth(&ramp, &(struct ramp_rule){rule.goal_ns, 10000}, 2000), 3);
    assert_int_equal(ramp_worth(&ramp, &rule, 0), 0);
}

/* What was once counts for less and less, and nothing overflows. */
static void test_long_life(void **state)
{
    struct ramp ramp = {0};
    uint64_t now = NS_PER_S;

    (void)state;
    ramp_opened(&ramp, 0, now);
    for (uint32_t i = 0; i < 3000; i++)
        ramp_ended(&ramp, 1, now += NS_PER_MS);
    for (uint32_t i = 0; i < 1500; i++)
        ramp_ended(&ramp, 1, now += 100 * NS_PER_MS);
    assert_in_range(ramp_worth(&ramp, &rule, 1000), 195, 205);
    for (uint32_t i = 0; i < 100; i++)
        ramp_ended(&ramp, 20000, now += 1000 * NS_PER_S);
    assert_true(ramp_worth(&ramp, &rule, UINT64_MAX) > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_when_to_ask),
        cmocka_unit_test(test_rest),
        cmocka_unit_test(test_long_life),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
