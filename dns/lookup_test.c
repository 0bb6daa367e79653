#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "dns/lookup.h"
#include "dns/test_packet.h"

#define SECOND NS_PER_S

static struct lookup_limits limits = {.servers_count = 1, .timeout_ns = 5 * SECOND};
static struct lookup lookup;
static struct answer answer;
static struct test_packet packet;
static uint64_t now_ns;

static void start(uint32_t servers_count)
{
    struct dns_name name;

    limits.servers_count = servers_count;
    now_ns = 100 * SECOND;
    assert_true(dns_name_parse(SPAN("a.example"), &name));
    lookup_start(&lookup, &limits, now_ns, &name, WIRE_A, 0);
    assert_int_equal(lookup.state, LOOKUP_UDP_SEND);
}

/* What the owner does with redraw. */
static void draw(void)
{
    memcpy(lookup.cased, lookup.name.bytes, lookup.name.size);
    lookup.cased[1] = 'A';
    lookup.redraw = false;
}

static enum lookup_state send(void)
{
    struct lookup_event event = {.kind = LOOKUP_SENT};

    if (lookup.redraw)
        draw();
    return lookup_step(&lookup, &limits, &event);
}

static enum lookup_state expire(void)
{
    struct lookup_event event = {.kind = LOOKUP_EXPIRED};

    now_ns = lookup.attempt_end_ns;
    event.now_ns = now_ns;
    return lookup_step(&lookup, &limits, &event);
}

static enum lookup_state lose(void)
{
    struct lookup_event event = {
        .kind = LOOKUP_TCP_LOST, .now_ns = now_ns, .server = lookup.server};

    return lookup_step(&lookup, &limits, &event);
}

static enum lookup_match match(uint32_t server, bool tcp)
{
    struct wire_question question;

    assert_true(wire_check_question(test_packet_span(&packet), &question));
    return lookup_matches(&lookup, server, tcp, &question);
}

/* Gives it the packet, which must match. */
static enum lookup_state take(uint32_t server, bool tcp)
{
    struct wire_question question;
    struct lookup_event event = {.kind = LOOKUP_PACKET,
                                 .now_ns = now_ns,
                                 .server = server,
                                 .question = &question,
                                 .packet = test_packet_span(&packet),
                                 .answer = &answer};

    assert_true(wire_check_question(event.packet, &question));
    event.match = lookup_matches(&lookup, server, tcp, &question);
    assert_int_not_equal(event.match, LOOKUP_OTHER);
    return lookup_step(&lookup, &limits, &event);
}

static void reply_to(const char *name, uint16_t flags)
{
    test_packet_begin(&packet, 0, flags);
    test_packet_question(&packet, name, WIRE_A);
}

static void reply(uint16_t rcode)
{
    reply_to("A.example", (uint16_t)(0x8180 | rcode));
}

static void answers_at_once(void **state)
{
    (void)state;
    start(1);
    assert_int_equal(send(), LOOKUP_UDP_WAIT);
    reply(0);
    test_packet_a(&packet, NULL, 300, 1);
    assert_int_equal(take(0, false), LOOKUP_DONE);
    assert_int_equal(answer.status, ANSWER_RECORDS);
}

/* What is no answer does not make the answer of another server insecure. */
static void rubbish_takes_no_security(void **state)
{
    (void)state;
    limits.dnssec = true;
    start(2);
    limits.dnssec = false;
    (void)send();
    reply_to("A.example", 0x8180);
    test_packet_cname(&packet, "c.example", 300, "bb.example"); /* of another name */
    packet.data[7] = 9; /* and eight records that are not there */
    assert_int_equal(take(0, false), LOOKUP_UDP_SEND);
    (void)send();
    reply_to("A.example", 0x81a0);
    test_packet_a(&packet, NULL, 300, 1);
    assert_int_equal(take(1, false), LOOKUP_DONE);
    assert_false(lookup.insecure);
}

