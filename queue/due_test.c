/* due: flows keep their order, buckets their time, and no record is in two places. */
#include "queue/due.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"

#define RECORDS 1000
#define FLOWS 8
#define CAMPAIGNS 4

static struct arena arena;
static struct due due;
static uint32_t links[RECORDS];

static int setup(void **state)
{
    (void)state;
    assert_int_equal(arena_open(&arena, due_cost(FLOWS, CAMPAIGNS)), 0);
    due_init(&due, &arena, links, FLOWS, CAMPAIGNS);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

static void test_order(void **state)
{
    uint32_t flow;

    (void)state;
    assert_true(due_push(&due, 1, 7, 10, false));
    assert_true(due_push(&due, 1, 7, 11, false));
    assert_true(due_push(&due, 1, 7, 9, true));
    assert_true(due_push(&due, 2, 7, 20, false));
    flow = due_ready(&due);
    assert_int_equal(due.flows[flow].campaign, 1);
    assert_int_equal(due_pop(&due, flow), 9);
    assert_true(due_push(&due, 1, 7, 12, false)); /* into the flow that is given out */
    assert_int_equal(due_pop(&due, flow), 10);
    assert_int_equal(due_pop(&due, flow), 11);
    assert_int_equal(due_pop(&due, flow), 12);
    assert_int_equal(due_pop(&due, flow), DUE_NONE);
    flow = due_ready(&due);
    assert_int_equal(due.flows[flow].campaign, 2);
    assert_int_equal(due_ready(&due), DUE_NONE);
    assert_int_equal(due_pop(&due, flow), 20);
    assert_int_equal(due_pop(&due, flow), DUE_NONE);
    assert_int_equal(due.waiting_count, 0);
    assert_int_equal(due.table.count, 0);
}

static void test_flows_run_out(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < FLOWS; i++)
        assert_true(due_push(&due, 0, i, i, false));
    assert_false(due_push(&due, 0, FLOWS, FLOWS, false));
    assert_true(due_push(&due, 0, 3, FLOWS, false));
    for (uint32_t i = 0; i < FLOWS; i++)
        due_drop(&due, due_ready(&due));
    assert_int_equal(due.waiting_count, 0);
    assert_true(due_push(&due, 0, FLOWS, FLOWS, false));
}

static void test_park(void **state)
{
    (void)state;
    assert_true(due_push(&due, 1, 0, 1, false));
    assert_true(due_push(&due, 1, 1, 2, false));
    assert_true(due_push(&due, 2, 0, 3, false));
    due_park(&due, due_ready(&due));
    due_park(&due, due_ready(&due));
    assert_int_equal(due.flows[due_ready(&due)].campaign, 2);
    assert_int_equal(due_ready(&due), DUE_NONE);
    assert_true(due_push(&due, 1, 0, 4, false)); /* joins the parked flow */
    assert_int_equal(due_ready(&due), DUE_NONE);
    due_unpark(&due, 3);
    assert_int_equal(due_ready(&due), DUE_NONE);
    due_unpark(&due, 1);
    assert_int_equal(due.flows[due_ready(&due)].count, 2);
    assert_int_equal(due.flows[due_ready(&due)].count, 1);
}

static void test_buckets(void **state)
{
    (void)state;
    assert_int_equal(due_next_s(&due), UINT64_MAX);
    assert_int_equal(due_wake(&due, 1000), DUE_NONE);
    due_sleep(&due, 1, 1010);
    due_sleep(&due, 2, 1005);
    due_sleep(&due, 3, 20); /* past: at once, which is the next second */
    assert_int_equal(due_next_s(&due), 1001);
    assert_int_equal(due_wake(&due, 1000), DUE_NONE);
    assert_int_equal(due_wake(&due, 1001), 3);
    assert_int_equal(due_wake(&due, 1004), DUE_NONE);
    assert_int_equal(due_wake(&due, 1006), 2);
    assert_int_equal(due_wake(&due, 1006), DUE_NONE);
    assert_int_equal(due_next_s(&due), 1010);
    assert_int_equal(due_wake(&due, 5000000), 1); /* a jump forward */
    assert_int_equal(due_wake(&due, 5000000), DUE_NONE);
    assert_int_equal(due.sleeping_count, 0);
}

static void test_clock_set_back(void **state)
{
    (void)state;
    assert_int_equal(due_wake(&due, 100000), DUE_NONE);
    due_sleep(&due, 1, 100010);
    assert_int_equal(due_wake(&due, 96400), DUE_NONE); /* an hour back */
    due_sleep(&due, 2, 96405);
    assert_int_equal(due_wake(&due, 96405), 2);
    assert_int_equal(due_wake(&due, 100009), DUE_NONE);
    assert_int_equal(due_wake(&due, 100010), 1);
}

/* Beyond the ring a record falls out early: whoever takes it puts it in again. */
static void test_beyond_the_ring(void **state)
{
    uint64_t now_s = 1000, due_s = 1000 + 3 * DUE_BUCKETS + 17;
    uint32_t early = 0;

    (void)state;
    assert_int_equal(due_wake(&due, now_s), DUE_NONE);
    due_sleep(&due, 5, due_s);
    for (;;) {
        now_s = due_next_s(&due);
        assert_int_equal(due_wake(&due, now_s), 5);
        if (now_s >= due_s)
            break;
        early++;
        due_sleep(&due, 5, due_s);
    }
    assert_int_equal(now_s, due_s);
    assert_int_equal(early, 3);
}

/* Against a plain model. */
static void test_random(void **state)
{
    static uint64_t model[RECORDS]; /* when due; 0: awake */
    uint64_t now_s = 1;
    struct prng prng;

    (void)state;
    memset(model, 0, sizeof(model));
    prng_seed(&prng, 1);
    for (uint32_t step = 0; step < 20000; step++) {
        uint32_t record = (uint32_t)prng_below(&prng, RECORDS);
        uint64_t first = UINT64_MAX;

        if (model[record] == 0) {
            model[record] = now_s + 1 + prng_below(&prng, 2000);
            due_sleep(&due, record, model[record]);
        }
        if (step % 10 != 0)
            continue;
        now_s += prng_below(&prng, 100);
        while ((record = due_wake(&due, now_s)) != DUE_NONE) {
            assert_true(model[record] != 0 && model[record] <= now_s);
            model[record] = 0;
        }
        for (uint32_t i = 0; i < RECORDS; i++)
            if (model[i] != 0)
                first = min_u64(first, model[i]);
        assert_true(first > now_s);
        assert_int_equal(due_next_s(&due), first);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_flows_run_out, setup, teardown),
        cmocka_unit_test_setup_teardown(test_park, setup, teardown),
        cmocka_unit_test_setup_teardown(test_buckets, setup, teardown),
        cmocka_unit_test_setup_teardown(test_clock_set_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_beyond_the_ring, setup, teardown),
        cmocka_unit_test_setup_teardown(test_random, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
