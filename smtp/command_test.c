#include "smtp/command.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

static const struct {
    struct span path;
    bool utf8;
    bool safe;
} paths[] = {
    {SPAN_INIT(""), false, true},
    {SPAN_INIT("a@b.test"), false, true},
    {SPAN_INIT("postmaster"), false, true},
    {SPAN_INIT("\"john doe\"@b.test"), false, true},
    {SPAN_INIT("\"a>b\\\"c\"@b.test"), false, true},
    {SPAN_INIT("a@[IPv6:::1]"), false, true},
    {SPAN_INIT("a b@c.test"), false, false},
    {SPAN_INIT("a@b.test>"), false, false},
    {SPAN_INIT("<a@b.test"), false, false},
    {SPAN_INIT("a@b.test> SIZE=1"), false, false},
    {SPAN_INIT("a\r\nDATA@b.test"), false, false},
    {SPAN_INIT("a\n@b.test"), false, false},
    {SPAN_INIT("\"a\r\n\"@b.test"), false, false},
    {SPAN_INIT("\"a\\\r\"@b.test"), false, false},
    {SPAN_INIT("a\0@b.test"), false, false},
    {SPAN_INIT("a\t@b.test"), false, false},
    {SPAN_INIT("a\x7f@b.test"), false, false},
    {SPAN_INIT("\"a@b.test"), false, false},
    {SPAN_INIT("\"a\\\"@b.test"), false, false},
    {SPAN_INIT("a\\@b.test"), false, false},
    {SPAN_INIT("gr\xc3\xbc\xc3\x9f@b.test"), false, false},
    {SPAN_INIT("gr\xc3\xbc\xc3\x9f@b.test"), true, true},
    {SPAN_INIT("gr\xff@b.test"), true, false},
};

static void test_paths(void **state)
{
    static uint8_t many[COMMAND_ADDRESS_MAX + 1];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        if (command_path_is_safe(paths[i].path, paths[i].utf8) != paths[i].safe)
            fail_msg("path %zu", i);
    }
    memset(many, 'a', sizeof(many));
    assert_true(command_path_is_safe(span_make(many, COMMAND_ADDRESS_MAX), false));
    assert_false(command_path_is_safe(span_make(many, COMMAND_ADDRESS_MAX + 1), false));
}

static void test_judge(void **state)
{
    struct ehlo none = {0, 0};
    struct ehlo all = {EHLO_SIZE | EHLO_8BITMIME | EHLO_SMTPUTF8, 1000};
    struct envelope envelope = {SPAN("a@b.test"), SPAN("c@d.test"), 1000, false, false, false};
    struct envelope other;

    (void)state;
    assert_int_equal(command_judge(&envelope, &none), COMMAND_FAULT_NONE);
    assert_int_equal(command_judge(&envelope, &all), COMMAND_FAULT_NONE);
    other = envelope;
    other.size = 1001;
    assert_int_equal(command_judge(&other, &none), COMMAND_FAULT_NONE);
    assert_int_equal(command_judge(&other, &all), COMMAND_FAULT_SIZE);
    other = envelope;
    other.eight_bit = true;
    assert_int_equal(command_judge(&other, &none), COMMAND_FAULT_EIGHT_BIT);
    assert_int_equal(command_judge(&other, &all), COMMAND_FAULT_NONE);
    other = envelope;
    other.utf8 = true;
    assert_int_equal(command_judge(&other, &none), COMMAND_FAULT_UTF8);
    assert_int_equal(command_judge(&other, &all), COMMAND_FAULT_NONE);
    other = envelope;
    other.return_path = SPAN("");
    assert_int_equal(command_judge(&other, &none), COMMAND_FAULT_NONE);
    other.return_path = SPAN("a\r\n@b");
    assert_int_equal(command_judge(&other, &none), COMMAND_FAULT_RETURN_PATH);
    other = envelope;
    other.recipient = SPAN("");
    assert_int_equal(command_judge(&other, &none), COMMAND_FAULT_RECIPIENT);
    other.recipient = SPAN("a b");
    assert_int_equal(command_judge(&other, &none), COMMAND_FAULT_RECIPIENT);
    other = envelope;
    other.require_tls = true;
    assert_int_equal(command_judge(&other, &all), COMMAND_FAULT_REQUIRETLS);
    all.extensions |= EHLO_REQUIRETLS;
    assert_int_equal(command_judge(&other, &all), COMMAND_FAULT_NONE);
    for (uint32_t i = 0; i < COMMAND_FAULT_COUNT; i++)
        assert_non_null(command_fault_text((enum command_fault)i));
}

