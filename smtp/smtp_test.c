#include "smtp/smtp.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

static_assert(sizeof(struct smtp) - REPLY_TEXT_MAX < 1024, "the machine stays small");

#define TRANSCRIPT_MAX 16384
#define ENVELOPES_MAX 8

/* A caller of the machine that writes down what happens:
 *   C: line    the machine wrote it        O: tag kind stage cause code   an outcome
 *   X: kind stage cause code   the session ended */
struct driver {
    struct smtp smtp;
    struct text out;
    uint8_t out_buffer[SMTP_BURST_MAX + 256];
    char transcript[TRANSCRIPT_MAX];
    size_t transcript_size;
    struct envelope envelope; /* of each */
    uint32_t envelopes_left;
    uint32_t given_count;
    uint32_t settled[ENVELOPES_MAX];
    struct outcome last[ENVELOPES_MAX];
    struct outcome end;
    bool numbered; /* recipients u0, u1, ... */
    bool keep;     /* do not quit when there is no envelope left */
    bool closed;
};

PRINTF_LIKE(2, 3)
static void note(struct driver *driver, const char *format, ...)
{
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vsnprintf(driver->transcript + driver->transcript_size,
                     TRANSCRIPT_MAX - driver->transcript_size, format, arguments);
    va_end(arguments);
    assert_true(size >= 0 && (size_t)size < TRANSCRIPT_MAX - driver->transcript_size);
    driver->transcript_size += (size_t)size;
}

static void note_out(struct driver *driver)
{
    struct span rest = text_span(&driver->out);

    assert_false(driver->out.overflow);
    while (rest.size > 0) {
        struct span line = span_trim(span_split(&rest, '\n'));

        note(driver, "C: %.*s\n", (int)line.size, (const char *)line.data);
    }
    text_reset(&driver->out);
}

static void note_outcome(struct driver *driver, const char *head, const struct outcome *outcome)
{
    note(driver, "%s %s %s %s %u\n", head, outcome_kind_name(outcome->kind),
         outcome_stage_name(outcome->stage), outcome_cause_name(outcome->cause),
         (unsigned)outcome->reply.code);
}

static void give_envelope(struct driver *driver)
{
    if (driver->envelopes_left == 0) {
        if (driver->keep)
            smtp_pass(&driver->smtp);
        else
            smtp_quit(&driver->smtp);
        return;
    }
    driver->envelopes_left--;
    if (driver->numbered) {
        static const char *const names[] = {"u0@d", "u1@d", "u2@d", "u3@d"};

        driver->envelope.recipient = span_cstr(names[driver->given_count % ARRAY_LEN(names)]);
    }
    smtp_envelope(&driver->smtp, &driver->envelope, driver->given_count++, &driver->out);
}

static void take_outcome(struct driver *driver)
{
    struct outcome outcome;
    char head[16];
    uint32_t tag;

    smtp_settled(&driver->smtp, &tag, &outcome);
    assert_true(tag < driver->given_count);
    assert_int_not_equal(outcome.kind, OUTCOME_NONE);
    driver->settled[tag]++;
    driver->last[tag] = outcome;
    (void)snprintf(head, sizeof(head), "O: %u", (unsigned)tag);
    note_out(driver);
    note_outcome(driver, head, &outcome);
}

/* Steps until the machine waits for bytes. */
static void pump(struct driver *driver, struct span input)
{
    for (;;) {
        switch (smtp_step(&driver->smtp, &input, &driver->out)) {
        case SMTP_WANT_REPLY:
            assert_int_equal(input.size, 0);
            note_out(driver);
            return;
        case SMTP_WANT_ENVELOPE:
            give_envelope(driver);
            break;
        case SMTP_WANT_BODY:
            text_add_cstr(&driver->out, "body\r\n.\r\n");
            assert_true(smtp_body_tag(&driver->smtp) < driver->given_count);
            smtp_body_done(&driver->smtp);
            note_out(driver);
            break;
        case SMTP_WANT_SETTLE:
            take_outcome(driver);
            break;
        case SMTP_WANT_TLS:
            fail();
            break;
        case SMTP_WANT_CLOSE:
            note_out(driver);
            assert_int_equal(smtp_open_count(&driver->smtp), 0);
            smtp_end(&driver->smtp, &driver->end);
            if (!driver->closed)
                note_outcome(driver, "X:", &driver->end);
            driver->closed = true;
            return;
        }
    }
}

static void driver_init(struct driver *driver, const struct smtp_options *options,
                        uint32_t envelopes)
{
    memset(driver, 0, sizeof(*driver));
    text_init(&driver->out, driver->out_buffer, sizeof(driver->out_buffer));
    driver->envelope =
        (struct envelope){SPAN("r@s.test"), SPAN("u@d.test"), 100, false, false, false};
    driver->envelopes_left = envelopes;
    smtp_init(&driver->smtp, options);
}

static void check_settled_once(const struct driver *driver)
{
    for (uint32_t i = 0; i < driver->given_count; i++)
        assert_int_equal(driver->settled[i], 1);
}

/* ---- scripted dialogues ---- */

/* A script is the expected transcript; these lines make things happen:
 *   S: line   the server sends it, CRLF added      L: errno   the connection is lost
 *   T:        no answer in time                    Q:         smtp_quit
 *   E: n      n more envelopes, smtp_wake          H:         stop (CAUSE_LOCAL_STOP) */
struct script {
    const char *label;
    const char *text;
    uint32_t envelopes;
    uint32_t transactions_max; /* 0: 100 */
    bool plain;                /* no pipelining by policy */
    bool keep;
};

