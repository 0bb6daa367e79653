#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <stdlib.h>

#include "dns/dns.h"
#include "dns/test_packet.h"
#include "dns/test_recorded.h"
#include "dns/wire_check.h"

#define SECOND NS_PER_S

static struct arena arena;
static struct dns *dns;
static struct route route;
static struct test_packet packet;
static uint64_t now_ns;

static void open_with(const struct dns_options *options)
{
    assert_int_equal(arena_open(&arena, dns_cost(options)), 0);
    now_ns = 3 * SECOND;
    dns = dns_init(&arena, now_ns, options);
    assert_int_equal(arena.used, arena.size);
    arena_seal(&arena);
}

static void open_usual(void)
{
    struct dns_options options = {
        .servers_count = 1, .questions_max = 16, .cache_entries_max = 100, .seed = 1};

    open_with(&options);
}

static int teardown(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

static struct dns_stats stats(void)
{
    struct dns_stats result;

    dns_stats(dns, &result);
    return result;
}

static enum route_status ask(const char *domain, uint64_t waiter)
{
    return dns_route(dns, now_ns, span_cstr(domain), waiter, &route);
}

/* What was recorded for this question, under its id and in its letter case; REFUSED otherwise. */
static void recorded_reply(struct span query, bool tcp)
{
    struct wire_question question;

    assert_true(wire_check_question(query, &question));
    for (size_t i = 0; i < ARRAY_LEN(test_recorded_answers); i++) {
        const struct test_recorded *recorded = &test_recorded_answers[i];
        struct span name;

        if (recorded->type != question.type || recorded->tcp != tcp)
            continue;
        name = span_slice(recorded->packet, 12, question.name.size);
        if (!span_equal_nocase(name, question.name))
            continue;
        packet.size = 0;
        test_packet_bytes(&packet, recorded->packet.data, recorded->packet.size);
        memcpy(packet.data, query.data, 2);
        memcpy(&packet.data[12], question.name.data, question.name.size);
        return;
    }
    test_packet_reply(&packet, query, WIRE_REFUSED);
}

static void pump_recorded(void)
{
    struct dns_packet query;
    uint32_t server;

    while (dns_tcp_next(dns, &server))
        dns_tcp_opened(dns, now_ns, server);
    while (dns_output(dns, &query)) {
        uint8_t prefix[2];

        recorded_reply(span_skip(query.bytes, query.tcp ? 2 : 0), query.tcp);
        if (!query.tcp) {
            dns_input(dns, now_ns, query.server_index, test_packet_span(&packet));
            continue;
        }
        prefix[0] = (uint8_t)(packet.size >> 8);
        prefix[1] = (uint8_t)packet.size;
        assert_int_equal(dns_tcp_input(dns, now_ns, query.server_index, span_make(prefix, 2)), 0);
        assert_int_equal(dns_tcp_input(dns, now_ns, query.server_index, test_packet_span(&packet)),
                         0);
    }
}

/* Until there is a route, over the recorded answers. */
static enum route_status resolve(const char *domain)
{
    uint64_t waiter;
    enum route_status status = ask(domain, 5);

    for (int round = 0; status == ROUTE_PENDING; round++) {
        assert_true(round < 20);
        pump_recorded();
        pump_recorded();
        assert_true(dns_done(dns, &waiter));
        assert_int_equal(waiter, 5);
        status = ask(domain, 5);
    }
    assert_false(dns_done(dns, &waiter));
    assert_int_equal(stats().waiters, 0);
    assert_int_equal(stats().questions_in_flight, 0);
    return status;
}

static void reads_real_answers(void **state)
{
    static const struct {
        const char *domain;
        enum route_status status;
        uint32_t hosts, addresses;
        const char *site;
    } cases[] = {
        {"plain.test", ROUTE_OK, 3, 4, "mx1.plain.test;mx2.plain.test,mx3.other"},
        {"PLAIN.test.", ROUTE_OK, 3, 4, "mx1.plain.test;mx2.plain.test,mx3.other"},
        {"alias.test", ROUTE_OK, 3, 4, "mx1.plain.test;mx2.plain.test,mx3.other"},
        {"chain.test", ROUTE_OK, 3, 4, "mx1.plain.test;mx2.plain.test,mx3.other"},
        {"far.test", ROUTE_OK, 1, 1, "mx3.other"},          /* the chain leaves the packet */
        {"mxalias.test", ROUTE_OK, 1, 2, "hostalias.test"}, /* MX to CNAME */
        {"implicit.test", ROUTE_OK, 1, 2, "implicit.test"},
        {"null.test", ROUTE_NULL_MX, 0, 0, ""},
        {"nowhere.test", ROUTE_NO_DOMAIN, 0, 0, ""},
        {"dangling.test", ROUTE_NO_DOMAIN, 0, 0, ""},
        {"host.deleg.test", ROUTE_DNS_FAILURE, 0, 0, ""}, /* a referral */
        {"a.broken.test", ROUTE_DNS_FAILURE, 0, 0, ""},   /* SERVFAIL */
        {"refused.example", ROUTE_DNS_FAILURE, 0, 0, ""},
        {"text.test", ROUTE_DNS_FAILURE, 0, 0, ""}, /* no MX; its addresses are not recorded */
        {"big.test", ROUTE_DNS_FAILURE, 0, 0, ""},  /* over TCP; its hosts are not recorded */
    };
    struct dns_options options = {.servers_count = 1, .allow_special = true, .seed = 2};

    (void)state;
    open_with(&options);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint32_t addresses = 0;

        assert_int_equal(resolve(cases[i].domain), cases[i].status);
        assert_int_equal(route.hosts_count, cases[i].hosts);
        for (uint32_t k = 0; k < route.hosts_count; k++)
            addresses += route.hosts[k].addresses_count;
        assert_int_equal(addresses, cases[i].addresses);
        assert_string_equal(route.site, cases[i].site);
        uint64_t before = stats().questions;
        assert_int_equal(resolve(cases[i].domain), cases[i].status);
        assert_int_equal(stats().questions, before); /* all of it is cached now */
    }
    assert_int_equal(stats().tcp_questions, 1);
    assert_int_equal(stats().broken, 0);
    assert_int_equal(stats().ignored, 0);
}

