#include "queue/journal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/expect_abort.h"

/* Where a hostile writer would look: offsets in an outcome's head of 136 bytes. */
#define HEAD 136
#define AT_KIND 40
#define AT_STAGE 41
#define AT_CAUSE 42
#define AT_PEER 56
#define AT_SOURCE 76
#define AT_SIZES 120

static uint8_t long_bytes[1024];

static struct attempt full_attempt(void)
{
    struct attempt attempt = {
        .outcome = {.kind = OUTCOME_DEFERRED,
                    .stage = STAGE_RCPT,
                    .cause = CAUSE_REPLY,
                    .error_number = -7,
                    .reply = {.code = 450, .enhanced = {4, 2, 1}}},
        .counted = true,
        .wall_ns = UINT64_C(1790000000123456789),
        .next_due_ns = UINT64_C(1790000900000000001),
        .size = 12345,
        .peer = {.ip = {.family = IP_V6, .bytes = {0x20, 0x01, 0x0d, 0xb8}}, .port = 25},
        .source = {.family = IP_V4, .bytes = {192, 0, 2, 1}},
        .peer_name = SPAN("mx.example.org"),
        .site = SPAN("example"),
        .return_path = SPAN("b@example.com"),
        .tls_protocol = SPAN("TLSv1.3"),
        .tls_cipher = SPAN("AES128-GCM"),
        .delays_us = {1, 2, 3, 4, 5, UINT32_MAX},
    };

    reply_set_text(&attempt.outcome.reply, SPAN("try later"));
    return attempt;
}

static size_t write_full(uint8_t payload[JOURNAL_OUTCOME_MAX])
{
    const struct attempt attempt = full_attempt();

    return journal_write_outcome((struct identity){42, 7}, 3, &attempt, payload);
}

static void test_outcome_round_trip(void **state)
{
    const struct attempt attempt = full_attempt();
    const struct attempt *read;
    uint8_t payload[JOURNAL_OUTCOME_MAX];
    size_t size = write_full(payload);
    struct journal_outcome peeked;
    struct attempt_event event;

    (void)state;
    assert_int_equal(journal_read_outcome(span_make(payload, size), &event), 0);
    read = &event.attempt;
    assert_true(event.identity.campaign == 42 && event.identity.ordinal == 7);
    assert_int_equal(event.number, 3);
    assert_int_equal(read->outcome.kind, OUTCOME_DEFERRED);
    assert_int_equal(read->outcome.stage, STAGE_RCPT);
    assert_int_equal(read->outcome.cause, CAUSE_REPLY);
    assert_int_equal(read->outcome.error_number, -7);
    assert_int_equal(read->outcome.reply.code, 450);
    assert_memory_equal(read->outcome.reply.enhanced, attempt.outcome.reply.enhanced, 6);
    assert_int_equal(read->outcome.reply.text_size, 9);
    assert_memory_equal(read->outcome.reply.text, "try later", 9);
    assert_true(read->counted);
    assert_true(read->wall_ns == attempt.wall_ns && read->next_due_ns == attempt.next_due_ns);
    assert_true(read->size == 12345 && read->peer.port == 25);
    assert_true(ip_equal(&read->peer.ip, &attempt.peer.ip));
    assert_true(ip_equal(&read->source, &attempt.source));
    assert_true(span_equal(read->peer_name, attempt.peer_name));
    assert_true(span_equal(read->site, attempt.site));
    assert_true(span_equal(read->return_path, attempt.return_path));
    assert_true(span_equal(read->tls_protocol, attempt.tls_protocol));
    assert_true(span_equal(read->tls_cipher, attempt.tls_cipher));
    assert_memory_equal(read->delays_us, attempt.delays_us, sizeof(attempt.delays_us));
    assert_int_equal(journal_peek_outcome(span_make(payload, size), &peeked), 0);
    assert_true(peeked.identity.campaign == 42 && peeked.identity.ordinal == 7);
    assert_int_equal(peeked.number, 3);
    assert_int_equal(peeked.kind, OUTCOME_DEFERRED);
    assert_int_equal(peeked.next_due_s, 1790000901); /* never a moment early */
    assert_false(peeked.unsure);
}

