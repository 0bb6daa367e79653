#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <errno.h>

#include "dns/lookups.h"
#include "dns/test_packet.h"

#define SECOND NS_PER_S
#define DAY (86400 * NS_PER_S)

static struct arena arena;
static struct dns_cache cache;
static struct dns_waiters waiters;
static struct prng prng;
static struct lookups *lookups;
static struct test_packet packet;
static uint64_t now_ns;
static uint64_t numbers;

static void open_with(uint32_t servers_count, uint32_t lookups_max)
{
    struct lookups_options options = {
        .limits = {.servers_count = servers_count, .timeout_ns = 5 * SECOND},
        .lookups_max = lookups_max,
        .cache = &cache,
        .waiters = &waiters,
        .prng = &prng};
    size_t size = arena_cost(1, sizeof(struct lookups)) + dns_cache_cost(1000) +
                  dns_waiters_cost(20000) + lookups_cost(lookups_max, servers_count);

    assert_int_equal(arena_open(&arena, size), 0);
    prng_seed(&prng, 11);
    waiters = (struct dns_waiters){0};
    dns_cache_init(&cache, &arena, 1000, (struct table_key){{1, 2}});
    dns_waiters_init(&waiters, &arena, 20000);
    lookups = arena_alloc(&arena, 1, sizeof(struct lookups));
    now_ns = 7 * SECOND;
    lookups_init(lookups, &arena, now_ns, &options);
    assert_int_equal(arena.used, size);
    numbers = 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

static bool ask(const char *text)
{
    struct dns_name name;
    struct dns_waiter *waiter = dns_waiters_enter(&waiters, numbers++);

    assert_non_null(waiter);
    assert_true(dns_name_parse(span_cstr(text), &name));
    return lookups_ask(lookups, now_ns, (struct dns_cache_key){&name, WIRE_A}, waiter);
}

static struct dns_cache_value cached(const char *text)
{
    struct dns_cache_value value;
    struct dns_name name;

    assert_true(dns_name_parse(span_cstr(text), &name));
    assert_true(dns_cache_find(&cache, now_ns, (struct dns_cache_key){&name, WIRE_A}, &value));
    return value;
}

/* The next packet, as a reply to it with this rcode; the question itself in *ret_query. */
static struct dns_packet next(uint16_t rcode)
{
    struct dns_packet query;

    assert_true(lookups_output(lookups, &query));
    struct span bytes = query.bytes;
    if (query.tcp) {
        assert_int_equal(bytes.data[0] << 8 | bytes.data[1], bytes.size - 2);
        bytes = span_skip(bytes, 2);
    }
    test_packet_reply(&packet, bytes, rcode);
    return query;
}

static void deliver(uint32_t server)
{
    lookups_input(lookups, now_ns, server, test_packet_span(&packet));
}

static int deliver_tcp(uint32_t server, size_t chunk)
{
    uint8_t bytes[66000];
    int r = 0;

    bytes[0] = (uint8_t)(packet.size >> 8);
    bytes[1] = (uint8_t)packet.size;
    memcpy(&bytes[2], packet.data, packet.size);
    for (size_t at = 0; at < packet.size + 2 && r >= 0; at += chunk)
        r = lookups_tcp_input(lookups, now_ns, server,
                              span_slice(span_make(bytes, packet.size + 2), at, chunk));
    return r;
}

static void expire_at(uint64_t at_ns)
{
    now_ns = at_ns;
    lookups_expire(lookups, now_ns);
}

/* B9: clamped to 30 seconds and to a day; negative answers too; failures are kept 30 seconds. */
static void ttl_is_clamped(void **state)
{
    static const struct {
        uint32_t ttl;
        uint64_t seconds;
    } cases[] = {{0, 30},        {29, 30},           {31, 31},          {86400, 86400},
                 {86401, 86400}, {INT32_MAX, 86400}, {0x80000000U, 30}, {UINT32_MAX, 30}};

    (void)state;
    open_with(1, 10);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_true(ask("a.example"));
        (void)next(0);
        test_packet_a(&packet, NULL, cases[i].ttl, 1);
        deliver(0);
        assert_int_equal(cached("a.example").status, DNS_CACHE_RECORDS);
        assert_int_equal(cached("a.example").expires_ns, now_ns + cases[i].seconds * SECOND);
        for (uint16_t rcode = 0; rcode <= 3; rcode += 3) {
            assert_true(ask("b.example"));
            (void)next(rcode);
            test_packet_soa(&packet, "example", cases[i].ttl, 500000);
            deliver(0);
            assert_int_equal(cached("b.example").status,
                             rcode == 0 ? DNS_CACHE_NO_DATA : DNS_CACHE_NO_DOMAIN);
            assert_int_equal(cached("b.example").expires_ns, now_ns + cases[i].seconds * SECOND);
        }
    }
    assert_true(ask("c.example"));
    (void)next(2);
    deliver(0);
    assert_int_equal(cached("c.example").status, DNS_CACHE_FAILED);
    assert_int_equal(cached("c.example").detail, LOOKUP_SERVFAIL);
    assert_int_equal(cached("c.example").expires_ns, now_ns + 30 * SECOND);
    assert_int_equal(lookups->slab.claimed_count, 0);
}

