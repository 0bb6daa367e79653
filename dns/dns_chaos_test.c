/* The whole room against resolvers and a network that misbehave, in virtual time and from a seed.
 *
 * Every asker gets an answer within a bounded time; the answer is the truth or "DNS failure", never
 * another verdict; when the faults end, every domain comes out right. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/prng.h"
#include "dns/dns.h"
#include "dns/test_packet.h"
#include "dns/wire_check.h"

#define SEEDS 150
#define SERVERS 3
#define DOMAINS UINT64_C(40)
#define ASKERS (2 * DOMAINS) /* two a domain */
#define EVENTS_MAX 4096
#define EVENT_SIZE 1500

enum event_kind { EVENT_NONE, EVENT_DATAGRAM, EVENT_OPENED, EVENT_REFUSED, EVENT_BYTES };

struct event {
    uint64_t due_ns;
    size_t size;
    enum event_kind kind;
    uint32_t server;
    uint32_t life; /* of the connection */
    uint8_t bytes[EVENT_SIZE];
};

/* Which faults a seed has: each class is on or off, and drawn in size. */
struct faults {
    uint32_t loss, twice, late, corrupt, servfail; /* percent */
    uint32_t refused, reset;                       /* percent, TCP */
    bool dead[SERVERS], no_edns[SERVERS], folds_case[SERVERS];
    uint64_t delay_ns;
};

static const struct {
    const char *prefix;
    enum route_status truth;
} kinds[] = {{"ok", ROUTE_OK},         {"al", ROUTE_OK},           {"im", ROUTE_OK},
             {"bg", ROUTE_OK},         {"nu", ROUTE_NULL_MX},      {"nx", ROUTE_NO_DOMAIN},
             {"no", ROUTE_NO_ADDRESS}, {"sp", ROUTE_SPECIAL_ONLY}, {"lo", ROUTE_DNS_FAILURE},
             {"se", ROUTE_DNS_FAILURE}};

static struct arena arena;
static struct dns *dns;
static struct route route;
static struct prng prng;
static struct faults faults;
static struct event events[EVENTS_MAX];
static size_t events_used; /* none at or above this index */
static struct test_packet packet;
static uint64_t now_ns;
static uint64_t seed_now;
static uint64_t stream_due_ns[SERVERS];
static uint32_t lives[SERVERS];
static bool open_now[SERVERS];

static void domain_of(uint64_t number, char into[64])
{
    struct text text;

    text_init(&text, into, 64);
    text_add_cstr(&text, kinds[number % ARRAY_LEN(kinds)].prefix);
    text_add_u64(&text, number);
    text_add_cstr(&text, ".example");
    (void)text_cstr_end(&text);
}

static struct event *post(enum event_kind kind, uint32_t server, uint64_t due_ns)
{
    for (size_t i = 0; i < EVENTS_MAX; i++) {
        if (events[i].kind != EVENT_NONE)
            continue;
        events_used = events_used > i ? events_used : i + 1;
        events[i] =
            (struct event){.kind = kind, .server = server, .due_ns = due_ns, .life = lives[server]};
        return &events[i];
    }
    abort();
}

/* "2\3ok7\7example" -> "ok7", by the last label but one; the host's own label is cut off. */
static void answer_mx(const char *domain)
{
    char host[80];
    struct text text;

    for (int i = 1; i <= 2; i++) {
        text_init(&text, host, sizeof(host));
        text_add_format(&text, "mx%d.%s", i, domain);
        test_packet_mx(&packet, NULL, 300, (uint16_t)(10 * i), text_cstr_end(&text));
    }
}