static void test_outcome_of_every_kind(void **state)
{
    uint8_t payload[JOURNAL_OUTCOME_MAX];

    (void)state;
    for (int kind = OUTCOME_DELIVERED; kind < OUTCOME_RELEASED; kind++) {
        const struct attempt attempt = {.outcome = {.kind = (enum outcome_kind)kind},
                                        .next_due_ns = 5 * NS_PER_S};
        size_t size = journal_write_outcome((struct identity){1, 0}, 0, &attempt, payload);
        struct journal_outcome peeked;
        struct attempt_event event;

        assert_int_equal(journal_read_outcome(span_make(payload, size), &event), 0);
        assert_int_equal(journal_peek_outcome(span_make(payload, size), &peeked), 0);
        assert_int_equal(event.attempt.outcome.kind, kind);
        assert_int_equal(peeked.kind, kind);
        assert_int_equal(peeked.unsure, kind == OUTCOME_UNSURE);
        assert_int_equal(peeked.next_due_s, 5);
        assert_false(event.attempt.counted);
        assert_int_equal(event.attempt.peer.ip.family, IP_NONE);
        assert_int_equal(journal_is_final((enum outcome_kind)kind),
                         kind != OUTCOME_DEFERRED && kind != OUTCOME_UNSURE);
    }
    assert_false(journal_is_final(OUTCOME_NONE));
    assert_false(journal_is_final(OUTCOME_RELEASED));
}

/* Names of any length: cut to what is allowed, the reply whole. */
static void test_outcome_with_long_strings(void **state)
{
    struct attempt attempt = full_attempt();
    uint8_t payload[JOURNAL_OUTCOME_MAX];
    struct attempt_event event;
    size_t size;

    (void)state;
    memset(long_bytes, 'l', sizeof(long_bytes));
    attempt.peer_name = attempt.site = attempt.return_path = attempt.tls_protocol =
        attempt.tls_cipher = span_make(long_bytes, sizeof(long_bytes));
    reply_set_text(&attempt.outcome.reply, span_make(long_bytes, sizeof(long_bytes)));
    size = journal_write_outcome((struct identity){1, 0}, 1, &attempt, payload);
    assert_int_equal(size, HEAD + REPLY_TEXT_MAX + 5 * ATTEMPT_NAME_MAX);
    assert_int_equal(journal_read_outcome(span_make(payload, size), &event), 0);
    assert_int_equal(event.attempt.outcome.reply.text_size, REPLY_TEXT_MAX);
    assert_int_equal(event.attempt.peer_name.size, ATTEMPT_NAME_MAX);
    assert_int_equal(event.attempt.tls_cipher.size, ATTEMPT_NAME_MAX);
    assert_ptr_equal(event.attempt.tls_cipher.data + ATTEMPT_NAME_MAX, payload + size);
}

static void test_outcome_truncated(void **state)
{
    uint8_t payload[JOURNAL_OUTCOME_MAX];
    size_t size = write_full(payload);
    struct journal_outcome peeked;
    struct attempt_event event;

    (void)state;
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *copy = malloc(cut + 1);

        assert_non_null(copy);
        memcpy(copy, payload, cut);
        assert_int_equal(journal_read_outcome(span_make(copy, cut), &event), -EBADMSG);
        assert_int_equal(journal_peek_outcome(span_make(copy, cut), &peeked),
                         cut < HEAD ? -EBADMSG : 0);
        free(copy);
    }
}