static void the_same_question_is_asked_once(void **state)
{
    struct dns_packet query;

    (void)state;
    open_with(1, 10);
    assert_true(ask("a.example"));
    assert_true(ask("A.Example."));
    assert_true(ask("b.example"));
    (void)next(0);
    test_packet_a(&packet, NULL, 60, 1);
    deliver(0);
    assert_int_equal(lookups->stats.joined, 1);
    assert_non_null(dns_waiters_next(&waiters, false));
    assert_non_null(dns_waiters_next(&waiters, false));
    assert_null(dns_waiters_next(&waiters, false));
    (void)next(0);
    assert_false(lookups_output(lookups, &query));
}

static void no_more_questions_than_slots(void **state)
{
    (void)state;
    open_with(1, 2);
    assert_true(ask("a.example"));
    assert_true(ask("b.example"));
    assert_false(lookups_has_free(lookups));
    assert_false(ask("c.example"));
    assert_true(ask("a.example"));
    (void)next(3);
    deliver(0);
    assert_true(lookups_has_free(lookups));
    assert_true(ask("c.example"));
}

/* Ids in flight are all different, and drawn from the whole range. */
static void ids_are_unique(void **state)
{
    static bool seen[65536];
    uint32_t quarters[4] = {0};
    char name[32];
    struct text text;
    struct dns_packet query;

    (void)state;
    open_with(1, DNS_QUESTIONS_MAX);
    for (uint32_t i = 0; i < DNS_QUESTIONS_MAX; i++) {
        text_init(&text, name, sizeof(name));
        text_add_format(&text, "n%u.example", i);
        assert_true(ask(text_cstr_end(&text)));
    }
    for (uint32_t i = 0; i < DNS_QUESTIONS_MAX; i++) {
        assert_true(lookups_output(lookups, &query));
        assert_int_equal(query.bytes.data[0] << 8 | query.bytes.data[1], query.id);
        assert_false(seen[query.id]);
        seen[query.id] = true;
        quarters[query.id / 16384]++;
    }
    for (int i = 0; i < 4; i++)
        assert_in_range(quarters[i], 3900, 4300);
    assert_false(lookups_output(lookups, &query));
}

/* B8 */
static void what_was_not_asked_for_is_ignored(void **state)
{
    (void)state;
    open_with(2, 10);
    assert_true(ask("a.example"));
    struct dns_packet query = next(3);
    assert_int_equal(query.server_index, 0);
    struct test_packet good = packet;

    packet.data[0] ^= 1; /* another id */
    deliver(0);
    packet = good;
    deliver(1);             /* another server */
    packet.data[2] &= 0x7f; /* a question */
    deliver(0);
    packet = good;
    packet.data[13] ^= 1; /* another name */
    deliver(0);
    packet = good;
    packet.data[packet.size - 3] ^= 1; /* another type */
    deliver(0);
    packet.size = 11;
    deliver(0);
    packet.size = 0;
    deliver(0);
    assert_int_equal(lookups->stats.ignored, 7);
    assert_int_equal(lookups->slab.claimed_count, 1);
    packet = good;
    deliver(0);
    assert_int_equal(lookups->slab.claimed_count, 0);
    assert_int_equal(cached("a.example").status, DNS_CACHE_NO_DOMAIN);
    deliver(0); /* a late duplicate */
    assert_int_equal(lookups->stats.ignored, 8);
    assert_int_equal(lookups->stats.answers, 1);
}

