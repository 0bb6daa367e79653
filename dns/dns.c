#include "dns/dns.h"

#include "base/check.h"
#include "dns/inquiry.h"
#include "dns/lookups.h"
#include "dns/route_build.h"

#define QUESTIONS_MAX_USUAL 4096
#define CACHE_ENTRIES_MAX_USUAL 65536
#define TIMEOUT_NS_USUAL (5 * NS_PER_S)
/* A route takes about three rounds of questions, a few more when questions are scarce. More than
 * this: the cache is too small to hold one route's answers while others come in. */
#define ROUNDS_MAX 64
#define CROWDED_TTL_NS (30 * NS_PER_S)
#define CROWDED_WORDS "the DNS cache is too small for so many domains at once"
#define BUSY_WORDS "too many domains are being looked up"
#define SIGNED_NAME "arpa"

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
                                                 .timeout_ns = dns->options.timeout_ns,
                                                 .dnssec = dns->options.trust_ad},
                                      .lookups_max = dns->options.questions_max,
                                      .cache = &dns->cache,
                                      .waiters = &dns->waiters,
                                      .prng = &dns->prng};
    lookups_init(&dns->lookups, arena, now_ns, &lookups);
    return dns;
}

/* How an asker stands after its inquiry. */
enum standing {
    STANDING_ANSWERED, /* nothing is missing */
    STANDING_PENDING,  /* it waits */
    STANDING_BUSY,     /* no waiter is free */
    STANDING_CROWDED   /* what one answer brings is lost before the next has come */
};

/* Asks what is missing, as far as questions are free, and leaves the waiter where it is found. */
static void wait_for(struct dns *dns, uint64_t now_ns, struct dns_waiter *waiter,
                     const struct inquiry *inquiry)
{
    for (uint32_t i = 0; i < inquiry->missing_count; i++) {
        struct dns_cache_key key = {.name = &inquiry->missing[i].name,
                                    .type = inquiry->missing[i].type};

        if (!lookups_ask(&dns->lookups, now_ns, key, waiter) && waiter->waits_count == 0)
            dns_waiters_starve(&dns->waiters, waiter);
    }
}

void dns_forget(struct dns *dns, uint64_t waiter)
{
    struct dns_waiter *known = dns_waiters_find(&dns->waiters, waiter);

    if (known != NULL)
        dns_waiters_leave(&dns->waiters, known);
}

static enum standing settle(struct dns *dns, uint64_t number, const struct inquiry *inquiry)
{
    struct dns_waiter *waiter;

    for (uint32_t i = 0; i < inquiry->fading_count; i++) {
        struct dns_cache_key key = {.name = &inquiry->fading[i].name,
                                    .type = inquiry->fading[i].type};

        (void)lookups_ask(&dns->lookups, inquiry->now_ns, key, NULL); /* full: another time */
    }
    if (inquiry->missing_count == 0) {
        dns_forget(dns, number); /* it has its answer */
        return STANDING_ANSWERED;
    }
    waiter = dns_waiters_find(&dns->waiters, number);
    if (waiter == NULL) {
        waiter = dns_waiters_enter(&dns->waiters, number);
        if (waiter == NULL)
            return STANDING_BUSY;
    } else if (waiter->rounds < ROUNDS_MAX) {
        dns_waiters_ask(waiter);
    } else {
        dns_waiters_leave(&dns->waiters, waiter);
        return STANDING_CROWDED;
    }
    wait_for(dns, inquiry->now_ns, waiter, inquiry);
    return STANDING_PENDING;
}

static enum route_status settle_route(struct dns *dns, uint64_t number,
                                      const struct inquiry *inquiry, struct route *route)
{
    switch (settle(dns, number, inquiry)) {
    case STANDING_ANSWERED:
    case STANDING_PENDING:
        break;
    case STANDING_BUSY:
        route_build_failure(route, ROUTE_BUSY, 0, BUSY_WORDS);
        break;
    case STANDING_CROWDED:
        route_build_failure(route, ROUTE_DNS_FAILURE, inquiry->now_ns + CROWDED_TTL_NS,
                            CROWDED_WORDS);
        break;
    }
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
    struct inquiry inquiry;
    struct dns_name name;
    struct ip ip;

    inquiry_begin(&inquiry, &dns->cache, now_ns);
    if (dns_name_parse(domain, &name))
        route_build_domain(&build, &name, ret_route, &inquiry);
    else if (!parse_bracketed(domain, &ip))
        route_build_failure(ret_route, ROUTE_NO_DOMAIN, UINT64_MAX,
                            "the domain is not a name that can exist");
    else if (ip_is_special(&ip) && !dns->options.allow_special)
        route_build_failure(ret_route, ROUTE_SPECIAL_ONLY, UINT64_MAX,
                            "a private, loopback or otherwise special address");
    else
        route_build_literal(&ip, ret_route);
    return settle_route(dns, waiter, &inquiry, ret_route);
}