static void test_outcome_from_hostile_bytes(void **state)
{
    static const struct {
        size_t offset;
        uint8_t bytes[2];
        int peek;
        int read;
    } cases[] = {
        {AT_KIND, {OUTCOME_NONE, 0}, -EBADMSG, -EBADMSG},
        {AT_KIND, {OUTCOME_RELEASED, 0}, -EBADMSG, -EBADMSG},
        {AT_KIND, {255, 0}, -EBADMSG, -EBADMSG},
        {AT_STAGE, {STAGE_COUNT - 1, 0}, 0, 0},
        {AT_STAGE, {STAGE_COUNT, 0}, -EBADMSG, -EBADMSG},
        {AT_CAUSE, {CAUSE_COUNT - 1, 0}, 0, 0},
        {AT_CAUSE, {CAUSE_COUNT, 0}, -EBADMSG, -EBADMSG},
        {AT_PEER, {IP_V4, 0}, 0, 0},
        {AT_PEER, {5, 0}, 0, -EBADMSG},
        {AT_SOURCE, {7, 0}, 0, -EBADMSG},
        {AT_SIZES, {255, 255}, 0, -EBADMSG},    /* the reply's text */
        {AT_SIZES, {0, 0}, 0, 0},               /* shorter than written: the rest moves up */
        {AT_SIZES + 2, {0, 1}, 0, -EBADMSG},    /* a name of 256 */
        {AT_SIZES + 10, {255, 0}, 0, -EBADMSG}, /* more than there is */
        {AT_SIZES + 10, {9, 0}, 0, 0},
    };
    uint8_t payload[JOURNAL_OUTCOME_MAX];
    struct journal_outcome peeked;
    struct attempt_event event;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t size = write_full(payload);

        memcpy(payload + cases[i].offset, cases[i].bytes, 2);
        assert_int_equal(journal_peek_outcome(span_make(payload, size), &peeked), cases[i].peek);
        assert_int_equal(journal_read_outcome(span_make(payload, size), &event), cases[i].read);
    }
    /* With bytes enough behind it only the limits hold it back. */
    for (uint16_t text = REPLY_TEXT_MAX; text <= REPLY_TEXT_MAX + 1; text++) {
        (void)write_full(payload);
        memcpy(payload + AT_SIZES, &text, sizeof(text));
        assert_int_equal(journal_read_outcome(span_make(payload, sizeof(payload)), &event),
                         text <= REPLY_TEXT_MAX ? 0 : -EBADMSG);
    }
    for (uint16_t name = ATTEMPT_NAME_MAX; name <= ATTEMPT_NAME_MAX + 1; name++) {
        (void)write_full(payload);
        memcpy(payload + AT_SIZES + 4, &name, sizeof(name));
        assert_int_equal(journal_read_outcome(span_make(payload, sizeof(payload)), &event),
                         name <= ATTEMPT_NAME_MAX ? 0 : -EBADMSG);
    }
}

static void test_due_at_the_end_of_time(void **state)
{
    static const struct {
        uint64_t ns;
        uint64_t s;
    } cases[] = {
        {0, 0}, {1, 1}, {NS_PER_S, 1}, {NS_PER_S + 1, 2}, {UINT64_MAX, UINT64_MAX / NS_PER_S + 1},
    };
    uint8_t payload[JOURNAL_OUTCOME_MAX];
    struct journal_outcome peeked;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct attempt attempt = full_attempt();
        size_t size;

        attempt.next_due_ns = cases[i].ns;
        size = journal_write_outcome((struct identity){1, 0}, 1, &attempt, payload);
        assert_int_equal(journal_peek_outcome(span_make(payload, size), &peeked), 0);
        assert_int_equal(peeked.next_due_s, cases[i].s);
    }
}

static void write_no_verdict(void *context)
{
    const struct attempt attempt = {.outcome = {.kind = OUTCOME_NONE}};

    (void)journal_write_outcome((struct identity){1, 0}, 1, &attempt, context);
}

static void write_release(void *context)
{
    const struct attempt attempt = {.outcome = {.kind = OUTCOME_RELEASED}};

    (void)journal_write_outcome((struct identity){1, 0}, 1, &attempt, context);
}

static void test_misuse_is_caught(void **state)
{
    uint8_t payload[JOURNAL_OUTCOME_MAX];

    (void)state;
    assert_true(expect_abort(write_no_verdict, payload));
    assert_true(expect_abort(write_release, payload));
}

static void test_state(void **state)
{
    uint8_t payload[128];
    struct journal_state read;

    (void)state;
    assert_int_equal(journal_state_size(), 64);
    for (int i = 0; i <= UINT8_MAX; i++) {
        struct journal_state written = {
            .campaign = UINT64_MAX,
            .sequence = UINT32_MAX,
            .state = (enum campaign_state)i,
            .time_s = 1790000000,
            .recipients_count = 10000000,
        };
        int r;

        memset(written.list_digest, 0x1d, CAMPAIGN_DIGEST_SIZE);
        journal_write_state(&written, payload);
        r = journal_read_state(span_make(payload, journal_state_size()), &read);
        assert_int_equal(r, i < CAMPAIGN_STATE_COUNT ? 0 : -EBADMSG);
        if (r < 0)
            continue;
        assert_true(read.campaign == UINT64_MAX && read.sequence == UINT32_MAX);
        assert_true(read.time_s == 1790000000 && read.recipients_count == 10000000);
        assert_int_equal(read.state, i);
        assert_memory_equal(read.list_digest, written.list_digest, CAMPAIGN_DIGEST_SIZE);
    }
    journal_write_state(&(struct journal_state){.campaign = 1}, payload);
    for (size_t cut = 0; cut < journal_state_size(); cut++)
        assert_int_equal(journal_read_state(span_make(payload, cut), &read), -EBADMSG);
    assert_int_equal(journal_read_state(span_make(payload, sizeof(payload)), &read), 0);
}