#define HELLO                                                                                      \
    "S: 220 mx.test ready\nC: EHLO me.test\nS: 250-mx.test\nS: 250-SIZE 1000\n"                    \
    "S: 250-8BITMIME\nS: 250 PIPELINING\n"
#define MAIL "C: MAIL FROM:<r@s.test> SIZE=100\n"
#define RCPT "C: RCPT TO:<u@d.test>\n"
#define FLIGHT MAIL RCPT "C: DATA\n"
#define BODY "C: body\nC: .\n"
#define BYE "C: QUIT\n"
#define PEACE "S: 221 bye\nX: none none reply 0\n"

static const struct script scripts[] = {
    {"one message",
     HELLO FLIGHT "S: 250 a\nS: 250 b\nS: 354 go\n" BODY BYE
                  "S: 250 taken\nO: 0 delivered dot reply 250\n" PEACE,
     1, 0, false, false},
    {"the dot and the next flight together",
     HELLO FLIGHT
     "S: 250 a\nS: 250 b\nS: 354 go\n" BODY FLIGHT
     "S: 250 taken\nO: 0 delivered dot reply 250\nS: 250 a\nS: 250 b\nS: 354 go\n" BODY BYE
     "S: 250 taken\nO: 1 delivered dot reply 250\n" PEACE,
     2, 0, false, false},
    {"plain gear",
     HELLO MAIL "S: 250 a\n" RCPT "S: 250 b\nC: DATA\nS: 354 go\n" BODY
                "S: 250 taken\nO: 0 delivered dot reply 250\n" MAIL "S: 250 a\n" RCPT
                "S: 250 b\nC: DATA\nS: 354 go\n" BODY
                "S: 250 taken\nO: 1 delivered dot reply 250\n" BYE PEACE,
     2, 0, true, false},
    {"plain gear since not offered",
     "S: 220 x\nC: EHLO me.test\nS: 250 mx\nC: MAIL FROM:<r@s.test>\nS: 250 a\n" RCPT
     "S: 250 b\nC: DATA\nS: 354 go\n" BODY "S: 250 taken\nO: 0 delivered dot reply 250\n" BYE PEACE,
     1, 0, false, false},
    {"HELO after EHLO refused",
     "S: 220 x\nC: EHLO me.test\nS: 502 what\nC: HELO me.test\nS: 250 mx\nC: MAIL "
     "FROM:<r@s.test>\nS: 250 a\n" RCPT "S: 250 b\nC: DATA\nS: 354 go\n" BODY
     "S: 250 taken\nO: 0 delivered dot reply 250\n" BYE PEACE,
     1, 0, false, false},
    {"HELO refused too",
     "S: 220 x\nC: EHLO me.test\nS: 502 what\nC: HELO me.test\nS: 550 no\n"
     "X: deferred ehlo reply 550\n",
     1, 0, false, false},
    {"a keyword of a refused EHLO does not count",
     "S: 220 x\nC: EHLO me.test\nS: 502-PIPELINING\nS: 502 PIPELINING\nC: HELO me.test\n"
     "S: 250 PIPELINING\nC: MAIL FROM:<r@s.test>\nL: 0\nO: 0 deferred mail lost 0\nX: deferred "
     "mail "
     "lost 0\n",
     1, 0, false, false},
    {"no pipelining by the name of the server",
     "S: 220 x\nC: EHLO me.test\nS: 250 PIPELINING\nC: MAIL FROM:<r@s.test>\nS: 250 a\n" RCPT
     "T:\nO: 0 deferred rcpt timeout 0\nX: deferred rcpt timeout 0\n",
     1, 0, false, false},
    {"RCPT refused, pipelined: RSET in the next flight",
     HELLO FLIGHT "S: 250 a\nS: 550 5.1.1 unknown\nO: 0 failed rcpt reply 550\nS: 503 none\n"
                  "C: RSET\n" FLIGHT "S: 250 r\nS: 250 a\nS: 250 b\nS: 354 go\n" BODY BYE
                  "S: 250 taken\nO: 1 delivered dot reply 250\n" PEACE,
     2, 0, false, false},
    {"RCPT refused, the last one: no RSET",
     HELLO FLIGHT "S: 250 a\nS: 550 unknown\nO: 0 failed rcpt reply 550\nS: 503 none\n" BYE PEACE,
     1, 0, false, false},
    {"MAIL refused, pipelined: no RSET",
     HELLO FLIGHT "S: 550 a\nO: 0 failed mail reply 550\nS: 503 b\nS: 503 c\n" FLIGHT
                  "S: 451 a\nO: 1 deferred mail reply 451\nS: 503 b\nS: 503 c\n" BYE PEACE,
     2, 0, false, false},
    {"MAIL refused, RCPT taken all the same: RSET",
     HELLO FLIGHT "S: 550 a\nO: 0 failed mail reply 550\nS: 250 b\nS: 503 c\nC: RSET\n" FLIGHT
                  "L: 104\nO: 1 deferred mail lost 0\nX: deferred mail lost 0\n",
     2, 0, false, false},
    {"RCPT refused, plain: RSET first",
     HELLO MAIL "S: 250 a\n" RCPT "S: 550 b\nO: 0 failed rcpt reply 550\nC: RSET\nS: 250 r\n" MAIL
                "S: 250 a\n" RCPT "S: 450 b\nO: 1 deferred rcpt reply 450\n" BYE PEACE,
     2, 0, true, false},
    {"RCPT refused, plain: RSET when more mail comes, not before",
     HELLO MAIL "S: 250 a\n" RCPT "S: 550 b\nO: 0 failed rcpt reply 550\nE: 1\nC: RSET\n"
                "S: 250 r\n" MAIL "S: 250 a\n" RCPT "S: 250 b\nC: DATA\nS: 354 go\n" BODY
                "S: 250 taken\nO: 1 delivered dot reply 250\nQ:\n" BYE PEACE,
     1, 0, true, true},
    {"RSET refused, plain",
     HELLO MAIL "S: 250 a\n" RCPT "S: 550 b\nO: 0 failed rcpt reply 550\nC: RSET\nS: 500 r\n"
                "O: 1 deferred mail reply 500\nX: deferred mail reply 500\n",
     2, 0, true, false},
    {"lost in front of MAIL, plain: nothing was tried",
     HELLO MAIL "S: 250 a\n" RCPT "S: 550 b\nO: 0 failed rcpt reply 550\nC: RSET\nL: 104\n"
                "O: 1 deferred mail lost 0\nX: deferred mail lost 0\n",
     2, 0, true, false},
    {"RCPT refused but 354: a lone dot, with the next flight",
     HELLO FLIGHT "S: 250 a\nS: 550 b\nO: 0 failed rcpt reply 550\nS: 354 go\nC: .\n" FLIGHT
                  "S: 250 an empty message\nS: 250 a\nS: 250 b\nS: 354 go\n" BODY BYE
                  "S: 250 taken\nO: 1 delivered dot reply 250\n" PEACE,
     2, 0, false, false},
    {"the lone dot refused",
     HELLO FLIGHT "S: 250 a\nS: 450 b\nO: 0 deferred rcpt reply 450\nS: 354 "
                  "go\nC: .\n" BYE "S: 554 nobody\n" PEACE,
     1, 0, false, false},
    {"DATA refused",
     HELLO FLIGHT "S: 250 a\nS: 250 b\nS: 451 c\nO: 0 deferred data reply 451\nC: "
                  "RSET\n" FLIGHT "S: 250 r\nS: 250 a\nS: 250 b\nS: 554 c\n"
                  "O: 1 failed data reply 554\n" BYE PEACE,
     2, 0, false, false},
    {"the dot refused, the next goes on",
     HELLO FLIGHT
     "S: 250 a\nS: 250 b\nS: 354 go\n" BODY FLIGHT
     "S: 554 5.7.1 spam\nO: 0 failed dot reply 554\nS: 250 a\nS: 250 b\nS: 354 go\n" BODY BYE
     "S: 451 later\nO: 1 deferred dot reply 451\n" PEACE,
     2, 0, false, false},
    {"messages a connection",
     HELLO FLIGHT "S: 250 a\nS: 250 b\nS: 354 go\n" BODY BYE
                  "S: 250 taken\nO: 0 delivered dot reply 250\n" PEACE,
     3, 1, false, false},
    {"messages a connection, refused ones count",
     HELLO FLIGHT "S: 550 a\nO: 0 failed mail reply 550\nS: 503 b\nS: 503 c\n" BYE PEACE, 3, 1,
     false, false},
    {"421 to the dot: surely not taken, the untouched next goes with it",
     HELLO FLIGHT "S: 250 a\nS: 250 b\nS: 354 go\n" BODY FLIGHT
                  "S: 421 stop\nO: 0 deferred dot reply 421\nO: 1 deferred mail reply 421\n"
                  "X: deferred dot reply 421\n",
     2, 0, false, false},
    {"the server ends after one message: the untouched next goes back",
     HELLO FLIGHT "S: 250 a\nS: 250 b\nS: 354 go\n" BODY FLIGHT
                  "S: 250 taken\nO: 0 delivered dot reply 250\nL: 0\nO: 1 released mail lost 0\n"
                  "X: deferred mail lost 0\n",
     2, 0, false, false},
    {"421 to MAIL after one message: an answer, an attempt",
     HELLO FLIGHT "S: 250 a\nS: 250 b\nS: 354 go\n" BODY FLIGHT
                  "S: 250 taken\nO: 0 delivered dot reply 250\nS: 421 4.7.0 enough\n"
                  "O: 1 deferred mail reply 421\nX: deferred mail reply 421\n",
     2, 0, false, false},
    {"lost after the dot: unsure, the next deferred",
     HELLO FLIGHT "S: 250 a\nS: 250 b\nS: 354 go\n" BODY FLIGHT
                  "L: 104\nO: 0 unsure dot lost 0\nO: 1 deferred mail lost 0\n"
                  "X: deferred dot lost 0\n",
     2, 0, false, false},
    {"no answer after the dot",
     HELLO FLIGHT "S: 250 a\nS: 250 b\nS: 354 go\n" BODY BYE
                  "T:\nO: 0 unsure dot timeout 0\nX: deferred dot "
                  "timeout 0\n",
     1, 0, false, false},
    {"QUIT's answer for the dot's: unsure",
     HELLO FLIGHT "S: 250 a\nS: 250 b\nS: 354 go\n" BODY BYE
                  "S: 221 bye\nO: 0 unsure dot protocol 0\nX: deferred dot protocol 0\n",
     1, 0, false, false},
    {"gone after the dot was answered, before QUIT was",
     HELLO FLIGHT "S: 250 a\nS: 250 b\nS: 354 go\n" BODY BYE
                  "S: 250 taken\nO: 0 delivered dot reply 250\nL: 104\nX: none none reply 0\n",
     1, 0, false, false},
    {"DATA answered with 250",
     HELLO FLIGHT "S: 250 a\nS: 250 b\nS: 250 c\nO: 0 deferred data "
                  "protocol 0\nX: deferred data protocol 0\n",
     1, 0, false, false},
    {"MAIL answered with 354",
     HELLO FLIGHT "S: 354 a\nO: 0 deferred mail protocol 0\nX: deferred "
                  "mail protocol 0\n",
     1, 0, false, false},
    {"RSET refused",
     HELLO FLIGHT "S: 250 a\nS: 550 b\nO: 0 failed rcpt reply 550\nS: 503 c\nC: "
                  "RSET\n" FLIGHT "S: 500 r\nO: 1 deferred mail reply 500\n"
                  "X: deferred mail reply 500\n",
     2, 0, false, false},
    {"idle, then more mail",
     HELLO "E: 1\n" FLIGHT "S: 250 a\nS: 250 b\nS: 354 go\n" BODY
           "S: 250 taken\nO: 0 delivered dot reply 250\nE: 1\n" FLIGHT
           "S: 250 a\nS: 250 b\nS: 354 go\n" BODY
           "S: 250 taken\nO: 1 delivered dot reply 250\nQ:\n" BYE PEACE,
     0, 0, false, true},
    {"mail comes while the dot is awaited",
     HELLO FLIGHT
     "S: 250 a\nS: 250 b\nS: 354 go\n" BODY "E: 1\n" FLIGHT
     "S: 250 taken\nO: 0 delivered dot reply 250\nQ:\nS: 250 a\nS: 250 b\nS: 354 go\n" BODY BYE
     "S: 250 taken\nO: 1 delivered dot reply 250\n" PEACE,
     1, 0, false, true},
    {"idle, 421",
     HELLO FLIGHT "S: 250 a\nS: 250 b\nS: 354 go\n" BODY
                  "S: 250 taken\nO: 0 delivered dot reply 250\nS: 421 idle too "
                  "long\nX: deferred mail reply 421\n",
     1, 0, false, true},
    {"idle, closed",
     HELLO FLIGHT "S: 250 a\nS: 250 b\nS: 354 go\n" BODY
                  "S: 250 taken\nO: 0 delivered dot reply 250\nL: 0\nX: none none "
                  "reply 0\n",
     1, 0, false, true},
    {"idle, a stray reply",
     HELLO FLIGHT "S: 250 a\nS: 250 b\nS: 354 go\n" BODY
                  "S: 250 taken\nO: 0 delivered dot reply 250\nS: 250 "
                  "more\nX: deferred mail protocol 0\n",
     1, 0, false, true},
    {"refused greeting", "S: 554 no\nX: deferred greeting reply 554\n", 1, 0, false, false},
    {"greeting of several lines",
     "S: 220-a\nS: 220-b\nS: 220 c\nC: EHLO me.test\nQ:\nX: none none "
     "reply 0\n",
     1, 0, false, false},
    {"stop before the content",
     HELLO FLIGHT "S: 250 a\nH:\nO: 0 released rcpt stop 0\nX: deferred "
                  "rcpt stop 0\n",
     1, 0, false, false},
    {"stop after the dot",
     HELLO FLIGHT "S: 250 a\nS: 250 b\nS: 354 go\n" BODY BYE
                  "H:\nO: 0 unsure dot stop 0\nX: deferred dot stop 0\n",
     1, 0, false, false},
};

