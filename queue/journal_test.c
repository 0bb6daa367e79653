/* journal: outcomes and states read back; the newer of two outcomes wins in any order. */
#include "queue/journal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static uint8_t payload[JOURNAL_OUTCOME_MAX];

static struct attempt example(void)
{
    struct attempt attempt = {
        .outcome = {.kind = OUTCOME_DEFERRED,
                    .stage = STAGE_RCPT,
                    .cause = CAUSE_REPLY,
                    .error_number = 104,
                    .reply = {.code = 451, .enhanced = {4, 7, 1}}},
        .counted = true,
        .wall_ns = 1111111111111,
        .next_due_ns = 5 * NS_PER_S + 1,
        .size = 4242,
        .peer = {.ip = {.family = IP_V4, .bytes = {192, 0, 2, 1}}, .port = 25},
        .source = {.family = IP_V6, .bytes = {0x20, 1}},
        .peer_name = SPAN("mx1.example.org"),
        .site = SPAN("example.org"),
        .return_path = SPAN("tag@bounces.example"),
        .tls_protocol = SPAN("TLSv1.3"),
        .tls_cipher = SPAN("AES"),
        .delays_us = {1, 2, 3, 4, 5, 6},
    };

    reply_set_text(&attempt.outcome.reply, SPAN("greylisted, come back"));
    return attempt;
}

static void test_outcome(void **state)
{
    const struct identity identity = {77, 88};
    struct attempt attempt = example();
    size_t size = journal_write_outcome(identity, 3, &attempt, payload);
    const struct attempt *back;
    struct attempt_event event;

    (void)state;
    assert_int_equal(journal_read_outcome(span_make(payload, size), &event), 0);
    back = &event.attempt;
    assert_int_equal(event.identity.campaign, 77);
    assert_int_equal(event.identity.ordinal, 88);
    assert_int_equal(event.number, 3);
    assert_int_equal(back->outcome.kind, OUTCOME_DEFERRED);
    assert_int_equal(back->outcome.stage, STAGE_RCPT);
    assert_int_equal(back->outcome.error_number, 104);
    assert_int_equal(back->outcome.reply.code, 451);
    assert_int_equal(back->outcome.reply.enhanced[2], 1);
    assert_int_equal(back->outcome.reply.text_size, attempt.outcome.reply.text_size);
    assert_memory_equal(back->outcome.reply.text, attempt.outcome.reply.text,
                        attempt.outcome.reply.text_size);
    assert_true(back->counted);
    assert_int_equal(back->wall_ns, attempt.wall_ns);
    assert_int_equal(back->next_due_ns, attempt.next_due_ns);
    assert_int_equal(back->size, 4242);
    assert_true(ip_equal(&back->peer.ip, &attempt.peer.ip));
    assert_int_equal(back->peer.port, 25);
    assert_true(ip_equal(&back->source, &attempt.source));
    assert_true(span_equal(back->peer_name, attempt.peer_name));
    assert_true(span_equal(back->site, attempt.site));
    assert_true(span_equal(back->return_path, attempt.return_path));
    assert_true(span_equal(back->tls_protocol, attempt.tls_protocol));
    assert_true(span_equal(back->tls_cipher, attempt.tls_cipher));
    assert_memory_equal(back->delays_us, attempt.delays_us, sizeof(attempt.delays_us));
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(journal_read_outcome(span_make(payload, cut), &event), -EBADMSG);
}

static void test_longest(void **state)
{
    static char name[1000];
    struct attempt attempt = example();
    struct attempt_event event;
    size_t size;

    (void)state;
    memset(name, 'n', sizeof(name));
    attempt.peer_name = attempt.site = attempt.return_path = span_make(name, sizeof(name));
    attempt.tls_protocol = attempt.tls_cipher = attempt.site;
    attempt.outcome.reply.text_size = REPLY_TEXT_MAX;
    size = journal_write_outcome((struct identity){1, 2}, 1, &attempt, payload);
    assert_true(size <= JOURNAL_OUTCOME_MAX);
    assert_int_equal(journal_read_outcome(span_make(payload, size), &event), 0);
    assert_int_equal(event.attempt.site.size, ATTEMPT_NAME_MAX);
}

static void test_peek(void **state)
{
    struct attempt attempt = example();
    struct journal_outcome outcome;
    size_t size;

    (void)state;
    attempt.outcome.kind = OUTCOME_UNSURE;
    size = journal_write_outcome((struct identity){1, 2}, 9, &attempt, payload);
    assert_int_equal(journal_peek_outcome(span_make(payload, size), &outcome), 0);
    assert_int_equal(outcome.number, 9);
    assert_int_equal(outcome.next_due_s, 6); /* rounded up: never early */
    assert_true(outcome.unsure);
    assert_int_equal(journal_peek_outcome(span_make(payload, 100), &outcome), -EBADMSG);
    payload[40] = OUTCOME_RELEASED; /* kind */
    assert_int_equal(journal_peek_outcome(span_make(payload, size), &outcome), -EBADMSG);
    payload[40] = OUTCOME_FAILED;
    payload[41] = STAGE_COUNT;
    assert_int_equal(journal_peek_outcome(span_make(payload, size), &outcome), -EBADMSG);
}

static void test_state(void **state)
{
    struct journal_state written = {
        .campaign = 5,
        .sequence = 6,
        .state = CAMPAIGN_PAUSED,
        .time_s = 7,
        .recipients_count = 8,
        .list_digest = {9},
    };
    struct journal_state back;

    (void)state;
    journal_write_state(&written, payload);
    assert_int_equal(journal_read_state(span_make(payload, journal_state_size()), &back), 0);
    assert_int_equal(back.campaign, 5);
    assert_int_equal(back.sequence, 6);
    assert_int_equal(back.state, CAMPAIGN_PAUSED);
    assert_int_equal(back.time_s, 7);
    assert_int_equal(back.recipients_count, 8);
    assert_int_equal(back.list_digest[0], 9);
    assert_int_equal(journal_read_state(span_make(payload, journal_state_size() - 1), &back),
                     -EBADMSG);
    payload[24] = CAMPAIGN_STATE_COUNT;
    assert_int_equal(journal_read_state(span_make(payload, journal_state_size()), &back), -EBADMSG);
}

static void test_newer(void **state)
{
    static const struct {
        uint32_t number;
        bool final;
        uint32_t known;
        bool known_final;
        bool newer;
    } cases[] = {
        {1, false, 0, false, true},  {1, false, 1, false, false}, {2, false, 1, false, true},
        {1, true, 1, false, true},   {1, true, 1, true, false},   {2, false, 1, true, false},
        {1, false, 2, false, false}, {1, true, 2, false, false},  {0, true, 0, false, true},
        {3, true, 2, true, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(
            journal_newer(cases[i].number, cases[i].final, cases[i].known, cases[i].known_final),
            cases[i].newer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outcome), cmocka_unit_test(test_longest), cmocka_unit_test(test_peek),
        cmocka_unit_test(test_state),   cmocka_unit_test(test_newer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