static void real_negative_answers_keep_their_time(void **state)
{
    (void)state;
    open_usual();
    assert_int_equal(resolve("nowhere.test"), ROUTE_NO_DOMAIN);
    assert_int_equal(route.expires_ns, now_ns + 120 * SECOND);
    assert_int_equal(resolve("a.broken.test"), ROUTE_DNS_FAILURE);
    assert_int_equal(route.expires_ns, now_ns + 30 * SECOND);
    uint64_t before = stats().questions;
    now_ns += 30 * SECOND - 1;
    assert_int_equal(resolve("a.broken.test"), ROUTE_DNS_FAILURE);
    assert_int_equal(stats().questions, before);
    now_ns += 1;
    assert_int_equal(resolve("a.broken.test"), ROUTE_DNS_FAILURE);
    assert_int_equal(stats().questions, before + 1);
    /* The recorded hosts are in blocks kept for documentation. */
    assert_int_equal(resolve("plain.test"), ROUTE_SPECIAL_ONLY);
}

static void smart_hosts_and_literals(void **state)
{
    static const struct {
        const char *text;
        enum route_status host, domain;
        const char *name;
    } cases[] = {
        {"127.0.0.1", ROUTE_OK, ROUTE_NO_DOMAIN, "[127.0.0.1]"},
        {"[127.0.0.1]", ROUTE_OK, ROUTE_SPECIAL_ONLY, "[127.0.0.1]"},
        {"::1", ROUTE_OK, ROUTE_NO_DOMAIN, "[::1]"},
        {"[IPv6:::1]", ROUTE_OK, ROUTE_SPECIAL_ONLY, "[::1]"},
        {"[11.22.33.44]", ROUTE_OK, ROUTE_OK, "[11.22.33.44]"},
        {"[ipv6:2600::1]", ROUTE_OK, ROUTE_OK, "[2600::1]"},
        {"", ROUTE_NO_DOMAIN, ROUTE_NO_DOMAIN, ""},
        {"[", ROUTE_NO_DOMAIN, ROUTE_NO_DOMAIN, ""},
        {"[]", ROUTE_NO_DOMAIN, ROUTE_NO_DOMAIN, ""},
        {"[example.com]", ROUTE_NO_DOMAIN, ROUTE_NO_DOMAIN, ""},
        {"a..b", ROUTE_NO_DOMAIN, ROUTE_NO_DOMAIN, ""},
        {"a b", ROUTE_NO_DOMAIN, ROUTE_NO_DOMAIN, ""},
        {"\xff.example", ROUTE_NO_DOMAIN, ROUTE_NO_DOMAIN, ""},
    };

    (void)state;
    open_usual();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(dns_route_host(dns, now_ns, span_cstr(cases[i].text), 1, &route),
                         cases[i].host);
        assert_string_equal(route.hosts_count > 0 ? route.hosts[0].name : "", cases[i].name);
        assert_int_equal(ask(cases[i].text, 1), cases[i].domain);
    }
    assert_int_equal(stats().waiters, 0);
    assert_int_equal(dns_route_host(dns, now_ns, SPAN("mx1.plain.test"), 1, &route), ROUTE_PENDING);
    pump_recorded();
    assert_int_equal(dns_route_host(dns, now_ns, SPAN("mx1.plain.test"), 1, &route), ROUTE_OK);
    assert_int_equal(route.hosts[0].addresses_count, 2);
    assert_int_equal(stats().waiters, 0); /* it asked before dns_done named it */
}

