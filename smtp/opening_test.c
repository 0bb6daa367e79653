#include "smtp/opening.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#define TRANSCRIPT_MAX 4096

/* What a caller sees and does:
 *   S: line   the server sends it        C: line   the machine wrote it
 *   T: yes    a handshake is due and succeeds      T: no     it fails
 *   M:        mail may go now (the session then quits)       X: cause stage code: it ended */
struct opening {
    struct smtp smtp;
    struct text out;
    uint8_t out_buffer[SMTP_BURST_MAX + 64];
    char transcript[TRANSCRIPT_MAX];
    size_t transcript_size;
    bool handshake_fails;
    bool closed;
    struct outcome end;
};

static void note(struct opening *opening, const char *head, struct span what)
{
    int size = snprintf(opening->transcript + opening->transcript_size,
                        TRANSCRIPT_MAX - opening->transcript_size, "%s%.*s\n", head, (int)what.size,
                        (const char *)what.data);

    assert_true(size > 0 && (size_t)size < TRANSCRIPT_MAX - opening->transcript_size);
    opening->transcript_size += (size_t)size;
}

static void note_out(struct opening *opening)
{
    struct span rest = text_span(&opening->out);

    assert_false(opening->out.overflow);
    while (rest.size > 0)
        note(opening, "C: ", span_trim(span_split(&rest, '\n')));
    text_reset(&opening->out);
}

static void note_end(struct opening *opening)
{
    char line[128];

    smtp_end(&opening->smtp, &opening->end);
    (void)snprintf(line, sizeof(line), "%s %s %u", outcome_cause_name(opening->end.cause),
                   outcome_stage_name(opening->end.stage), (unsigned)opening->end.reply.code);
    if (!opening->closed)
        note(opening, "X: ", span_cstr(line));
    opening->closed = true;
}

static void pump(struct opening *opening, struct span input)
{
    for (;;) {
        switch (smtp_step(&opening->smtp, &input, &opening->out)) {
        case SMTP_WANT_REPLY:
            assert_int_equal(input.size, 0);
            note_out(opening);
            return;
        case SMTP_WANT_ENVELOPE:
            note(opening, "M:", SPAN(""));
            smtp_quit(&opening->smtp);
            break;
        case SMTP_WANT_TLS:
            note_out(opening);
            note(opening, opening->handshake_fails ? "T: no" : "T: yes", SPAN(""));
            if (opening->handshake_fails)
                smtp_lost(&opening->smtp, CAUSE_TLS, 0);
            else
                smtp_secured(&opening->smtp);
            break;
        case SMTP_WANT_BODY:
        case SMTP_WANT_SETTLE:
            fail();
            return;
        case SMTP_WANT_CLOSE:
            note_out(opening);
            note_end(opening);
            return;
        }
    }
}

#define HELLO "S: 220 mx.test\nC: EHLO me.test\n"
#define OFFER HELLO "S: 250-mx.test\nS: 250-SIZE 1000\nS: 250 STARTTLS\n"
#define SECURED OFFER "C: STARTTLS\nS: 220 go\nT: yes\nC: EHLO me.test\n"
#define MAIL "M:\nC: QUIT\nS: 221 bye\nX: reply none 0\n"
#define DEMANDED SMTP_TLS_DEMANDED
#define OFFERED SMTP_TLS_OFFERED

