#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>

#include "base/base.h"
#include "bounce/transcript_origin.h"

static void check(const char *text, const char *expected, bool found, struct span mailbox)
{
    if (found != (expected != NULL) || (found && !span_equal(mailbox, span_cstr(expected))))
        fail_msg("%s: \"%.*s\"", text, found ? (int)mailbox.size : 0,
                 found ? (const char *)mailbox.data : "");
}

static void test_behind_an_address(void **state)
{
    static const struct {
        const char *reason, *expected; /* NULL: it does not say */
    } cases[] = {
        {"generated from a@x.example)\n    550 no such user\n", "a@x.example"},
        {"(generated from a@x.example)\n", "a@x.example"},
        {"    (ultimately generated from a@x.example)\r\n", "a@x.example"},
        {"expanded from: a@x.example)\n", "a@x.example"},
        {"expanded from: <a@x.example>)\n", "a@x.example"},
        {"Expanded From <a@x.example>): host y said: 550 no\n", "a@x.example"},
        {"reason: 550 no such user)\n    (expanded from: <a@x.example>)\n", "a@x.example"},
        {"(reason: 550 no)\n(expanded from: <a@x.example>)\n", "a@x.example"},
        {"generated from \"a b\"@x.example)\n", "\"a b\"@x.example"},
        /* What another server said names nobody. */
        {"550 no such user\n    (expanded from: <a@x.example>)\n", NULL},
        {"host y said: 550 no (generated from a@x.example)\n", NULL},
        {"reason: 550 no (expanded from: <a@x.example>)\n", NULL},
        {"\n\n(generated from a@x.example)\n", NULL},
        {"generated from the alias a@x.example)\n", NULL},
        {"generated from a@localhost)\n", NULL},
        {"generated from |/bin/program)\n", NULL},
        {"generated from\n", NULL},
        {"expanded from:", NULL},
        {"(", NULL},
        {"", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span mailbox = {NULL, 0};
        bool found = transcript_origin_of(span_cstr(cases[i].reason), &mailbox);

        check(cases[i].reason, cases[i].expected, found, mailbox);
    }
}

static void test_of_one_not_told(void **state)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"failed:\n\n  an undisclosed address\n    (generated from a@x.example)\n", "a@x.example"},
        {"failed:\n  undisclosed\n  (expanded from: <a@x.example>)", "a@x.example"},
        {"the page was generated from a@x.example\n", NULL},
        {"generated from a@x.example\n", NULL},
        {"(generated from a@x.example) by us\n", NULL},
        {"(generated from somewhere)\n(generated from b@x.example)\n", "b@x.example"},
        {"", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span mailbox = {NULL, 0}, rest = span_cstr(cases[i].text);
        bool found = transcript_origin_next(&rest, &mailbox);

        check(cases[i].text, cases[i].expected, found, mailbox);
    }
}

static void test_of_several_not_told(void **state)
{
    struct span rest = SPAN("(generated from a@x.example)\n550 no (generated from c@x.example)\n"
                            "  (ultimately generated from b@x.example)\n  550 no\n");
    struct span mailbox = {NULL, 0};

    (void)state;
    assert_true(transcript_origin_next(&rest, &mailbox));
    assert_true(span_equal(mailbox, SPAN("a@x.example")));
    assert_true(transcript_origin_next(&rest, &mailbox));
    assert_true(span_equal(mailbox, SPAN("b@x.example")));
    assert_false(transcript_origin_next(&rest, &mailbox));
    assert_int_equal(rest.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_behind_an_address),
        cmocka_unit_test(test_of_one_not_told),
        cmocka_unit_test(test_of_several_not_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