/* Answers of another letter case are asked for again over TCP. */
static void letter_case_is_checked(void **state)
{
    uint32_t server;

    (void)state;
    open_with(1, 10);
    assert_true(ask("some-long-name.example"));
    (void)next(3);
    packet.data[13] ^= 0x20;
    deliver(0);
    assert_int_equal(lookups->slab.claimed_count, 1);
    assert_true(lookups_tcp_next(lookups, &server));
    assert_false(lookups_tcp_next(lookups, &server));
    lookups_tcp_opened(lookups, 0);
    assert_true(next(3).tcp);
    assert_int_equal(deliver_tcp(0, 1), 0);
    assert_int_equal(cached("some-long-name.example").status, DNS_CACHE_NO_DOMAIN);
}

/* A server that is seen over TCP to fold case is asked in lower case from then on. */
static void a_folding_server_is_known(void **state)
{
    uint32_t server;

    (void)state;
    open_with(1, 10);
    assert_true(ask("some-long-name.example"));
    (void)next(3);
    packet.data[13] ^= 0x20;
    deliver(0);
    assert_false(lookups->servers.one[0].folds_case); /* anybody could have said that */
    assert_true(lookups_tcp_next(lookups, &server));
    lookups_tcp_opened(lookups, 0);
    (void)next(3);
    packet.data[13] ^= 0x20;
    assert_int_equal(deliver_tcp(0, 100), 0);
    assert_true(lookups->servers.one[0].folds_case);
    assert_true(ask("another-long-name.example"));
    struct dns_packet query = next(3);
    assert_false(query.tcp);
    assert_true(span_equal(span_slice(query.bytes, 12, 18), SPAN("\x11"
                                                                 "another-long-name")));
    deliver(0);
    assert_int_equal(cached("another-long-name.example").status, DNS_CACHE_NO_DOMAIN);
}

static void truncate_one(const char *name)
{
    assert_true(ask(name));
    (void)next(0);
    packet.data[2] |= 2;
    deliver(0);
}

static void tcp_serves_several_questions(void **state)
{
    uint32_t server;
    struct dns_packet query;

    (void)state;
    for (size_t chunk = 1; chunk < 100; chunk += 7) {
        open_with(1, 10);
        truncate_one("a.example");
        truncate_one("b.example");
        assert_true(lookups_tcp_next(lookups, &server));
        assert_int_equal(server, 0);
        assert_false(lookups_tcp_next(lookups, &server));
        assert_false(lookups_output(lookups, &query)); /* not before it is open */
        assert_false(lookups_tcp_idle(lookups, 0));
        lookups_tcp_opened(lookups, 0);
        (void)next(0);
        test_packet_a(&packet, NULL, 60, 1);
        assert_int_equal(deliver_tcp(0, chunk), 0);
        (void)next(3);
        assert_int_equal(deliver_tcp(0, chunk), 0);
        assert_int_equal(lookups->slab.claimed_count, 0);
        assert_true(lookups_tcp_idle(lookups, 0));
        assert_int_equal(lookups->stats.tcp_questions, 2);
        /* It stays open for the next. */
        truncate_one("c.example");
        assert_false(lookups_tcp_next(lookups, &server));
        assert_true(next(3).tcp);
        (void)deliver_tcp(0, chunk);
        lookups_tcp_failed(lookups, now_ns, 0); /* idle: closed without harm */
        truncate_one("d.example");
        assert_true(lookups_tcp_next(lookups, &server));
        arena_close(&arena);
    }
    open_with(1, 1); /* for the teardown */
}

/* A question whose answer was cut, and which is to be asked by TCP now. */
static void open_truncated(uint32_t servers_count)
{
    uint32_t server;

    open_with(servers_count, 10);
    truncate_one("a.example");
    assert_true(lookups_tcp_next(lookups, &server));
    assert_int_equal(server, 0);
}