static const struct {
    const char *label;
    const char *script;
    enum smtp_tls tls;
    bool handshake_fails;
    bool auth;
} rows[] = {
    {"TLS and a second EHLO", SECURED "S: 250 mx.test\n" MAIL, OFFERED, false, false},
    {"the same, demanded", SECURED "S: 250 mx.test\n" MAIL, DEMANDED, false, false},
    {"never", OFFER MAIL, SMTP_TLS_NEVER, false, false},
    {"STARTTLS offered again is not said again", SECURED "S: 250-mx.test\nS: 250 STARTTLS\n" MAIL,
     OFFERED, false, false},
    {"not offered", HELLO "S: 250 mx.test\n" MAIL, OFFERED, false, false},
    {"not offered, demanded", HELLO "S: 250 mx.test\nX: tls tls 0\n", DEMANDED, false, false},
    {"HELO alone", HELLO "S: 502 what\nC: HELO me.test\nS: 250 mx.test\n" MAIL, OFFERED, false,
     false},
    {"HELO alone, demanded", HELLO "S: 502 what\nC: HELO me.test\nS: 250 mx.test\nX: tls tls 0\n",
     DEMANDED, false, false},
    {"refused for now", OFFER "C: STARTTLS\nS: 454 4.7.0 no\n" MAIL, OFFERED, false, false},
    {"refused for good", OFFER "C: STARTTLS\nS: 554 5.7.3 no\n" MAIL, OFFERED, false, false},
    {"refused, demanded", OFFER "C: STARTTLS\nS: 454 4.7.0 no\nX: reply tls 454\n", DEMANDED, false,
     false},
    {"another 2yz than 220", OFFER "C: STARTTLS\nS: 250 fine\nX: protocol tls 0\n", OFFERED, false,
     false},
    {"a 354", OFFER "C: STARTTLS\nS: 354 go\nX: protocol tls 0\n", OFFERED, false, false},
    {"421", OFFER "C: STARTTLS\nS: 421 bye\nX: reply tls 421\n", OFFERED, false, false},
    {"the handshake fails", OFFER "C: STARTTLS\nS: 220 go\nT: no\nX: tls tls 0\n", OFFERED, true,
     false},
    {"the second EHLO is refused", SECURED "S: 502 what\nX: reply ehlo 502\n", OFFERED, false,
     false},
    {"TLS first", "T: yes\nS: 220 mx.test\nC: EHLO me.test\nS: 250-mx\nS: 250 STARTTLS\n" MAIL,
     SMTP_TLS_FIRST, false, false},
    {"TLS first fails", "T: no\nX: tls tls 0\n", SMTP_TLS_FIRST, true, false},
    {"PLAIN",
     SECURED "S: 250-mx\nS: 250 AUTH LOGIN PLAIN\nC: AUTH PLAIN AHVzZXIAcGFzcw==\n"
             "S: 235 2.7.0 ok\n" MAIL,
     OFFERED, false, true},
    {"LOGIN",
     SECURED "S: 250-mx\nS: 250 AUTH CRAM-MD5 LOGIN\nC: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\n"
             "C: dXNlcg==\nS: 334 UGFzc3dvcmQ6\nC: cGFzcw==\nS: 235 ok\n" MAIL,
     OFFERED, false, true},
    {"LOGIN asks on",
     SECURED "S: 250-mx\nS: 250 AUTH LOGIN\nC: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\n"
             "C: dXNlcg==\nS: 334 UGFzc3dvcmQ6\nC: cGFzcw==\nS: 334 more\n"
             "X: protocol ehlo 0\n",
     OFFERED, false, true},
    {"a wrong password",
     SECURED "S: 250-mx\nS: 250 AUTH PLAIN\nC: AUTH PLAIN AHVzZXIAcGFzcw==\n"
             "S: 535 5.7.8 no\nX: reply ehlo 535\n",
     OFFERED, false, true},
    {"no method of ours", SECURED "S: 250-mx\nS: 250 AUTH CRAM-MD5\nX: protocol ehlo 0\n", OFFERED,
     false, true},
    {"AUTH offered in clear counts for nothing behind TLS",
     HELLO "S: 250-mx\nS: 250-AUTH PLAIN\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\nT: yes\n"
           "C: EHLO me.test\nS: 250 mx\nX: protocol ehlo 0\n",
     OFFERED, false, true},
    {"no password in clear", HELLO "S: 250-mx\nS: 250 AUTH PLAIN\nX: tls tls 0\n", OFFERED, false,
     true},
};

static void play(size_t row, bool octets)
{
    struct smtp_options options = {
        .hostname = SPAN("me.test"), .transactions_max = 5, .tls = rows[row].tls};
    struct span rest = span_cstr(rows[row].script);
    char expected[TRANSCRIPT_MAX];
    struct opening opening;
    struct text wanted;

    if (rows[row].auth) {
        options.user = SPAN("user");
        options.password = SPAN("pass");
    }
    memset(&opening, 0, sizeof(opening));
    opening.handshake_fails = rows[row].handshake_fails;
    text_init(&opening.out, opening.out_buffer, sizeof(opening.out_buffer));
    text_init(&wanted, expected, sizeof(expected));
    smtp_init(&opening.smtp, &options);
    pump(&opening, SPAN(""));
    while (rest.size > 0) {
        struct span line = span_split(&rest, '\n');
        uint8_t buffer[256];
        struct text sent;

        if (line.data[0] != 'S') {
            text_add(&wanted, line);
            text_add(&wanted, SPAN("\n"));
            continue;
        }
        text_init(&sent, buffer, sizeof(buffer));
        text_add(&sent, span_skip(line, 3));
        text_add(&sent, SPAN("\r\n"));
        for (size_t i = 0; octets && i < sent.size; i++)
            pump(&opening, span_slice(text_span(&sent), i, 1));
        if (!octets)
            pump(&opening, text_span(&sent));
    }
    text_add_byte(&wanted, 0);
    if (strcmp(opening.transcript, expected) != 0)
        fail_msg("%s\n--- expected\n%s--- got\n%s", rows[row].label, expected, opening.transcript);
    assert_true(opening.closed);
}

static void test_what_comes_before_mail(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        play(i, false);
        play(i, true);
    }
}

