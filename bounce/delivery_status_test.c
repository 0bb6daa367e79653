#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/text.h"
#include "bounce/delivery_status.h"

/* "final|original|action|status" of each group, one behind the other. */
static void describe(const char *fields, char *out, size_t size)
{
    struct delivery_status_reader reader = {.rest = span_cstr(fields)};
    struct delivery_status group;
    struct text text;

    text_init(&text, out, size);
    while (delivery_status_next(&reader, &group)) {
        text_add(&text, group.final);
        text_add_byte(&text, '|');
        text_add(&text, group.original);
        text_add_byte(&text, '|');
        text_add(&text, group.action);
        text_add_byte(&text, '|');
        text_add(&text, group.status);
        text_add_byte(&text, '\n');
    }
    if (reader.reporting_mta.size > 0) {
        text_add_cstr(&text, "by ");
        text_add(&text, reader.reporting_mta);
    }
    (void)text_cstr_end(&text);
}

static void test_groups(void **state)
{
    static const struct {
        const char *label, *fields, *expected;
    } cases[] = {
        {"empty", "", ""},
        {"no recipient", "Reporting-MTA: dns; mx\n\n", "by dns; mx"},
        {"one", "Reporting-MTA: dns; mx\n\nFinal-Recipient: a\nAction: failed\nStatus: 5.1.1\n",
         "a||failed|5.1.1\nby dns; mx"},
        {"CRLF, two", "Final-Recipient: a\r\nAction: failed\r\n\r\nFinal-Recipient: b\r\n\r\n",
         "a||failed|\nb|||\n"},
        {"no blank line between", "Final-Recipient: a\nAction: failed\nFinal-Recipient: b\n",
         "a||failed|\nb|||\n"},
        {"about the message in the same group", "Reporting-MTA: mx\nFinal-Recipient: a\n",
         "a|||\nby mx"},
        {"original only", "Original-Recipient: o\nAction: failed\n", "|o|failed|\n"},
        {"action and status alone", "Action: failed\nStatus: 5.0.0\n\nAction: x\n",
         "||failed|5.0.0\n"},
        {"prose around",
         "Sorry.\n  more\nFinal-Recipient: a\nthis is no field\nAction: failed\n\nBye: x\n",
         "a||failed|\n"},
        {"cut off", "Final-Recipient: a\nAct", "a|||\n"},
        {"case and blanks", "FINAL-RECIPIENT :  a \naction:failed", "a||failed|\n"},
        {"a field twice", "Final-Recipient: a\nStatus: 1\nStatus: 2\n", "a|||1\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char found[512];

        describe(cases[i].fields, found, sizeof(found));
        if (strcmp(found, cases[i].expected) != 0)
            fail_msg("%s: %s", cases[i].label, found);
    }
}

static void test_folds_stay(void **state)
{
    struct delivery_status_reader reader = {
        .rest = SPAN("Final-Recipient: a\nDiagnostic-Code: smtp; 550 no\n such user\n"
                     "Remote-MTA: dns; mx\nX-Actual-Recipient: rfc822; b\n")};
    struct delivery_status group;

    (void)state;
    assert_true(delivery_status_next(&reader, &group));
    assert_true(span_equal(group.diagnostic, SPAN("smtp; 550 no\n such user")));
    assert_true(span_equal(group.remote_mta, SPAN("dns; mx")));
    assert_true(span_equal(group.actual, SPAN("rfc822; b")));
    assert_false(delivery_status_next(&reader, &group));
}

static void test_a_million_lines(void **state)
{
    size_t size = 4 * MIB;
    char *fields = calloc(1, size);
    struct delivery_status_reader reader = {.rest = span_make(fields, size)};
    struct delivery_status group;
    uint32_t count = 0;

    (void)state;
    assert_non_null(fields);
    for (size_t i = 0; i < size; i += 4)
        memcpy(fields + i, "a:b\n", 4);
    memcpy(fields, "Final-Recipient: a\n\n", 20);
    while (delivery_status_next(&reader, &group))
        count++;
    assert_int_equal(count, 1);
    free(fields);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_folds_stay),
        cmocka_unit_test(test_a_million_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