static void answer_truly(struct span name, uint16_t type)
{
    char domain[64], alias[64];
    struct text text;
    bool is_host = span_starts_nocase(name, SPAN("\3mx"));
    struct span label = is_host ? span_skip(name, 4) : name;

    label = span_slice(label, 1, label.data[0]);
    text_init(&text, domain, sizeof(domain));
    text_add_lower(&text, label);
    text_add_cstr(&text, ".example");
    (void)text_cstr_end(&text);
    if (strncmp(domain, "lo", 2) == 0) {
        test_packet_cname(&packet, NULL, 300, domain);
    } else if (strncmp(domain, "al", 2) == 0 && !is_host) {
        memcpy(alias, domain, sizeof(alias));
        alias[0] = 'o';
        alias[1] = 'k';
        test_packet_cname(&packet, NULL, 300, alias); /* and no more: ask for it */
    } else if (strncmp(domain, "nu", 2) == 0 && type == WIRE_MX) {
        test_packet_mx(&packet, NULL, 300, 0, "");
    } else if (type == WIRE_MX && strncmp(domain, "im", 2) != 0 && strncmp(domain, "no", 2) != 0) {
        answer_mx(domain);
    } else if (type == WIRE_A && strncmp(domain, "no", 2) != 0) {
        test_packet_a(&packet, NULL, 300, domain[0] == 's' ? 0x0a000001 : 0x0b161718);
    } else if (type == WIRE_AAAA && strncmp(domain, "ok", 2) == 0) {
        test_packet_aaaa(&packet, NULL, 300, 5);
    } else {
        test_packet_soa(&packet, "example", 300, 300);
    }
}

/* Fills `packet` with what this server says to the query. */
static void answer(uint32_t server, bool tcp, struct span query)
{
    struct wire_question question;
    struct span first;

    assert_true(wire_check_question(query, &question));
    assert_true(question.has_question);
    first = span_make(&question.name.data[1], 2);
    if (faults.no_edns[server] && query.data[11] != 0) {
        test_packet_reply(&packet, query, WIRE_FORMERR);
    } else if (span_equal_nocase(first, SPAN("se")) || prng_percent(&prng, faults.servfail)) {
        test_packet_reply(&packet, query, WIRE_SERVFAIL);
    } else if (span_equal_nocase(first, SPAN("nx"))) {
        test_packet_reply(&packet, query, WIRE_NXDOMAIN);
        test_packet_soa(&packet, "example", 300, 300);
    } else {
        test_packet_reply(&packet, query, WIRE_NOERROR);
        if (span_equal_nocase(first, SPAN("bg")) && !tcp)
            packet.data[2] |= 2;
        else
            answer_truly(question.name, question.type);
    }
    for (size_t i = 0; faults.folds_case[server] && i < question.name.size; i++)
        packet.data[12 + i] = span_lower_byte(packet.data[12 + i]);
}

static void post_datagram(uint32_t server)
{
    uint64_t delay_ns = NS_PER_MS + prng_below(&prng, faults.delay_ns + 1);

    if (faults.dead[server] || prng_percent(&prng, faults.loss))
        return;
    if (prng_percent(&prng, faults.late))
        delay_ns += prng_below(&prng, 6 * NS_PER_S);
    struct event *event = post(EVENT_DATAGRAM, server, now_ns + delay_ns);
    assert_true(packet.size <= EVENT_SIZE);
    event->size = packet.size;
    memcpy(event->bytes, packet.data, packet.size);
    for (uint64_t flips = prng_percent(&prng, faults.corrupt) ? prng_below(&prng, 5) : 0; flips > 0;
         flips--)
        event->bytes[prng_below(&prng, event->size)] ^= (uint8_t)(1U << prng_below(&prng, 8));
    if (prng_percent(&prng, faults.corrupt))
        event->size = prng_below(&prng, event->size);
}

/* The stream in pieces, in order. */
static void post_stream(uint32_t server)
{
    uint8_t bytes[EVENT_SIZE];
    size_t at = 0, size = packet.size + 2;

    assert_true(size <= sizeof(bytes));
    bytes[0] = (uint8_t)(packet.size >> 8);
    bytes[1] = (uint8_t)packet.size;
    memcpy(&bytes[2], packet.data, packet.size);
    while (at < size) {
        size_t piece = min_size(1 + prng_below(&prng, 60), size - at);

        stream_due_ns[server] = max_u64(stream_due_ns[server], now_ns + NS_PER_MS) +
                                prng_below(&prng, faults.delay_ns / 8 + 1);
        struct event *event = post(EVENT_BYTES, server, stream_due_ns[server]);
        event->size = piece;
        memcpy(event->bytes, &bytes[at], piece);
        at += piece;
    }
}

static void fail_tcp(uint32_t server)
{
    lives[server]++;
    open_now[server] = false;
    dns_tcp_failed(dns, now_ns, server);
}

