#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "message/added_fields.h"
#include "message/header.h"

#define TAG "aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd"

static char buffer[ADDED_FIELDS_MAX];

static const char *write_fields(const struct added_fields_settings *settings, uint32_t own,
                                const char *tag)
{
    const struct added_fields_values values = {
        .own = own,
        .tag = span_cstr(tag),
        .is_bulk = true,
        .campaign = SPAN("spring sale: 10%"),
        .tenant = SPAN("acme"),
        .stream = SPAN("news"),
    };
    struct text out;

    text_init(&out, buffer, sizeof(buffer) - 1);
    added_fields_write(settings, &values, &out);
    assert_false(out.overflow);
    return text_cstr_end(&out);
}

static void test_all(void **state)
{
    const struct added_fields_settings settings = {
        .mailto = SPAN("leave@s.example"),
        .url = SPAN("https://s.example/u?t="),
        .feedback = SPAN("{{campaign}}:{{tenant}}:{{stream}}:ringel"),
        .cfbl = SPAN("fbl@s.example"),
    };

    (void)state;
    assert_string_equal(write_fields(&settings, 0, TAG),
                        "List-Unsubscribe: <https://s.example/u?t=" TAG ">,\r\n"
                        " <mailto:leave+" TAG "@s.example?subject=unsubscribe>\r\n"
                        "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
                        "Feedback-ID: spring_sale__10_:acme:news:ringel\r\n"
                        "CFBL-Address: fbl@s.example; report=arf\r\n");
    assert_string_equal(write_fields(&settings, 7, TAG), "");
    assert_string_equal(write_fields(&settings, 6, ""), "");
}

/* RFC 9477 4.2. With the author's own address complaints are not ours, and no tag of ours goes to
 * who is told of them. */
static void test_cfbl_id(void **state)
{
    static const struct added_fields_settings settings = {.cfbl = SPAN_INIT("fbl@s.example"),
                                                          .cfbl_id = true};
    struct added_fields_values values = {.tag = SPAN(TAG)};
    struct text out;

    (void)state;
    assert_string_equal(write_fields(&settings, 0, TAG),
                        "CFBL-Address: fbl@s.example; report=arf\r\n"
                        "CFBL-Feedback-ID: " TAG "\r\n");
    assert_string_equal(write_fields(&settings, ADDED_FIELDS_OWN_CFBL_ID, TAG),
                        "CFBL-Address: fbl@s.example; report=arf\r\n");
    assert_string_equal(write_fields(&settings, ADDED_FIELDS_OWN_CFBL, TAG), "");
    assert_string_equal(write_fields(&settings, 0, ""),
                        "CFBL-Address: fbl@s.example; report=arf\r\n");
    text_init(&out, buffer, sizeof(buffer) - 1);
    added_fields_write(&settings, &values, &out); /* of every lane */
    assert_string_equal(text_cstr_end(&out), "CFBL-Address: fbl@s.example; report=arf\r\n"
                                             "CFBL-Feedback-ID: " TAG "\r\n");
}

static void test_nothing_to_leave(void **state)
{
    static const struct added_fields_settings settings = {.url = SPAN_INIT("https://s.example/"),
                                                          .mailto = SPAN_INIT("leave@s.example")};
    struct added_fields_values values = {.tag = SPAN(TAG)};
    struct text out;

    (void)state;
    text_init(&out, buffer, sizeof(buffer));
    added_fields_write(&settings, &values, &out);
    assert_int_equal(out.size, 0);
}

/* One click is promised only where there is an address for it. */
static void test_mail_alone(void **state)
{
    const struct added_fields_settings settings = {.mailto = SPAN("a&b@s.example")};

    (void)state;
    assert_string_equal(write_fields(&settings, 0, TAG), "List-Unsubscribe: <mailto:a%26b+" TAG
                                                         "@s.example?subject=unsubscribe>\r\n");
}

static void test_url_alone(void **state)
{
    const struct added_fields_settings settings = {.url = SPAN("https://s.example/")};

    (void)state;
    assert_string_equal(write_fields(&settings, 0, TAG),
                        "List-Unsubscribe: <https://s.example/" TAG ">\r\n"
                        "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n");
}