static void waiters_are_joined_and_forgotten(void **state)
{
    uint64_t waiter;

    (void)state;
    open_usual();
    assert_int_equal(ask("nowhere.test", 1), ROUTE_PENDING);
    assert_int_equal(ask("nowhere.test", 2), ROUTE_PENDING);
    assert_int_equal(ask("nowhere.test", 2), ROUTE_PENDING); /* harmless */
    assert_int_equal(ask("nowhere.test", 3), ROUTE_PENDING);
    assert_int_equal(stats().questions_in_flight, 1);
    assert_int_equal(stats().waiters, 3);
    assert_false(dns_done(dns, &waiter));
    dns_forget(dns, 2);
    dns_forget(dns, 77);
    pump_recorded();
    assert_int_equal(stats().questions, 1);
    assert_true(dns_done(dns, &waiter));
    assert_int_equal(waiter, 1);
    assert_true(dns_done(dns, &waiter));
    assert_int_equal(waiter, 3);
    assert_false(dns_done(dns, &waiter));
    assert_int_equal(ask("nowhere.test", 1), ROUTE_NO_DOMAIN);
    dns_forget(dns, 3);
    assert_int_equal(stats().waiters, 0);
    /* A waiter may turn to another domain. */
    assert_int_equal(ask("null.test", 4), ROUTE_PENDING);
    assert_int_equal(ask("dangling.test", 4), ROUTE_PENDING);
    assert_int_equal(ask("nowhere.test", 4), ROUTE_NO_DOMAIN);
    assert_int_equal(stats().waiters, 0);
    pump_recorded();
    assert_false(dns_done(dns, &waiter));
}

/* One question at a time, many askers: all come to their turn; too many are told so. */
static void questions_are_scarce(void **state)
{
    struct dns_options options = {
        .servers_count = 1, .questions_max = 1, .waiters_max = 6, .allow_special = true, .seed = 3};
    static const char *const domains[] = {"plain.test",   "implicit.test", "null.test",
                                          "mxalias.test", "far.test",      "nowhere.test"};
    enum route_status statuses[6] = {0};
    uint64_t waiter;
    uint32_t left = 6;

    (void)state;
    open_with(&options);
    for (uint64_t i = 0; i < 6; i++)
        assert_int_equal(ask(domains[i], i), ROUTE_PENDING);
    assert_int_equal(ask("chain.test", 6), ROUTE_BUSY);
    assert_int_equal(route.expires_ns, 0);
    assert_int_equal(stats().waiters, 6);
    for (int turn = 0; left > 0; turn++) {
        assert_true(turn < 200);
        pump_recorded();
        while (dns_done(dns, &waiter)) {
            statuses[waiter] = ask(domains[waiter], waiter);
            left -= statuses[waiter] != ROUTE_PENDING;
        }
        assert_true(stats().questions_in_flight <= 1);
    }
    assert_int_equal(statuses[0], ROUTE_OK);
    assert_int_equal(statuses[1], ROUTE_OK);
    assert_int_equal(statuses[2], ROUTE_NULL_MX);
    assert_int_equal(statuses[3], ROUTE_OK);
    assert_int_equal(statuses[4], ROUTE_OK);
    assert_int_equal(statuses[5], ROUTE_NO_DOMAIN);
    assert_int_equal(stats().waiters, 0);
    assert_int_equal(resolve("chain.test"), ROUTE_OK);
}

