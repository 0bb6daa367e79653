#include "smtp/receive.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

/* A caller: takes who begins with "ok", refuses "no", puts off "later"; keeps the content. */
struct caller {
    struct receive receive;
    uint8_t said[16384];
    size_t said_size;
    uint8_t content[16384];
    size_t content_size;
    uint32_t transaction;
    uint32_t messages_count;
    bool closed;
    bool securing;
};

static const struct receive_options usual = {
    .hostname = SPAN_INIT("mx.test"),
    .tls = true,
    .size_max = 200,
    .recipients_max = 3,
    .transactions_max = 4,
};

static enum receive_verdict verdict_on(struct span mailbox)
{
    if (span_starts(mailbox, SPAN("ok")))
        return RECEIVE_ACCEPT;
    if (span_starts(mailbox, SPAN("later")))
        return RECEIVE_LATER;
    return span_starts(mailbox, SPAN("refuse")) ? RECEIVE_REFUSE : RECEIVE_UNKNOWN;
}

static void keep(struct caller *caller)
{
    struct span piece = receive_piece(&caller->receive);

    if (caller->transaction != receive_transaction(&caller->receive))
        caller->content_size = 0;
    caller->transaction = receive_transaction(&caller->receive);
    assert_true(caller->content_size + piece.size <= sizeof(caller->content));
    memcpy(caller->content + caller->content_size, piece.data, piece.size);
    caller->content_size += piece.size;
}

static void hear(struct caller *caller, struct span input)
{
    for (;;) {
        uint8_t room[RECEIVE_REPLY_MAX * 2];
        struct text out;
        enum receive_want want;

        text_init(&out, room, sizeof(room));
        want = receive_step(&caller->receive, &input, &out);
        if (want == RECEIVE_WANT_RECIPIENT)
            receive_answer(&caller->receive, verdict_on(receive_recipient(&caller->receive)), &out);
        else if (want == RECEIVE_WANT_CONTENT)
            keep(caller);
        else if (want == RECEIVE_WANT_VERDICT)
            receive_answer(&caller->receive,
                           caller->messages_count++ == 2 ? RECEIVE_LATER : RECEIVE_ACCEPT, &out);
        assert_false(out.overflow);
        assert_true(caller->said_size + out.size < sizeof(caller->said));
        memcpy(caller->said + caller->said_size, out.data, out.size);
        caller->said_size += out.size;
        caller->closed = want == RECEIVE_WANT_CLOSE;
        caller->securing = want == RECEIVE_WANT_TLS;
        if (caller->closed || caller->securing || (want == RECEIVE_WANT_INPUT && input.size == 0))
            return;
    }
}

static void begin(struct caller *caller, const struct receive_options *options)
{
    memset(caller, 0, sizeof(*caller));
    receive_init(&caller->receive, options);
    hear(caller, span_make(NULL, 0));
}

/* The first four or eight octets of each reply: "250-" lines are one reply. */
static void assert_codes(const struct caller *caller, const char *expected)
{
    uint8_t room[4096];
    struct text codes;
    struct span rest = span_make(caller->said, caller->said_size);

    text_init(&codes, room, sizeof(room));
    while (rest.size > 0) {
        struct span line = span_split(&rest, '\n');

        assert_true(line.size >= 6 && line.data[line.size - 1] == '\r');
        if (line.data[3] == '-')
            continue;
        if (codes.size > 0)
            text_add_byte(&codes, ' ');
        text_add(&codes, span_first(line, 3));
    }
    assert_string_equal(text_cstr_end(&codes), expected);
}

