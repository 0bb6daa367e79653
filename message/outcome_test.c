#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "message/outcome.h"

static const struct {
    const char *label;
    enum outcome_stage stage;
    const char *reply;
    enum outcome_kind kind;
    enum outcome_cause cause;
} cases[] = {
    {"greeting", STAGE_GREETING, "220 hello", OUTCOME_NONE, CAUSE_REPLY},
    {"greeting refused", STAGE_GREETING, "554 5.7.1 blocked", OUTCOME_DEFERRED, CAUSE_REPLY},
    {"host takes no mail", STAGE_GREETING, "521 no mail here", OUTCOME_DEFERRED, CAUSE_REPLY},
    {"greeting 421", STAGE_GREETING, "421 4.3.2 busy", OUTCOME_DEFERRED, CAUSE_REPLY},
    {"greeting 354", STAGE_GREETING, "354 go", OUTCOME_DEFERRED, CAUSE_PROTOCOL},
    {"HELO refused", STAGE_EHLO, "550 your name is wrong", OUTCOME_DEFERRED, CAUSE_REPLY},
    {"EHLO unknown", STAGE_EHLO, "502 what", OUTCOME_DEFERRED, CAUSE_REPLY},
    {"STARTTLS refused", STAGE_TLS, "554 no", OUTCOME_DEFERRED, CAUSE_REPLY},
    {"MAIL ok", STAGE_MAIL, "250 ok", OUTCOME_NONE, CAUSE_REPLY},
    {"MAIL 354", STAGE_MAIL, "354 go", OUTCOME_DEFERRED, CAUSE_PROTOCOL},
    {"sender unknown", STAGE_MAIL, "550 5.1.8 bad sender", OUTCOME_FAILED, CAUSE_REPLY},
    {"too big", STAGE_MAIL, "552 5.3.4 too big", OUTCOME_FAILED, CAUSE_REPLY},
    {"too big, no code", STAGE_MAIL, "552 too big", OUTCOME_FAILED, CAUSE_REPLY},
    {"sender blocked", STAGE_MAIL, "554 5.7.1 policy", OUTCOME_FAILED, CAUSE_REPLY},
    {"sender syntax", STAGE_MAIL, "501 5.1.7 syntax", OUTCOME_FAILED, CAUSE_REPLY},
    {"no system", STAGE_MAIL, "550 5.3.2 shutting down", OUTCOME_DEFERRED, CAUSE_REPLY},
    {"AUTH first", STAGE_MAIL, "530 5.7.0 authenticate", OUTCOME_DEFERRED, CAUSE_REPLY},
    {"parameter", STAGE_MAIL, "555 5.5.4 SIZE?", OUTCOME_DEFERRED, CAUSE_REPLY},
    {"out of order", STAGE_MAIL, "503 5.5.1 nested MAIL", OUTCOME_DEFERRED, CAUSE_REPLY},
    {"unknown command", STAGE_MAIL, "500 5.5.2 what", OUTCOME_DEFERRED, CAUSE_REPLY},
    {"user unknown", STAGE_RCPT, "550 5.1.1 unknown", OUTCOME_FAILED, CAUSE_REPLY},
    {"not local", STAGE_RCPT, "551 elsewhere", OUTCOME_FAILED, CAUSE_REPLY},
    {"not qualified", STAGE_RCPT, "504 5.5.2 not fully qualified", OUTCOME_FAILED, CAUSE_REPLY},
    {"null MX", STAGE_RCPT, "556 5.1.10 null MX", OUTCOME_FAILED, CAUSE_REPLY},
    {"greylisted", STAGE_RCPT, "450 4.7.1 later", OUTCOME_DEFERRED, CAUSE_REPLY},
    {"too many, wrong code", STAGE_RCPT, "552 too many recipients", OUTCOME_DEFERRED, CAUSE_REPLY},
    {"too many, 5.5.3", STAGE_RCPT, "552 5.5.3 too many", OUTCOME_DEFERRED, CAUSE_REPLY},
    {"too many, 550", STAGE_RCPT, "550 5.5.3 too many", OUTCOME_DEFERRED, CAUSE_REPLY},
    {"mailbox full", STAGE_RCPT, "552 5.2.2 over quota", OUTCOME_FAILED, CAUSE_REPLY},
    {"RCPT needs MAIL", STAGE_RCPT, "503 5.5.1 MAIL first", OUTCOME_DEFERRED, CAUSE_REPLY},
    {"system at RCPT", STAGE_RCPT, "550 5.3.2 no", OUTCOME_FAILED, CAUSE_REPLY},
    {"RCPT 251", STAGE_RCPT, "251 will forward", OUTCOME_NONE, CAUSE_REPLY},
    {"RCPT 199", STAGE_RCPT, "199 what", OUTCOME_DEFERRED, CAUSE_PROTOCOL},
    {"DATA 354", STAGE_DATA, "354 go", OUTCOME_NONE, CAUSE_REPLY},
    {"DATA 554", STAGE_DATA, "554 no", OUTCOME_FAILED, CAUSE_REPLY},
    {"DATA 503", STAGE_DATA, "503 no recipients", OUTCOME_DEFERRED, CAUSE_REPLY},
    {"early refusal", STAGE_BODY, "552 5.3.4 too big", OUTCOME_FAILED, CAUSE_REPLY},
    {"early 421", STAGE_BODY, "421 4.4.2 too slow", OUTCOME_DEFERRED, CAUSE_REPLY},
    {"chunk ok", STAGE_BODY, "250 ok", OUTCOME_NONE, CAUSE_REPLY},
    {"delivered", STAGE_DOT, "250 2.0.0 queued", OUTCOME_DELIVERED, CAUSE_REPLY},
    {"dot 4yz", STAGE_DOT, "451 4.3.0 later", OUTCOME_DEFERRED, CAUSE_REPLY},
    {"dot 421", STAGE_DOT, "421 4.3.2 bye", OUTCOME_DEFERRED, CAUSE_REPLY},
    {"content refused", STAGE_DOT, "554 5.7.1 spam", OUTCOME_FAILED, CAUSE_REPLY},
    {"storage at the dot", STAGE_DOT, "552 storage", OUTCOME_FAILED, CAUSE_REPLY},
    {"line too long", STAGE_DOT, "500 5.5.2 line too long", OUTCOME_FAILED, CAUSE_REPLY},
    {"lost step", STAGE_DOT, "503 5.5.1 DATA first", OUTCOME_DEFERRED, CAUSE_REPLY},
    {"dot 354", STAGE_DOT, "354 go", OUTCOME_UNSURE, CAUSE_PROTOCOL},
    {"dot 600", STAGE_DOT, "600 what", OUTCOME_UNSURE, CAUSE_PROTOCOL},
    {"dot 000", STAGE_DOT, "000 what", OUTCOME_UNSURE, CAUSE_PROTOCOL},
};

