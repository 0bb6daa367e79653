#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "bench/receiver.h"

#define HELLO "220 ringpost-bench ESMTP sink\r\n"
#define EHLO                                                                                       \
    "250-ringpost-bench\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-SIZE 1073741824\r\n"              \
    "250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n"
#define OPEN "EHLO x\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\n"
#define OPENED HELLO EHLO "250 2.1.0 ok\r\n250 2.1.5 ok\r\n"
#define GO "354 go on, end with CRLF . CRLF\r\n"
#define DONE "250 2.0.0 accepted\r\n"
#define BYE "221 2.0.0 bye\r\n"

struct session_case {
    const char *label;
    const char *persona; /* the text of a persona file; NULL: none */
    struct span in;
    const char *out;
    const char *notes; /* "from>rcpt,rcpt:id:size " of each accepted message */
    uint64_t errors;
    bool closed;
};

#define CASE(label, persona, in, out, notes, errors, closed)                                       \
    {                                                                                              \
        label, persona, SPAN_INIT(in), out, notes, errors, closed                                  \
    }

static const struct session_case cases[] = {
    CASE("one message", NULL, OPEN "DATA\r\nMessage-ID: <1@x>\r\n\r\nhi\r\n.\r\nQUIT\r\n",
         OPENED GO DONE BYE, "a@x>b@y:<1@x>:25 ", 1, true),
    CASE("two messages, two recipients", NULL,
         OPEN "RCPT TO:<c@y>\r\nDATA\r\n.\r\nMAIL FROM:<> SIZE=5 BODY=8BITMIME\r\n"
              "rcpt to: <\"q>\"@z>\r\nDATA\r\n..a\r\n.\r\n",
         OPENED "250 2.1.5 ok\r\n" GO DONE "250 2.1.0 ok\r\n250 2.1.5 ok\r\n" GO DONE,
         "a@x>b@y,c@y::0 >\"q>\"@z::4 ", 2, false),
    CASE("BDAT", NULL,
         OPEN "BDAT 21\r\nMessage-ID:\r\n <2@x>\r\nBDAT 4 LAST\r\n\r\n\r\nBDAT 0 LAST\r\n",
         OPENED "250 2.0.0 octets received\r\n" DONE "503 5.5.1 MAIL and RCPT first\r\n",
         "a@x>b@y:<2@x>:25 ", 0, false),
    CASE("BDAT alone", NULL, "EHLO x\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n",
         HELLO EHLO "503 5.5.1 MAIL and RCPT first\r\n250 2.0.0 ok\r\n", "", 0, false),
    CASE("out of order", NULL, "MAIL FROM:<a@x>\r\nEHLO x\r\nRCPT TO:<a@x>\r\nDATA\r\n",
         HELLO "503 5.5.1 EHLO first\r\n" EHLO
               "503 5.5.1 MAIL first\r\n503 5.5.1 MAIL and RCPT first\r\n",
         "", 3, false),
    CASE("nested, reset", NULL, OPEN "MAIL FROM:<b@x>\r\nRSET\r\nMAIL FROM:<c@x>\r\n",
         OPENED "503 5.5.1 nested MAIL\r\n250 2.0.0 ok\r\n250 2.1.0 ok\r\n", "", 1, false),
    CASE("bad syntax", NULL,
         "EHLO x\r\nMAIL FROM:a@x\r\nMAIL FROM:<a@x\r\nMAIL FROM:<a@x> X=1\r\nFOO\r\n\r\n",
         HELLO EHLO "501 5.5.4 MAIL FROM:<address> is expected\r\n"
                    "501 5.5.4 MAIL FROM:<address> is expected\r\n555 5.5.4 unknown parameter\r\n"
                    "502 5.5.1 command not recognised\r\n502 5.5.1 command not recognised\r\n",
         "", 5, false),
    CASE("bare LF, NUL", NULL, "EHLO x\nNOOP \0\r\n",
         HELLO EHLO "500 5.5.2 a control character in the command\r\n", "", 2, false),
    CASE("bare LF in content", NULL, OPEN "DATA\r\na\n.\nb\r\n.\r\n", OPENED GO DONE, "a@x>b@y::7 ",
         2, false),
    CASE("refused recipient", "persona p\nrecipient b*\nrcpt reply 550 5.1.1 no\n",
         OPEN "DATA\r\nQUIT\r\n",
         HELLO EHLO "250 2.1.0 ok\r\n550 5.1.1 no\r\n554 5.5.1 no valid recipients\r\n" BYE, "", 1,
         true),
    CASE("354 all the same", "persona p\nrcpt reply 550 no\ndata reply 354 go\n",
         OPEN "DATA\r\n.\r\n",
         HELLO EHLO "250 2.1.0 ok\r\n550 no\r\n354 go\r\n554 5.5.1 no valid recipients\r\n", "", 1,
         false),
    CASE("nobody to accept it for",
         "persona p\nrcpt reply 550 no\ndata reply 354 go\ndot reply 250 fine\n",
         OPEN "DATA\r\n.\r\n", HELLO EHLO "250 2.1.0 ok\r\n550 no\r\n354 go\r\n250 fine\r\n", "", 1,
         false),
    CASE("4xx at the dot", "persona p\ndot reply 451 4.3.0 later\n", OPEN "DATA\r\n.\r\nNOOP\r\n",
         OPENED GO "451 4.3.0 later\r\n250 2.0.0 ok\r\n", "", 1, false),
    CASE("drop at the dot", "persona p\ndot drop\n", OPEN "DATA\r\n.\r\nNOOP\r\n", OPENED GO, "", 1,
         true),
    CASE("drop, accepted", "persona p\ndot drop accepted\n", OPEN "DATA\r\n.\r\nNOOP\r\n",
         OPENED GO, "a@x>b@y::0 ", 1, true),
    CASE("silence at MAIL", "persona p\nmail silence\n", OPEN "NOOP\r\n", HELLO EHLO, "", 0, false),
    CASE("refused at the greeting", "persona p\ngreeting close 554 go away\n", OPEN,
         "554 go away\r\n", "", 0, true),
    CASE("421 closes", "persona p\nmail reply 421 4.3.2 busy\n", OPEN,
         HELLO EHLO "421 4.3.2 busy\r\n", "", 0, true),
    CASE("after", "persona p\nmail after 1 close 421 enough\n",
         OPEN "DATA\r\n.\r\n"
              "MAIL FROM:<a@x>\r\n",
         OPENED GO DONE "421 enough\r\n", "a@x>b@y::0 ", 1, true),
    CASE("HELO only", "persona p\nehlo reply 502 5.5.1 what\nno-extensions\n",
         "EHLO x\r\nHELO x\r\nMAIL FROM:<a@x>\r\n",
         HELLO "502 5.5.1 what\r\n250 ringpost-bench\r\n250 ok\r\n", "", 0, false),
    CASE("no extensions", "persona p\nno-extensions\n", "EHLO x\r\nNOOP\r\n",
         HELLO "250 ringpost-bench\r\n250 ok\r\n", "", 0, false),
    CASE("no PIPELINING, no CHUNKING", "persona p\nno-pipelining\nno-chunking\n", "EHLO x\r\n",
         HELLO "250-ringpost-bench\r\n250-SIZE 1073741824\r\n250-8BITMIME\r\n"
               "250 ENHANCEDSTATUSCODES\r\n",
         "", 0, false),
    CASE("one too many, one too few", "persona p\nmail twice\nrcpt skip\n", OPEN "DATA\r\n",
         HELLO EHLO "250 2.1.0 ok\r\n250 2.1.0 ok\r\n" GO, "", 0, false),
    CASE("raw", "persona p\nrcpt raw 550 \\x1b[2J\\\\ no\\r\\n\n", OPEN "DATA\r\n",
         HELLO EHLO "250 2.1.0 ok\r\n550 \033[2J\\ no\r\n" GO, "", 0, false),
    CASE("many lines", "persona p\nmail lines 3 250 well\n", "EHLO x\r\nMAIL FROM:<>\r\nRSET\r\n",
         HELLO EHLO "250-well\r\n250-well\r\n250 well\r\n250 2.0.0 ok\r\n", "", 0, false),
    CASE("many lines at the dot", "persona p\ndot lines 2 250 well\n", OPEN "DATA\r\n.\r\nRSET\r\n",
         OPENED GO "250-well\r\n250 well\r\n250 2.0.0 ok\r\n", "a@x>b@y::0 ", 1, false),
    CASE("drop in the body", "persona p\nbody after 3 drop\n", OPEN "DATA\r\na\r\nb\r\nc\r\n.\r\n",
         OPENED GO, "", 1, true),
};