/* B14: a dead resolver defers, never fails, and is asked a bounded number of times. */
static void a_dead_resolver_defers(void **state)
{
    struct dns_packet query;
    uint64_t waiter;
    uint32_t answers = 0;

    (void)state;
    open_usual();
    uint64_t end_ns = now_ns + 600 * SECOND;
    while (now_ns < end_ns) {
        enum route_status status = ask("plain.test", 1);

        assert_true(status == ROUTE_PENDING || status == ROUTE_DNS_FAILURE);
        if (status == ROUTE_DNS_FAILURE) {
            answers++;
            assert_non_null(strstr(route.problem, "no answer from any name server"));
            assert_int_equal(route.expires_ns, now_ns + 30 * SECOND);
            now_ns = route.expires_ns;
            continue;
        }
        while (!dns_done(dns, &waiter)) {
            while (dns_output(dns, &query))
                ;
            now_ns = max_u64(now_ns + 1, dns_deadline_ns(dns));
            dns_expire(dns, now_ns);
        }
    }
    assert_in_range(answers, 15, 18);
    assert_in_range(stats().questions, 45, 54);
    dns_forget(dns, 1);
    dns_expire(dns, now_ns + 5 * SECOND); /* the last question, if there is one */
    now_ns += 40 * SECOND;
    assert_int_equal(resolve("plain.test"), ROUTE_SPECIAL_ONLY);
}

/* The smallest cache and more mail hosts than fit: every asker gets an answer all the same. */
static void a_tiny_cache_still_ends(void **state)
{
    struct dns_options options = {.servers_count = 1,
                                  .questions_max = 4,
                                  .waiters_max = 64,
                                  .cache_entries_max = 1,
                                  .seed = 4};
    struct dns_packet query;
    char domain[32];
    struct text text;
    uint64_t waiter;
    uint32_t left = 64, ok = 0;

    (void)state;
    open_with(&options);
    for (uint64_t i = 0; i < 64; i++) {
        text_init(&text, domain, sizeof(domain));
        text_add_format(&text, "d%u.example", (unsigned)i);
        assert_int_equal(ask(text_cstr_end(&text), i), ROUTE_PENDING);
    }
    for (uint32_t turn = 0; left > 0; turn++) {
        assert_true(turn < 100000);
        while (dns_output(dns, &query)) {
            struct wire_question question;

            assert_true(wire_check_question(query.bytes, &question));
            test_packet_reply(&packet, query.bytes, 0);
            for (int i = 0; question.type == WIRE_MX && i < 5; i++) {
                char host[64];

                text_init(&text, host, sizeof(host));
                text_add_format(&text, "mx%d-", i);
                text_add_lower(&text, span_slice(question.name, 1, question.name.data[0]));
                text_add_cstr(&text, ".example");
                test_packet_mx(&packet, NULL, 86400, 10, text_cstr_end(&text));
            }
            if (question.type == WIRE_A)
                test_packet_a(&packet, NULL, 86400, 0x0b161701);
            dns_input(dns, now_ns, 0, test_packet_span(&packet));
        }
        while (dns_done(dns, &waiter)) {
            text_init(&text, domain, sizeof(domain));
            text_add_format(&text, "d%u.example", (unsigned)waiter);
            enum route_status status = ask(text_cstr_end(&text), waiter);

            assert_true(status == ROUTE_PENDING || status == ROUTE_OK ||
                        status == ROUTE_DNS_FAILURE);
            left -= status != ROUTE_PENDING;
            ok += status == ROUTE_OK;
        }
    }
    print_message("%u of 64 routes with a cache of 64 entries, %u questions\n", ok,
                  (unsigned)stats().questions);
    assert_true(ok > 0);
    assert_int_equal(stats().waiters, 0);
}