static void expect_text(struct text *text, const char *expected)
{
    assert_int_equal(text->size, strlen(expected));
    assert_memory_equal(text->data, expected, text->size);
    text_reset(text);
}

static void test_writing(void **state)
{
    struct ehlo none = {0, 0};
    struct ehlo all = {EHLO_SIZE | EHLO_8BITMIME | EHLO_SMTPUTF8, 0};
    struct envelope envelope = {SPAN(""), SPAN("c@d.test"), 77, false, false, false};
    uint8_t buffer[COMMAND_SIZE_MAX];
    struct text text;

    (void)state;
    text_init(&text, buffer, sizeof(buffer));
    command_ehlo(&text, SPAN("mx.test"));
    expect_text(&text, "EHLO mx.test\r\n");
    command_helo(&text, SPAN("mx.test"));
    expect_text(&text, "HELO mx.test\r\n");
    command_mail(&text, &envelope, &none);
    expect_text(&text, "MAIL FROM:<>\r\n");
    envelope.return_path = SPAN("a@b.test");
    command_mail(&text, &envelope, &all);
    expect_text(&text, "MAIL FROM:<a@b.test> SIZE=77\r\n");
    envelope.eight_bit = true;
    command_mail(&text, &envelope, &all);
    expect_text(&text, "MAIL FROM:<a@b.test> SIZE=77 BODY=8BITMIME\r\n");
    envelope.utf8 = true;
    command_mail(&text, &envelope, &all);
    expect_text(&text, "MAIL FROM:<a@b.test> SIZE=77 BODY=8BITMIME SMTPUTF8\r\n");
    envelope.utf8 = envelope.eight_bit = false;
    envelope.require_tls = true;
    command_mail(&text, &envelope, &none);
    expect_text(&text, "MAIL FROM:<a@b.test> REQUIRETLS\r\n");
    command_starttls(&text);
    command_auth_login(&text);
    expect_text(&text, "STARTTLS\r\nAUTH LOGIN\r\n");
    command_auth_answer(&text, SPAN("user"));
    expect_text(&text, "dXNlcg==\r\n");
    command_auth_plain(&text, SPAN("user"), SPAN("pass"));
    expect_text(&text, "AUTH PLAIN AHVzZXIAcGFzcw==\r\n");
    command_rcpt(&text, envelope.recipient);
    expect_text(&text, "RCPT TO:<c@d.test>\r\n");
    command_data(&text);
    command_dot(&text);
    command_rset(&text);
    command_quit(&text);
    expect_text(&text, "DATA\r\n.\r\nRSET\r\nQUIT\r\n");
}

static void test_longest_fits(void **state)
{
    static uint8_t many[400];
    struct ehlo all = {EHLO_SIZE | EHLO_8BITMIME | EHLO_SMTPUTF8, 0};
    struct envelope envelope = {
        {many, COMMAND_ADDRESS_MAX}, {many, COMMAND_ADDRESS_MAX}, UINT64_MAX, true, true, true};
    uint8_t buffer[COMMAND_SIZE_MAX];
    struct text text;

    (void)state;
    memset(many, 'a', sizeof(many));
    text_init(&text, buffer, sizeof(buffer));
    command_mail(&text, &envelope, &all);
    assert_false(text.overflow);
    text_reset(&text);
    command_rcpt(&text, envelope.recipient);
    assert_false(text.overflow);
    text_reset(&text);
    command_ehlo(&text, span_make(many, sizeof(many)));
    assert_false(text.overflow);
}

