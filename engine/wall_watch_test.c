#include "engine/wall_watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HOUR (60 * NS_PER_MINUTE)

static struct wall_watch watch;
static uint64_t wall, now;

static bool pass(uint64_t time_ns, int64_t shift_ns)
{
    now += time_ns;
    wall += time_ns + (uint64_t)shift_ns;
    wall_watch_see(&watch, wall, now);
    return watch.jumped;
}

static void start(void)
{
    now = 5 * NS_PER_S;
    wall = UINT64_C(1795262400) * NS_PER_S;
    wall_watch_init(&watch, wall, now);
}

static void test_both_ways(void **state)
{
    static const int64_t shifts[] = {(int64_t)HOUR + 1, -(int64_t)HOUR - 1,
                                     (int64_t)HOUR * 24 * 365 * 10, -(int64_t)HOUR * 24 * 365 * 10};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(shifts); i++) {
        start();
        assert_false(pass(100 * HOUR, 0));
        assert_false(pass(NS_PER_S, (int64_t)HOUR / 2)); /* summer time is no business of ours */
        assert_false(pass(NS_PER_S, -(int64_t)HOUR / 2));
        assert_true(pass(NS_PER_S, shifts[i]));
        assert_true(pass(HOUR - NS_PER_S, 0));
        assert_false(pass(NS_PER_S, 0)); /* steady for an hour */
        assert_false(pass(100 * HOUR, 0));
        assert_true(pass(NS_PER_S, -shifts[i])); /* the way back is a jump as well */
    }
}

/* A clock that is being set again and again is not steady. */
static void test_not_steady(void **state)
{
    (void)state;
    start();
    assert_true(pass(NS_PER_S, (int64_t)HOUR * 2));
    for (uint32_t i = 0; i < 10; i++)
        assert_true(pass(50 * NS_PER_MINUTE, (int64_t)NS_PER_MINUTE * 2));
    assert_true(pass(59 * NS_PER_MINUTE, 0));
    assert_false(pass(NS_PER_MINUTE, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways),
        cmocka_unit_test(test_not_steady),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