enum feeding { FEED_LINES, FEED_OCTETS, FEED_JOINED };

static void play_event(struct driver *driver, struct span line)
{
    uint64_t number = 0;

    switch (line.data[0]) {
    case 'L':
        assert_true(span_number(span_skip(line, 3), 1000, &number));
        smtp_lost(&driver->smtp, CAUSE_LOST, (int)number);
        break;
    case 'T':
        assert_true(smtp_timeout_ns(&driver->smtp) != SMTP_TIMEOUT_NONE);
        smtp_timeout(&driver->smtp);
        break;
    case 'H':
        smtp_lost(&driver->smtp, CAUSE_LOCAL_STOP, 0);
        break;
    case 'Q':
        smtp_quit(&driver->smtp);
        break;
    case 'E':
        assert_true(span_number(span_skip(line, 3), 8, &number));
        driver->envelopes_left += (uint32_t)number;
        smtp_wake(&driver->smtp);
        break;
    default:
        fail_msg("a script line: %.*s", (int)line.size, (const char *)line.data);
    }
    pump(driver, (struct span){NULL, 0});
}

static void feed(struct driver *driver, struct text *segment, enum feeding feeding)
{
    struct span rest = text_span(segment);

    while (rest.size > 0) {
        size_t size = feeding == FEED_OCTETS ? 1 : rest.size;

        pump(driver, span_first(rest, size));
        rest = span_skip(rest, size);
    }
    text_reset(segment);
}