/* Answers that are gone before they can be used together: it ends, as a temporary failure. */
static void answers_that_do_not_last_still_end(void **state)
{
    struct dns_packet query;
    uint64_t waiter;
    uint32_t rounds = 0;

    (void)state;
    open_usual();
    while (ask("short.example", 1) == ROUTE_PENDING) {
        while (dns_output(dns, &query)) {
            struct wire_question question;

            assert_true(wire_check_question(query.bytes, &question));
            test_packet_reply(&packet, query.bytes, 0);
            if (question.type == WIRE_MX)
                test_packet_mx(&packet, NULL, 0, 10, "mx.short.example");
            dns_input(dns, now_ns, 0, test_packet_span(&packet));
        }
        now_ns += rounds % 2 == 0 ? 29 * SECOND : 31 * SECOND;
        assert_true(dns_done(dns, &waiter));
        assert_true(++rounds < 1000);
    }
    assert_int_equal(route.status, ROUTE_DNS_FAILURE);
    assert_non_null(strstr(route.problem, "cache"));
    assert_true(route.expires_ns > now_ns);
    assert_int_equal(rounds, 64);
    assert_int_equal(stats().waiters, 0);
}

/* The same seed and the same calls: the same packets. */
static void the_seed_decides_everything(void **state)
{
    struct test_packet trace[3] = {0};

    (void)state;
    for (size_t run = 0; run < 3; run++) {
        struct dns_options options = {.servers_count = 3, .seed = run == 2 ? 8 : 7};
        struct dns_packet query;

        open_with(&options);
        for (uint64_t i = 0; i < 20; i++) {
            char domain[] = "a.long.domain.name.example";

            domain[0] = (char)('a' + i);
            assert_int_equal(ask(domain, i), ROUTE_PENDING);
        }
        for (int i = 0; i < 5; i++) {
            while (dns_output(dns, &query))
                test_packet_bytes(&trace[run], query.bytes.data, query.bytes.size);
            now_ns += SECOND;
            dns_expire(dns, now_ns);
        }
        arena_close(&arena);
    }
    assert_int_equal(trace[0].size, trace[1].size);
    assert_memory_equal(trace[0].data, trace[1].data, trace[0].size);
    assert_memory_not_equal(trace[0].data, trace[2].data, trace[0].size);
    open_usual(); /* for the teardown */
}

/* A name server that validates (or not), and knows one host and its records. */
static void answer_all(uint16_t flags)
{
    struct wire_question question;
    struct dns_packet query;

    while (dns_output(dns, &query)) {
        assert_true(wire_check_question(query.bytes, &question));
        assert_int_equal(query.bytes.data[3] & 0x20, 0x20); /* AD, RFC 6840 5.7 */
        test_packet_reply(&packet, query.bytes, 0);
        packet.data[3] |= (uint8_t)flags;
        switch (question.type) {
        case WIRE_A:
            test_packet_a(&packet, NULL, 300, 0x0b162c01);
            break;
        case WIRE_MX:
            test_packet_mx(&packet, NULL, 300, 10, "mx.example");
            break;
        case WIRE_TLSA:
            test_packet_data(&packet, NULL, WIRE_TLSA, 300, SPAN("\3\1\0key"));
            break;
        case WIRE_TXT:
            test_packet_data(&packet, NULL, WIRE_TXT, 300, SPAN("\x0bv=STSv1; id\2=1"));
            break;
        default:
            test_packet_soa(&packet, "example", 300, 300);
            break;
        }
        dns_input(dns, now_ns, 0, test_packet_span(&packet));
    }
}

static struct tlsa_set tlsa;
static struct txt_set txt;

static enum tlsa_set_status ask_tlsa(const char *host, uint16_t flags)
{
    struct dns_tlsa_host where = {.name = span_cstr(host), .port = 25};
    uint64_t waiter;
    int rounds = 0;

    while (dns_tlsa(dns, now_ns, &where, 77, &tlsa) == TLSA_SET_PENDING) {
        assert_true(rounds++ < 3);
        answer_all(flags);
        assert_true(dns_done(dns, &waiter));
        assert_int_equal(waiter, 77);
    }
    assert_int_equal(stats().waiters, 0);
    return tlsa.status;
}

