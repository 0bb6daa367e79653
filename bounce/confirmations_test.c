#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/prng.h"
#include "bounce/confirmations.h"

#define ROOM 64
#define NEW_DAY 20000

static const struct table_key seed = {{11, 12}};
static const struct confirmation_rule rule = {.reports_min = 3, .days_max = 30};
static struct arena arena;
static struct confirmations *known;

static int set_up(void **state)
{
    (void)state;
    if (arena_open(&arena, confirmations_cost(ROOM)) < 0)
        return -1;
    known = confirmations_open(&arena, ROOM, &seed);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

static struct confirmation say(const char *who, const char *list, enum bounce_class class, int day)
{
    return (struct confirmation){span_cstr(who), span_cstr(list), class, (uint16_t)(NEW_DAY + day),
                                 0};
}

/* The state behind a report: its days, negative when it is believed; -100: it was not taken. */
static int after(const char *who, const char *list, enum bounce_class class, int day)
{
    struct confirmation report = say(who, list, class, day);
    struct confirmation_state now;

    if (!confirmations_takes(known, &report))
        return -100;
    confirmations_add(known, &report);
    confirmations_state(known, &report, &rule, &now);
    return now.confirmed ? -(int)now.days : (int)now.days;
}

static void test_three_days(void **state)
{
    (void)state;
    assert_int_equal(after("a@x", "team@l", BOUNCE_NO_USER, 0), 1);
    assert_int_equal(after("a@x", "team@l", BOUNCE_NO_USER, 0), -100); /* once a day */
    assert_int_equal(after("a@x", "news@l", BOUNCE_NO_USER, 0), 1);    /* another list */
    assert_int_equal(after("b@x", "team@l", BOUNCE_NO_USER, 0), 1);    /* another address */
    assert_int_equal(after("a@x", "team@l", BOUNCE_MOVED, 3), 2);      /* as good as no-user */
    assert_int_equal(after("a@x", "team@l", BOUNCE_NO_USER, 2), -100); /* time runs forward */
    assert_int_equal(after("a@x", "team@l", BOUNCE_COMPLAINT, 9), -3);
    confirmations_clear(known, span_cstr("a@x"), span_cstr("team@l"));
    assert_int_equal(after("a@x", "team@l", BOUNCE_NO_USER, 10), 1);
}

static void test_old_ones_do_not_agree(void **state)
{
    (void)state;
    assert_int_equal(after("a@x", "t", BOUNCE_NO_USER, 0), 1);
    assert_int_equal(after("a@x", "t", BOUNCE_NO_USER, 1), 2);
    assert_int_equal(after("a@x", "t", BOUNCE_NO_USER, 30), 2); /* day 0 is 30 days away */
    assert_int_equal(after("a@x", "t", BOUNCE_NO_USER, 31), 2);
    assert_int_equal(after("a@x", "t", BOUNCE_NO_USER, 32), -3);
}

static void test_soft_ones_take_longer(void **state)
{
    (void)state;
    for (int day = 0; day < 4; day++)
        assert_int_equal(after("a@x", "t", BOUNCE_MAILBOX_FULL, day), day + 1);
    assert_int_equal(after("a@x", "t", BOUNCE_MAILBOX_FULL, 13),
                     5); /* five, in less than 14 days */
    assert_int_equal(after("a@x", "t", BOUNCE_MAILBOX_FULL, 14), -6);
    assert_int_equal(after("b@x", "t", BOUNCE_INACTIVE, 0), 1);
    assert_int_equal(after("b@x", "t", BOUNCE_INACTIVE, 1),
                     2); /* two with a proof; three without */
    assert_int_equal(after("b@x", "t", BOUNCE_INACTIVE, 2), -3);
    assert_int_equal(after("c@x", "t", BOUNCE_MAILBOX_FULL, 0), 1);
    assert_int_equal(after("c@x", "t", BOUNCE_NO_USER, 1), 1); /* soft ones do not help hard ones */
    assert_int_equal(after("c@x", "t", BOUNCE_NO_USER, 2), 2);
}

/* The answer was lost: on another day it comes again, and was counted. */
static void test_repeated_message(void **state)
{
    struct confirmation report = say("a@x", "t", BOUNCE_NO_USER, 0);

    (void)state;
    report.message = 77;
    assert_true(confirmations_takes(known, &report));
    confirmations_add(known, &report);
    for (uint16_t day = 1; day < 5; day++) {
        report.day = (uint16_t)(NEW_DAY + day);
        assert_false(confirmations_takes(known, &report));
        confirmations_add(known, &report);
    }
    assert_int_equal(after("a@x", "t", BOUNCE_NO_USER, 1), 2); /* another one, that says nothing */
    report.message = 78;
    assert_true(confirmations_takes(known, &report));
}

static void test_what_is_nobodys_fault_never_counts(void **state)
{
    static const enum bounce_class classes[] = {
        BOUNCE_SPAM,    BOUNCE_BLOCKED,    BOUNCE_UNKNOWN,     BOUNCE_SYSTEM,
        BOUNCE_DELAYED, BOUNCE_AUTO_REPLY, BOUNCE_UNSUBSCRIBE, BOUNCE_SUCCESS};

    (void)state;
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
        for (int day = 0; day < 20; day++)
            assert_int_equal(after("a@x", "t", classes[i], day), -100);
    assert_int_equal(confirmations_count(known), 0);
}

/* A flood of names forgets the oldest and believes nothing. */
static void test_flood(void **state)
{
    char who[32];

    (void)state;
    assert_int_equal(after("a@x", "t", BOUNCE_NO_USER, 0), 1);
    for (int i = 0; i < 10 * ROOM; i++) {
        (void)snprintf(who, sizeof(who), "u%d@x", i);
        assert_int_equal(after(who, "t", BOUNCE_NO_USER, 1), 1);
    }
    assert_int_equal(confirmations_count(known), ROOM);
    assert_int_equal(confirmations_forgotten(known), 9 * ROOM + 1);
    assert_int_equal(after("a@x", "t", BOUNCE_NO_USER, 2), 1);
}

/* Sixteen days are remembered, the last ones. */
static void test_many_days(void **state)
{
    struct confirmation report;
    uint32_t part = 0;

    (void)state;
    for (int day = 0; day < 40; day++)
        (void)after("a@x", "t", BOUNCE_NO_USER, day);
    for (; confirmations_at(known, 0, part, &report); part++)
        assert_int_equal(report.day, NEW_DAY + 40 - CONFIRMATIONS_DAYS + (int)part);
    assert_int_equal(part, CONFIRMATIONS_DAYS);
    assert_false(confirmations_at(known, 1, 0, &report));
}

static void test_bytes(void **state)
{
    static uint8_t bytes[CONFIRMATIONS_RECORD_SIZE_MAX + 1];
    struct confirmation report = say("a@x.example", "team@l.example", BOUNCE_NO_USER, 1), again;
    char longest[HYGIENE_CHANGE_KEY_MAX + 1];
    size_t size;

    (void)state;
    report.message = UINT32_C(0xfedcba98);
    size = confirmations_write(&report, bytes);
    assert_int_equal(confirmations_read(span_make(bytes, size), &again), 0);
    assert_true(span_equal(again.key, report.key) && span_equal(again.list, report.list));
    assert_int_equal(again.class, report.class);
    assert_int_equal(again.day, report.day);
    assert_int_equal(again.message, report.message);
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(confirmations_read(span_make(bytes, cut), &again), -EBADMSG);
    assert_int_equal(confirmations_read(span_make(bytes, size + 1), &again), -EBADMSG);
    bytes[2] = BOUNCE_CLASS_COUNT;
    assert_int_equal(confirmations_read(span_make(bytes, size), &again), -EBADMSG);
    memset(longest, 'k', sizeof(longest));
    report.key = span_make(longest, sizeof(longest));
    assert_false(confirmations_takes(known, &report));
    report.key.size = 0;
    assert_false(confirmations_takes(known, &report));
}

/* Against a model that keeps every report. */
static void test_model(void **state)
{
    enum { PEOPLE = 5, DAYS = 200 };
    static int last[PEOPLE], said[PEOPLE][DAYS];
    struct prng prng;

    (void)state;
    prng_seed(&prng, 3);
    memset(last, -1, sizeof(last));
    for (int step = 0; step < 2000; step++) {
        int day = step / 10, who = (int)prng_below(&prng, PEOPLE), agree = 0;
        char name[8];

        (void)snprintf(name, sizeof(name), "p%d@x", who);
        if (prng_percent(&prng, 85))
            continue;
        if (last[who] >= day) {
            assert_int_equal(after(name, "t", BOUNCE_NO_USER, day), -100);
            continue;
        }
        last[who] = day;
        said[who][day] = 1;
        for (int d = day > 29 ? day - 29 : 0; d <= day; d++)
            agree += said[who][d];
        if (agree > CONFIRMATIONS_DAYS)
            agree = CONFIRMATIONS_DAYS;
        assert_int_equal(after(name, "t", BOUNCE_NO_USER, day), agree >= 3 ? -agree : agree);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_three_days, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_old_ones_do_not_agree, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_soft_ones_take_longer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_repeated_message, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_nobodys_fault_never_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_flood, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_days, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_model, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
