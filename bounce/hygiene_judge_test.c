#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bounce/hygiene_breaker.h"
#include "bounce/hygiene_judge.h"

#define DAY UINT64_C(86400)
#define START (UINT64_C(20000) * DAY)

static struct arena arena;
static struct hygiene *hygiene;

static int begin(void **state)
{
    struct hygiene_options options = {.addresses_max = 10000, .seed = {{7, 9}}};

    (void)state;
    if (arena_open(&arena, hygiene_cost(&options)) != 0)
        return -1;
    hygiene = hygiene_open(&arena, &options);
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

static struct hygiene_event event_of(const char *key, enum bounce_class class, uint32_t day)
{
    return (struct hygiene_event){.key = span_cstr(key),
                                  .tenant = SPAN("t1"),
                                  .stream = SPAN("bulk"),
                                  .host = SPAN("mx.p.example"),
                                  .class = class,
                                  .source = HYGIENE_FROM_SESSION,
                                  .final = true,
                                  .time_s = START + day * DAY};
}

static uint32_t feed(const struct hygiene_event *event)
{
    struct hygiene_change changes[HYGIENE_JUDGE_CHANGES_MAX];
    uint32_t count = hygiene_judge(hygiene, event, changes);

    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(hygiene_apply(hygiene, &changes[i]), 0);
    return count;
}

static uint32_t happens(const char *key, enum bounce_class class, uint32_t day)
{
    struct hygiene_event event = event_of(key, class, day);

    return feed(&event);
}

static bool blocked(const char *key, const char *tenant, uint32_t day)
{
    struct hygiene_target target = {span_cstr(key), span_cstr(tenant), SPAN("bulk")};

    return hygiene_blocks(hygiene, &target, START + day * DAY);
}

static void test_hard_bounces_at_once(void **state)
{
    static const enum bounce_class hard[] = {BOUNCE_NO_USER, BOUNCE_MOVED, BOUNCE_SUPPRESSED,
                                             BOUNCE_COMPLAINT};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(hard); i++) {
        char key[32];

        (void)snprintf(key, sizeof(key), "hard%zu@x.example", i);
        assert_int_equal(happens(key, hard[i], 0), 1);
        assert_true(blocked(key, "t2", 100000)); /* for everybody, for ever */
    }
}

static void test_null_mx_is_looked_at_again(void **state)
{
    (void)state;
    assert_int_equal(happens("a@x.example", BOUNCE_NULL_MX, 0), 1);
    assert_true(blocked("a@x.example", "t1", 29));
    assert_false(blocked("a@x.example", "t1", 30));
}

static void test_no_domain_wants_the_dns(void **state)
{
    struct hygiene_event event = event_of("a@x.example", BOUNCE_NO_DOMAIN, 0);

    (void)state;
    event.confirmed = true;
    assert_int_equal(feed(&event), 1);
    assert_true(blocked("a@x.example", "t1", 0));
    for (uint32_t day = 0; day < 2; day++) {
        assert_int_equal(happens("b@x.example", BOUNCE_NO_DOMAIN, day), 1);
        assert_false(blocked("b@x.example", "t1", day));
    }
    assert_int_equal(happens("b@x.example", BOUNCE_NO_DOMAIN, 2), 2);
    assert_true(blocked("b@x.example", "t1", 2));
}

static void test_soft_bounces_count_once_a_day(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 20; i++)
        assert_int_equal(happens("a@x.example", BOUNCE_INACTIVE, 0), i == 0);
    assert_false(blocked("a@x.example", "t1", 0));
    assert_int_equal(happens("a@x.example", BOUNCE_INACTIVE, 1), 2);
    assert_true(blocked("a@x.example", "t1", 1));
}

static void test_a_delivery_forgets(void **state)
{
    struct hygiene_score score;

    (void)state;
    assert_int_equal(happens("a@x.example", BOUNCE_SUCCESS, 0), 0);
    assert_int_equal(happens("a@x.example", BOUNCE_INACTIVE, 0), 1);
    assert_int_equal(happens("b@x.example", BOUNCE_SUCCESS, 1), 0);
    assert_int_equal(happens("a@x.example", BOUNCE_SUCCESS, 1), 1);
    assert_int_equal(hygiene_score_of(hygiene, SPAN("a@x.example"), &score), -ENOENT);
    assert_int_equal(happens("a@x.example", BOUNCE_INACTIVE, 2), 1);
    assert_false(blocked("a@x.example", "t1", 2));
}