static void play(const struct script *script, enum feeding feeding)
{
    struct smtp_options options = {
        .hostname = SPAN("me.test"),
        .pipelining = !script->plain,
        .transactions_max = script->transactions_max == 0 ? 100 : script->transactions_max};
    struct driver driver;
    struct span rest = span_cstr(script->text);
    char expected[TRANSCRIPT_MAX];
    uint8_t buffer[4096];
    struct text wanted, segment;

    driver_init(&driver, &options, script->envelopes);
    driver.keep = script->keep;
    text_init(&wanted, expected, sizeof(expected));
    text_init(&segment, buffer, sizeof(buffer));
    while (rest.size > 0) {
        struct span line = span_split(&rest, '\n');

        if (line.data[0] == 'S') {
            text_add(&segment, span_skip(line, 3));
            text_add(&segment, SPAN("\r\n"));
            if (feeding != FEED_JOINED || rest.size == 0 || rest.data[0] != 'S')
                feed(&driver, &segment, feeding);
        } else if (line.data[0] == 'C' || line.data[0] == 'O' || line.data[0] == 'X') {
            text_add(&wanted, line);
            text_add(&wanted, SPAN("\n"));
        } else {
            play_event(&driver, line);
        }
        if (driver.transcript_size > wanted.size && rest.size > 0 && rest.data[0] != 'C' &&
            rest.data[0] != 'O' && rest.data[0] != 'X')
            break; /* something came too early: shown below */
    }
    text_add_byte(&wanted, 0);
    assert_false(wanted.overflow);
    if (strcmp(driver.transcript, expected) != 0)
        fail_msg("%s (%d)\n--- expected\n%s--- got\n%s", script->label, (int)feeding, expected,
                 driver.transcript);
    assert_true(driver.closed);
    check_settled_once(&driver);
}

