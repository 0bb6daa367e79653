#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include "base/check.h"
#include "base/prng.h"
#include "base/wheel.h"
#include <cmocka.h>

#define TIMERS 64

static struct wheel wheel;

static void test_never_early(void **state)
{
    static const uint64_t delays[] = {1,
                                      NS_PER_MS - 1,
                                      NS_PER_MS,
                                      NS_PER_MS + 1,
                                      255 * NS_PER_MS,
                                      256 * NS_PER_MS,
                                      257 * NS_PER_MS,
                                      65536 * NS_PER_MS,
                                      NS_PER_S * 86400,
                                      NS_PER_S * 86400 * 60};
    uint64_t start = 12345678901;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(delays); i++) {
        struct wheel_timer timer = {0};
        uint64_t due = start + delays[i];
        uint64_t latest = (due / NS_PER_MS + 1) * NS_PER_MS;

        wheel_init(&wheel, start);
        assert_int_equal(wheel_next_ns(&wheel), UINT64_MAX);
        wheel_arm(&wheel, &timer, due);
        assert_true(wheel_armed(&timer));
        assert_true(wheel_next_ns(&wheel) <= latest);
        assert_null(wheel_expire(&wheel, due - 1));
        assert_true(wheel_armed(&timer));
        assert_ptr_equal(wheel_expire(&wheel, latest), &timer);
        assert_false(wheel_armed(&timer));
        assert_null(wheel_expire(&wheel, latest));
        assert_int_equal(wheel.armed_count, 0);
    }
}

static void test_past_and_now(void **state)
{
    struct wheel_timer timers[2] = {{.due_ns = 0}, {.due_ns = 0}};

    (void)state;
    wheel_init(&wheel, NS_PER_S);
    wheel_arm(&wheel, &timers[0], 0);
    wheel_arm(&wheel, &timers[1], NS_PER_S);
    assert_int_equal(wheel_next_ns(&wheel), NS_PER_S);
    assert_ptr_equal(wheel_expire(&wheel, NS_PER_S), &timers[0]);
    wheel_cancel(&wheel, &timers[1]);
    wheel_cancel(&wheel, &timers[1]);
    assert_null(wheel_expire(&wheel, NS_PER_S * 2));
    wheel_arm(&wheel, &timers[1], UINT64_MAX);
    assert_null(wheel_expire(&wheel, NS_PER_S * 3));
    assert_true(wheel_next_ns(&wheel) > NS_PER_S * 3);
    assert_int_equal(wheel.armed_count, 1);
}

/* A callback that arms again for now must not be starved or lost. */
static void test_arm_while_expiring(void **state)
{
    struct wheel_timer timer = {0};

    (void)state;
    wheel_init(&wheel, 0);
    wheel_arm(&wheel, &timer, NS_PER_MS);
    for (int i = 0; i < 10; i++) {
        assert_ptr_equal(wheel_expire(&wheel, NS_PER_S), &timer);
        wheel_arm(&wheel, &timer, NS_PER_S + (uint64_t)i);
        if (i > 0)
            assert_null(wheel_expire(&wheel, NS_PER_S));
        wheel_arm(&wheel, &timer, NS_PER_MS);
    }
}

/* The occupied bits say exactly which slots hold something. */
static void check_occupied(void)
{
    for (uint32_t level = 0; level < WHEEL_LEVELS; level++) {
        for (uint32_t slot = 0; slot < WHEEL_SLOTS; slot++) {
            bool bit = (wheel.occupied[level][slot / 64] >> (slot % 64) & 1) != 0;

            assert_int_equal(bit, !list_empty(&wheel.slots[level][slot]));
        }
    }
}

struct model {
    struct wheel_timer timers[TIMERS];
    uint64_t due_ns[TIMERS];
    bool armed[TIMERS];
};

static uint64_t random_span(struct prng *prng)
{
    /* From microseconds to a hundred days, each size as likely. */
    return prng_below(prng, UINT64_C(1) << prng_below(prng, 54));
}

static void change_one(struct model *model, struct prng *prng, uint64_t now)
{
    size_t i = (size_t)prng_below(prng, TIMERS);

    if (prng_percent(prng, 30)) {
        wheel_cancel(&wheel, &model->timers[i]);
        model->armed[i] = false;
    } else {
        model->due_ns[i] = now + random_span(prng);
        if (prng_percent(prng, 5))
            model->due_ns[i] = now / 2;
        wheel_arm(&wheel, &model->timers[i], model->due_ns[i]);
        model->armed[i] = true;
    }
}

/* What must have fired has fired, and nothing else. */
static void check_expired(struct model *model, uint64_t now)
{
    struct wheel_timer *timer;
    uint64_t armed_count = 0;

    while ((timer = wheel_expire(&wheel, now)) != NULL) {
        size_t i = (size_t)(timer - model->timers);

        assert_true(model->armed[i]);
        assert_true(model->due_ns[i] <= now);
        model->armed[i] = false;
    }
    for (size_t i = 0; i < TIMERS; i++) {
        assert_int_equal(wheel_armed(&model->timers[i]), model->armed[i]);
        if (!model->armed[i])
            continue;
        armed_count++;
        assert_true(model->due_ns[i] > now / NS_PER_MS * NS_PER_MS);
        assert_true(wheel_next_ns(&wheel) <= model->due_ns[i] + NS_PER_MS);
    }
    assert_int_equal(wheel.armed_count, armed_count);
    assert_int_equal(wheel_next_ns(&wheel) == UINT64_MAX, armed_count == 0);
    assert_true(wheel_next_ns(&wheel) > now - now % NS_PER_MS);
}

static void test_against_model(void **state)
{
    struct prng prng;

    (void)state;
    prng_seed(&prng, 7);
    for (int run = 0; run < 40; run++) {
        struct model model = {0};
        /* Half of the runs begin shortly before the last level has gone round. */
        uint64_t now = (UINT64_C(1) << 32) * NS_PER_MS * (uint64_t)(run % 4);

        now -= run % 2 == 1 ? min_u64(now, random_span(&prng)) : 0;
        wheel_init(&wheel, now);
        for (int step = 0; step < 400; step++) {
            change_one(&model, &prng, now);
            change_one(&model, &prng, now);
            if (prng_percent(&prng, 60))
                now += random_span(&prng);
            else if (wheel_next_ns(&wheel) != UINT64_MAX)
                now = max_u64(now, wheel_next_ns(&wheel));
            check_expired(&model, now);
            check_occupied();
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_never_early),
        cmocka_unit_test(test_past_and_now),
        cmocka_unit_test(test_arm_while_expiring),
        cmocka_unit_test(test_against_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
