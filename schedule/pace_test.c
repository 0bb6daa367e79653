#include "schedule/pace.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

/* Events that happen within `span_ns` when each is taken as soon as it may be. */
static uint64_t count_within(struct pace_rate rate, uint64_t start_ns, uint64_t span_ns)
{
    struct pace pace;
    uint64_t now = start_ns;
    uint64_t count = 0;

    pace_init(&pace, rate);
    for (;;) {
        now = pace_ready_ns(&pace, now);
        if (now >= start_ns + span_ns)
            return count;
        pace_take(&pace, now);
        if (++count > 1000000)
            return count;
    }
}

static void test_rate(void **state)
{
    static const struct {
        struct pace_rate rate;
        uint64_t span_ns, count;
    } rows[] = {
        {{10, NS_PER_S, 0}, NS_PER_S, 10},
        {{10, NS_PER_S, 0}, 10 * NS_PER_S, 100},
        {{10, NS_PER_S, 5}, NS_PER_S, 14}, /* the burst once, then the rate */
        {{10, NS_PER_S, 5}, 10 * NS_PER_S, 104},
        {{100, NS_PER_MINUTE, 1}, 10 * NS_PER_MINUTE, 1000},
        {{1, 60 * NS_PER_MINUTE, 0}, 1440 * NS_PER_MINUTE, 24},
        {{7000, 60 * NS_PER_MINUTE, 0}, 60 * NS_PER_MINUTE, 7000},
        {{50000, NS_PER_S, 10}, NS_PER_S, 50009},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(count_within(rows[i].rate, 0, rows[i].span_ns), rows[i].count);
        assert_int_equal(count_within(rows[i].rate, 12345678901, rows[i].span_ns), rows[i].count);
    }
}

static void test_no_limit(void **state)
{
    struct pace pace;

    (void)state;
    pace_init(&pace, (struct pace_rate){0, NS_PER_S, 0});
    for (uint32_t i = 0; i < 1000; i++) {
        assert_true(pace_ready_ns(&pace, 77) == 77);
        pace_take(&pace, 77);
    }
}

/* A rest does not save up more than the burst. */
static void test_rest_saves_the_burst_only(void **state)
{
    struct pace pace;
    uint64_t now = 3600 * NS_PER_S;
    uint32_t count = 0;

    (void)state;
    pace_init(&pace, (struct pace_rate){10, NS_PER_S, 3});
    for (; pace_ready_ns(&pace, now) == now; count++)
        pace_take(&pace, now);
    assert_int_equal(count, 3);
    assert_true(pace_ready_ns(&pace, now) == now + NS_PER_S / 10);
}

static void test_taken_ahead_of_time(void **state)
{
    struct pace pace;

    (void)state;
    pace_init(&pace, (struct pace_rate){1, NS_PER_S, 1});
    for (uint32_t i = 0; i < 5; i++)
        pace_take(&pace, 0);
    assert_true(pace_ready_ns(&pace, 0) == 5 * NS_PER_S);
}

static void test_change(void **state)
{
    struct pace pace;

    (void)state;
    pace_init(&pace, (struct pace_rate){1, NS_PER_S, 1});
    pace_take(&pace, 0);
    pace_change(&pace, (struct pace_rate){10, NS_PER_S, 1});
    assert_true(pace_ready_ns(&pace, 0) == NS_PER_S); /* what was taken stays taken */
    pace_take(&pace, NS_PER_S);
    assert_true(pace_ready_ns(&pace, NS_PER_S) == NS_PER_S + NS_PER_S / 10);
    pace_change(&pace, (struct pace_rate){0, NS_PER_S, 1});
    assert_true(pace_ready_ns(&pace, NS_PER_S) == NS_PER_S);
}

/* Another has taken of the same rate: this one goes on where that one stopped. */
static void test_owed(void **state)
{
    struct pace one, other;

    (void)state;
    pace_init(&one, (struct pace_rate){1, NS_PER_S, 3});
    pace_init(&other, (struct pace_rate){1, NS_PER_S, 3});
    for (uint32_t i = 0; i < 4; i++)
        pace_take(&one, 0);
    pace_owe(&other, one.full_ns);
    assert_true(pace_ready_ns(&other, 0) == pace_ready_ns(&one, 0));
    assert_true(pace_ready_ns(&other, 0) == 2 * NS_PER_S);
    pace_owe(&other, 0);
    assert_true(pace_ready_ns(&other, 0) == 0);
}

static void test_extremes(void **state)
{
    struct pace pace;

    (void)state;
    pace_init(&pace, (struct pace_rate){1, UINT64_MAX / 2, UINT32_MAX});
    for (uint32_t i = 0; i < 10; i++)
        pace_take(&pace, UINT64_MAX - 1);
    assert_true(pace_ready_ns(&pace, 5) >= 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_no_limit),
        cmocka_unit_test(test_rest_saves_the_burst_only),
        cmocka_unit_test(test_taken_ahead_of_time),
        cmocka_unit_test(test_change),
        cmocka_unit_test(test_owed),
        cmocka_unit_test(test_extremes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