static void tcp_refused_is_tried_again_a_moment_later(void **state)
{
    uint32_t server;

    (void)state;
    open_truncated(1);
    lookups_tcp_failed(lookups, now_ns, 0);
    assert_false(lookups_tcp_next(lookups, &server));
    assert_int_equal(lookups->slab.claimed_count, 1);
    assert_true(lookups_deadline_ns(lookups) <= now_ns + 250 * NS_PER_MS);
    expire_at(now_ns + 250 * NS_PER_MS);
    assert_true(lookups_tcp_next(lookups, &server));
    lookups_tcp_failed(lookups, now_ns, 0);
    assert_int_equal(lookups->slab.claimed_count, 0);
    assert_int_equal(cached("a.example").status, DNS_CACHE_FAILED);
    assert_int_equal(cached("a.example").detail, LOOKUP_NO_TCP);
}

static void tcp_lost_goes_to_the_other_server(void **state)
{
    uint32_t server;

    (void)state;
    open_truncated(2);
    lookups_tcp_opened(lookups, 0);
    (void)next(0);
    lookups_tcp_failed(lookups, now_ns, 0);
    assert_true(lookups_tcp_next(lookups, &server));
    assert_int_equal(server, 1);
    lookups_tcp_opened(lookups, 1);
    assert_int_equal(next(3).server_index, 1);
    assert_int_equal(deliver_tcp(0, 100), 0); /* from a connection that was not asked */
    assert_int_equal(lookups->slab.claimed_count, 1);
    assert_int_equal(deliver_tcp(1, 100), 0);
    assert_int_equal(cached("a.example").status, DNS_CACHE_NO_DOMAIN);
}

static void a_stream_that_is_not_dns(void **state)
{
    uint32_t server;

    (void)state;
    open_truncated(1);
    lookups_tcp_opened(lookups, 0);
    (void)next(0);
    assert_int_equal(lookups_tcp_input(lookups, now_ns, 0, SPAN("\0\0HTTP/1.1 400")), -EBADMSG);
    lookups_tcp_failed(lookups, now_ns, 0);
    /* What was half read is forgotten with the connection. */
    expire_at(now_ns + SECOND / 2);
    assert_true(lookups_tcp_next(lookups, &server));
    lookups_tcp_opened(lookups, 0);
    (void)next(3);
    assert_int_equal(deliver_tcp(0, 5), 0);
    assert_int_equal(cached("a.example").status, DNS_CACHE_NO_DOMAIN);
}

/* A connection that takes questions and says nothing for two seconds has hung; a word clears it. */
static void a_silent_connection_has_hung(void **state)
{
    struct dns_packet query;
    uint32_t server;

    (void)state;
    open_truncated(1);
    lookups_tcp_opened(lookups, 0);
    assert_false(lookups_tcp_hung(lookups, now_ns + 100 * SECOND, 0)); /* nothing was asked */
    (void)next(3);
    assert_false(lookups_tcp_hung(lookups, now_ns + 2 * SECOND - 1, 0));
    assert_true(lookups_tcp_hung(lookups, now_ns + 2 * SECOND, 0));
    assert_int_equal(deliver_tcp(0, 100), 0);
    assert_false(lookups_tcp_hung(lookups, now_ns + 100 * SECOND, 0));

    uint64_t start_ns = now_ns;
    truncate_one("b.example");
    while (lookups->slab.claimed_count > 0 && !lookups_tcp_hung(lookups, now_ns, 0)) {
        while (lookups_output(lookups, &query))
            assert_true(query.tcp);
        expire_at(max_u64(lookups_deadline_ns(lookups), now_ns + 1));
    }
    assert_in_range(now_ns - start_ns, 2 * SECOND, 3 * SECOND + SECOND / 10);
    lookups_tcp_failed(lookups, now_ns, 0);
    assert_false(lookups_tcp_hung(lookups, now_ns, 0));
    expire_at(now_ns + SECOND / 2);
    assert_true(lookups_tcp_next(lookups, &server));
    lookups_tcp_opened(lookups, 0);
    assert_true(next(3).tcp);
    assert_false(lookups_tcp_hung(lookups, now_ns + SECOND, 0)); /* a new one */
    assert_int_equal(deliver_tcp(0, 100), 0);
    assert_int_equal(cached("b.example").status, DNS_CACHE_NO_DOMAIN);
}

