#include "schedule/retry.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

static const uint64_t steps[] = {5 * NS_PER_MINUTE, 20 * NS_PER_MINUTE, 60 * NS_PER_MINUTE};
static const uint64_t start = UINT64_C(1750000000) * NS_PER_S;

static void test_steps_with_jitter(void **state)
{
    struct retry_plan plan = {steps, ARRAY_LEN(steps), 0};
    struct prng prng;

    (void)state;
    prng_seed(&prng, 1);
    for (uint32_t attempts = 1; attempts <= 40; attempts++) {
        struct retry_times times = {attempts, start, start + NS_PER_S};
        uint64_t step = steps[attempts > 3 ? 2 : attempts - 1];
        uint64_t low = UINT64_MAX, high = 0;

        for (uint32_t i = 0; i < 2000; i++) {
            struct retry_next next = retry_next(&plan, &times, &prng);
            uint64_t wait = next.due_wall_ns - times.now_wall_ns;

            assert_false(next.expired);
            assert_in_range(wait, step - step / 10, step + step / 10);
            low = min_u64(low, wait);
            high = max_u64(high, wait);
        }
        assert_true(low < step - step / 11); /* the whole width is used */
        assert_true(high > step + step / 11);
    }
}

static void test_lifetime(void **state)
{
    struct retry_plan plan = {steps, ARRAY_LEN(steps), 120 * NS_PER_MINUTE};
    uint64_t end = start + plan.lifetime_ns;
    struct retry_times times = {9, start, end - 10 * NS_PER_MINUTE};
    struct retry_next next;
    struct prng prng;

    (void)state;
    prng_seed(&prng, 1);
    next = retry_next(&plan, &times, &prng); /* a step of an hour does not fit: a last attempt */
    assert_false(next.expired);
    assert_true(next.due_wall_ns == end);
    times.now_wall_ns = end - 1;
    next = retry_next(&plan, &times, &prng);
    assert_false(next.expired);
    assert_true(next.due_wall_ns == end);
    times.now_wall_ns = end;
    assert_true(retry_next(&plan, &times, &prng).expired);
    times.now_wall_ns = UINT64_MAX;
    assert_true(retry_next(&plan, &times, &prng).expired);
}

static void test_odd_clocks(void **state)
{
    struct retry_plan plan = {steps, ARRAY_LEN(steps), 120 * NS_PER_MINUTE};
    struct retry_times times = {1, start, start - 3600 * NS_PER_S}; /* set back */
    struct retry_next next;
    struct prng prng;

    (void)state;
    prng_seed(&prng, 1);
    next = retry_next(&plan, &times, &prng);
    assert_false(next.expired);
    assert_true(next.due_wall_ns < start);
    times = (struct retry_times){0, UINT64_MAX - 5, UINT64_MAX - 4};
    next = retry_next(&plan, &times, &prng);
    assert_false(next.expired);
    assert_true(next.due_wall_ns == UINT64_MAX);
}

static void test_tiny_steps(void **state)
{
    static const uint64_t tiny[] = {1};
    struct retry_plan plan = {tiny, 1, 0};
    struct retry_times times = {1, start, start};
    struct prng prng;

    (void)state;
    prng_seed(&prng, 1);
    assert_true(retry_next(&plan, &times, &prng).due_wall_ns == start + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps_with_jitter),
        cmocka_unit_test(test_lifetime),
        cmocka_unit_test(test_odd_clocks),
        cmocka_unit_test(test_tiny_steps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