static void tlsa_records_of_a_host(void **state)
{
    struct dns_options options = {.servers_count = 1, .trust_ad = true, .seed = 1};
    uint64_t waiter;

    (void)state;
    open_with(&options);
    while (ask("example", 5) == ROUTE_PENDING) {
        answer_all(0x20);
        assert_true(dns_done(dns, &waiter));
    }
    assert_int_equal(route.status, ROUTE_OK);
    assert_true(route.secure);
    assert_true(route.hosts[0].secure);
    assert_int_equal(route.servers, 1);
    assert_int_equal(ask_tlsa(route.hosts[0].name, 0x20), TLSA_SET_RECORDS);
    assert_string_equal(tlsa.base, "mx.example");
    assert_int_equal(tlsa.count, 1);
    assert_int_equal(tlsa.records[0].usage, TLSA_DANE_EE);
    assert_true(span_equal(tlsa.records[0].data, SPAN("key")));
    uint64_t before = stats().questions;
    assert_int_equal(ask_tlsa("MX.example.", 0), TLSA_SET_RECORDS);
    assert_int_equal(stats().questions, before); /* it is all in the cache */
    assert_int_equal(ask_tlsa("insecure.example", 0), TLSA_SET_NONE);
    assert_int_equal(ask_tlsa("[192.0.2.1]", 0), TLSA_SET_NONE);
}

/* The AD bit of a server that is not trusted says nothing, and DANE says why it cannot be. */
static void ad_is_not_believed_unasked(void **state)
{
    struct dns_tlsa_host where = {.name = SPAN("mx.example"), .port = 25};
    struct dns_packet query;
    uint64_t waiter;

    (void)state;
    open_usual();
    assert_int_equal(ask("example", 5), ROUTE_PENDING);
    assert_true(dns_output(dns, &query));
    assert_int_equal(query.bytes.data[3] & 0x20, 0);
    test_packet_reply(&packet, query.bytes, 0);
    packet.data[3] |= 0x20;
    test_packet_mx(&packet, NULL, 300, 0, "");
    dns_input(dns, now_ns, 0, test_packet_span(&packet));
    assert_true(dns_done(dns, &waiter));
    assert_int_equal(ask("example", 5), ROUTE_NULL_MX);
    assert_false(route.secure);
    assert_int_equal(dns_tlsa(dns, now_ns, &where, 6, &tlsa), TLSA_SET_UNTRUSTED);
    assert_non_null(strstr(tlsa.problem, "dns.trust_ad"));
    assert_int_equal(stats().waiters, 0);
}

/* Of several name servers each is known by its own answers. */
static void who_tells_what_is_secure(void **state)
{
    struct dns_options options = {.servers_count = 2, .trust_ad = true, .seed = 1};
    uint32_t said[2] = {0, 0};

    (void)state;
    open_with(&options);
    for (uint32_t i = 0; i < 100; i++) {
        struct dns_packet query;
        char name[] = "aa.example";

        name[0] = (char)('a' + i % 20);
        name[1] = (char)('a' + i / 20);
        assert_int_equal(dns_txt(dns, now_ns, span_cstr(name), i, &txt), TXT_SET_PENDING);
        assert_true(dns_output(dns, &query));
        test_packet_reply(&packet, query.bytes, 0);
        if (query.server_index == 1)
            packet.data[3] |= 0x20;
        test_packet_soa(&packet, "example", 300, 300);
        now_ns += NS_PER_MS;
        dns_input(dns, now_ns, query.server_index, test_packet_span(&packet));
        said[query.server_index]++;
        assert_int_equal(stats().servers_secure, said[1] > 0 ? 2 : 0);
        assert_int_equal(stats().secure, said[1]);
    }
    assert_true(said[0] > 0 && said[1] > 0);
}

struct trial {
    uint32_t servers;  /* bits */
    uint32_t vouching; /* of them say AD */
    uint8_t rcode;
};

/* Bits of those that were asked themselves. */
static uint32_t try_servers(struct trial trial)
{
    struct dns_packet query;
    uint32_t asked = 0;

    dns_try_servers(dns, now_ns, trial.servers);
    while (dns_output(dns, &query)) {
        asked |= UINT32_C(1) << query.server_index;
        test_packet_reply(&packet, query.bytes, trial.rcode);
        if ((trial.vouching >> query.server_index & 1) != 0)
            packet.data[3] |= 0x20;
        test_packet_soa(&packet, "arpa", 86400, 86400);
        dns_input(dns, now_ns, query.server_index, test_packet_span(&packet));
    }
    return asked;
}

