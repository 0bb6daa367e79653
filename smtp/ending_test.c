#include "smtp/ending.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

/* What a transaction gets by how far it was; whole sessions are in smtp_test.c. */
static const struct {
    const char *label;
    enum outcome_cause cause; /* of the end */
    enum window_state state;  /* of the transaction */
    enum command awaited;     /* for it */
    bool answered;            /* something of it was */
    uint32_t delivered_count; /* of the session, before */
    enum outcome_kind kind;   /* its verdict */
    enum outcome_stage stage;
} rows[] = {
    {"nothing answered, a first one", CAUSE_LOST, WINDOW_COMMANDS, COMMAND_MAIL, false, 0,
     OUTCOME_DEFERRED, STAGE_MAIL},
    {"nothing answered, behind others", CAUSE_LOST, WINDOW_COMMANDS, COMMAND_MAIL, false, 1,
     OUTCOME_RELEASED, STAGE_MAIL},
    {"the same after a reply", CAUSE_REPLY, WINDOW_COMMANDS, COMMAND_MAIL, false, 1,
     OUTCOME_RELEASED, STAGE_MAIL},
    {"silence is no loss", CAUSE_TIMEOUT, WINDOW_COMMANDS, COMMAND_MAIL, false, 1, OUTCOME_DEFERRED,
     STAGE_MAIL},
    {"something answered", CAUSE_LOST, WINDOW_COMMANDS, COMMAND_RCPT, true, 1, OUTCOME_DEFERRED,
     STAGE_RCPT},
    {"our own stop", CAUSE_LOCAL_STOP, WINDOW_COMMANDS, COMMAND_DATA, true, 0, OUTCOME_RELEASED,
     STAGE_DATA},
    {"within the content", CAUSE_LOST, WINDOW_BODY, COMMAND_NONE, true, 1, OUTCOME_DEFERRED,
     STAGE_BODY},
    {"our own stop within the content", CAUSE_LOCAL_STOP, WINDOW_BODY, COMMAND_NONE, true, 0,
     OUTCOME_RELEASED, STAGE_BODY},
    {"behind the dot", CAUSE_LOST, WINDOW_DOT, COMMAND_DOT, true, 1, OUTCOME_UNSURE, STAGE_DOT},
    {"our own stop behind the dot", CAUSE_LOCAL_STOP, WINDOW_DOT, COMMAND_DOT, true, 0,
     OUTCOME_UNSURE, STAGE_DOT},
};

static uint8_t open_one(struct smtp *smtp, size_t row)
{
    uint8_t place = window_open(&smtp->window);

    smtp->window.transactions[place].state = rows[row].state;
    smtp->window.transactions[place].answered = rows[row].answered;
    if (rows[row].awaited != COMMAND_NONE)
        window_await(&smtp->window, rows[row].awaited, place);
    return place;
}

static void close_session(struct smtp *smtp, size_t row)
{
    static const struct smtp_options options = {.hostname = SPAN_INIT("me.test"),
                                                .transactions_max = 10};

    smtp_init(smtp, &options);
    (void)window_take(&smtp->window); /* the greeting */
    smtp->state = SMTP_CLOSED;
    smtp->delivered_count = rows[row].delivered_count;
    smtp->end = verdict_cause(COMMAND_NONE, rows[row].cause, 0);
}

static void test_verdicts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct smtp smtp;
        uint8_t place;

        close_session(&smtp, i);
        place = open_one(&smtp, i);
        if (!ending_settle(&smtp) || smtp.settle_place != place)
            fail_msg("%s: not settled", rows[i].label);
        if (smtp.settle.kind != rows[i].kind || smtp.settle.stage != rows[i].stage ||
            smtp.settle.cause != rows[i].cause)
            fail_msg("%s: %s at %s", rows[i].label, outcome_kind_name(smtp.settle.kind),
                     outcome_stage_name(smtp.settle.stage));
    }
}

/* Each once, the oldest first; one that is settled already has its verdict. */
static void test_each_once(void **state)
{
    struct smtp smtp;
    uint8_t first, second;

    (void)state;
    close_session(&smtp, 0);
    first = open_one(&smtp, 0);
    second = open_one(&smtp, 0);
    assert_true(ending_settle(&smtp));
    assert_int_equal(smtp.settle_place, first);
    smtp.window.transactions[first].state = WINDOW_REFUSED;
    smtp.settle_place = WINDOW_NONE;
    assert_true(ending_settle(&smtp));
    assert_int_equal(smtp.settle_place, second);
    smtp.window.transactions[second].state = WINDOW_REFUSED;
    smtp.settle_place = WINDOW_NONE;
    assert_false(ending_settle(&smtp));
    assert_int_equal(smtp.settle_place, WINDOW_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_verdicts),
                                       cmocka_unit_test(test_each_once)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