static const struct {
    const char *what;
    struct span input;
    const char *codes;
    uint32_t messages_count;
    bool closed;
} dialogues[] = {
    {"one message",
     SPAN_INIT("EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<ok@x.test>\r\nDATA\r\nhi\r\n.\r\nQUIT\r\n"),
     "220 250 250 250 354 250 221", 1, true},
    {"HELO, small letters, a blank behind the colon",
     SPAN_INIT("helo a\r\nmail from: <a@b.test> size=20 body=8bitmime\r\nrcpt to: <ok@x.test>\r\n"
               "data\r\n.\r\n"),
     "220 250 250 250 354 250", 1, false},
    {"nobody accepted",
     SPAN_INIT("EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<x@x.test>\r\nRCPT TO:<refuse@x.test>\r\n"
               "RCPT TO:<later@x.test>\r\nDATA\r\n"),
     "220 250 250 550 554 451 554", 0, false},
    {"order",
     SPAN_INIT("MAIL FROM:<>\r\nEHLO a\r\nRCPT TO:<ok@x.test>\r\nDATA\r\nMAIL FROM:<>\r\n"
               "MAIL FROM:<>\r\n"),
     "220 503 250 503 503 250 503", 0, false},
    {"addresses",
     SPAN_INIT(
         "EHLO a\r\nMAIL FROM:a@b.test\r\nMAIL FROM:<a@>\r\nMAIL FROM:<a@b.test> RET=HDRS\r\n"
         "MAIL FROM:<a@b.test> SIZE=x\r\nMAIL FROM:<a@b.test> SIZE=201\r\nMAIL FROM:<a@b.test>\r\n"
         "RCPT TO:<>\r\nRCPT TO:<a\r\nRCPT TO:<ok@x.test> NOTIFY=NEVER\r\n"
         "RCPT TO:<@r.test:ok@x.test>\r\n"),
     "220 250 501 553 555 501 552 250 553 501 555 250", 0, false},
    {"too many recipients",
     SPAN_INIT("EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<ok1@x.test>\r\nRCPT TO:<ok2@x.test>\r\n"
               "RCPT TO:<ok3@x.test>\r\nRCPT TO:<ok4@x.test>\r\n"),
     "220 250 250 250 250 250 452", 0, false},
    {"too many messages",
     SPAN_INIT("EHLO a\r\nMAIL FROM:<>\r\nRSET\r\nMAIL FROM:<>\r\nRSET\r\nMAIL FROM:<>\r\nRSET\r\n"
               "MAIL FROM:<>\r\nRSET\r\nMAIL FROM:<>\r\nNOOP\r\n"),
     "220 250 250 250 250 250 250 250 250 250 421", 0, true},
    {"the rest", SPAN_INIT("NOOP\r\nHELP\r\nVRFY a\r\nEXPN a\r\nAUTH PLAIN\r\nEHLO\r\nHELO \r\n"),
     "220 250 214 252 500 500 501 501", 0, false},
    {"a bare LF, a bare CR, a NUL", SPAN_INIT("NOOP\nNOOP\rNOOP\r\nNO\0OP\r\nNOOP\r\n"),
     "220 500 500 500 250", 0, false},
    {"smuggling: only CRLF . CRLF ends a content",
     SPAN_INIT("EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<ok@x.test>\r\nDATA\r\na\n.\r\nMAIL FROM:<>\r\n"
               "b\n.\nc\r\n.\nd\r.\re\r\n..\r\n.\r\n"),
     "220 250 250 250 354 250", 1, false},
    {"chunks",
     SPAN_INIT("EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<ok@x.test>\r\nBDAT 3\r\n.\r\nBDAT 2 "
               "LAST\r\nabNOOP\r\n"),
     "220 250 250 250 250 250 250", 1, false},
    {"BDAT without a sender is read past", SPAN_INIT("EHLO a\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n"),
     "220 250 503 250", 0, false},
    {"BDAT without recipients is read past",
     SPAN_INIT("EHLO a\r\nMAIL FROM:<>\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n"), "220 250 250 554 250",
     0, false},
    {"BDAT and DATA do not mix",
     SPAN_INIT("EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<ok@x.test>\r\nBDAT 1\r\naDATA\r\n"
               "RCPT TO:<ok@x.test>\r\nBDAT 0 LAST\r\n"),
     "220 250 250 250 250 503 503 250", 1, false},
    {"BDAT without a size ends it", SPAN_INIT("EHLO a\r\nBDAT x\r\nNOOP\r\n"), "220 250 501", 0,
     true},
    {"a chunk over the limit",
     SPAN_INIT(
         "EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<ok@x.test>\r\nBDAT 9223372036854775807 LAST\r\nab"),
     "220 250 250 250", 0, false},
    {"octets behind STARTTLS", SPAN_INIT("EHLO a\r\nSTARTTLS\r\nMAIL FROM:<>\r\n"), "220 250 503",
     0, true},
};

static void test_dialogues(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(dialogues); i++) {
        static struct caller caller;

        begin(&caller, &usual);
        hear(&caller, dialogues[i].input);
        print_message("%s\n", dialogues[i].what);
        assert_codes(&caller, dialogues[i].codes);
        assert_int_equal(caller.messages_count, dialogues[i].messages_count);
        assert_int_equal(caller.closed, dialogues[i].closed);
    }
}

/* The same replies and content, however the octets come. */
static void test_splits(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(dialogues) - 1; i++) {
        static struct caller whole, parts;

        begin(&whole, &usual);
        hear(&whole, dialogues[i].input);
        for (size_t at = 0; at <= dialogues[i].input.size; at++) {
            begin(&parts, &usual);
            hear(&parts, span_first(dialogues[i].input, at));
            if (!parts.closed)
                hear(&parts, span_skip(dialogues[i].input, at));
            assert_int_equal(parts.said_size, whole.said_size);
            assert_memory_equal(parts.said, whole.said, whole.said_size);
            assert_int_equal(parts.content_size, whole.content_size);
            assert_memory_equal(parts.content, whole.content, whole.content_size);
        }
    }
}

static void send_message(struct caller *caller, struct span content)
{
    hear(caller, SPAN("MAIL FROM:<>\r\nRCPT TO:<ok@x.test>\r\nDATA\r\n"));
    hear(caller, content);
    hear(caller, SPAN("\r\n.\r\n"));
}

