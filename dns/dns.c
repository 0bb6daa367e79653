#include "dns/dns.h"

#include "base/check.h"
#include "dns/lookups.h"
#include "dns/route_build.h"

#define QUESTIONS_MAX_USUAL 4096
#define CACHE_ENTRIES_MAX_USUAL 65536
#define TIMEOUT_NS_USUAL (5 * NS_PER_S)
/* A route takes about three rounds of questions, a few more when questions are scarce. More than
 * this: the cache is too small to hold one route's answers while others come in. */
#define ROUNDS_MAX 64
#define BUSY_TTL_NS (30 * NS_PER_S)

struct dns {
    struct dns_options options;
    struct prng prng;
    struct dns_cache cache;
    struct dns_waiters waiters;
    struct lookups lookups;
};

static struct dns_options with_defaults(const struct dns_options *options)
{
    struct dns_options full = *options;

    if (full.questions_max == 0)
        full.questions_max = QUESTIONS_MAX_USUAL;
    if (full.waiters_max == 0)
        full.waiters_max = 2 * full.questions_max;
    if (full.cache_entries_max == 0)
        full.cache_entries_max = CACHE_ENTRIES_MAX_USUAL;
    if (full.timeout_ns == 0)
        full.timeout_ns = TIMEOUT_NS_USUAL;
    CHECK(full.servers_count >= 1);
    CHECK(full.servers_count <= DNS_SERVERS_MAX);
    CHECK(full.questions_max <= DNS_QUESTIONS_MAX);
    CHECK(full.timeout_ns >= NS_PER_MS);
    return full;
}

size_t dns_cost(const struct dns_options *options)
{
    struct dns_options full = with_defaults(options);

    return arena_cost(1, sizeof(struct dns)) + dns_cache_cost(full.cache_entries_max) +
           dns_waiters_cost(full.waiters_max) +
           lookups_cost(full.questions_max, full.servers_count);
}

struct dns *dns_init(struct arena *arena, uint64_t now_ns, const struct dns_options *options)
{
    struct dns *dns = arena_alloc(arena, 1, sizeof(struct dns));
    struct table_key seed;

    dns->options = with_defaults(options);
    prng_seed(&dns->prng, options->seed);
    prng_fill(&dns->prng, &seed, sizeof(seed));
    dns_cache_init(&dns->cache, arena, dns->options.cache_entries_max, seed);
    dns_waiters_init(&dns->waiters, arena, dns->options.waiters_max);

    struct lookups_options lookups = {.limits = {.servers_count = dns->options.servers_count,
                                                 .timeout_ns = dns->options.timeout_ns},
                                      .lookups_max = dns->options.questions_max,
                                      .cache = &dns->cache,
                                      .waiters = &dns->waiters,
                                      .prng = &dns->prng};
    lookups_init(&dns->lookups, arena, now_ns, &lookups);
    return dns;
}

/* Asks what is missing, as far as questions are free, and leaves the waiter where it is found. */
static enum route_status wait_for(struct dns *dns, uint64_t now_ns, struct dns_waiter *waiter,
                                  const struct route_build_missing *missing)
{
    CHECK(missing->count > 0);
    for (uint32_t i = 0; i < missing->count; i++) {
        struct dns_cache_key key = {.name = &missing->questions[i].name,
                                    .type = missing->questions[i].type};

        if (!lookups_ask(&dns->lookups, now_ns, key, waiter) && waiter->waits_count == 0)
            dns_waiters_starve(&dns->waiters, waiter);
    }
    return ROUTE_PENDING;
}

void dns_forget(struct dns *dns, uint64_t waiter)
{
    struct dns_waiter *known = dns_waiters_find(&dns->waiters, waiter);

    if (known != NULL)
        dns_waiters_leave(&dns->waiters, known);
}

/* The waiter that is to wait for the route; or NULL, and the route says why not. */
static struct dns_waiter *enter(struct dns *dns, uint64_t now_ns, uint64_t number,
                                struct route *route)
{
    struct dns_waiter *waiter = dns_waiters_find(&dns->waiters, number);

    if (waiter == NULL) {
        waiter = dns_waiters_enter(&dns->waiters, number);
        if (waiter == NULL)
            route_build_failure(route, ROUTE_BUSY, 0, "too many domains are being looked up");
        return waiter;
    }
    if (waiter->rounds < ROUNDS_MAX) {
        dns_waiters_ask(waiter);
        return waiter;
    }
    route_build_failure(route, ROUTE_DNS_FAILURE, now_ns + BUSY_TTL_NS,
                        "the DNS cache is too small for so many domains at once");
    return NULL;
}

static enum route_status settle(struct dns *dns, uint64_t now_ns, uint64_t number,
                                struct route *route, const struct route_build_missing *missing)
{
    if (route->status == ROUTE_PENDING) {
        struct dns_waiter *waiter = enter(dns, now_ns, number, route);

        if (waiter != NULL)
            return wait_for(dns, now_ns, waiter, missing);
    }
    dns_forget(dns, number); /* it has its answer */
    return route->status;
}