static void test_scripts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
        play(&scripts[i], FEED_LINES);
        play(&scripts[i], FEED_OCTETS);
        play(&scripts[i], FEED_JOINED);
    }
}

/* ---- a server that does one thing wrong ---- */

enum fault {
    FAULT_NONE,
    FAULT_TRANSIENT, /* 451 */
    FAULT_PERMANENT, /* 550 */
    FAULT_421,
    FAULT_DROP,    /* the connection ends in place of the reply */
    FAULT_SILENCE, /* no reply, nothing more ever */
    FAULT_GARBAGE,
    FAULT_TOO_MANY, /* the reply, and another */
    FAULT_TOO_FEW,  /* this reply is left out */
    FAULT_COUNT
};

static const char *const fault_names[] = {"none",    "4yz",     "5yz",      "421",    "drop",
                                          "silence", "garbage", "too many", "too few"};

#define MESSAGES 3

struct server {
    enum command step;
    enum fault fault;
    uint32_t message; /* the fault comes in this one (MAIL to DOT) */
    struct text replies;
    uint8_t replies_buffer[4096];
    uint8_t line[1024];
    size_t line_size;
    bool in_data, mail, rcpt, dropped, silent;
    uint32_t mail_count;
    uint32_t accepted[ENVELOPES_MAX]; /* by recipient's number */
    uint32_t recipient;
};

static void server_reply(struct server *server, enum command step, const char *reply)
{
    uint32_t message = server->mail_count > 0 ? server->mail_count - 1 : 0;
    bool mine = step == server->step &&
                (step < COMMAND_MAIL || step == COMMAND_QUIT || message == server->message);

    if (server->dropped || server->silent)
        return;
    switch (mine ? server->fault : FAULT_NONE) {
    case FAULT_TRANSIENT:
        reply = "451 4.3.0 not now\r\n";
        break;
    case FAULT_PERMANENT:
        reply = "550 5.1.1 never\r\n";
        break;
    case FAULT_421:
        text_add_cstr(&server->replies, "421 4.3.2 stop\r\n");
        server->dropped = true;
        return;
    case FAULT_DROP:
        server->dropped = true;
        return;
    case FAULT_SILENCE:
        server->silent = true;
        return;
    case FAULT_GARBAGE:
        reply = "HTTP/1.1 400 Bad Request\r\n";
        break;
    case FAULT_TOO_MANY:
        text_add_cstr(&server->replies, reply);
        reply = "250 one more\r\n";
        break;
    case FAULT_TOO_FEW:
        return;
    case FAULT_NONE:
    case FAULT_COUNT:
        break;
    }
    text_add_cstr(&server->replies, reply);
}

static bool is_refusing(const struct server *server, enum command step)
{
    return server->step == step && server->mail_count - 1 == server->message &&
           (server->fault == FAULT_TRANSIENT || server->fault == FAULT_PERMANENT ||
            server->fault == FAULT_421);
}

static void server_line(struct server *server, struct span line)
{
    if (server->in_data) {
        if (!span_equal(line, SPAN(".")))
            return;
        server->in_data = server->mail = server->rcpt = false;
        if (!is_refusing(server, COMMAND_DOT))
            server->accepted[server->recipient]++;
        server_reply(server, COMMAND_DOT, "250 taken\r\n");
    } else if (span_starts(line, SPAN("EHLO "))) {
        server_reply(server, COMMAND_EHLO, "250-mx\r\n250-PIPELINING\r\n250 SIZE\r\n");
    } else if (span_starts(line, SPAN("HELO "))) {
        server_reply(server, COMMAND_HELO, "250 mx\r\n");
    } else if (span_starts(line, SPAN("MAIL FROM:"))) {
        server->mail_count++;
        assert_false(server->mail); /* else 503: the machine owed us a RSET */
        server->mail = !is_refusing(server, COMMAND_MAIL);
        server_reply(server, COMMAND_MAIL, "250 sender\r\n");
    } else if (span_starts(line, SPAN("RCPT TO:<u"))) {
        server->rcpt = server->mail && !is_refusing(server, COMMAND_RCPT);
        server->recipient = (uint32_t)(line.data[10] - '0');
        server_reply(server, COMMAND_RCPT,
                     server->mail ? "250 recipient\r\n" : "503 no sender\r\n");
    } else if (span_equal(line, SPAN("DATA"))) {
        server->in_data = server->rcpt && !is_refusing(server, COMMAND_DATA);
        server_reply(server, COMMAND_DATA, server->rcpt ? "354 go\r\n" : "554 no recipient\r\n");
    } else if (span_equal(line, SPAN("RSET"))) {
        server->mail = server->rcpt = false;
        server_reply(server, COMMAND_RSET, "250 reset\r\n");
    } else if (span_equal(line, SPAN("QUIT"))) {
        server_reply(server, COMMAND_QUIT, "221 bye\r\n");
        server->dropped = server->dropped || !server->silent;
    } else {
        fail_msg("a command: %.*s", (int)line.size, (const char *)line.data);
    }
}