static struct reply reply_of(const char *line)
{
    struct span text = span_cstr(line);
    struct reply reply = {.code = 0};
    uint64_t code;

    assert_true(span_number(span_first(text, 3), 999, &code));
    text = span_skip(text, 4);
    reply.code = (uint16_t)code;
    if (!reply_take_enhanced(reply.code, &text, reply.enhanced))
        reply.enhanced[0] = 0;
    reply_set_text(&reply, text);
    return reply;
}

static void test_from_reply(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct reply reply = reply_of(cases[i].reply);
        struct outcome outcome = outcome_from_reply(cases[i].stage, &reply);

        print_message("%s\n", cases[i].label);
        assert_string_equal(outcome_kind_name(outcome.kind), outcome_kind_name(cases[i].kind));
        assert_int_equal(outcome.cause, cases[i].cause);
        assert_int_equal(outcome.stage, cases[i].stage);
        assert_int_equal(outcome.reply.code, reply.code);
        assert_int_equal(outcome.reply.text_size, reply.text_size);
    }
}

/* Whatever a server says, mail is delivered only by a 2yz at the dot, and never failed by a code
 * that is no 5yz. */
static void test_every_code(void **state)
{
    (void)state;
    for (int stage = STAGE_GREETING; stage < STAGE_COUNT; stage++) {
        for (uint32_t code = 0; code <= 999; code++) {
            struct reply reply = {.code = (uint16_t)code};
            struct outcome outcome = outcome_from_reply((enum outcome_stage)stage, &reply);

            assert_int_equal(outcome.kind == OUTCOME_DELIVERED,
                             stage == STAGE_DOT && code / 100 == 2);
            if (outcome.kind == OUTCOME_FAILED)
                assert_int_equal(code / 100, 5);
            if (code / 100 == 4)
                assert_int_equal(outcome.kind, OUTCOME_DEFERRED);
        }
    }
}

static void test_from_cause(void **state)
{
    struct outcome outcome = outcome_from_cause(OUTCOME_DEFERRED, STAGE_CONNECT, CAUSE_CONNECT,
                                                ECONNREFUSED, SPAN("connection refused"));
    uint8_t buffer[64];
    struct text out;

    (void)state;
    assert_int_equal(outcome.kind, OUTCOME_DEFERRED);
    assert_int_equal(outcome.stage, STAGE_CONNECT);
    assert_int_equal(outcome.cause, CAUSE_CONNECT);
    assert_int_equal(outcome.error_number, ECONNREFUSED);
    assert_int_equal(outcome.reply.code, 0);
    text_init(&out, buffer, sizeof(buffer));
    reply_write(&outcome.reply, &out);
    assert_true(span_equal(text_span(&out), SPAN("connection refused")));
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(outcome_kind_name(OUTCOME_RELEASED), "released");
    assert_string_equal(outcome_stage_name(STAGE_DOT), "dot");
    assert_string_equal(outcome_cause_name(CAUSE_LOCAL_STOP), "stop");
    assert_string_equal(outcome_cause_name(CAUSE_PROTOCOL), "protocol");
    assert_string_equal(outcome_kind_name((enum outcome_kind)99), "unknown");
}

static void expired_after_a_lost_answer_is_unsure(void **state)
{
    static const struct {
        enum outcome_kind kind;
        enum outcome_stage stage;
        enum outcome_cause cause;
        uint16_t code;
        bool unsure;
    } endings[] = {
        {OUTCOME_UNSURE, STAGE_DOT, CAUSE_LOST, 0, true},
        {OUTCOME_EXPIRED, STAGE_DOT, CAUSE_TIMEOUT, 0, true},
        {OUTCOME_EXPIRED, STAGE_DOT, CAUSE_REPLY, 354, true},
        {OUTCOME_EXPIRED, STAGE_DOT, CAUSE_REPLY, 451, false},
        {OUTCOME_EXPIRED, STAGE_RCPT, CAUSE_LOST, 0, false},
        {OUTCOME_DELIVERED, STAGE_DOT, CAUSE_REPLY, 250, false},
        {OUTCOME_DEFERRED, STAGE_DOT, CAUSE_LOST, 0, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        struct outcome outcome =
            outcome_from_cause(endings[i].kind, endings[i].stage, endings[i].cause, 0, SPAN("why"));

        outcome.reply.code = endings[i].code;
        assert_int_equal(outcome_is_unsure(&outcome), endings[i].unsure);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_from_reply),
        cmocka_unit_test(test_every_code),
        cmocka_unit_test(test_from_cause),
        cmocka_unit_test(test_names),
        cmocka_unit_test(expired_after_a_lost_answer_is_unsure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