static void test_content(void **state)
{
    static struct caller caller;

    (void)state;
    begin(&caller, &usual);
    hear(&caller, SPAN("EHLO a\r\n"));
    send_message(&caller, SPAN("a\r\n..b\r\n...\r\nc\n.\nd\r\r\n.\re"));
    assert_int_equal(caller.content_size, strlen("a\r\n.b\r\n..\r\nc\n.\nd\r\r\n\re\r\n"));
    assert_memory_equal(caller.content, "a\r\n.b\r\n..\r\nc\n.\nd\r\r\n\re\r\n",
                        caller.content_size);
}

static void test_large_content(void **state)
{
    static struct caller caller;
    char content[203];

    (void)state;
    memset(content, 'x', sizeof(content));
    begin(&caller, &usual);
    hear(&caller, SPAN("EHLO a\r\n"));
    send_message(&caller, span_make(content, 198)); /* with its CRLF just 200 */
    send_message(&caller, span_make(content, 199));
    send_message(&caller, SPAN("x"));
    send_message(&caller, SPAN("put off"));
    assert_codes(&caller,
                 "220 250 250 250 354 250 250 250 354 552 250 250 354 250 250 250 354 451");
    assert_int_equal(caller.messages_count, 3);
}

static void test_faults_end_it(void **state)
{
    static struct caller caller;

    (void)state;
    begin(&caller, &usual);
    hear(&caller, SPAN("EHLO a\r\nMAIL FROM:<>\r\n"));
    for (uint32_t i = 0; i < RECEIVE_FAULTS_MAX; i++) {
        assert_false(caller.closed);
        hear(&caller, SPAN("RCPT TO:<guess@x.test>\r\n"));
    }
    assert_true(caller.closed);
    assert_memory_equal(caller.said + caller.said_size - 37,
                        "421 4.7.0 too many errors, good bye\r\n", 37);
}

static void test_long_line(void **state)
{
    static struct caller caller;
    uint8_t line[RECEIVE_LINE_MAX + 1];

    (void)state;
    memset(line, 'x', sizeof(line));
    memcpy(line, "NOOP ", 5);
    begin(&caller, &usual);
    hear(&caller, span_make(line, sizeof(line) - 1));
    hear(&caller, SPAN("\r\n"));
    hear(&caller, span_make(line, sizeof(line)));
    hear(&caller, SPAN("\r\n"));
    for (uint32_t i = 0; i < 100; i++)
        hear(&caller, span_make(line, sizeof(line)));
    hear(&caller, SPAN("\r\nNOOP\r\n"));
    assert_codes(&caller, "220 250 500 500 250");
}

static void test_starttls(void **state)
{
    static struct caller caller;

    (void)state;
    begin(&caller, &usual);
    hear(&caller, SPAN("EHLO a\r\nMAIL FROM:<>\r\nSTARTTLS\r\n"));
    assert_true(caller.securing);
    receive_secured(&caller.receive);
    hear(&caller, SPAN("MAIL FROM:<>\r\nEHLO a\r\nSTARTTLS\r\nMAIL FROM:<>\r\n"));
    assert_codes(&caller, "220 250 250 220 503 250 503 250");
    assert_null(strstr((char *)caller.said + 150, "250-STARTTLS"));
    assert_non_null(strstr((char *)caller.said, "250-STARTTLS"));
}

static void test_busy_and_no_tls(void **state)
{
    static struct caller caller;
    struct receive_options options = usual;

    (void)state;
    options.tls = false;
    begin(&caller, &options);
    hear(&caller, SPAN("EHLO a\r\nSTARTTLS\r\n"));
    assert_codes(&caller, "220 250 502");
    assert_null(strstr((char *)caller.said, "STARTTLS"));
    options.busy = true;
    begin(&caller, &options);
    assert_codes(&caller, "421");
    assert_true(caller.closed);
}

/* More replies than out has room for: nothing is lost. */
static void test_small_out(void **state)
{
    static struct receive receive;
    static uint8_t line[6 * 1000];
    uint8_t room[RECEIVE_REPLY_MAX];
    struct span input = span_make(line, sizeof(line));
    uint32_t replies_count = 0;
    struct text out;

    (void)state;
    for (size_t i = 0; i < sizeof(line); i += 6)
        memcpy(line + i, "NOOP\r\n", 6);
    receive_init(&receive, &usual);
    do {
        text_init(&out, room, sizeof(room));
        assert_int_equal(receive_step(&receive, &input, &out), RECEIVE_WANT_INPUT);
        for (size_t i = 0; i < out.size; i++)
            replies_count += out.data[i] == '\n';
    } while (out.size > 0);
    assert_int_equal(input.size, 0);
    assert_int_equal(replies_count, 1001);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dialogues),     cmocka_unit_test(test_splits),
        cmocka_unit_test(test_content),       cmocka_unit_test(test_large_content),
        cmocka_unit_test(test_faults_end_it), cmocka_unit_test(test_long_line),
        cmocka_unit_test(test_starttls),      cmocka_unit_test(test_busy_and_no_tls),
        cmocka_unit_test(test_small_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