static void server_read(struct server *server, struct span bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        assert_true(server->line_size < sizeof(server->line));
        server->line[server->line_size++] = bytes.data[i];
        if (bytes.data[i] != '\n')
            continue;
        server_line(server, span_trim(span_make(server->line, server->line_size)));
        server->line_size = 0;
    }
}

/* One outcome for the message with the fault; KIND_COUNT: any. */
struct verdict_row {
    enum outcome_kind kind;
    enum outcome_cause cause;
};

static struct verdict_row expected_of(enum command step, enum fault fault, uint32_t message)
{
    bool after = step == COMMAND_DOT;
    enum outcome_kind lost = after ? OUTCOME_UNSURE : OUTCOME_DEFERRED;

    switch (fault) {
    case FAULT_TRANSIENT:
    case FAULT_421:
        return (struct verdict_row){OUTCOME_DEFERRED, CAUSE_REPLY};
    case FAULT_PERMANENT:
        return (struct verdict_row){OUTCOME_FAILED, CAUSE_REPLY};
    case FAULT_DROP:
        if (step == COMMAND_MAIL && message > 0)
            lost = OUTCOME_RELEASED; /* so many a connection, the server means */
        return (struct verdict_row){lost, CAUSE_LOST};
    case FAULT_SILENCE:
        return (struct verdict_row){lost, CAUSE_TIMEOUT};
    case FAULT_GARBAGE:
        return (struct verdict_row){lost, CAUSE_PROTOCOL};
    case FAULT_TOO_MANY:
    case FAULT_TOO_FEW:
    case FAULT_NONE:
    case FAULT_COUNT:
        break;
    }
    return (struct verdict_row){OUTCOME_KIND_COUNT, CAUSE_COUNT};
}

/* pump() notes what is written; the server reads it off the transcript. */
static void give_to_server(struct driver *driver, struct server *server)
{
    struct span rest = span_make(driver->transcript, driver->transcript_size);

    driver->transcript_size = 0;
    while (rest.size > 0) {
        struct span line = span_split(&rest, '\n');

        if (span_starts(line, SPAN("C: "))) {
            server_read(server, span_skip(line, 3));
            server_read(server, SPAN("\r\n"));
        }
    }
}

static void play_commands(struct driver *driver, struct server *server, bool split)
{
    static uint8_t replies[4096];
    struct text segment;

    text_init(&segment, replies, sizeof(replies));
    for (uint32_t round = 0; !driver->closed; round++) {
        assert_true(round < 200);
        text_reset(&segment);
        text_add(&segment, text_span(&server->replies));
        text_reset(&server->replies);
        if (segment.size == 0 && server->dropped)
            smtp_lost(&driver->smtp, CAUSE_LOST, 0);
        else if (segment.size == 0 && round > 0)
            smtp_timeout(&driver->smtp);
        if (segment.size == 0)
            pump(driver, (struct span){NULL, 0});
        else
            feed(driver, &segment, split ? FEED_OCTETS : FEED_JOINED);
        give_to_server(driver, server);
    }
}

static void check_fault(const struct driver *driver, const struct server *server)
{
    struct verdict_row expected = expected_of(server->step, server->fault, server->message);
    const struct outcome *hit = &driver->last[server->message];

    check_settled_once(driver);
    for (uint32_t i = 0; i < driver->given_count; i++) {
        assert_true(server->accepted[i] <= 1);
        if (driver->last[i].kind == OUTCOME_DELIVERED)
            assert_int_equal(server->accepted[i], 1);
        /* What the server took and we do not know of is called unsure. */
        if (server->accepted[i] == 1 && driver->last[i].kind != OUTCOME_DELIVERED)
            assert_int_equal(driver->last[i].kind, OUTCOME_UNSURE);
    }
    if (server->step < COMMAND_MAIL || server->step == COMMAND_QUIT ||
        expected.kind == OUTCOME_KIND_COUNT)
        return;
    assert_string_equal(outcome_kind_name(hit->kind), outcome_kind_name(expected.kind));
    assert_string_equal(outcome_cause_name(hit->cause), outcome_cause_name(expected.cause));
    assert_string_equal(outcome_stage_name(hit->stage),
                        outcome_stage_name(command_stage(server->step)));
    if (server->fault == FAULT_TRANSIENT || server->fault == FAULT_PERMANENT) {
        assert_int_equal(driver->given_count, MESSAGES); /* the others went through */
        for (uint32_t i = 0; i < MESSAGES; i++) {
            if (i != server->message)
                assert_int_equal(driver->last[i].kind, OUTCOME_DELIVERED);
        }
        assert_int_equal(driver->end.kind, OUTCOME_NONE);
    }
}

/* Shown after the test: which one failed. */
static char last_case[128];

static int show_last_case(void **state)
{
    (void)state;
    print_message("last case: %s\n", last_case);
    return 0;
}

static void play_fault(enum command step, enum fault fault, uint32_t message, bool plain,
                       bool split)
{
    static struct driver driver;
    static struct server server;
    struct smtp_options options = {
        .hostname = SPAN("me.test"), .pipelining = !plain, .transactions_max = 100};

    driver_init(&driver, &options, MESSAGES);
    driver.numbered = true;
    memset(&server, 0, sizeof(server));
    server.step = step;
    server.fault = fault;
    server.message = message;
    text_init(&server.replies, server.replies_buffer, sizeof(server.replies_buffer));
    server_reply(&server, COMMAND_GREETING, "220 mx.test\r\n");
    (void)snprintf(last_case, sizeof(last_case), "%s %s, message %u, %s, %s", command_name(step),
                   fault_names[fault], (unsigned)message, plain ? "plain" : "pipelined",
                   split ? "split" : "whole");
    play_commands(&driver, &server, split);
    check_fault(&driver, &server);
}