static void test_senders_fault_never_counts(void **state)
{
    struct hygiene_score score;

    (void)state;
    for (unsigned i = 0; i < BOUNCE_CLASS_COUNT; i++) {
        if (!bounce_class_is_senders((enum bounce_class)i) || i == BOUNCE_RELAY_DENIED)
            continue;
        for (uint32_t day = 0; day < 100; day++)
            assert_int_equal(happens("a@x.example", (enum bounce_class)i, day), 0);
    }
    for (uint32_t day = 0; day < 100; day++) {
        assert_int_equal(happens("a@x.example", BOUNCE_SYSTEM, day), 0);
        assert_int_equal(happens("a@x.example", BOUNCE_AUTO_REPLY, day), 0);
    }
    assert_false(blocked("a@x.example", "t1", 100));
    assert_int_equal(hygiene_score_of(hygiene, SPAN("a@x.example"), &score), -ENOENT);
}

static void test_what_is_not_final_does_nothing(void **state)
{
    struct hygiene_event event = event_of("a@x.example", BOUNCE_NO_USER, 0);

    (void)state;
    event.final = false;
    assert_int_equal(feed(&event), 0);
    event.final = true;
    event.key.size = 0;
    assert_int_equal(feed(&event), 0);
}

static void test_unsubscribe_is_for_one_list(void **state)
{
    (void)state;
    assert_int_equal(happens("a@x.example", BOUNCE_UNSUBSCRIBE, 0), 1);
    assert_true(blocked("a@x.example", "t1", 0));
    assert_false(blocked("a@x.example", "t2", 0));
}

static void test_a_domain_that_denies_for_days(void **state)
{
    (void)state;
    assert_int_equal(happens("a@x.example", BOUNCE_RELAY_DENIED, 0), 1);
    assert_int_equal(happens("b@x.example", BOUNCE_RELAY_DENIED, 0), 0);
    assert_int_equal(happens("c@x.example", BOUNCE_RELAY_DENIED, 2), 1);
    assert_false(blocked("c@x.example", "t1", 2));
    assert_int_equal(happens("d@x.example", BOUNCE_RELAY_DENIED, 3), 2);
    assert_true(blocked("d@x.example", "t1", 3));
    assert_int_equal(happens("a@x.example", BOUNCE_RELAY_DENIED, 3), 1);
    assert_true(blocked("a@x.example", "t1", 3));
    assert_int_equal(happens("e@x.example", BOUNCE_SUCCESS, 4), 1); /* it lives */
    assert_int_equal(happens("f@x.example", BOUNCE_RELAY_DENIED, 5), 1);
    assert_false(blocked("f@x.example", "t1", 5));
}

static void test_an_open_breaker_holds(void **state)
{
    struct hygiene_counts counts;
    struct hygiene_change confirm = {.kind = HYGIENE_CONFIRM, .source = HYGIENE_FROM_OPERATOR};
    char key[32];

    (void)state;
    for (uint32_t i = 0; i < 100; i++) {
        (void)snprintf(key, sizeof(key), "u%u@x.example", i);
        assert_int_equal(happens(key, BOUNCE_NO_USER, 0), 1);
    }
    hygiene_counts(hygiene, &counts);
    assert_int_equal(counts.suppressed_count, HYGIENE_BREAKER_HARD_MIN - 1);
    assert_int_equal(counts.held_count, 100 - HYGIENE_BREAKER_HARD_MIN + 1);
    assert_false(blocked("u99@x.example", "t1", 0));
    assert_int_equal(happens("c@x.example", BOUNCE_COMPLAINT, 0), 1); /* never held */
    assert_true(blocked("c@x.example", "t1", 0));
    confirm.provider = SPAN("p.example");
    assert_int_equal(hygiene_apply(hygiene, &confirm), 0);
    assert_true(blocked("u99@x.example", "t1", 0));
    assert_int_equal(happens("later@x.example", BOUNCE_NO_USER, 0), 1);
    assert_true(blocked("later@x.example", "t1", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_hard_bounces_at_once, begin, end),
        cmocka_unit_test_setup_teardown(test_null_mx_is_looked_at_again, begin, end),
        cmocka_unit_test_setup_teardown(test_no_domain_wants_the_dns, begin, end),
        cmocka_unit_test_setup_teardown(test_soft_bounces_count_once_a_day, begin, end),
        cmocka_unit_test_setup_teardown(test_a_delivery_forgets, begin, end),
        cmocka_unit_test_setup_teardown(test_senders_fault_never_counts, begin, end),
        cmocka_unit_test_setup_teardown(test_what_is_not_final_does_nothing, begin, end),
        cmocka_unit_test_setup_teardown(test_unsubscribe_is_for_one_list, begin, end),
        cmocka_unit_test_setup_teardown(test_a_domain_that_denies_for_days, begin, end),
        cmocka_unit_test_setup_teardown(test_an_open_breaker_holds, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