static void carry(void)
{
    struct dns_packet query;
    uint32_t server;

    while (dns_tcp_next(dns, &server)) {
        bool refused = prng_percent(&prng, faults.refused);

        assert_false(open_now[server]);
        lives[server]++;
        if (!faults.dead[server]) /* else: no answer to the connect, until its own timeout */
            (void)post(refused ? EVENT_REFUSED : EVENT_OPENED, server,
                       now_ns + prng_below(&prng, faults.delay_ns + 1));
        else
            (void)post(EVENT_REFUSED, server, now_ns + 30 * NS_PER_S);
    }
    while (dns_output(dns, &query)) {
        server = query.server_index;
        answer(server, query.tcp, span_skip(query.bytes, query.tcp ? 2 : 0));
        if (query.tcp) {
            assert_true(open_now[server]);
            post_stream(server);
        } else {
            post_datagram(server);
            if (prng_percent(&prng, faults.twice))
                post_datagram(server);
        }
        if (prng_percent(&prng, faults.corrupt) && !query.tcp) {
            packet.data[prng_below(&prng, 2)] ^= 1; /* a forger who does not know the id */
            post_datagram(server);
        }
    }
    for (server = 0; server < SERVERS; server++) {
        if (open_now[server] && prng_percent(&prng, faults.reset / 10))
            fail_tcp(server);
    }
}

static void deliver(struct event *event)
{
    struct span bytes = span_make(event->bytes, event->size);
    uint32_t server = event->server;

    if (event->kind == EVENT_DATAGRAM) {
        dns_input(dns, now_ns, server, bytes);
    } else if (event->life != lives[server]) {
        ; /* of a connection that is gone */
    } else if (event->kind == EVENT_OPENED) {
        open_now[server] = true;
        dns_tcp_opened(dns, now_ns, server);
    } else if (event->kind == EVENT_REFUSED || dns_tcp_input(dns, now_ns, server, bytes) < 0) {
        fail_tcp(server);
    }
    event->kind = EVENT_NONE;
}

/* To the next moment at which anything happens. */
static void advance(void)
{
    uint64_t next_ns = dns_deadline_ns(dns);

    while (events_used > 0 && events[events_used - 1].kind == EVENT_NONE)
        events_used--;
    for (size_t i = 0; i < events_used; i++) {
        if (events[i].kind != EVENT_NONE)
            next_ns = min_u64(next_ns, events[i].due_ns);
    }
    assert_int_not_equal(next_ns, UINT64_MAX); /* somebody waits, so something must come */
    now_ns = max_u64(now_ns, next_ns);
    for (size_t i = 0; i < events_used; i++) {
        if (events[i].kind != EVENT_NONE && events[i].due_ns <= now_ns)
            deliver(&events[i]);
    }
    dns_expire(dns, now_ns);
}

static void check_route(uint64_t number, bool healed)
{
    enum route_status truth = kinds[number % ARRAY_LEN(kinds)].truth;

    if (route.status == ROUTE_OK) {
        assert_in_range(route.hosts_count, 1, ROUTE_HOSTS_MAX);
        assert_in_range(route.hosts[0].addresses_count, 1, ROUTE_ADDRESSES_MAX);
        assert_true(route.site[0] != '\0');
    }
    assert_true(route.expires_ns > now_ns);
    if (faults.corrupt > 0)
        return; /* a flipped bit may make any answer */
    if (healed && route.status != truth)
        print_message("%s\n", route.problem);
    if (healed || route.status != ROUTE_DNS_FAILURE)
        assert_int_equal(route.status, truth);
}

/* All domains at once, until each has its answer. */
static void resolve_all(bool healed)
{
    char domain[64];
    uint32_t left = 0;
    uint64_t waiter, start_ns = now_ns;

    for (uint64_t i = 0; i < ASKERS; i++) {
        domain_of(i % DOMAINS, domain);
        if (dns_route(dns, now_ns, span_cstr(domain), i, &route) == ROUTE_PENDING)
            left++;
        else
            check_route(i % DOMAINS, healed);
    }
    while (left > 0) {
        carry();
        advance();
        while (dns_done(dns, &waiter)) {
            domain_of(waiter % DOMAINS, domain);
            if (dns_route(dns, now_ns, span_cstr(domain), waiter, &route) == ROUTE_PENDING)
                continue;
            check_route(waiter % DOMAINS, healed);
            left--;
        }
        /* All domains, up to 5 questions one after the other, 5 seconds each, 8 at a time. */
        assert_true(now_ns - start_ns < DOMAINS * 5 * 5 * NS_PER_S);
    }
}

