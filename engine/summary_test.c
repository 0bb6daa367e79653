#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/summary.h"

static struct outcome reply(enum outcome_kind kind, uint16_t code, const char *text)
{
    struct outcome outcome = {.kind = kind, .stage = STAGE_RCPT};

    outcome.reply.code = code;
    outcome.reply.text_size = (uint16_t)min_size(strlen(text), REPLY_TEXT_MAX);
    memcpy(outcome.reply.text, text, outcome.reply.text_size);
    return outcome;
}

static void add(struct summary *summary, enum outcome_kind kind, uint16_t code, const char *text)
{
    struct outcome outcome = reply(kind, code, text);

    summary_add(summary, &outcome, "no-user");
}

static void test_like_reasons_are_one(void **state)
{
    static struct summary summary;
    const struct summary_reason *top;

    (void)state;
    add(&summary, OUTCOME_FAILED, 550, "<a@example.com>: user unknown, queue id 4F1B2C33");
    add(&summary, OUTCOME_FAILED, 550, "<zoe@example.org>: user unknown, queue id 77A81201");
    add(&summary, OUTCOME_UNSURE, 0, "no answer");
    add(&summary, OUTCOME_DEFERRED, 0, "no answer");
    add(&summary, OUTCOME_DEFERRED, 451, "later");
    add(&summary, OUTCOME_DELIVERED, 250, "ok");
    assert_int_equal(summary.reasons_count, 3);
    top = summary_top(&summary, OUTCOME_FAILED);
    assert_int_equal(top->count, 2);
    assert_string_equal(top->text, "550 * user unknown, queue id * (rcpt)");
    assert_string_equal(top->class, "no-user");
    top = summary_top(&summary, OUTCOME_DEFERRED);
    assert_int_equal(top->count, 2);
    assert_null(summary_top(&summary, OUTCOME_EXPIRED));
}

static void test_hostile_text(void **state)
{
    static struct summary summary;
    char text[REPLY_TEXT_MAX];
    const struct summary_reason *top;

    (void)state;
    add(&summary, OUTCOME_FAILED, 550, "\x1b[2J\r\nbad\x01 \xff\xfe tail");
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (size_t i = 8; i < sizeof(text) - 1; i += 9)
        text[i] = ' ';
    add(&summary, OUTCOME_DEFERRED, 451, text);
    for (uint32_t i = 0; i < summary.reasons_count; i++)
        for (uint32_t k = 0; k < summary.reasons[i].text_size; k++)
            assert_in_range((uint8_t)summary.reasons[i].text[k], 0x20, 0x7e);
    top = summary_top(&summary, OUTCOME_DEFERRED);
    assert_in_range(top->text_size, 1, SUMMARY_TEXT_MAX);
}

static void test_more_reasons_than_places(void **state)
{
    static struct summary summary;

    (void)state;
    for (uint32_t i = 0; i < SUMMARY_REASONS_MAX + 10; i++) {
        char text[16];

        (void)snprintf(text, sizeof(text), "%c%c", 'a' + (int)(i % 26), 'a' + (int)(i / 26));
        for (uint32_t k = 0; k <= i % 5; k++)
            add(&summary, OUTCOME_FAILED, 550, text);
    }
    assert_int_equal(summary.reasons_count, SUMMARY_REASONS_MAX);
    assert_true(summary.other_count > 0);
    summary_sort(&summary);
    for (uint32_t i = 1; i < summary.reasons_count; i++)
        assert_true(summary.reasons[i - 1].count >= summary.reasons[i].count);
    summary_reset(&summary);
    assert_int_equal(summary.reasons_count + summary.other_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_like_reasons_are_one),
        cmocka_unit_test(test_hostile_text),
        cmocka_unit_test(test_more_reasons_than_places),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
