#include "smtp/verdict.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

static void read_reply(struct reply_reader *reader, struct span input)
{
    reply_reader_init(reader);
    assert_int_equal(reply_reader_next(reader, &input), REPLY_READER_REPLY);
}

static void expect(const struct verdict *verdict, const struct reply_reader *reader,
                   enum outcome_kind kind, const char *text)
{
    struct outcome outcome;

    verdict_outcome(verdict, reader, &outcome);
    assert_int_equal(outcome.kind, kind);
    assert_int_equal(outcome.reply.text_size, strlen(text));
    assert_memory_equal(outcome.reply.text, text, outcome.reply.text_size);
}

static void test_words(void **state)
{
    struct reply_reader reader;
    struct verdict verdict;

    (void)state;
    read_reply(&reader, SPAN("550 5.1.1 who\r\n"));
    verdict = verdict_reply(COMMAND_RCPT);
    expect(&verdict, &reader, OUTCOME_FAILED, "who");
    verdict = verdict_refused(COMMAND_RCPT);
    expect(&verdict, &reader, OUTCOME_DEFERRED, "who");
    verdict = verdict_fault(COMMAND_DATA, "a reply that is no answer");
    expect(&verdict, &reader, OUTCOME_DEFERRED,
           "a reply that is no answer, awaiting the answer to DATA: 550 5.1.1 who");
    verdict = verdict_fault(COMMAND_DOT, "a NUL in a reply");
    assert_int_equal(verdict.kind, OUTCOME_UNSURE);
    verdict = verdict_cause(COMMAND_MAIL, CAUSE_LOST, ECONNRESET);
    expect(&verdict, &reader, OUTCOME_DEFERRED,
           "the connection was lost, awaiting the answer to MAIL");
    verdict = verdict_cause(COMMAND_GREETING, CAUSE_TIMEOUT, 0);
    expect(&verdict, &reader, OUTCOME_DEFERRED,
           "no answer came in time, awaiting the answer to the connection");
    verdict = verdict_unfit(COMMAND_FAULT_SIZE);
    expect(&verdict, &reader, OUTCOME_FAILED, "the message is over the server's size limit");
    verdict = verdict_peace();
    expect(&verdict, &reader, OUTCOME_NONE, "");
}

/* A half reply is not shown, a huge one does not overflow. */
static void test_words_of_strange_replies(void **state)
{
    static uint8_t buffer[1024];
    struct reply_reader reader;
    struct verdict verdict = verdict_fault(COMMAND_DATA, "odd");
    struct outcome outcome;
    struct text text;
    struct span half = SPAN("250 ha");

    (void)state;
    reply_reader_init(&reader);
    assert_int_equal(reply_reader_next(&reader, &half), REPLY_READER_MORE);
    expect(&verdict, &reader, OUTCOME_DEFERRED, "odd, awaiting the answer to DATA");
    text_init(&text, buffer, sizeof(buffer));
    text_add_cstr(&text, "250 ");
    text_add_fill(&text, 'x', 900);
    text_add_cstr(&text, "\r\n");
    read_reply(&reader, text_span(&text));
    verdict_outcome(&verdict, &reader, &outcome);
    assert_true(outcome.reply.text_size <= REPLY_TEXT_MAX);
    assert_true(outcome.reply.text_size > 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_words_of_strange_replies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