/* CVE-2011-0411 and its class: what came in clear must not be read as if TLS had brought it. */
static void test_nothing_is_taken_over_into_tls(void **state)
{
    static const struct span injected[] = {
        SPAN_INIT("220 go\r\n250 mx.test\r\n"),
        SPAN_INIT("220 go\r\n2"),
        SPAN_INIT("220 go\r\n\r\n"),
        SPAN_INIT("220 go\r\n\0"),
        SPAN_INIT("220-go\r\n220 go\r\n250-mx\r\n250 PIPELINING\r\n"),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(injected); i++) {
        struct smtp_options options = {
            .hostname = SPAN("me.test"), .transactions_max = 5, .tls = SMTP_TLS_OFFERED};
        struct opening opening;

        memset(&opening, 0, sizeof(opening));
        text_init(&opening.out, opening.out_buffer, sizeof(opening.out_buffer));
        smtp_init(&opening.smtp, &options);
        pump(&opening, SPAN("220 mx\r\n"));
        pump(&opening, SPAN("250-mx\r\n250 STARTTLS\r\n"));
        pump(&opening, injected[i]);
        assert_true(opening.closed);
        assert_null(strstr(opening.transcript, "T:"));
        assert_int_equal(opening.end.cause, CAUSE_PROTOCOL);
        assert_int_equal(opening.end.stage, STAGE_TLS);
    }
}

static void test_what_was_offered_in_clear_is_forgotten(void **state)
{
    struct smtp_options options = {
        .hostname = SPAN("me.test"), .transactions_max = 5, .tls = SMTP_TLS_OFFERED};
    struct opening opening;

    (void)state;
    memset(&opening, 0, sizeof(opening));
    text_init(&opening.out, opening.out_buffer, sizeof(opening.out_buffer));
    smtp_init(&opening.smtp, &options);
    pump(&opening, SPAN("220 mx\r\n"));
    pump(&opening, SPAN("250-mx\r\n250-SIZE 10\r\n250-SMTPUTF8\r\n250-REQUIRETLS\r\n"
                        "250-PIPELINING\r\n250 STARTTLS\r\n"));
    assert_true(ehlo_offers(&opening.smtp.ehlo, EHLO_SMTPUTF8));
    pump(&opening, SPAN("220 go\r\n"));
    assert_int_equal(opening.smtp.ehlo.extensions, 0);
    assert_int_equal(opening.smtp.ehlo.size_max, 0);
    assert_true(opening.smtp.secured);
}

static void test_why_a_session_is_in_clear(void **state)
{
    static const struct {
        const char *replies;
        enum smtp_clear clear;
    } cases[] = {
        {"220 a\r\n|250 mx\r\n", SMTP_CLEAR_NOT_OFFERED},
        {"220 a\r\n|250-mx\r\n250 STARTTLS\r\n|454 no\r\n", SMTP_CLEAR_REFUSED},
        {"220 a\r\n|250-mx\r\n250 STARTTLS\r\n|220 go\r\n|250 mx\r\n", SMTP_CLEAR_NONE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct smtp_options options = {
            .hostname = SPAN("me.test"), .transactions_max = 5, .tls = SMTP_TLS_OFFERED};
        struct span rest = span_cstr(cases[i].replies);
        struct opening opening;

        memset(&opening, 0, sizeof(opening));
        text_init(&opening.out, opening.out_buffer, sizeof(opening.out_buffer));
        smtp_init(&opening.smtp, &options);
        while (rest.size > 0)
            pump(&opening, span_split(&rest, '|'));
        assert_int_equal(opening.smtp.clear, cases[i].clear);
    }
}

static void test_the_handshake_has_its_time(void **state)
{
    struct smtp_options options = {
        .hostname = SPAN("me.test"), .transactions_max = 5, .tls = SMTP_TLS_FIRST};
    struct opening opening;
    struct span nothing = {NULL, 0};

    (void)state;
    memset(&opening, 0, sizeof(opening));
    text_init(&opening.out, opening.out_buffer, sizeof(opening.out_buffer));
    smtp_init(&opening.smtp, &options);
    assert_int_equal(smtp_step(&opening.smtp, &nothing, &opening.out), SMTP_WANT_TLS);
    assert_int_equal(smtp_timeout_ns(&opening.smtp),
                     command_timeout_ns(&(struct command_timeouts){0}, COMMAND_HANDSHAKE));
    assert_true(smtp_timeout_ns(&opening.smtp) <= NS_PER_MINUTE);
    smtp_timeout(&opening.smtp);
    pump(&opening, nothing);
    assert_int_equal(opening.end.cause, CAUSE_TIMEOUT);
    assert_int_equal(opening.end.stage, STAGE_TLS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_comes_before_mail),
        cmocka_unit_test(test_nothing_is_taken_over_into_tls),
        cmocka_unit_test(test_what_was_offered_in_clear_is_forgotten),
        cmocka_unit_test(test_why_a_session_is_in_clear),
        cmocka_unit_test(test_the_handshake_has_its_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