static void draw_faults(void)
{
    faults = (struct faults){.delay_ns = prng_below(&prng, 2 * NS_PER_S)};
    if (prng_percent(&prng, 50))
        faults.loss = (uint32_t)prng_below(&prng, 90);
    if (prng_percent(&prng, 50))
        faults.twice = 30;
    if (prng_percent(&prng, 50))
        faults.late = 20;
    if (prng_percent(&prng, 30))
        faults.corrupt = (uint32_t)prng_below(&prng, 60);
    if (prng_percent(&prng, 30))
        faults.servfail = (uint32_t)prng_below(&prng, 60);
    if (prng_percent(&prng, 50))
        faults.refused = (uint32_t)prng_below(&prng, 101);
    if (prng_percent(&prng, 50))
        faults.reset = (uint32_t)prng_below(&prng, 101);
    for (int i = 0; i < SERVERS; i++) {
        faults.dead[i] = prng_percent(&prng, 20);
        faults.no_edns[i] = prng_percent(&prng, 20);
        faults.folds_case[i] = prng_percent(&prng, 20);
    }
}

static struct dns_stats run(uint64_t seed)
{
    struct dns_stats stats;

    prng_seed(&prng, seed);
    struct dns_options options = {
        .servers_count = 1 + (uint32_t)prng_below(&prng, SERVERS),
        .questions_max = prng_percent(&prng, 50) ? 8 : 200,
        .waiters_max = ASKERS,
        .cache_entries_max = prng_percent(&prng, 50) ? 1 : 1000,
        .families = (enum dns_families)(prng_percent(&prng, 50) ? DNS_IPV4_FIRST : DNS_IPV4_ONLY),
        .seed = prng_next(&prng)};

    assert_int_equal(arena_open(&arena, dns_cost(&options)), 0);
    now_ns = prng_below(&prng, 1000 * NS_PER_S);
    dns = dns_init(&arena, now_ns, &options);
    memset(events, 0, events_used * sizeof(events[0]));
    memset(open_now, 0, sizeof(open_now));
    memset(stream_due_ns, 0, sizeof(stream_due_ns));
    draw_faults();
    resolve_all(false);
    resolve_all(false);

    /* The world heals; what was cached of it lives for a day at most. */
    now_ns += 10 * NS_PER_S;
    dns_expire(dns, now_ns);
    now_ns += 86401 * NS_PER_S;
    for (uint32_t i = 0; i < options.servers_count; i++)
        fail_tcp(i);
    memset(events, 0, events_used * sizeof(events[0]));
    faults = (struct faults){.delay_ns = 10 * NS_PER_MS};
    now_ns += NS_PER_S;
    dns_expire(dns, now_ns);
    resolve_all(true);

    dns_stats(dns, &stats);
    assert_int_equal(stats.waiters, 0);
    assert_int_equal(stats.questions_in_flight, 0);
    arena_close(&arena);
    return stats;
}

static void many_seeds(void **state)
{
    struct dns_stats total = {0};

    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        seed_now = seed;
        struct dns_stats stats = run(seed);

        total.questions += stats.questions;
        total.ignored += stats.ignored;
        total.broken += stats.broken;
        total.timeouts += stats.timeouts;
        total.tcp_questions += stats.tcp_questions;
        total.joined += stats.joined;
        total.cache_evictions += stats.cache_evictions;
    }
    print_message("%u questions, %u over TCP, %u ignored, %u broken, %u timeouts, %u joined, "
                  "%u evicted\n",
                  (unsigned)total.questions, (unsigned)total.tcp_questions, (unsigned)total.ignored,
                  (unsigned)total.broken, (unsigned)total.timeouts, (unsigned)total.joined,
                  (unsigned)total.cache_evictions);
    /* Every branch was walked. */
    assert_true(total.ignored > 1000);
    assert_true(total.broken > 100);
    assert_true(total.timeouts > 1000);
    assert_true(total.tcp_questions > 1000);
    assert_true(total.joined > 100);
    assert_true(total.cache_evictions > 1000);
}

static void a_seed_repeats_itself(void **state)
{
    (void)state;
    for (uint64_t seed = 1000; seed < 1020; seed++) {
        struct dns_stats first = run(seed), second = run(seed);

        assert_memory_equal(&first, &second, sizeof(first));
    }
}

static int name_the_seed(void **state)
{
    (void)state;
    print_message("last seed %u\n", (unsigned)seed_now);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(many_seeds, name_the_seed),
        cmocka_unit_test(a_seed_repeats_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