static void take_note(const struct receiver *receiver, struct text *notes)
{
    struct span rest = text_span(&receiver->recipients);
    const char *between = ">";

    text_add(notes, text_span(&receiver->return_path));
    while (rest.size > 0) {
        text_add_cstr(notes, between);
        text_add(notes, receiver_recipient(&rest));
        between = ",";
    }
    text_add_byte(notes, ':');
    text_add(notes, span_make(receiver->digest.id, receiver->digest.id_size));
    text_add_format(notes, ":%u ", (unsigned)receiver->digest.size);
}

static struct persona_set personas;
static uint8_t line[RECEIVER_LINE_MAX];
static uint8_t envelope[RECEIVER_ENVELOPE_MAX];

/* Feeds [0, cut) and [cut, end); returns whether the receiver closes. */
static bool run(struct receiver *receiver, struct span in, size_t cut, struct text *out,
                struct text *notes)
{
    struct span parts[3] = {span_first(in, 0), span_first(in, cut), span_skip(in, cut)};

    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        for (;;) {
            enum receiver_want want = receiver_step(receiver, &parts[i], out);

            assert_int_not_equal(want, RECEIVER_WANT_ROOM);
            if (want == RECEIVER_WANT_NOTE)
                take_note(receiver, notes);
            if (want == RECEIVER_WANT_CLOSE)
                return true;
            if (want == RECEIVER_WANT_INPUT)
                break;
        }
        assert_int_equal(parts[i].size, 0);
    }
    return false;
}

