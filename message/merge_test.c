#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "message/header.h"
#include "tests/merge_testing.h"

static const char sample[] = "From: \"Gr\xc3\xbc\xc3\x9f"
                             "e, {{shop}}\" <news@a.example>\n"
                             "Subject: {{name}}, order {{order}}\n"
                             "Content-Type: multipart/alternative; boundary=b\n"
                             "\n"
                             "--b\n"
                             "\n"
                             "Dear {{name}}.\n"
                             ".{{name}}\n"
                             "--b\n"
                             "Content-Type: text/html\n"
                             "\n"
                             "<p>{{name}}</p>\n"
                             "--b\n"
                             "Content-Type: message/rfc822\n"
                             "\n"
                             ".dot\n"
                             "--b--\n";

static void test_whole_message(void **state)
{
    struct merge_testing testing;
    struct span values[3] = {SPAN("Caf\xc3\xa9"), SPAN("<Anna>"), SPAN("7")};

    (void)state;
    merge_testing_open(&testing, SPAN(sample));
    assert_int_equal(testing.result, 0);
    assert_int_equal(merge_testing_merge(&testing, values, true, 4096), 0);
    assert_true(span_equal(text_span(&testing.out),
                           SPAN("From: =?utf-8?b?R3LDvMOfZSwgQ2Fmw6k=?= <news@a.example>\r\n"
                                "Subject: <Anna>, order 7\r\n"
                                "Content-Type: multipart/alternative; boundary=b\r\n"
                                "Date: Fri, 21 Nov 2025 18:36:00 +0000\r\n"
                                "Message-ID: <0000000000001234.7@mail.test>\r\n"
                                "To: <to@example.net>\r\n"
                                "MIME-Version: 1.0\r\n"
                                "\r\n"
                                "--b\r\n"
                                "Content-Type: text/plain; charset=utf-8\r\n"
                                "Content-Transfer-Encoding: quoted-printable\r\n"
                                "\r\n"
                                "Dear=20<Anna>=2E\r\n"
                                "=2E<Anna>\r\n"
                                "--b\r\n"
                                "Content-Type: text/html; charset=utf-8\r\n"
                                "Content-Transfer-Encoding: quoted-printable\r\n"
                                "\r\n"
                                "<p>&lt;Anna&gt;</p>\r\n"
                                "--b\r\n"
                                "Content-Type: message/rfc822\r\n"
                                "\r\n"
                                "..dot\r\n"
                                "--b--\r\n"
                                ".\r\n")));
    merge_testing_close(&testing);
}

/* Buffers of every size give the same octets, and merge_size is right. */
static void test_buffers(void **state)
{
    static uint8_t long_value[TEMPLATE_VALUE_MAX];
    struct merge_testing testing;
    struct merge_testing other;
    struct span values[3] = {SPAN("S"), SPAN("\xc3\xbc=?\" x"), SPAN("7")};

    (void)state;
    memset(long_value, '\xc3', sizeof(long_value));
    merge_testing_open(&testing, SPAN(sample));
    merge_testing_open(&other, SPAN(sample));
    for (uint32_t round = 0; round < 3; round++) {
        assert_int_equal(merge_testing_merge(&testing, values, true, 8 * MIB), 0);
        for (size_t room = MERGE_STEP_MAX; room < MERGE_STEP_MAX + 150; room++) {
            assert_int_equal(merge_testing_merge(&other, values, true, room), 0);
            assert_true(span_equal(text_span(&testing.out), text_span(&other.out)));
        }
        assert_int_equal(merge_testing_merge(&other, values, false, 8 * MIB), 0);
        assert_int_equal(merge_testing_size(&other, values), other.out.size);
        values[round] = span_make(long_value, 998);
    }
    merge_testing_close(&testing);
    merge_testing_close(&other);
}

static void test_long_value_in_body(void **state)
{
    static uint8_t value[TEMPLATE_VALUE_MAX];
    struct merge_testing testing;
    struct span values[1] = {{value, sizeof(value)}};

    (void)state;
    memset(value, '"', sizeof(value));
    merge_testing_open(&testing, SPAN("From: a@b\nContent-Type: text/html\n\n{{a}}\n"));
    assert_int_equal(merge_testing_merge(&testing, values, true, MERGE_STEP_MAX), 0);
    for (struct span rest = text_span(&testing.out); rest.size > 0;)
        assert_true(span_split(&rest, '\n').size <= 77);
    assert_int_equal(merge_testing_size(&testing, values), testing.out.size - 3);
    merge_testing_close(&testing);
}

/* Values that nobody checked: what would go out unquoted stops the merge, the rest is harmless. */
static void test_unchecked_values(void **state)
{
    struct merge_testing testing;
    struct span mailbox = SPAN("a@b>, <evil@c");
    struct span lines = SPAN("a\r\nBcc: evil@c\r\n\r\n.\r\n\0\xff");

    (void)state;
    merge_testing_open(&testing, SPAN("From: a@b\nTo: <{{a}}>\n\nx\n"));
    assert_int_equal(merge_testing_merge(&testing, &mailbox, true, MERGE_STEP_MAX), -EINVAL);
    merge_testing_close(&testing);
    merge_testing_open(&testing, SPAN("From: a@b\nTo: {{a}} <a@b>\nSubject: {{a}}\n\n{{a}}\n"));
    assert_int_equal(merge_testing_merge(&testing, &lines, false, MERGE_STEP_MAX), 0);
    assert_int_equal(header_count(text_span(&testing.out), SPAN("Bcc")), 0);
    assert_true(span_find(text_span(&testing.out), SPAN("\r\n.")) == SPAN_NOT_FOUND);
    merge_testing_close(&testing);
}

