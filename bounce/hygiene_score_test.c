#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bounce/hygiene_score.h"

/* After which of `days` the limit of the class is reached; 0: not at all. */
static size_t full_after(enum bounce_class class, const uint16_t *days, size_t count)
{
    struct hygiene_score score = {0};

    for (size_t i = 0; i < count; i++) {
        hygiene_score_add(&score, class, days[i]);
        if (hygiene_score_is_full(&score, class))
            return i + 1;
    }
    return 0;
}

#define DAYS(...) (const uint16_t[]){__VA_ARGS__}, ARRAY_LEN(((const uint16_t[]){__VA_ARGS__}))

static void test_limits_of_the_vocabulary(void **state)
{
    (void)state;
    assert_int_equal(full_after(BOUNCE_INACTIVE, DAYS(100, 100)), 0);
    assert_int_equal(full_after(BOUNCE_INACTIVE, DAYS(100, 101)), 2);
    assert_int_equal(full_after(BOUNCE_MAILBOX_FULL, DAYS(100, 101, 102, 103, 104, 113)), 0);
    assert_int_equal(full_after(BOUNCE_MAILBOX_FULL, DAYS(100, 101, 102, 103, 114)), 5);
    assert_int_equal(full_after(BOUNCE_MAILBOX_FULL, DAYS(100, 101, 102, 103, 104, 114)), 6);
    assert_int_equal(full_after(BOUNCE_RECIPIENT_REFUSED, DAYS(100, 101, 102)), 3);
    assert_int_equal(full_after(BOUNCE_EXPIRED, DAYS(100, 101, 102, 103, 104, 105, 106, 107, 108)),
                     0);
    assert_int_equal(
        full_after(BOUNCE_EXPIRED, DAYS(100, 101, 102, 103, 104, 105, 106, 107, 108, 130)), 10);
    assert_int_equal(full_after(BOUNCE_UNKNOWN, DAYS(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 40)),
                     0);
    assert_int_equal(full_after(BOUNCE_RELAY_DENIED, DAYS(100, 101, 102)), 0);
    assert_int_equal(full_after(BOUNCE_RELAY_DENIED, DAYS(100, 103)), 2);
    assert_int_equal(full_after(BOUNCE_BLOCKED, DAYS(1, 2, 3, 4, 5, 6, 7, 8, 9)), 0);
}

static void test_once_a_day_whatever_the_class(void **state)
{
    struct hygiene_score score = {0};

    (void)state;
    hygiene_score_add(&score, BOUNCE_INACTIVE, 100);
    assert_false(hygiene_score_takes(&score, BOUNCE_MAILBOX_FULL, 100));
    assert_false(hygiene_score_takes(&score, BOUNCE_INACTIVE, 99)); /* late news */
    assert_true(hygiene_score_takes(&score, BOUNCE_MAILBOX_FULL, 101));
    assert_false(hygiene_score_takes(&score, BOUNCE_BLOCKED, 101));
    hygiene_score_add(&score, BOUNCE_MAILBOX_FULL, 100);
    assert_int_equal(hygiene_score_count_of(&score, BOUNCE_MAILBOX_FULL)->halves, 0);
}

static void test_fading(void **state)
{
    struct hygiene_score score = {0};

    (void)state;
    hygiene_score_add(&score, BOUNCE_RECIPIENT_REFUSED, 100);
    hygiene_score_add(&score, BOUNCE_RECIPIENT_REFUSED, 101);
    hygiene_score_add(&score, BOUNCE_RECIPIENT_REFUSED, 150); /* 4 halves became 2, and 2 more */
    assert_int_equal(hygiene_score_count_of(&score, BOUNCE_RECIPIENT_REFUSED)->halves, 4);
    assert_false(hygiene_score_is_full(&score, BOUNCE_RECIPIENT_REFUSED));
    hygiene_score_add(&score, BOUNCE_RECIPIENT_REFUSED, 250);
    assert_int_equal(hygiene_score_count_of(&score, BOUNCE_RECIPIENT_REFUSED)->halves, 2);
    assert_int_equal(hygiene_score_count_of(&score, BOUNCE_RECIPIENT_REFUSED)->first_day, 250);
}

static void test_history_and_clearing(void **state)
{
    struct hygiene_score score = {0};

    (void)state;
    for (uint16_t day = 1; day <= 30; day++)
        hygiene_score_add(&score, BOUNCE_UNKNOWN, day);
    assert_int_equal(score.history_count, HYGIENE_SCORE_HISTORY);
    assert_int_equal(score.history[0].day, 15);
    assert_int_equal(score.history[HYGIENE_SCORE_HISTORY - 1].day, 30);
    assert_false(hygiene_score_is_empty(&score));
    hygiene_score_clear(&score);
    assert_true(hygiene_score_is_empty(&score));
    assert_false(hygiene_score_is_full(&score, BOUNCE_UNKNOWN));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits_of_the_vocabulary),
        cmocka_unit_test(test_once_a_day_whatever_the_class),
        cmocka_unit_test(test_fading),
        cmocka_unit_test(test_history_and_clearing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