/* "[192.0.2.1]", "[IPv6:2001:db8::1]" (RFC 5321 4.1.3) and, for what an operator writes,
 * "[2001:db8::1]". */
static bool parse_bracketed(struct span text, struct ip *ret_ip)
{
    if (text.size < 2 || text.data[0] != '[' || text.data[text.size - 1] != ']')
        return false;
    text = span_slice(text, 1, text.size - 2);
    if (span_starts_nocase(text, SPAN("IPv6:")))
        text = span_skip(text, 5);
    return ip_parse(text, ret_ip);
}

static struct route_build build_of(struct dns *dns, uint64_t now_ns)
{
    return (struct route_build){.cache = &dns->cache,
                                .prng = &dns->prng,
                                .families = dns->options.families,
                                .allow_special = dns->options.allow_special,
                                .now_ns = now_ns};
}

enum route_status dns_route(struct dns *dns, uint64_t now_ns, struct span domain, uint64_t waiter,
                            struct route *ret_route)
{
    struct route_build build = build_of(dns, now_ns);
    struct route_build_missing missing;
    struct dns_name name;
    struct ip ip;

    missing.count = 0;
    if (dns_name_parse(domain, &name))
        route_build_domain(&build, &name, ret_route, &missing);
    else if (!parse_bracketed(domain, &ip))
        route_build_failure(ret_route, ROUTE_NO_DOMAIN, UINT64_MAX,
                            "the domain is not a name that can exist");
    else if (ip_is_special(&ip) && !dns->options.allow_special)
        route_build_failure(ret_route, ROUTE_SPECIAL_ONLY, UINT64_MAX,
                            "a private, loopback or otherwise special address");
    else
        route_build_literal(&ip, ret_route);
    return settle(dns, now_ns, waiter, ret_route, &missing);
}

enum route_status dns_route_host(struct dns *dns, uint64_t now_ns, struct span host,
                                 uint64_t waiter, struct route *ret_route)
{
    struct route_build build = build_of(dns, now_ns);
    struct route_build_missing missing;
    struct dns_name name;
    struct ip ip;

    missing.count = 0;
    if (ip_parse(host, &ip) || parse_bracketed(host, &ip))
        route_build_literal(&ip, ret_route);
    else if (dns_name_parse(host, &name))
        route_build_host(&build, &name, ret_route, &missing);
    else
        route_build_failure(ret_route, ROUTE_NO_DOMAIN, UINT64_MAX,
                            "the host is not a name that can exist");
    return settle(dns, now_ns, waiter, ret_route, &missing);
}

bool dns_done(struct dns *dns, uint64_t *ret_waiter)
{
    struct dns_waiter *waiter = dns_waiters_next(&dns->waiters, lookups_has_free(&dns->lookups));

    if (waiter == NULL)
        return false;
    *ret_waiter = waiter->number;
    return true;
}

bool dns_output(struct dns *dns, struct dns_packet *ret_packet)
{
    return lookups_output(&dns->lookups, ret_packet);
}

void dns_input(struct dns *dns, uint64_t now_ns, uint32_t server_index, struct span packet)
{
    lookups_input(&dns->lookups, now_ns, server_index, packet);
}

bool dns_tcp_next(struct dns *dns, uint32_t *ret_server_index)
{
    return lookups_tcp_next(&dns->lookups, ret_server_index);
}

void dns_tcp_opened(struct dns *dns, uint64_t now_ns, uint32_t server_index)
{
    (void)now_ns; /* what waits for it is timed already */
    lookups_tcp_opened(&dns->lookups, server_index);
}

int dns_tcp_input(struct dns *dns, uint64_t now_ns, uint32_t server_index, struct span bytes)
{
    return lookups_tcp_input(&dns->lookups, now_ns, server_index, bytes);
}

void dns_tcp_failed(struct dns *dns, uint64_t now_ns, uint32_t server_index)
{
    lookups_tcp_failed(&dns->lookups, now_ns, server_index);
}

bool dns_tcp_idle(const struct dns *dns, uint32_t server_index)
{
    return lookups_tcp_idle(&dns->lookups, server_index);
}

uint64_t dns_deadline_ns(const struct dns *dns)
{
    return lookups_deadline_ns(&dns->lookups);
}

void dns_expire(struct dns *dns, uint64_t now_ns)
{
    lookups_expire(&dns->lookups, now_ns);
}

void dns_stats(const struct dns *dns, struct dns_stats *ret_stats)
{
    *ret_stats = dns->lookups.stats;
    ret_stats->cache_hits = dns->cache.hits;
    ret_stats->cache_misses = dns->cache.misses;
    ret_stats->cache_evictions = dns->cache.evictions;
    ret_stats->questions_in_flight = dns->lookups.slab.claimed_count;
    ret_stats->waiters = dns->waiters.slab.claimed_count;
    ret_stats->cache_entries = dns_cache_count(&dns->cache);
}