static void test_stop(void **state)
{
    static const struct {
        struct journal_stop stop;
        int result;
    } cases[] = {
        {{UINT64_MAX, 1790000000, 9, STOP_CANCELLED, SPAN_INIT("a.example")}, 0},
        {{0, 1790000000, 9, STOP_PAUSED, SPAN_INIT("x")}, 0},
        {{0, 1, 9, STOP_NONE, SPAN_INIT("a.example")}, 0},
        {{0, 1, 9, STOP_CANCELLED, SPAN_INIT("a.example")}, -EBADMSG}, /* of one campaign only */
        {{7, 1, 9, STOP_KIND_COUNT, SPAN_INIT("a.example")}, -EBADMSG},
    };
    uint8_t payload[64];
    struct journal_stop read;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct journal_stop *stop = &cases[i].stop;
        size_t size = journal_stop_size(stop);

        assert_int_equal(size, 32 + stop->domain.size);
        journal_write_stop(stop, payload);
        assert_int_equal(journal_read_stop(span_make(payload, size), &read), cases[i].result);
        for (size_t cut = 0; cut < size; cut++)
            assert_int_equal(journal_read_stop(span_make(payload, cut), &read), -EBADMSG);
        if (cases[i].result < 0)
            continue;
        assert_int_equal(journal_read_stop(span_make(payload, sizeof(payload)), &read), 0);
        assert_true(read.campaign == stop->campaign && read.time_s == stop->time_s);
        assert_true(read.sequence == 9);
        assert_int_equal(read.kind, stop->kind);
        assert_true(span_equal(read.domain, stop->domain));
        memset(payload + 24, 0, 2); /* a name of nothing */
        assert_int_equal(journal_read_stop(span_make(payload, sizeof(payload)), &read), -EBADMSG);
        memset(payload + 24, 1, 2); /* ...and of 257 octets */
        assert_int_equal(journal_read_stop(span_make(payload, sizeof(payload)), &read), -EBADMSG);
    }
}

/* --- which of two outcomes holds --- */

struct known {
    uint32_t number;
    bool final;
};

static void apply(struct known *known, struct known outcome)
{
    if (journal_newer(outcome.number, outcome.final, known->number, known->final))
        *known = outcome;
}

static void test_newer(void **state)
{
    static const struct {
        struct known outcome;
        struct known known;
        bool newer;
    } cases[] = {
        {{1, false}, {0, false}, true},
        {{1, true}, {0, false}, true},
        {{0, true}, {0, false}, true}, /* suppressed: no attempt was made */
        {{2, false}, {2, false}, false},
        {{1, false}, {2, false}, false},
        {{2, true}, {2, false}, true},
        {{2, true}, {2, true}, false},
        {{2, false}, {2, true}, false},
        {{3, false}, {2, true}, false}, /* nothing follows an end */
        {{3, true}, {2, true}, true},
        {{1, true}, {2, true}, false},
        {{1, true}, {2, false}, true}, /* an end is an end, in whatever order it is read */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(journal_newer(cases[i].outcome.number, cases[i].outcome.final,
                                       cases[i].known.number, cases[i].known.final),
                         cases[i].newer);
}

/* Any order of any outcomes, some of them twice, ends in the same. */
static void test_any_order(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 64 * 64; bits++) {
        struct known outcomes[4];
        struct known forth = {0, false}, back = {0, false};

        for (uint32_t i = 0; i < 4; i++) {
            uint32_t digit = bits >> 3 * i & 7;

            outcomes[i] = (struct known){digit >> 1, (digit & 1) != 0};
        }
        for (uint32_t i = 0; i < 4; i++)
            apply(&forth, outcomes[i]);
        for (uint32_t i = 4; i-- > 0;) {
            apply(&back, outcomes[i]);
            apply(&back, outcomes[3 - i]);
        }
        assert_int_equal(forth.number, back.number);
        assert_int_equal(forth.final, back.final);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outcome_round_trip),
        cmocka_unit_test(test_outcome_of_every_kind),
        cmocka_unit_test(test_outcome_with_long_strings),
        cmocka_unit_test(test_outcome_truncated),
        cmocka_unit_test(test_outcome_from_hostile_bytes),
        cmocka_unit_test(test_due_at_the_end_of_time),
        cmocka_unit_test(test_misuse_is_caught),
        cmocka_unit_test(test_state),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_newer),
        cmocka_unit_test(test_any_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