static void test_every_step_fails(void **state)
{
    static const enum command steps[] = {COMMAND_GREETING, COMMAND_EHLO, COMMAND_MAIL, COMMAND_RCPT,
                                         COMMAND_DATA,     COMMAND_DOT,  COMMAND_QUIT};

    (void)state;
    for (size_t step = 0; step < ARRAY_LEN(steps); step++) {
        for (uint32_t fault = 0; fault < FAULT_COUNT; fault++) {
            for (uint32_t which = 0; which < MESSAGES * 4; which++)
                play_fault(steps[step], (enum fault)fault, which / 4, which % 2 != 0,
                           which / 2 % 2 != 0);
        }
    }
}

/* ---- before anything is sent ---- */

static const struct {
    const char *label;
    struct span return_path, recipient;
    uint64_t size;
    bool eight_bit, utf8;
    bool offered;     /* 8BITMIME and SMTPUTF8 */
    const char *mail; /* what is written, or NULL: a local outcome */
} envelopes[] = {
    {"fits", SPAN_INIT("a@b"), SPAN_INIT("c@d"), 1000, false, false, false,
     "C: MAIL FROM:<a@b> SIZE=1000\n"},
    {"too big", SPAN_INIT("a@b"), SPAN_INIT("c@d"), 1001, false, false, false, NULL},
    {"8-bit refused", SPAN_INIT("a@b"), SPAN_INIT("c@d"), 10, true, false, false, NULL},
    {"8-bit", SPAN_INIT("a@b"), SPAN_INIT("c@d"), 10, true, false, true,
     "C: MAIL FROM:<a@b> SIZE=10 BODY=8BITMIME\n"},
    {"UTF-8 refused", SPAN_INIT("a@b"), SPAN_INIT("\xc3\xbc@d"), 10, false, true, false, NULL},
    {"UTF-8", SPAN_INIT("a@b"), SPAN_INIT("\xc3\xbc@d"), 10, false, true, true,
     "C: MAIL FROM:<a@b> SIZE=10 BODY=8BITMIME SMTPUTF8\n"},
    {"line in the recipient", SPAN_INIT("a@b"), SPAN_INIT("c@d>\r\nDATA"), 10, false, false, true,
     NULL},
    {"line in the return path", SPAN_INIT("a@b>\nRSET\n"), SPAN_INIT("c@d"), 10, false, false, true,
     NULL},
    {"no recipient", SPAN_INIT("a@b"), SPAN_INIT(""), 10, false, false, true, NULL},
    {"null sender", SPAN_INIT(""), SPAN_INIT("c@d"), 10, false, false, false,
     "C: MAIL FROM:<> SIZE=10\n"},
};

static const struct smtp_options pipelined = {
    .hostname = SPAN_INIT("me.test"), .pipelining = true, .transactions_max = 100};

/* MAIL, RCPT and DATA of one message are on their way. */
static void begin_pipelined(struct driver *driver)
{
    driver_init(driver, &pipelined, 1);
    pump(driver, SPAN("220 x\r\n"));
    pump(driver, SPAN("250-x\r\n250 PIPELINING\r\n"));
}

/* Its content is wanted. */
static void begin_content(struct driver *driver)
{
    struct span input = SPAN("250 a\r\n250 b\r\n354 c\r\n");

    begin_pipelined(driver);
    assert_int_equal(smtp_step(&driver->smtp, &input, &driver->out), SMTP_WANT_BODY);
}

/* The content ended early: deferred, and the session with it. */
static void settle_early(struct driver *driver, enum outcome_cause cause, struct outcome *ret)
{
    struct span input = {NULL, 0};
    uint32_t tag;

    assert_int_equal(smtp_step(&driver->smtp, &input, &driver->out), SMTP_WANT_SETTLE);
    smtp_settled(&driver->smtp, &tag, ret);
    assert_int_equal(ret->kind, OUTCOME_DEFERRED);
    assert_int_equal(ret->cause, cause);
    assert_int_equal(smtp_step(&driver->smtp, &input, &driver->out), SMTP_WANT_CLOSE);
}

static void test_local_outcomes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(envelopes); i++) {
        struct driver driver;

        driver_init(&driver, &pipelined, 1);
        driver.envelope =
            (struct envelope){envelopes[i].return_path, envelopes[i].recipient, envelopes[i].size,
                              envelopes[i].eight_bit,   envelopes[i].utf8,      false};
        pump(&driver, SPAN("220 x\r\n"));
        pump(&driver, envelopes[i].offered
                          ? SPAN("250-x\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n")
                          : SPAN("250-x\r\n250 SIZE 1000\r\n"));
        if (envelopes[i].mail != NULL) {
            assert_non_null(strstr(driver.transcript, envelopes[i].mail));
            assert_int_equal(driver.settled[0], 0);
            continue;
        }
        assert_null(strstr(driver.transcript, "MAIL"));
        assert_non_null(strstr(driver.transcript, "O: 0 failed mail content 0\nC: QUIT\n"));
        assert_true(driver.last[0].reply.text_size > 10);
    }
}

/* ---- floods, and the limits of the caller ---- */

static void test_endless_reply(void **state)
{
    struct driver driver;
    uint32_t lines = 0;

    (void)state;
    driver_init(&driver, &pipelined, 1);
    while (!driver.closed && lines++ < 1000000)
        pump(&driver, SPAN("220-never ends\r\n"));
    assert_int_equal(lines, REPLY_READER_LINES_MAX + 1);
    assert_int_equal(driver.end.cause, CAUSE_PROTOCOL);
    assert_int_equal(driver.end.stage, STAGE_GREETING);
}

