#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "message/header.h"

static void test_fields(void **state)
{
    struct span rest = SPAN("From: a@b\r\nX-Long: one\n two\r\tthree\r\nEmpty:\n\nbody\n");
    struct header_field field;

    (void)state;
    assert_int_equal(header_next(&rest, &field), 1);
    assert_true(span_equal(field.name, SPAN("From")));
    assert_true(span_equal(field.body, SPAN(" a@b")));
    assert_true(span_equal(field.whole, SPAN("From: a@b\r\n")));
    assert_int_equal(header_next(&rest, &field), 1);
    assert_true(span_equal(field.body, SPAN(" one\n two\r\tthree")));
    assert_int_equal(header_next(&rest, &field), 1);
    assert_int_equal(field.body.size, 0);
    assert_int_equal(header_next(&rest, &field), 0);
    assert_true(span_equal(rest, SPAN("body\n")));
}

static void test_broken_lines(void **state)
{
    static const char *const broken[] = {"no colon\n", ": no name\n", " fold first\n",
                                         "two words: x\n", "\x80: x\n"};
    struct header_field field;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        struct span rest = span_cstr(broken[i]);
        assert_int_equal(header_next(&rest, &field), -EBADMSG);
        assert_int_equal(rest.size, strlen(broken[i]));
    }
    struct span spaced = SPAN("Name \t: x");
    assert_int_equal(header_next(&spaced, &field), 1);
    assert_true(span_equal(field.name, SPAN("Name")));
    assert_true(span_equal(field.body, SPAN(" x")));
    struct span nothing = SPAN("");
    assert_int_equal(header_next(&nothing, &field), 0);
}

static void test_find(void **state)
{
    struct span message = SPAN("A: 1\nb: 2\na: 3\n\nc: 4\n");
    struct header_field field;

    (void)state;
    assert_true(header_find(message, SPAN("B"), &field));
    assert_true(span_equal(field.body, SPAN(" 2")));
    assert_false(header_find(message, SPAN("c"), &field));
    assert_int_equal(header_count(message, SPAN("A")), 2);
}

static void test_kinds(void **state)
{
    (void)state;
    assert_int_equal(header_kind(SPAN("subject")), HEADER_TEXT);
    assert_int_equal(header_kind(SPAN("X-Anything")), HEADER_TEXT);
    assert_int_equal(header_kind(SPAN("REPLY-TO")), HEADER_ADDRESSES);
    assert_int_equal(header_kind(SPAN("References")), HEADER_MESSAGE_ID);
    assert_int_equal(header_kind(SPAN("List-Unsubscribe-Post")), HEADER_TOKENS);
    assert_int_equal(header_kind(SPAN("Content-Anything")), HEADER_FIXED);
    assert_int_equal(header_kind(SPAN("bcc")), HEADER_REMOVED);
    assert_true(header_is_single(SPAN("from")));
    assert_false(header_is_single(SPAN("Received")));
    assert_false(header_is_single(SPAN("X-From")));
}

static void test_unfold(void **state)
{
    uint8_t data[32];
    uint32_t places[32];
    struct text out;

    (void)state;
    text_init(&out, data, sizeof(data));
    header_unfold(SPAN(" a\r\n b\n\tc"), &out, places);
    assert_true(span_equal(text_span(&out), SPAN(" a b\tc")));
    assert_int_equal(places[2], 4);
    assert_int_equal(places[5], 8);
}

static void test_parameters(void **state)
{
    struct span body = SPAN(" multipart/mixed; Boundary=\"a;b\" ;\r\n charset = us-ascii ; empty=; "
                            "flag; last=\"open");
    struct span value;

    (void)state;
    assert_true(header_parameter(body, SPAN("boundary"), &value));
    assert_true(span_equal(value, SPAN("a;b")));
    assert_true(header_parameter(body, SPAN("charset"), &value));
    assert_true(span_equal(value, SPAN("us-ascii")));
    assert_true(header_parameter(body, SPAN("empty"), &value));
    assert_int_equal(value.size, 0);
    assert_true(header_parameter(body, SPAN("flag"), &value));
    assert_true(header_parameter(body, SPAN("last"), &value));
    assert_true(span_equal(value, SPAN("open")));
    assert_false(header_parameter(body, SPAN("multipart/mixed"), &value));
    assert_false(header_parameter(SPAN(""), SPAN("x"), &value));
}

static void test_mailboxes(void **state)
{
    static const char *const good[] = {
        "a@b",           "a.b+c@sub.b-c.example", "\"a b\"@c.example",
        "x@[192.0.2.1]", "x@[IPv6:2001:db8::1]",  "!#$%&'*+-/=?^_`{|}~@b"};
    static const char *const bad[] = {
        "",
        "a",
        "@b",
        "a@",
        "a@b@c",
        "a b@c",
        ".a@b",
        "a.@b",
        "a..b@c",
        "a@.b",
        "a@b.",
        "a@b..c",
        "a@b c",
        "a@b,c@d",
        "a@b\r\nBcc: x",
        "<a@b>",
        "\"a,b\"@c",
        "\"a>b\"@c",
        "\"a\\\"b\"@c",
        "\"\"@c",
        "a@[x",
        "a@[]",
        "\xc3\xbc@b",
        "a@\xc3\xbc",
        "a@b_c",
        "a(x)@b",
        "a@b(x)",
        "a;b@c",
        "x23456789012345678901234567890123456789012345678901234567890123456@b"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_true(header_is_mailbox(span_cstr(good[i])));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (header_is_mailbox(span_cstr(bad[i])))
            fail_msg("taken for a mailbox: %s", bad[i]);
    }
    assert_false(header_is_mailbox(SPAN("a\0b@c")));
    assert_false(header_is_mailbox(SPAN("a@b\0")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),    cmocka_unit_test(test_broken_lines),
        cmocka_unit_test(test_find),      cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_unfold),    cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_mailboxes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