enum route_status dns_route_host(struct dns *dns, uint64_t now_ns, struct span host,
                                 uint64_t waiter, struct route *ret_route)
{
    struct route_build build = build_of(dns, now_ns);
    struct inquiry inquiry;
    struct dns_name name;
    struct ip ip;

    inquiry_begin(&inquiry, &dns->cache, now_ns);
    if (ip_parse(host, &ip) || parse_bracketed(host, &ip))
        route_build_literal(&ip, ret_route);
    else if (dns_name_parse(host, &name))
        route_build_host(&build, &name, ret_route, &inquiry);
    else
        route_build_failure(ret_route, ROUTE_NO_DOMAIN, UINT64_MAX,
                            "the host is not a name that can exist");
    return settle_route(dns, waiter, &inquiry, ret_route);
}

enum tlsa_set_status dns_tlsa(struct dns *dns, uint64_t now_ns, const struct dns_tlsa_host *host,
                              uint64_t waiter, struct tlsa_set *ret_set)
{
    struct tlsa_set_question question = {.port = host->port, .families = dns->options.families};
    struct inquiry inquiry;

    inquiry_begin(&inquiry, &dns->cache, now_ns);
    if (!dns->options.trust_ad)
        tlsa_set_empty(ret_set, TLSA_SET_UNTRUSTED, UINT64_MAX,
                       "DANE needs a name server that validates and is marked as trusted "
                       "(dns.trust_ad)");
    else if (!dns_name_parse(host->name, &question.host))
        tlsa_set_empty(ret_set, TLSA_SET_NONE, UINT64_MAX, "the host is not named in the DNS");
    else
        tlsa_set_build(&inquiry, &question, ret_set);
    switch (settle(dns, waiter, &inquiry)) {
    case STANDING_ANSWERED:
    case STANDING_PENDING:
        break;
    case STANDING_BUSY:
        tlsa_set_empty(ret_set, TLSA_SET_BUSY, 0, BUSY_WORDS);
        break;
    case STANDING_CROWDED:
        tlsa_set_empty(ret_set, TLSA_SET_FAILED, now_ns + CROWDED_TTL_NS, CROWDED_WORDS);
        break;
    }
    return ret_set->status;
}

enum txt_set_status dns_txt(struct dns *dns, uint64_t now_ns, struct span name, uint64_t waiter,
                            struct txt_set *ret_set)
{
    struct dns_name parsed;
    struct inquiry inquiry;

    inquiry_begin(&inquiry, &dns->cache, now_ns);
    if (dns_name_parse(name, &parsed))
        txt_set_build(&inquiry, &parsed, ret_set);
    else
        txt_set_empty(ret_set, TXT_SET_NONE, UINT64_MAX, "not a name that can exist");
    switch (settle(dns, waiter, &inquiry)) {
    case STANDING_ANSWERED:
    case STANDING_PENDING:
        break;
    case STANDING_BUSY:
        txt_set_empty(ret_set, TXT_SET_BUSY, 0, BUSY_WORDS);
        break;
    case STANDING_CROWDED:
        txt_set_empty(ret_set, TXT_SET_FAILED, now_ns + CROWDED_TTL_NS, CROWDED_WORDS);
        break;
    }
    return ret_set->status;
}

void dns_try_servers(struct dns *dns, uint64_t now_ns, uint32_t servers)
{
    struct dns_name name;
    struct dns_cache_key key = {.name = &name, .type = WIRE_TXT};

    if (dns->options.trust_ad && dns_name_parse(SPAN(SIGNED_NAME), &name))
        lookups_try(&dns->lookups, now_ns, key, servers == 0 ? UINT32_MAX : servers);
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

void dns_unreachable(struct dns *dns, uint64_t now_ns, uint32_t server_index)
{
    lookups_unreachable(&dns->lookups, now_ns, server_index);
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

bool dns_tcp_hung(const struct dns *dns, uint64_t now_ns, uint32_t server_index)
{
    return lookups_tcp_hung(&dns->lookups, now_ns, server_index);
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
    ret_stats->servers_sick = dns->lookups.servers.sick;
    ret_stats->cache_hits = dns->cache.hits;
    ret_stats->cache_misses = dns->cache.misses;
    ret_stats->cache_evictions = dns->cache.evictions;
    ret_stats->questions_in_flight = dns->lookups.slab.claimed_count;
    ret_stats->waiters = dns->waiters.slab.claimed_count;
    ret_stats->cache_entries = dns_cache_count(&dns->cache);
}