/* Silence: the tries of lookup.h, then failed, by the deadlines that it gives itself. */
static void silence_ends_in_five_seconds(void **state)
{
    struct dns_packet query;
    uint32_t sent = 0;

    (void)state;
    open_with(2, 10);
    assert_int_equal(lookups_deadline_ns(lookups), UINT64_MAX);
    uint64_t start_ns = now_ns;
    assert_true(ask("a.example"));
    while (lookups->slab.claimed_count > 0) {
        while (lookups_output(lookups, &query)) {
            assert_int_equal(query.server_index, sent % 2);
            sent++;
        }
        assert_true(lookups_deadline_ns(lookups) < UINT64_MAX);
        expire_at(max_u64(lookups_deadline_ns(lookups), now_ns + 1));
    }
    assert_int_equal(sent, 4);
    assert_in_range(now_ns - start_ns, 5 * SECOND, 5 * SECOND + 10 * NS_PER_MS);
    assert_int_equal(cached("a.example").status, DNS_CACHE_FAILED);
    assert_int_equal(cached("a.example").detail, LOOKUP_TIMEOUT);
    assert_int_equal(lookups->stats.timeouts, 4);
}

/* A dead first server is asked first only until it has been silent three times. */
static void a_silent_server_is_left(void **state)
{
    char name[] = "a.example";

    (void)state;
    open_with(2, 10);
    for (int i = 0; i < 3; i++) {
        name[0] = (char)('a' + i);
        assert_true(ask(name));
        assert_int_equal(next(3).server_index, 0);
        expire_at(now_ns + SECOND + 2 * NS_PER_MS);
        assert_int_equal(next(3).server_index, 1);
        deliver(1);
    }
    assert_true(ask("d.example"));
    assert_int_equal(next(3).server_index, 1);
}

/* A server that refuses datagrams costs no second: the next one is asked at once, and it is left
 * after three times. When all refuse, the question waits as if they were silent. */
static void a_refusing_server_is_passed_at_once(void **state)
{
    char name[] = "a.example";

    (void)state;
    open_with(2, 10);
    for (int i = 0; i < 3; i++) {
        name[0] = (char)('a' + i);
        assert_true(ask(name));
        assert_int_equal(next(3).server_index, 0);
        lookups_unreachable(lookups, now_ns, 1); /* nothing waits for that one */
        now_ns += NS_PER_MS;
        lookups_unreachable(lookups, now_ns, 0);
        assert_int_equal(next(3).server_index, 1);
        deliver(1);
    }
    assert_true(ask("d.example"));
    assert_int_equal(next(3).server_index, 1);
    lookups_unreachable(lookups, now_ns, 1);
    assert_int_equal(next(3).server_index, 0);
    for (int i = 0; i < 100; i++) {
        struct dns_packet output;

        lookups_unreachable(lookups, now_ns, 0);
        assert_false(lookups_output(lookups, &output));
    }
    assert_true(lookups_deadline_ns(lookups) > now_ns);
    expire_at(now_ns + 3 * SECOND);
    assert_true(next(3).server_index < 2);
}

/* The one that answers faster gets the questions; one that refuses is as bad as a silent one. */
static void the_faster_server_is_asked(void **state)
{
    char name[] = "a0.example";

    (void)state;
    open_with(2, 10);
    lookups->servers.one[1].round_trip_ns = 5 * NS_PER_MS;
    for (int i = 0; i < 4; i++, name[1]++) {
        assert_true(ask(name));
        uint32_t server = next(3).server_index;
        assert_int_equal(server, i == 0 ? 0 : 1);
        now_ns += (server == 0 ? 20 : 3) * NS_PER_MS;
        deliver(server);
    }
    assert_int_equal(lookups->servers.one[0].round_trip_ns, 20 * NS_PER_MS);
    for (int i = 0; i < 3; i++, name[1]++) {
        assert_true(ask(name));
        assert_int_equal(next(WIRE_REFUSED).server_index, 1);
        deliver(1);
        assert_int_equal(next(3).server_index, 0);
        deliver(0);
    }
    assert_int_equal(lookups->limits.servers_sick, 2);
    assert_true(ask(name));
    assert_int_equal(next(3).server_index, 0);
}

