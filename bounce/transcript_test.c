#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/base.h"
#include "bounce/transcript.h"

static struct arena arena;
static struct notice_phrases *phrases;
static struct transcript transcript;

static int setup(void **state)
{
    (void)state;
    assert_int_equal(arena_open(&arena, notice_phrases_cost(notice_words_count)), 0);
    phrases = notice_phrases_open(&arena, notice_words_table, notice_words_count);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

static enum transcript_rank rank_of(const char *mailbox)
{
    for (uint32_t i = 0; i < transcript.places_count; i++)
        if (span_equal(transcript.places[i].mailbox, span_cstr(mailbox)))
            return transcript.places[i].rank;
    return TRANSCRIPT_NOBODY;
}

static void test_ranks(void **state)
{
    static const struct {
        const char *label, *text;
        enum transcript_rank a, b; /* of a@x.example and b@x.example */
    } cases[] = {
        {"qmail", "<a@x.example>:\nno such user\n\n<b@x.example>:\nno\n", TRANSCRIPT_LISTED,
         TRANSCRIPT_LISTED},
        {"a list", "The following addresses failed:\n\n  a@x.example\n    550 no <b@x.example>\n",
         TRANSCRIPT_LISTED, TRANSCRIPT_SAID},
        {"contact",
         "Your message could not be delivered. Please contact b@x.example\n\n"
         "  a@x.example\n",
         TRANSCRIPT_LISTED, TRANSCRIPT_NOBODY},
        {"contact, then alone",
         "Your mail failed. For help contact b@x.example\n\n<a@x.example>: no\n\n"
         "<b@x.example>\nwill answer.\n",
         TRANSCRIPT_LISTED, TRANSCRIPT_NOBODY},
        {"the sender",
         "A message sent by\n  <b@x.example>\ncould not be delivered to:\n"
         "  a@x.example\n",
         TRANSCRIPT_LISTED, TRANSCRIPT_NOBODY},
        {"a session",
         "--- Session Transcript ---\nMAIL FROM:<b@x.example>\nRCPT TO:<a@x.example>\n",
         TRANSCRIPT_SAID, TRANSCRIPT_NOBODY},
        {"a label", "Undeliverable.\nRecipient: [SMTP:a@x.example]\nReason: x\n", TRANSCRIPT_LISTED,
         TRANSCRIPT_NOBODY},
        {"a sentence", "Delivery of your mail to <a@x.example> failed permanently.\n",
         TRANSCRIPT_LISTED, TRANSCRIPT_NOBODY},
        {"named in a list", "Delivery has failed to these recipients:\nAnna (a@x.example)\n",
         TRANSCRIPT_LISTED, TRANSCRIPT_NOBODY},
        {"two in a line", "The following addresses failed:\n a@x.example, b@x.example\n",
         TRANSCRIPT_LISTED, TRANSCRIPT_LISTED},
        {"nothing about failure", "Hello,\na@x.example\n", TRANSCRIPT_SAID, TRANSCRIPT_NOBODY},
        {"prose", "I met a@x.example and b@x.example there.\n", TRANSCRIPT_NAMED, TRANSCRIPT_NAMED},
        {"behind the cut",
         "<a@x.example>: no\n--- Below this line is a copy of the message.\n\n<b@x.example>: no\n",
         TRANSCRIPT_LISTED, TRANSCRIPT_NOBODY},
        {"behind a header", "<a@x.example>: no\n\nReceived: from x\nTo: b@x.example\n",
         TRANSCRIPT_LISTED, TRANSCRIPT_NOBODY},
        {"a heading that mentions copies",
         "The following addresses did NOT receive a copy of your message:\n> a@x.example\n",
         TRANSCRIPT_LISTED, TRANSCRIPT_NOBODY},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        transcript_read(phrases, span_cstr(cases[i].text), SPAN(""), &transcript);
        if (rank_of("a@x.example") != cases[i].a || rank_of("b@x.example") != cases[i].b)
            fail_msg("%s: %d %d", cases[i].label, rank_of("a@x.example"), rank_of("b@x.example"));
    }
}

static void test_reasons(void **state)
{
    (void)state;
    transcript_read(phrases,
                    SPAN("The following addresses failed:\n\n  a@x.example\n    full\n"
                         "  b@x.example\n    unknown\n"),
                    SPAN(""), &transcript);
    assert_int_equal(transcript.places_count, 2);
    assert_true(span_equal(span_trim(transcript.places[0].reason), SPAN("full")));
    assert_true(span_equal(span_trim(transcript.places[1].reason), SPAN("unknown")));
    transcript_read(phrases, SPAN("<a@x.example>:\n\nbecause:\n\nit was\nfull\n\nBye.\n"), SPAN(""),
                    &transcript);
    assert_true(
        span_equal(span_trim(transcript.places[0].reason), SPAN("because:\n\nit was\nfull")));
    transcript_read(phrases, SPAN("<a@x.example>: refused.\n\nIt said 550 no\n\nBye.\n"), SPAN(""),
                    &transcript);
    assert_true(
        span_equal(span_trim(transcript.places[0].reason), SPAN("refused.\n\nIt said 550 no")));
    transcript_read(phrases,
                    SPAN("The following addresses failed:\n\na@x.example: \"no such user\"\n"
                         "b@x.example: \"no\" said \"it\"\n"),
                    SPAN(""), &transcript);
    assert_true(span_equal(span_trim(transcript.places[0].reason), SPAN("no such user")));
    assert_true(span_equal(span_trim(transcript.places[1].reason), SPAN("no\" said \"it\"")));
    transcript_read(phrases,
                    SPAN("<a@x.example>\n --- Transcript of session follows ---\n"
                         "250 <b@x.example> ok\n550 5.1.1 <a@x.example>... no\n"),
                    SPAN(""), &transcript);
    assert_true(span_equal(span_trim(transcript_said(&transcript, SPAN("A@x.example"))),
                           SPAN("550 5.1.1 <a@x.example>... no")));
    assert_int_equal(transcript_said(&transcript, SPAN("b@x.example")).size, 0);
}

static void test_own_address(void **state)
{
    (void)state;
    transcript_read(phrases, SPAN("Undeliverable mail to own@x.example for a@x.example\n"),
                    SPAN("own@x.example"), &transcript);
    assert_int_equal(rank_of("own@x.example"), TRANSCRIPT_NOBODY);
    assert_true(rank_of("a@x.example") > TRANSCRIPT_NAMED);
    transcript_read(phrases, SPAN("The following addresses failed:\n own@x.example\n"),
                    SPAN("own@x.example"), &transcript); /* mail to oneself */
    assert_int_equal(rank_of("own@x.example"), TRANSCRIPT_LISTED);
}

static void test_bare_names(void **state)
{
    (void)state;
    transcript_read(phrases,
                    SPAN("Your mail to the following recipients could not be delivered:\n"
                         "\tvera77\n\ttwo words\n\tend.\nflush\n"),
                    SPAN(""), &transcript);
    assert_int_equal(transcript.bare_count, 1);
    assert_true(span_equal(transcript.bare[0], SPAN("vera77")));
}

static void test_where_it_is_cut(void **state)
{
    (void)state;
    transcript_read(phrases, SPAN("It failed.\n  -- Original message --\nTo: x\n"), SPAN(""),
                    &transcript);
    assert_true(span_equal(transcript.text, SPAN("It failed.\n")));
    assert_true(span_equal(transcript.returned, SPAN("To: x\n")));
    transcript_read(phrases, SPAN("The original message was received at noon\n"), SPAN(""),
                    &transcript);
    assert_int_equal(transcript.returned.size, 0);
}

/* Seconds of this thread. */
static double used_s(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* There in a build with AddressSanitizer, which is many times slower. */
extern void __asan_init(void) __attribute__((weak));

static void test_floods_are_cheap(void **state)
{
    static const char *const units[] = {"a@b ",
                                        "a@b\n",
                                        "following address x@y.example\n",
                                        "undelivered ",
                                        "550 <a@b.example> ",
                                        "@",
                                        "\n",
                                        "- ",
                                        "Received",
                                        "a\"@",
                                        "\"a\"@b"};
    size_t size = TRANSCRIPT_SIZE_MAX + 1000;
    char *text = calloc(1, size);

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        double best = 1e9;

        for (size_t at = 0; at < size; at++)
            text[at] = units[i][at % strlen(units[i])];
        for (int round = 0; round < 3 && best > 0.02; round++) {
            double started = used_s();

            transcript_read(phrases, span_make(text, size), SPAN("own@x.example"), &transcript);
            (void)transcript_said(&transcript, SPAN("q@x.example"));
            best = used_s() - started < best ? used_s() - started : best;
        }
        if (best > (__asan_init != NULL ? 1 : 0.02))
            fail_msg("\"%s\": %.1f ms", units[i], best * 1e3);
        assert_true(transcript.places_count <= TRANSCRIPT_PLACES_MAX);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranks),           cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_own_address),     cmocka_unit_test(test_bare_names),
        cmocka_unit_test(test_where_it_is_cut), cmocka_unit_test(test_floods_are_cheap),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