/* AD counts when it was asked for, and of a chain of aliases only when every answer has it. */
static void secure_when_every_answer_is(void **state)
{
    static const struct {
        bool dnssec;
        uint16_t first, second; /* flags */
        bool insecure;
    } cases[] = {
        {true, 0x81a0, 0x81a0, false},
        {true, 0x81a0, 0x8180, true},
        {true, 0x8180, 0x81a0, true},
        {false, 0x81a0, 0x81a0, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        limits.dnssec = cases[i].dnssec;
        start(1);
        limits.dnssec = false;
        (void)send();
        reply_to("A.example", cases[i].first);
        test_packet_cname(&packet, NULL, 300, "bb.example");
        assert_int_equal(take(0, false), LOOKUP_UDP_SEND);
        (void)send();
        reply_to("Ab.example", cases[i].second);
        test_packet_a(&packet, NULL, 300, 1);
        assert_int_equal(take(0, false), LOOKUP_DONE);
        assert_int_equal(lookup.insecure, cases[i].insecure);
    }
}

/* The tries of five seconds, by number of servers: who is asked, and for how many seconds. */
static void tries_over_the_servers(void **state)
{
    static const struct {
        uint32_t servers;
        uint32_t tries;
        uint32_t server[8], seconds[8];
    } cases[] = {
        {1, 3, {0, 0, 0}, {1, 2, 2}},
        {2, 4, {0, 1, 0, 1}, {1, 1, 2, 1}},
        {3, 4, {0, 1, 2, 0}, {1, 1, 1, 2}},
        {4, 5, {0, 1, 2, 3, 0}, {1, 1, 1, 1, 1}},
        {8, 5, {0, 1, 2, 3, 4}, {1, 1, 1, 1, 1}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        start(cases[i].servers);
        uint64_t start_ns = now_ns;

        for (uint32_t k = 0; k < cases[i].tries; k++) {
            assert_int_equal(lookup.server, cases[i].server[k]);
            assert_int_equal(lookup.attempt_end_ns - now_ns, cases[i].seconds[k] * SECOND);
            assert_int_equal(send(), LOOKUP_UDP_WAIT);
            assert_int_equal(expire(), k + 1 < cases[i].tries ? LOOKUP_UDP_SEND : LOOKUP_FAILED);
        }
        assert_int_equal(now_ns - start_ns, 5 * SECOND);
        assert_int_equal(lookup.failure, LOOKUP_TIMEOUT);
    }
}

/* Times out even when nobody sends it. */
static void an_unsent_question_times_out(void **state)
{
    (void)state;
    start(1);
    assert_int_equal(expire(), LOOKUP_UDP_SEND);
    assert_int_equal(expire(), LOOKUP_UDP_SEND);
    assert_int_equal(expire(), LOOKUP_FAILED);
}

static void an_early_expiry_changes_nothing(void **state)
{
    struct lookup_event event = {.kind = LOOKUP_EXPIRED};

    (void)state;
    start(1);
    (void)send();
    event.now_ns = lookup.attempt_end_ns - 1;
    assert_int_equal(lookup_step(&lookup, &limits, &event), LOOKUP_UDP_WAIT);
    assert_int_equal(lookup.attempts, 1);
}

/* A late answer to the first try counts, from the server that was asked then. */
static void a_late_answer_counts(void **state)
{
    (void)state;
    start(2);
    (void)send();
    (void)expire();
    reply(0);
    test_packet_a(&packet, NULL, 300, 1);
    assert_int_equal(match(1, false), LOOKUP_OTHER); /* not asked yet */
    assert_int_equal(take(0, false), LOOKUP_DONE);
}

static void a_bad_answer_moves_to_the_next_server(void **state)
{
    static const struct {
        uint16_t rcode;
        enum lookup_failure failure;
    } cases[] = {{WIRE_SERVFAIL, LOOKUP_SERVFAIL},
                 {WIRE_REFUSED, LOOKUP_REFUSED},
                 {6, LOOKUP_RCODE},
                 {WIRE_NOERROR, LOOKUP_REFERRAL}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        start(3);
        for (uint32_t server = 0; server < 3; server++) {
            assert_int_equal(lookup.server, server);
            assert_int_equal(send(), LOOKUP_UDP_WAIT);
            reply(cases[i].rcode);
            if (cases[i].rcode == 0)
                test_packet_ns(&packet, "example", "ns.example");
            enum lookup_state next = take(server, false);

            assert_int_equal(next, server < 2 ? LOOKUP_UDP_SEND : LOOKUP_FAILED);
            if (next == LOOKUP_UDP_SEND) /* the same again from the same server: a duplicate */
                assert_int_equal(take(server, false), LOOKUP_UDP_SEND);
        }
        assert_int_equal(lookup.failure, cases[i].failure);
    }
}

static void a_malformed_answer_is_a_bad_one(void **state)
{
    (void)state;
    start(2);
    (void)send();
    reply(0);
    test_packet_a(&packet, NULL, 300, 1);
    packet.size--;
    assert_int_equal(take(0, false), LOOKUP_UDP_SEND);
    assert_int_equal(lookup.server, 1);
    (void)send();
    assert_int_equal(take(1, false), LOOKUP_FAILED);
    assert_int_equal(lookup.failure, LOOKUP_BROKEN);
}

/* A server that has failed is not asked again while another one is silent. */
static void a_failed_server_is_passed_over(void **state)
{
    (void)state;
    start(2);
    (void)send();
    reply(WIRE_SERVFAIL);
    assert_int_equal(take(0, false), LOOKUP_UDP_SEND);
    (void)send();
    assert_int_equal(expire(), LOOKUP_UDP_SEND);
    assert_int_equal(lookup.server, 1);
    while (expire() != LOOKUP_FAILED)
        ;
    assert_int_equal(lookup.failure, LOOKUP_SERVFAIL);
}

static void falls_back_without_edns(void **state)
{
    (void)state;
    for (int bare = 0; bare < 2; bare++) {
        start(1);
        assert_true(lookup.edns);
        (void)send();
        if (bare == 1)
            test_packet_begin(&packet, 0, 0x8181);
        else
            reply(WIRE_FORMERR);
        assert_int_equal(take(0, false), LOOKUP_UDP_SEND);
        assert_false(lookup.edns);
        assert_true(lookup.redraw);
        (void)send();
        if (bare == 1)
            assert_int_equal(match(0, false), LOOKUP_OTHER);
        reply(WIRE_FORMERR);
        assert_int_equal(take(0, false), LOOKUP_FAILED);
        assert_int_equal(lookup.failure, LOOKUP_RCODE);
    }
}

static void truncated_goes_to_tcp(void **state)
{
    (void)state;
    start(2);
    (void)send();
    reply_to("A.example", 0x8380);
    test_packet_a(&packet, NULL, 300, 1);
    packet.size -= 3; /* cut within a record, as servers do */
    assert_int_equal(take(0, false), LOOKUP_TCP_SEND);
    assert_int_equal(lookup.server, 0);
    assert_true(lookup.redraw);
    assert_int_equal(match(0, false), LOOKUP_OTHER); /* the late duplicate */
    assert_int_equal(match(0, true), LOOKUP_OTHER);  /* not sent yet */
    assert_int_equal(send(), LOOKUP_TCP_WAIT);
    reply_to("a.EXAMPLE", 0x8180); /* a connection needs no letter case to be trusted */
    test_packet_a(&packet, NULL, 300, 1);
    assert_int_equal(match(1, true), LOOKUP_OTHER);
    assert_int_equal(match(0, false), LOOKUP_OTHER);
    assert_int_equal(take(0, true), LOOKUP_DONE);
}

/* B8: TCP refused, lost, silent, or truncated again. */
static void tcp_that_fails(void **state)
{
    (void)state;
    for (uint32_t servers = 1; servers <= 3; servers++) {
        uint32_t losses = 0;

        start(servers);
        (void)send();
        reply_to("A.example", 0x8380);
        (void)take(0, false);
        while (lose() == LOOKUP_TCP_SEND)
            losses++;
        assert_int_equal(lookup.state, LOOKUP_FAILED);
        assert_int_equal(lookup.failure, LOOKUP_NO_TCP);
        assert_int_equal(losses, servers < 2 ? 1 : servers - 1);

        start(servers);
        (void)send();
        reply_to("A.example", 0x8380);
        (void)take(0, false);
        uint64_t start_ns = now_ns;
        do
            (void)send();
        while (expire() == LOOKUP_TCP_SEND);
        assert_int_equal(now_ns - start_ns, 5 * SECOND);
        assert_int_equal(lookup.state, LOOKUP_FAILED);
    }
    start(1);
    (void)send();
    reply_to("A.example", 0x8380);
    (void)take(0, false);
    (void)send();
    assert_int_equal(take(0, true), LOOKUP_FAILED);
    assert_int_equal(lookup.failure, LOOKUP_BROKEN);
}

static void changed_case_goes_to_tcp(void **state)
{
    (void)state;
    start(1);
    (void)send();
    reply_to("a.example", 0x8180);
    test_packet_a(&packet, NULL, 300, 1);
    assert_int_equal(match(0, false), LOOKUP_SAME_BUT_CASE);
    assert_int_equal(take(0, false), LOOKUP_TCP_SEND);
}

static void what_is_not_asked_does_not_match(void **state)
{
    (void)state;
    start(2);
    reply(0);
    assert_int_equal(match(0, false), LOOKUP_OTHER); /* nothing sent yet */
    (void)send();
    assert_int_equal(match(0, false), LOOKUP_SAME);
    assert_int_equal(match(1, false), LOOKUP_OTHER); /* another server */
    assert_int_equal(match(0, true), LOOKUP_OTHER);  /* another way */
    reply_to("A.example", 0x0100);
    assert_int_equal(match(0, false), LOOKUP_OTHER); /* a question */
    reply_to("A.exampl", 0x8180);
    assert_int_equal(match(0, false), LOOKUP_OTHER);
    reply_to("A.examplf", 0x8180);
    assert_int_equal(match(0, false), LOOKUP_OTHER);
    test_packet_begin(&packet, 0, 0x8180);
    test_packet_question(&packet, "A.example", WIRE_AAAA);
    assert_int_equal(match(0, false), LOOKUP_OTHER);
    test_packet_begin(&packet, 0, 0x8182); /* SERVFAIL without a question */
    assert_int_equal(match(0, false), LOOKUP_OTHER);
}

static void follows_an_alias_by_a_new_question(void **state)
{
    (void)state;
    start(2);
    (void)send();
    reply(0);
    test_packet_cname(&packet, NULL, 40, "far.test");
    assert_int_equal(take(0, false), LOOKUP_UDP_SEND);
    assert_true(lookup.redraw);
    assert_int_equal(lookup.key.size, 11);
    (void)send();
    reply_to("FAr.test", 0x8180);
    lookup.cased[2] = 'A';
    lookup.cased[1] = 'F';
    test_packet_a(&packet, NULL, 300, 1);
    assert_int_equal(take(0, false), LOOKUP_DONE);
    assert_int_equal(answer.status, ANSWER_RECORDS);
    assert_int_equal(answer.ttl_s, 40); /* of the alias */
}

/* B3: every alias is a question of its own, and there are eight at most; the time is one. */
static void alias_questions_end(void **state)
{
    uint32_t count = 0;

    (void)state;
    start(1);
    for (;;) {
        char name[] = "a.example", target[] = "b.example";

        (void)send();
        if (count % 2 == 1) {
            name[0] = 'b';
            target[0] = 'a';
        }
        memcpy(lookup.cased, lookup.name.bytes, lookup.name.size);
        reply_to(name, 0x8180);
        test_packet_cname(&packet, NULL, 40, target);
        if (take(0, false) != LOOKUP_UDP_SEND)
            break;
        count++;
        assert_true(lookup.attempt_end_ns <= lookup.deadline_ns);
    }
    assert_int_equal(count, ANSWER_CHAIN_MAX);
    assert_int_equal(lookup.state, LOOKUP_FAILED);
    assert_int_equal(lookup.failure, LOOKUP_LOOP);
}

static void every_failure_has_words(void **state)
{
    (void)state;
    for (int i = 0; i < LOOKUP_FAILURE_COUNT; i++)
        assert_true(strlen(lookup_failure_words((enum lookup_failure)i)) > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_at_once),
        cmocka_unit_test(secure_when_every_answer_is),
        cmocka_unit_test(rubbish_takes_no_security),
        cmocka_unit_test(tries_over_the_servers),
        cmocka_unit_test(an_unsent_question_times_out),
        cmocka_unit_test(an_early_expiry_changes_nothing),
        cmocka_unit_test(a_late_answer_counts),
        cmocka_unit_test(a_bad_answer_moves_to_the_next_server),
        cmocka_unit_test(a_malformed_answer_is_a_bad_one),
        cmocka_unit_test(a_failed_server_is_passed_over),
        cmocka_unit_test(falls_back_without_edns),
        cmocka_unit_test(truncated_goes_to_tcp),
        cmocka_unit_test(tcp_that_fails),
        cmocka_unit_test(changed_case_goes_to_tcp),
        cmocka_unit_test(what_is_not_asked_does_not_match),
        cmocka_unit_test(follows_an_alias_by_a_new_question),
        cmocka_unit_test(alias_questions_end),
        cmocka_unit_test(every_failure_has_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
