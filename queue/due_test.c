#include "queue/due.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "tests/expect_abort.h"

#define RECORDS 256
#define FLOWS_MAX 8
#define CAMPAIGNS_MAX 4
#define START UINT64_C(1790000000)

static struct arena arena;
static struct due due;
static uint32_t links[RECORDS];

static int open_due(void **state)
{
    (void)state;
    if (arena_open(&arena, due_cost(FLOWS_MAX, CAMPAIGNS_MAX)) < 0)
        return -1;
    memset(links, 0xee, sizeof(links));
    due_init(&due, &arena, links, FLOWS_MAX, CAMPAIGNS_MAX);
    arena_seal(&arena);
    return 0;
}

static int close_due(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

/* --- flows --- */

static void test_order_in_a_flow(void **state)
{
    static const uint32_t wanted[] = {4, 3, 0, 1, 2};
    uint32_t flow;

    (void)state;
    for (uint32_t i = 0; i < 5; i++)
        assert_true(due_push(&due, 1, 7, i, i >= 3));
    assert_int_equal(due.waiting_count, 5);
    flow = due_ready(&due);
    assert_int_equal(due.flows[flow].campaign, 1);
    assert_int_equal(due.flows[flow].domain, 7);
    assert_int_equal(due.flows[flow].count, 5);
    assert_int_equal(due_ready(&due), DUE_NONE); /* given out once */
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        assert_int_equal(due_pop(&due, flow), wanted[i]);
    assert_int_equal(due.waiting_count, 0);
    assert_int_equal(due_pop(&due, flow), DUE_NONE);
    assert_true(due_push(&due, 1, 7, 9, false)); /* a new flow, ready again */
    assert_int_not_equal(due_ready(&due), DUE_NONE);
}

static void test_push_while_it_is_given(void **state)
{
    uint32_t flow;

    (void)state;
    assert_true(due_push(&due, 1, 7, 0, false));
    flow = due_ready(&due);
    assert_int_equal(due_pop(&due, flow), 0);
    assert_true(due_push(&due, 1, 7, 0, true)); /* released: the flow is still the caller's */
    assert_true(due_push(&due, 1, 7, 1, false));
    assert_int_equal(due_ready(&due), DUE_NONE);
    assert_int_equal(due_pop(&due, flow), 0);
    assert_int_equal(due_pop(&due, flow), 1);
    assert_int_equal(due_pop(&due, flow), DUE_NONE);
}

static void test_flows_run_out(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < FLOWS_MAX; i++)
            assert_true(due_push(&due, i % CAMPAIGNS_MAX, i, i, false));
        assert_false(due_push(&due, 0, 99, 100, false));
        assert_true(due_push(&due, 0, 0, 100, false)); /* into one that is there */
        for (uint32_t i = 0; i < FLOWS_MAX; i++) {
            uint32_t flow = due_ready(&due); /* in the order in which they came */

            assert_int_equal(due.flows[flow].domain, i);
            while (due_pop(&due, flow) != DUE_NONE)
                continue;
        }
        assert_int_equal(due.waiting_count, 0);
    }
}

static void test_dropped_flow(void **state)
{
    uint32_t flow;

    (void)state;
    for (uint32_t i = 0; i < 3; i++)
        assert_true(due_push(&due, 2, 5, i, false));
    flow = due_ready(&due);
    due_drop(&due, flow);
    assert_int_equal(due.waiting_count, 0);
    assert_true(due_push(&due, 2, 5, 9, false)); /* right behind: nothing of the old one is left */
    flow = due_ready(&due);
    assert_int_equal(due.flows[flow].count, 1);
    assert_int_equal(due_pop(&due, flow), 9);
    assert_int_equal(due_pop(&due, flow), DUE_NONE);
}

static void test_parked_flows(void **state)
{
    uint32_t flow;

    (void)state;
    for (uint32_t domain = 0; domain < 3; domain++)
        assert_true(due_push(&due, 1, domain, domain, false));
    assert_true(due_push(&due, 2, 0, 10, false));
    for (uint32_t i = 0; i < 3; i++)
        due_park(&due, due_ready(&due));
    assert_true(due_push(&due, 1, 0, 20, false)); /* more for a parked one: it stays parked */
    flow = due_ready(&due);
    assert_int_equal(due.flows[flow].campaign, 2);
    assert_int_equal(due_ready(&due), DUE_NONE);
    due_unpark(&due, 0); /* nothing there */
    due_unpark(&due, 1);
    for (uint32_t domain = 0; domain < 3; domain++) {
        flow = due_ready(&due);
        assert_int_equal(due.flows[flow].domain, domain);
        assert_int_equal(due.flows[flow].count, domain == 0 ? 2 : 1);
    }
    assert_int_equal(due_ready(&due), DUE_NONE);
    due_unpark(&due, 1); /* twice: nothing more */
    assert_int_equal(due_ready(&due), DUE_NONE);
}

static void test_unpark_behind_ready_flows(void **state)
{
    (void)state;
    assert_true(due_push(&due, 1, 0, 0, false));
    due_park(&due, due_ready(&due));
    assert_true(due_push(&due, 2, 1, 1, false));
    due_unpark(&due, 1);
    assert_true(due_push(&due, 3, 2, 2, false));
    for (uint32_t campaign = 0; campaign < 3; campaign++) {
        static const uint32_t wanted[] = {2, 1, 3};

        assert_int_equal(due.flows[due_ready(&due)].campaign, wanted[campaign]);
    }
}

static void pop_what_was_not_given(void *context)
{
    (void)context;
    if (due_push(&due, 1, 1, 1, false))
        (void)!due_pop(&due, 0);
}