static void test_replies_before_commands(void **state)
{
    static const struct span early[] = {
        SPAN_INIT("220 x\r\n250 y\r\n"),
        SPAN_INIT("220 x\r\n250-PIPELINING\r\n250 y\r\n250 a\r\n250 b\r\n354 c\r\n250 d\r\n"),
        SPAN_INIT("220 x\r\n2"),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(early); i++) {
        struct driver driver;

        driver_init(&driver, &pipelined, 1);
        pump(&driver, early[i]);
        if (!driver.closed) { /* a reply begun: nothing is written until it ends */
            assert_int_equal(driver.transcript_size, 0);
            pump(&driver, SPAN("50 x\r\n"));
        }
        assert_true(driver.closed);
        assert_int_equal(driver.end.cause, CAUSE_PROTOCOL);
        assert_null(strstr(driver.transcript, "C:"));
    }
}

/* The verdict of a server that answers 354 and the content in one breath counts for nothing. */
static void test_delivery_before_the_content(void **state)
{
    struct driver driver;

    (void)state;
    begin_pipelined(&driver);
    pump(&driver, SPAN("250 a\r\n250 b\r\n354 c\r\n250 taken\r\n"));
    assert_true(driver.closed);
    assert_int_equal(driver.last[0].kind, OUTCOME_DEFERRED);
    assert_int_equal(driver.last[0].stage, STAGE_BODY);
    assert_non_null(strstr(driver.last[0].reply.text, "250 taken"));
    check_settled_once(&driver);
}

/* Replies that come while the content is on its way end the session. */
static void test_reply_inside_the_content(void **state)
{
    static const struct {
        struct span reply;
        enum outcome_cause cause;
    } rows[] = {
        {SPAN_INIT("552 too much\r\n"), CAUSE_PROTOCOL},
        {SPAN_INIT("421 stop\r\n"), CAUSE_REPLY},
        {SPAN_INIT("garbage\r\n"), CAUSE_PROTOCOL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows) * 2; i++) {
        struct span input;
        struct span reply = rows[i / 2].reply;
        struct driver driver;
        struct outcome outcome;
        uint32_t tag;

        begin_content(&driver);
        assert_true(smtp_timeout_ns(&driver.smtp) == 180 * NS_PER_S);
        if (i % 2 == 1) { /* in two parts */
            input = span_first(reply, 2);
            assert_int_equal(smtp_step(&driver.smtp, &input, &driver.out),
                             i / 2 == 2 ? SMTP_WANT_SETTLE : SMTP_WANT_REPLY);
            reply = span_skip(reply, 2);
        }
        assert_int_equal(smtp_step(&driver.smtp, &reply, &driver.out), SMTP_WANT_SETTLE);
        smtp_settled(&driver.smtp, &tag, &outcome);
        assert_int_equal(outcome.kind, OUTCOME_DEFERRED);
        assert_int_equal(outcome.stage, STAGE_BODY);
        assert_int_equal(outcome.cause, rows[i / 2].cause);
        smtp_body_done(&driver.smtp); /* too late, and harmless */
        assert_int_equal(smtp_step(&driver.smtp, &reply, &driver.out), SMTP_WANT_CLOSE);
    }
}

static void test_content_that_cannot_be_read(void **state)
{
    struct driver driver;
    struct outcome outcome;

    (void)state;
    begin_content(&driver);
    smtp_body_failed(&driver.smtp, EIO);
    settle_early(&driver, CAUSE_LOCAL_CONTENT, &outcome);
    assert_int_equal(outcome.error_number, EIO);
}

static void test_content_that_cannot_be_signed(void **state)
{
    struct driver driver;
    struct outcome outcome;

    (void)state;
    begin_content(&driver);
    smtp_body_unsigned(&driver.smtp);
    settle_early(&driver, CAUSE_LOCAL_SIGNATURE, &outcome);
    assert_true(span_starts(outcome.reply.text_size > 0
                                ? span_make(outcome.reply.text, outcome.reply.text_size)
                                : SPAN(""),
                            SPAN("a signature could not be made")));
}

static void test_timeouts(void **state)
{
    static const struct {
        struct span input;
        uint64_t seconds;
    } rows[] = {
        {SPAN_INIT(""), 300},
        {SPAN_INIT("220 x\r\n"), 300},
        {SPAN_INIT("250-x\r\n250 PIPELINING\r\n"), 300},
        {SPAN_INIT("250 a\r\n"), 300},
        {SPAN_INIT("250 b\r\n"), 120},
        {SPAN_INIT("354 c\r\n"), 600},
        {SPAN_INIT("250 d\r\n"), 10},
    };
    struct driver driver;

    (void)state;
    driver_init(&driver, &pipelined, 1);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        pump(&driver, rows[i].input);
        assert_true(smtp_timeout_ns(&driver.smtp) == rows[i].seconds * NS_PER_S);
    }
    driver_init(&driver, &pipelined, 0);
    driver.keep = true;
    pump(&driver, SPAN("220 x\r\n"));
    pump(&driver, SPAN("250 x\r\n"));
    assert_true(smtp_is_idle(&driver.smtp));
    assert_true(smtp_timeout_ns(&driver.smtp) == SMTP_TIMEOUT_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scripts),
        cmocka_unit_test_teardown(test_every_step_fails, show_last_case),
        cmocka_unit_test(test_local_outcomes),
        cmocka_unit_test(test_endless_reply),
        cmocka_unit_test(test_replies_before_commands),
        cmocka_unit_test(test_delivery_before_the_content),
        cmocka_unit_test(test_reply_inside_the_content),
        cmocka_unit_test(test_content_that_cannot_be_read),
        cmocka_unit_test(test_content_that_cannot_be_signed),
        cmocka_unit_test(test_timeouts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