/* A sick server is probed while there are questions; its answer makes it well, unless it refuses.
 */
static void a_sick_server_is_probed(void **state)
{
    struct dns_packet query;

    (void)state;
    open_with(2, 10);
    for (uint32_t i = 0; i < SERVERS_FAILURES_MAX; i++)
        servers_failed(&lookups->servers, now_ns, 0);
    now_ns += SECOND;
    assert_true(ask("a.example"));
    query = next(3); /* the probe: the same question, whose answer is not kept */
    assert_int_equal(query.server_index, 0);
    assert_true(span_equal_nocase(span_slice(query.bytes, 12, 11), SPAN("\1a\7example\0")));
    struct test_packet probe = packet;
    (void)next(0);
    test_packet_a(&packet, NULL, 60, 1);
    deliver(1);
    assert_int_equal(cached("a.example").status, DNS_CACHE_RECORDS);
    assert_int_equal(lookups->servers.sick, 1);
    packet = probe;
    now_ns += 20 * NS_PER_MS;
    deliver(0);
    assert_int_equal(lookups->servers.sick, 0);
    assert_int_equal(lookups->limits.servers_sick, 0);
    assert_int_equal(cached("a.example").status, DNS_CACHE_RECORDS);
    assert_int_equal(lookups->slab.claimed_count, 0);
    deliver(0); /* twice */
    assert_int_equal(lookups->stats.ignored, 1);

    for (uint32_t i = 0; i < SERVERS_FAILURES_MAX; i++)
        servers_failed(&lookups->servers, now_ns, 0);
    now_ns += SECOND;
    assert_true(ask("b.example"));
    assert_int_equal(next(0).server_index, 0);
    assert_int_equal(next(3).server_index, 1);
    deliver(1);
    assert_int_equal(lookups->slab.claimed_count, 1);
    expire_at(now_ns + 2 * SECOND); /* silence again */
    assert_int_equal(lookups->slab.claimed_count, 0);
    assert_int_equal(lookups->servers.sick, 1);
    assert_true(ask("c.example"));
    assert_int_equal(next(WIRE_REFUSED).server_index, 0); /* two seconds: the next probe */
    deliver(0);
    assert_int_equal(lookups->servers.sick, 1);
    assert_int_equal(lookups->slab.claimed_count, 1);
}

/* A question goes to a sick server only when the others have failed. */
static void sick_servers_come_last(void **state)
{
    (void)state;
    open_with(3, 10);
    for (uint32_t i = 0; i < SERVERS_FAILURES_MAX; i++)
        servers_failed(&lookups->servers, now_ns, 1);
    lookups->limits.servers_sick = lookups->servers.sick;
    assert_true(ask("a.example"));
    assert_int_equal(next(2).server_index, 0);
    deliver(0);
    assert_int_equal(next(2).server_index, 2);
    deliver(2);
    assert_int_equal(next(3).server_index, 1);
    deliver(1);
    assert_int_equal(cached("a.example").status, DNS_CACHE_NO_DOMAIN);
}

static void run_out(void)
{
    struct dns_packet query;

    while (lookups->slab.claimed_count > 0) {
        while (lookups_output(lookups, &query))
            ;
        expire_at(max_u64(lookups_deadline_ns(lookups), now_ns + 1));
    }
}