/* Whether a server validates it says itself, whatever the cache has of another. */
static void servers_are_tried(void **state)
{
    struct dns_options options = {.servers_count = 3, .trust_ad = true, .seed = 1};
    struct dns_packet query;
    uint64_t questions;

    (void)state;
    open_with(&options);
    assert_int_equal(dns_txt(dns, now_ns, SPAN("arpa"), 1, &txt), TXT_SET_PENDING);
    assert_true(dns_output(dns, &query));
    test_packet_reply(&packet, query.bytes, 0);
    test_packet_soa(&packet, "arpa", 86400, 86400);
    dns_input(dns, now_ns, query.server_index, test_packet_span(&packet));
    assert_int_equal(dns_txt(dns, now_ns, SPAN("arpa"), 1, &txt), TXT_SET_NONE);
    assert_int_equal(try_servers((struct trial){6, 4, 0}), 6);
    assert_int_equal(stats().servers_secure, 4);
    assert_int_equal(stats().questions_in_flight, 0);
    assert_int_equal(try_servers((struct trial){0, 7, 0}),
                     1); /* the second was tried a moment ago */
    assert_int_equal(stats().servers_secure, 5);
    now_ns += 30 * NS_PER_S;
    assert_int_equal(try_servers((struct trial){7, 7, 2}), 2); /* SERVFAIL: its AD says nothing */
    assert_int_equal(stats().servers_secure, 5);
    now_ns += 30 * NS_PER_S;
    assert_int_equal(try_servers((struct trial){7, 7, 3}), 2);
    assert_int_equal(stats().servers_secure, 7);
    now_ns += 30 * NS_PER_S;
    assert_int_equal(try_servers((struct trial){7, 7, 0}), 0); /* all are known */
    questions = stats().questions;
    assert_int_equal(dns_txt(dns, now_ns, SPAN("arpa"), 1, &txt), TXT_SET_NONE);
    assert_false(txt.secure); /* what the cache has is still the first one's word */
    assert_int_equal(stats().questions, questions);
    teardown(state);
    options.trust_ad = false;
    open_with(&options);
    assert_int_equal(try_servers((struct trial){7, 7, 0}), 0);
}

static void txt_records_of_a_name(void **state)
{
    struct dns_options options = {
        .servers_count = 1, .trust_ad = true, .waiters_max = 1, .seed = 1};
    uint64_t waiter;

    (void)state;
    open_with(&options);
    assert_int_equal(dns_txt(dns, now_ns, SPAN("_mta-sts.example"), 1, &txt), TXT_SET_PENDING);
    assert_int_equal(dns_txt(dns, now_ns, SPAN("_smtp._tls.example"), 2, &txt), TXT_SET_BUSY);
    answer_all(0);
    assert_true(dns_done(dns, &waiter));
    assert_int_equal(dns_txt(dns, now_ns, SPAN("_mta-sts.example"), 1, &txt), TXT_SET_RECORDS);
    assert_int_equal(txt.count, 1);
    assert_true(span_equal(txt_set_at(&txt, 0), SPAN("v=STSv1; id=1")));
    assert_false(txt.secure);
    assert_int_equal(dns_txt(dns, now_ns, SPAN("no name"), 1, &txt), TXT_SET_NONE);
    assert_int_equal(stats().waiters, 0);
}

#define CASE(test) cmocka_unit_test_teardown(test, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(reads_real_answers),       CASE(real_negative_answers_keep_their_time),
        CASE(smart_hosts_and_literals), CASE(waiters_are_joined_and_forgotten),
        CASE(questions_are_scarce),     CASE(a_dead_resolver_defers),
        CASE(a_tiny_cache_still_ends),  CASE(answers_that_do_not_last_still_end),
        CASE(tlsa_records_of_a_host),   CASE(ad_is_not_believed_unasked),
        CASE(txt_records_of_a_name),    CASE(the_seed_decides_everything),
        CASE(who_tells_what_is_secure), CASE(servers_are_tried),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