static void test_own(void **state)
{
    static const struct {
        const char *message;
        uint32_t own;
    } cases[] = {
        {"Subject: s\n\nList-Unsubscribe: <x>\n", 0},
        {"list-unsubscribe: <mailto:x@y>\n\nb", ADDED_FIELDS_OWN_UNSUBSCRIBE},
        {"LIST-Unsubscribe-Post: x\r\n\r\nb", ADDED_FIELDS_OWN_UNSUBSCRIBE},
        {"Feedback-ID: a:b:c:d\nCFBL-Address: a@b\n\n",
         ADDED_FIELDS_OWN_FEEDBACK | ADDED_FIELDS_OWN_CFBL},
        {"X-Feedback-ID: a\n\n", 0},
        {"cfbl-feedback-id: a\n\n", ADDED_FIELDS_OWN_CFBL_ID},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (added_fields_own(span_cstr(cases[i].message)) != cases[i].own)
            fail_msg("case %zu", i);
}

static void test_settings(void **state)
{
    static const struct {
        const char *value;
        const char *problem; /* a part of it; NULL: none */
        const char *(*check)(struct span value);
    } cases[] = {
        {"leave@s.example", NULL, added_fields_mailto_problem},
        {"leave", "not a plain address", added_fields_mailto_problem},
        {"a b@s.example", "not a plain address", added_fields_mailto_problem},
        {"\"a\"@s.example", "not a plain address", added_fields_mailto_problem},
        {"leave@s.example\r\nX: y", "not a plain address", added_fields_mailto_problem},
        {"abcdefghijklmnopqrstuvw@s.example", NULL, added_fields_mailto_problem},
        {"abcdefghijklmnopqrstuvwx@s.example", "no room for a tag", added_fields_mailto_problem},
        {"fbl@s.example", NULL, added_fields_cfbl_problem},
        {"fbl@", "not a plain address", added_fields_cfbl_problem},
        {"https://s.example/u/", NULL, added_fields_url_problem},
        {"http://s.example/u/", "https", added_fields_url_problem},
        {"https:///u", "https", added_fields_url_problem},
        {"https://", "https", added_fields_url_problem},
        {"https://s.example/u>x", "octet", added_fields_url_problem},
        {"https://s.example/u\r\n", "octet", added_fields_url_problem},
        {"https://s.example/#", "octet", added_fields_url_problem},
        {"https://s.example/\xc3\xa4", "octet", added_fields_url_problem},
        {":::sender", NULL, added_fields_feedback_problem},
        {"{{campaign}}:{{tenant}}:{{stream}}:s", NULL, added_fields_feedback_problem},
        {"a:b:sender", "a:b:c:sender", added_fields_feedback_problem},
        {"a:b:c:", "a:b:c:sender", added_fields_feedback_problem},
        {"a:b:c:{{tenant}}", "a:b:c:sender", added_fields_feedback_problem},
        {"a:b:c:d:e", "a:b:c:sender", added_fields_feedback_problem},
        {"{{name}}:b:c:d", "printable", added_fields_feedback_problem},
        {"a b:b:c:d", "printable", added_fields_feedback_problem},
        {"a:b:c:d\n", "printable", added_fields_feedback_problem},
        {"{{campaign}}{{campaign}}{{campaign}}{{campaign}}:::s", "255",
         added_fields_feedback_problem},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *problem = cases[i].check(span_cstr(cases[i].value));
        bool expected = problem == NULL || cases[i].problem == NULL
                            ? problem == cases[i].problem
                            : strstr(problem, cases[i].problem) != NULL;

        if (!expected)
            fail_msg("%s: %s", cases[i].value, problem == NULL ? "sound" : problem);
    }
}

/* The largest of everything: it fits, and every line is one that a header may have. */
static void test_bounds(void **state)
{
    static char mailto[ADDED_FIELDS_ADDRESS_MAX + 1], url[ADDED_FIELDS_URL_MAX + 1];
    static const char *const wide =
        "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl"; /* 64 */
    struct added_fields_settings settings = {
        .feedback = SPAN("{{campaign}}{{tenant}}:{{stream}}::s"), .cfbl_id = true};
    struct added_fields_values values = {
        .tag = SPAN(TAG),
        .is_bulk = true,
        .campaign = span_cstr(wide),
        .tenant = span_cstr(wide),
        .stream = span_cstr(wide),
    };
    struct text out;
    struct header_field field;
    struct span rest;
    uint32_t count = 0;

    (void)state;
    memset(mailto, '&', 23);
    mailto[23] = '@';
    for (size_t i = 24; i < ADDED_FIELDS_ADDRESS_MAX; i++)
        mailto[i] = i % 60 == 59 ? '.' : 'd';
    memset(url, 'u', sizeof(url) - 1);
    memcpy(url, "https://", 8);
    settings.mailto = settings.cfbl = span_cstr(mailto);
    settings.url = span_cstr(url);
    assert_null(added_fields_mailto_problem(settings.mailto));
    assert_null(added_fields_url_problem(settings.url));
    assert_null(added_fields_feedback_problem(settings.feedback));
    text_init(&out, buffer, sizeof(buffer));
    added_fields_write(&settings, &values, &out);
    assert_false(out.overflow);
    rest = text_span(&out);
    while (header_next(&rest, &field) > 0)
        count++;
    assert_int_equal(rest.size, 0);
    assert_int_equal(count, 5);
    rest = text_span(&out);
    while (rest.size > 0)
        assert_true(header_line(&rest).size <= 998);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all),       cmocka_unit_test(test_mail_alone),
        cmocka_unit_test(test_url_alone), cmocka_unit_test(test_own),
        cmocka_unit_test(test_settings),  cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_cfbl_id),   cmocka_unit_test(test_nothing_to_leave),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