static void test_answers(void **state)
{
    (void)state;
    assert_true(command_is_answer(COMMAND_MAIL, 250));
    assert_true(command_is_answer(COMMAND_MAIL, 451));
    assert_true(command_is_answer(COMMAND_MAIL, 550));
    assert_false(command_is_answer(COMMAND_MAIL, 354));
    assert_false(command_is_answer(COMMAND_DATA, 250));
    assert_true(command_is_answer(COMMAND_DATA, 354));
    assert_false(command_is_answer(COMMAND_DOT, 221)); /* QUIT's answer is no delivery */
    assert_false(command_is_answer(COMMAND_DOT, 354));
    assert_true(command_is_answer(COMMAND_QUIT, 221));
    assert_true(command_is_answer(COMMAND_GREETING, 220));
    assert_false(command_is_answer(COMMAND_EHLO, 220));
}

static void test_table(void **state)
{
    (void)state;
    assert_true(command_timeout_ns(&(struct command_timeouts){0}, COMMAND_GREETING) ==
                300 * NS_PER_S);
    assert_true(command_timeout_ns(&(struct command_timeouts){0}, COMMAND_MAIL) == 300 * NS_PER_S);
    assert_true(command_timeout_ns(&(struct command_timeouts){0}, COMMAND_RCPT) == 300 * NS_PER_S);
    assert_true(command_timeout_ns(&(struct command_timeouts){0}, COMMAND_DATA) == 120 * NS_PER_S);
    assert_true(command_timeout_ns(&(struct command_timeouts){0}, COMMAND_DOT) == 600 * NS_PER_S);
    assert_true(COMMAND_BLOCK_TIMEOUT_NS == 180 * NS_PER_S);
    assert_true(command_timeout_ns(&(struct command_timeouts){0}, COMMAND_NONE) ==
                COMMAND_TIMEOUT_NONE);
    for (uint32_t i = 0; i < COMMAND_COUNT; i++)
        assert_non_null(command_name((enum command)i));
    assert_int_equal(command_stage(COMMAND_HELO), STAGE_EHLO);
}

/* Each setting belongs to its commands and to no other. */
static void test_given_timeouts(void **state)
{
    static const struct command_timeouts given = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    static const uint64_t wanted[COMMAND_COUNT] = {
        [COMMAND_GREETING] = 1, [COMMAND_EHLO] = 2,     [COMMAND_HELO] = 2,
        [COMMAND_MAIL] = 3,     [COMMAND_RSET] = 3,     [COMMAND_RCPT] = 4,
        [COMMAND_DATA] = 5,     [COMMAND_DOT] = 7,      [COMMAND_LONE_DOT] = 7,
        [COMMAND_QUIT] = 8,     [COMMAND_STARTTLS] = 9, [COMMAND_HANDSHAKE] = 10,
        [COMMAND_AUTH] = 11,
    };

    (void)state;
    for (uint32_t i = 0; i < COMMAND_COUNT; i++) {
        enum command command = (enum command)i;
        uint64_t usual = command_timeout_ns(&(struct command_timeouts){0}, command);

        assert_int_equal(command_timeout_ns(&given, command), wanted[i] > 0 ? wanted[i] : usual);
    }
    assert_int_equal(command_block_timeout_ns(&given), 6);
    assert_int_equal(command_block_timeout_ns(&(struct command_timeouts){0}), 180 * NS_PER_S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),        cmocka_unit_test(test_given_timeouts),
        cmocka_unit_test(test_judge),        cmocka_unit_test(test_writing),
        cmocka_unit_test(test_longest_fits), cmocka_unit_test(test_answers),
        cmocka_unit_test(test_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