struct date_case {
    uint64_t seconds;
    const char *date;
};

static const struct date_case dates[] = {
    {0, "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n"},
    {951782399, "Date: Mon, 28 Feb 2000 23:59:59 +0000\r\n"},
    {951782400, "Date: Tue, 29 Feb 2000 00:00:00 +0000\r\n"},
    {1709251199, "Date: Thu, 29 Feb 2024 23:59:59 +0000\r\n"},
    {1735689600, "Date: Wed, 01 Jan 2025 00:00:00 +0000\r\n"},
    {4107542400, "Date: Mon, 01 Mar 2100 00:00:00 +0000\r\n"},
};

static void merge_once(const struct template *template, const struct merge_values *values,
                       struct text *out)
{
    struct merge merge;

    text_reset(out);
    assert_int_equal(merge_begin(&merge, template, values, false), 0);
    assert_int_equal(merge_step(&merge, out), MERGE_DONE);
}

static void test_added_fields(void **state)
{
    struct merge_testing testing;
    struct merge_values values = {
        .identity = {UINT64_MAX, UINT32_MAX}, .host = SPAN("h"), .recipient = SPAN("a@b")};

    (void)state;
    merge_testing_open(&testing, SPAN("From: a@b\n\nx\n"));
    for (size_t i = 0; i < ARRAY_LEN(dates); i++) {
        values.date_s = dates[i].seconds;
        merge_once(&testing.template, &values, &testing.out);
        assert_true(span_find(text_span(&testing.out), span_cstr(dates[i].date)) != SPAN_NOT_FOUND);
    }
    assert_true(
        span_find(text_span(&testing.out),
                  SPAN("\r\nMessage-ID: <ffffffffffffffff.4294967295@h>\r\nTo: <a@b>\r\n")) !=
        SPAN_NOT_FOUND);
    values.recipient = SPAN("\xc3\xbc@b\r\nBcc: x");
    values.host = SPAN("\xc3\xbc>\r\nBcc: x");
    merge_once(&testing.template, &values, &testing.out);
    assert_true(span_find(text_span(&testing.out), SPAN("\r\nTo: undisclosed-recipients:;\r\n")) !=
                SPAN_NOT_FOUND);
    assert_true(span_find(text_span(&testing.out), SPAN(".4294967295@host.invalid>\r\n")) !=
                SPAN_NOT_FOUND);
    merge_testing_close(&testing);
}

/* The same octets, stopped at the border and gone on with, whatever the buffers. */
static void check_border(const char *source, const struct span *fields, bool has_body)
{
    struct merge_values values = {.fields = fields,
                                  .recipient = SPAN("to@example.net"),
                                  .identity = {1, 2},
                                  .host = SPAN("mail.test"),
                                  .date_s = MERGE_TESTING_DATE};
    struct merge_testing testing;
    uint8_t whole_bytes[8192], parts_bytes[8192], piece_bytes[MERGE_STEP_MAX + 64];
    struct text whole, parts;

    merge_testing_open(&testing, span_cstr(source));
    assert_int_equal(testing.result, 0);
    text_init(&whole, whole_bytes, sizeof(whole_bytes));
    merge_once(&testing.template, &values, &whole);
    for (size_t room = MERGE_STEP_MAX; room < sizeof(piece_bytes); room += 7) {
        struct merge_place place = merge_body_place(&testing.template);
        struct merge merge;
        size_t header_size = 0;
        struct span end;

        text_init(&parts, parts_bytes, sizeof(parts_bytes));
        assert_int_equal(merge_begin(&merge, &testing.template, &values, false), 0);
        merge_until(&merge, place);
        for (int part = 0; part < 2; part++) {
            enum merge_state step;

            do {
                struct text piece;

                text_init(&piece, piece_bytes, room);
                step = merge_step(&merge, &piece);
                text_add(&parts, text_span(&piece));
            } while (step == MERGE_MORE);
            if (part == 0)
                header_size = parts.size;
            merge_until(&merge, MERGE_END);
        }
        end = span_first(text_span(&parts), header_size);
        assert_true(span_equal(text_span(&parts), text_span(&whole)));
        assert_int_equal(span_find(end, SPAN("\r\n\r\n")), header_size - 4);
        assert_int_equal(has_body, header_size < parts.size);
    }
    merge_testing_close(&testing);
}

static void test_border(void **state)
{
    static char longer[3000];
    const struct span fields[] = {SPAN("Caf\xc3\xa9"), SPAN("<Anna>"), SPAN("7")};

    (void)state;
    check_border(sample, fields, true);
    check_border("From: a@b\n\n.dot\n", NULL, true);
    check_border("From: a@b\nSubject: {{x}}\n\n{{x}}\n", fields, true);
    check_border("From: a@b\nTo: c@d\nSubject: {{x}}\n\n\n\nx\n", fields, true);
    check_border("From: a@b\n\n", NULL, false);
    check_border("From: a@b", NULL, false);
    memcpy(longer, "From: a@b\n\n", 11);
    for (size_t i = 11; i + 1 < sizeof(longer); i++)
        longer[i] = i % 60 == 0 ? '\n' : 'x';
    check_border(longer, NULL, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_message),      cmocka_unit_test(test_buffers),
        cmocka_unit_test(test_long_value_in_body), cmocka_unit_test(test_unchecked_values),
        cmocka_unit_test(test_added_fields),       cmocka_unit_test(test_border),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