/* RFC 8767: for an hour after its end, 30 seconds a time, and only when nobody answers. */
static void records_serve_on_in_silence(void **state)
{
    (void)state;
    open_with(2, 10);
    assert_true(ask("a.example"));
    (void)next(0);
    test_packet_a(&packet, NULL, 60, 1);
    deliver(0);
    uint64_t end_ns = cached("a.example").expires_ns;
    now_ns = end_ns;
    while (now_ns < end_ns + 3600 * SECOND - 40 * SECOND) {
        assert_true(ask("a.example"));
        run_out();
        assert_int_equal(cached("a.example").status, DNS_CACHE_RECORDS);
        assert_true(cached("a.example").stale);
        assert_int_equal(cached("a.example").ended_ns, end_ns);
        assert_in_range(cached("a.example").expires_ns - now_ns, 30 * SECOND, 32 * SECOND);
        now_ns = cached("a.example").expires_ns;
    }
    assert_true(lookups->stats.stale > 90);
    now_ns = end_ns + 3600 * SECOND;
    assert_true(ask("a.example"));
    run_out();
    assert_int_equal(cached("a.example").status, DNS_CACHE_FAILED);
}

static void a_word_ends_what_is_stale(void **state)
{
    static const struct {
        uint16_t rcode;
        enum dns_cache_status status;
    } cases[] = {{WIRE_SERVFAIL, DNS_CACHE_FAILED}, {WIRE_NXDOMAIN, DNS_CACHE_NO_DOMAIN}};

    (void)state;
    open_with(1, 10);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_true(ask("a.example"));
        (void)next(0);
        test_packet_a(&packet, NULL, 60, 1);
        deliver(0);
        now_ns += 60 * SECOND;
        assert_true(ask("a.example"));
        run_out();
        assert_true(cached("a.example").stale);
        now_ns += 40 * SECOND;
        assert_true(ask("a.example"));
        (void)next(cases[i].rcode);
        deliver(0);
        assert_int_equal(cached("a.example").status, cases[i].status);
        now_ns += 30 * SECOND;
    }
}

/* Asked in advance: the old answer stays until a better one comes, whatever else comes. */
static void asked_in_advance(void **state)
{
    struct dns_cache_key key;
    struct dns_name name;

    (void)state;
    open_with(1, 10);
    assert_true(dns_name_parse(SPAN("a.example"), &name));
    key = (struct dns_cache_key){&name, WIRE_A};
    assert_true(ask("a.example"));
    (void)next(0);
    test_packet_a(&packet, NULL, 300, 1);
    deliver(0);
    uint64_t end_ns = cached("a.example").expires_ns;
    now_ns += 280 * SECOND;
    assert_true(cached("a.example").fading);
    assert_true(lookups_ask(lookups, now_ns, key, NULL));
    assert_true(lookups_ask(lookups, now_ns, key, NULL)); /* once */
    assert_int_equal(lookups->slab.claimed_count, 1);
    (void)next(2);
    deliver(0);
    assert_int_equal(cached("a.example").status, DNS_CACHE_RECORDS);
    assert_int_equal(cached("a.example").expires_ns, end_ns);
    assert_true(lookups_ask(lookups, now_ns, key, NULL));
    assert_true(ask("a.example")); /* a waiter joins */
    (void)next(0);
    test_packet_a(&packet, NULL, 300, 2);
    deliver(0);
    assert_int_equal(cached("a.example").expires_ns, now_ns + 300 * SECOND);
    assert_int_equal(lookups->stats.prefetches, 2);
    assert_non_null(dns_waiters_next(&waiters, false));
    assert_non_null(dns_waiters_next(&waiters, false));
}

#define CASE(test) cmocka_unit_test_teardown(test, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(ttl_is_clamped),
        CASE(the_same_question_is_asked_once),
        CASE(no_more_questions_than_slots),
        CASE(ids_are_unique),
        CASE(what_was_not_asked_for_is_ignored),
        CASE(letter_case_is_checked),
        CASE(a_folding_server_is_known),
        CASE(tcp_serves_several_questions),
        CASE(tcp_refused_is_tried_again_a_moment_later),
        CASE(tcp_lost_goes_to_the_other_server),
        CASE(a_stream_that_is_not_dns),
        CASE(a_silent_connection_has_hung),
        CASE(silence_ends_in_five_seconds),
        CASE(a_silent_server_is_left),
        CASE(a_refusing_server_is_passed_at_once),
        CASE(the_faster_server_is_asked),
        CASE(a_sick_server_is_probed),
        CASE(sick_servers_come_last),
        CASE(records_serve_on_in_silence),
        CASE(a_word_ends_what_is_stale),
        CASE(asked_in_advance),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