static void run_case(const struct session_case *item, size_t cut)
{
    static uint8_t out_buffer[32768];
    uint8_t notes_buffer[256];
    struct receiver_options options = {.personas = &personas};
    struct receiver receiver;
    struct prng prng;
    struct text out;
    struct text notes;
    bool closed;

    prng_seed(&prng, 1);
    receiver_init(&receiver, &options, &prng, line, envelope);
    receiver.persona = persona_for_connection(&personas, 1, 25, 0);
    text_init(&out, out_buffer, sizeof(out_buffer));
    text_init(&notes, notes_buffer, sizeof(notes_buffer));
    closed = run(&receiver, item->in, cut, &out, &notes);
    assert_string_equal(text_cstr_end(&out), item->out);
    assert_string_equal(text_cstr_end(&notes), item->notes);
    assert_int_equal(closed, item->closed);
    if (cut == item->in.size)
        assert_int_equal(receiver.protocol_errors, item->errors);
}

static void test_sessions(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char buffer[128];
        struct text error;

        print_message("%s\n", cases[i].label);
        personas.count = 0;
        text_init(&error, buffer, sizeof(buffer));
        if (cases[i].persona != NULL)
            assert_int_equal(persona_read(&personas, span_cstr(cases[i].persona), &error), 0);
        for (size_t cut = 0; cut <= cases[i].in.size; cut++)
            run_case(&cases[i], cut);
    }
}