static void drop_twice(void *context)
{
    uint32_t flow;

    (void)context;
    (void)!due_push(&due, 1, 1, 1, false);
    flow = due_ready(&due);
    due_drop(&due, flow);
    due_drop(&due, flow);
}

static void test_misuse_is_caught(void **state)
{
    (void)state;
    assert_true(expect_abort(pop_what_was_not_given, NULL));
    assert_true(expect_abort(drop_twice, NULL));
}

/* --- seconds --- */

static void test_wakes_in_its_second(void **state)
{
    static const uint64_t delays[] = {1, 2, 63, 64, 65, 127, 128, 3600, DUE_BUCKETS - 2};

    (void)state;
    assert_int_equal(due_next_s(&due), UINT64_MAX);
    assert_int_equal(due_wake(&due, START), DUE_NONE);
    for (size_t i = 0; i < ARRAY_LEN(delays); i++) {
        uint64_t now = START + i * DUE_BUCKETS;

        assert_int_equal(due_wake(&due, now), DUE_NONE);
        due_sleep(&due, 3, now + delays[i]);
        due_sleep(&due, 4, now + delays[i]);
        assert_int_equal(due_next_s(&due), now + delays[i]);
        assert_int_equal(due_wake(&due, now + delays[i] - 1), DUE_NONE);
        assert_int_equal(due_wake(&due, now + delays[i]), 4);
        assert_true(due_next_s(&due) <= now + delays[i]);
        assert_int_equal(due_wake(&due, now + delays[i]), 3);
        assert_int_equal(due_wake(&due, now + delays[i]), DUE_NONE);
        assert_int_equal(due_next_s(&due), UINT64_MAX);
    }
}

static void test_past_and_beyond_the_ring(void **state)
{
    (void)state;
    assert_int_equal(due_wake(&due, START), DUE_NONE);
    due_sleep(&due, 1, 0); /* long past: as soon as can be */
    assert_int_equal(due_next_s(&due), START + 1);
    assert_int_equal(due_wake(&due, START + 1), 1);
    due_sleep(&due, 2, UINT64_MAX); /* falls out early, the caller puts it in again */
    assert_true(due_next_s(&due) < START + 2 * DUE_BUCKETS);
    assert_true(due_next_s(&due) > START + DUE_BUCKETS / 2);
    assert_int_equal(due_wake(&due, due_next_s(&due)), 2);
}

static void test_clock_set_back_is_followed(void **state)
{
    (void)state;
    assert_int_equal(due_wake(&due, START + 1000), DUE_NONE);
    due_sleep(&due, 1, START + 1500);
    assert_int_equal(due_wake(&due, START), DUE_NONE);
    due_sleep(&due, 2, START + 10);
    assert_int_equal(due_next_s(&due), START + 10);
    assert_int_equal(due_wake(&due, START + 10), 2);
    assert_int_equal(due_next_s(&due), START + 1500);
}

struct sleeper {
    uint64_t due_s;
    bool asleep;
};

/* The clock goes on by little, by much, and back; nothing sleeps beyond its second, and the caller
 * who puts back what came early is done at some time. */
static void test_clock_jumps(void **state)
{
    struct sleeper sleepers[RECORDS];
    struct prng prng;
    uint64_t now = START;

    (void)state;
    memset(sleepers, 0, sizeof(sleepers));
    prng_seed(&prng, 11);
    for (uint32_t round = 0; round < 3000; round++) {
        uint32_t draw = (uint32_t)prng_below(&prng, 100), count = 0, record, put_back = 0;

        if (draw < 5)
            now -= prng_below(&prng, 100000);
        else if (draw < 10)
            now += prng_below(&prng, 1000000);
        else
            now += prng_below(&prng, 3);
        while ((record = due_wake(&due, now)) != DUE_NONE) {
            assert_true(record < RECORDS && sleepers[record].asleep);
            sleepers[record].asleep = false;
            if (sleepers[record].due_s > now) {
                due_sleep(&due, record, sleepers[record].due_s);
                sleepers[record].asleep = true;
                assert_true(++put_back < 100 * RECORDS);
            }
        }
        for (uint32_t i = 0; i < RECORDS; i++) {
            if (sleepers[i].asleep)
                assert_true(sleepers[i].due_s > now);
            count += sleepers[i].asleep;
        }
        assert_int_equal(due.sleeping_count, count);
        assert_true(due_next_s(&due) > now);
        for (uint32_t i = 0; i < 3; i++) {
            record = (uint32_t)prng_below(&prng, RECORDS);
            if (sleepers[record].asleep)
                continue;
            sleepers[record] = (struct sleeper){now + 1 + prng_below(&prng, 200000), true};
            due_sleep(&due, record, sleepers[record].due_s);
        }
    }
}

int main(void)
{
#define WITH_DUE(test) cmocka_unit_test_setup_teardown(test, open_due, close_due)
    const struct CMUnitTest tests[] = {
        WITH_DUE(test_order_in_a_flow),
        WITH_DUE(test_push_while_it_is_given),
        WITH_DUE(test_flows_run_out),
        WITH_DUE(test_dropped_flow),
        WITH_DUE(test_parked_flows),
        WITH_DUE(test_unpark_behind_ready_flows),
        WITH_DUE(test_misuse_is_caught),
        WITH_DUE(test_wakes_in_its_second),
        WITH_DUE(test_past_and_beyond_the_ring),
        WITH_DUE(test_clock_set_back_is_followed),
        WITH_DUE(test_clock_jumps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