/* An endless reply fills what room there is and asks for more, for ever. */
static void test_endless_reply(void **state)
{
    static uint8_t out_buffer[16384];
    struct receiver_options options = {.personas = &personas};
    struct receiver receiver;
    struct span in = SPAN("EHLO x\r\nMAIL FROM:<>\r\n");
    struct prng prng;
    struct text out;

    (void)state;
    prng_seed(&prng, 1);
    text_init(&out, out_buffer, sizeof(out_buffer));
    assert_int_equal(persona_read(&personas, SPAN("persona p\nmail lines endless 250 x\n"), &out),
                     0);
    receiver_init(&receiver, &options, &prng, line, envelope);
    receiver.persona = persona_for_connection(&personas, 1, 25, 0);
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(receiver_step(&receiver, &in, &out), RECEIVER_WANT_ROOM);
        assert_true(out.size > sizeof(out_buffer) - RECEIVER_ROOM);
        text_reset(&out);
    }
}

static void test_long_line(void **state)
{
    static uint8_t out_buffer[32768];
    static uint8_t in_buffer[3 * RECEIVER_LINE_MAX];
    struct receiver_options options = {.personas = &personas};
    struct receiver receiver;
    struct prng prng;
    struct text out;
    struct text in;

    (void)state;
    personas.count = 0;
    for (size_t cut = 0; cut <= 5000; cut += 500) {
        prng_seed(&prng, 1);
        text_init(&out, out_buffer, sizeof(out_buffer));
        text_init(&in, in_buffer, sizeof(in_buffer));
        text_add_cstr(&in, "NOOP ");
        text_add_fill(&in, 'x', 5000);
        text_add_cstr(&in, "\r\nNOOP\r\n");
        receiver_init(&receiver, &options, &prng, line, envelope);
        assert_false(run(&receiver, text_span(&in), cut, &out, &in));
        assert_string_equal(text_cstr_end(&out),
                            HELLO "500 5.5.2 line too long\r\n250 2.0.0 ok\r\n");
    }
}

static void test_broken_personas(void **state)
{
    static const struct {
        const char *text;
        const char *error;
    } broken[] = {
        {"mail drop\n", "line 1: a file begins with a line `persona NAME`"},
        {"persona\n", "line 1: a name of at most 31 characters is expected"},
        {"persona p\nmail\n",
         "line 2: an action is expected: reply, close, raw, lines, twice, skip, silence or drop"},
        {"persona p\nmail reply 99 x\n", "line 2: a reply code from 200 to 599 is expected"},
        {"persona p\nmail drop\nmail drop\n", "line 3: this step has a rule already"},
        {"persona p\nmail drop accepted\n", "line 2: `accepted` has a meaning at the dot only"},
        {"persona p\nmail drop now\n", "line 2: only `accepted` may stand here"},
        {"persona p\nmail raw \\q\n",
         "line 2: an unknown escape; known are \\r \\n \\0 \\\\ \\xHH"},
        {"persona p\nmail raw a\\x1\n",
         "line 2: an unknown escape; known are \\r \\n \\0 \\\\ \\xHH"},
        {"persona p\nmail lines 0 250 x\n", "line 2: a number of lines, or `endless`, is expected"},
        {"persona p\nmail after x drop\n", "line 2: a number is expected behind `after`"},
        {"persona p\nport 70000\n",
         "line 2: an unknown setting or step, or its number is out of range"},
        {"persona p\nrecipient\n", "line 2: a pattern of local parts is expected"},
        {"persona p\n\n# x\nfoo\n",
         "line 4: an unknown setting or step, or its number is out of range"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        char buffer[256];
        struct text error;

        text_init(&error, buffer, sizeof(buffer));
        assert_true(persona_read(&personas, span_cstr(broken[i].text), &error) < 0);
        assert_string_equal(text_cstr_end(&error), broken[i].error);
    }
}

static void test_selection(void **state)
{
    static const char text[] = "persona one\nport 26\npersona two\nlistener 2\npercent 10\n"
                               "persona three\nrecipient *.x*y\npersona four\nrecipient z\n";
    char buffer[64];
    struct text error;

    (void)state;
    text_init(&error, buffer, sizeof(buffer));
    assert_int_equal(persona_read(&personas, span_cstr(text), &error), 0);
    assert_null(persona_for_connection(&personas, 1, 25, 0));
    assert_string_equal(persona_for_connection(&personas, 1, 26, 99)->name, "one");
    assert_string_equal(persona_for_connection(&personas, 2, 25, 109)->name, "two");
    assert_null(persona_for_connection(&personas, 2, 25, 110));
    assert_null(persona_for_recipient(&personas, SPAN("ax.y@z"), 0));
    assert_string_equal(persona_for_recipient(&personas, SPAN("a.X.xzzy@z"), 0)->name, "three");
    assert_null(persona_for_recipient(&personas, SPAN("zz@z"), 0));
    assert_string_equal(persona_for_recipient(&personas, SPAN("Z"), 0)->name, "four");
}

static struct span say(struct receiver *receiver, const char *in, struct text *out,
                       enum receiver_want wanted)
{
    struct span input = span_cstr(in);

    text_reset(out);
    assert_int_equal(receiver_step(receiver, &input, out), wanted);
    return text_span(out);
}

static bool has(struct span text, const char *what)
{
    return span_find(text, span_cstr(what)) != SPAN_NOT_FOUND;
}

static void test_starttls(void **state)
{
    static uint8_t out_buffer[32768];
    struct receiver_options options = {.personas = &personas, .starttls = true};
    struct receiver receiver;
    struct prng prng;
    struct text out;

    (void)state;
    personas.count = 0;
    prng_seed(&prng, 1);
    receiver_init(&receiver, &options, &prng, line, envelope);
    text_init(&out, out_buffer, sizeof(out_buffer));
    assert_true(has(say(&receiver, "EHLO x\r\n", &out, RECEIVER_WANT_INPUT), "250-STARTTLS"));
    assert_true(
        has(say(&receiver, "STARTTLS\r\nNOOP\r\n", &out, RECEIVER_WANT_INPUT), "503 5.5.1"));
    assert_true(has(say(&receiver, "MAIL FROM:<a@x>\r\nSTARTTLS\r\n", &out, RECEIVER_WANT_INPUT),
                    "503 5.5.1"));
    assert_true(has(say(&receiver, "RSET\r\n", &out, RECEIVER_WANT_INPUT), "250"));
    assert_true(has(say(&receiver, "StartTLS\r\n", &out, RECEIVER_WANT_TLS), "220 "));
    assert_int_equal(say(&receiver, "NOOP\r\n", &out, RECEIVER_WANT_TLS).size, 0);
    receiver_secured(&receiver);
    assert_true(has(say(&receiver, "MAIL FROM:<a@x>\r\n", &out, RECEIVER_WANT_INPUT), "503 "));
    assert_false(has(say(&receiver, "EHLO x\r\n", &out, RECEIVER_WANT_INPUT), "STARTTLS"));
    assert_true(has(say(&receiver, "STARTTLS\r\n", &out, RECEIVER_WANT_INPUT), "502 "));
    /* TLS from the start: the greeting comes behind it. */
    receiver_init(&receiver, &options, &prng, line, envelope);
    receiver_secured(&receiver);
    assert_true(span_starts(say(&receiver, "", &out, RECEIVER_WANT_INPUT), SPAN("220 ")));
    assert_false(has(say(&receiver, "EHLO x\r\n", &out, RECEIVER_WANT_INPUT), "STARTTLS"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_starttls),        cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_endless_reply),   cmocka_unit_test(test_long_line),
        cmocka_unit_test(test_broken_personas), cmocka_unit_test(test_selection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
