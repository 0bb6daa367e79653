#include "dns/route_build.h"

#include <string.h>

#include "base/check.h"
#include "dns/mx_list.h"
#include "dns/route_site.h"

/* Hosts without a usable address are passed over, but not for ever. */
#define HOSTS_EXAMINED_MAX 10

struct building {
    const struct route_build *build;
    struct route *route;
    struct inquiry *inquiry;
    bool keep_special;
    bool special; /* a special address was left out */
};

void route_build_failure(struct route *ret_route, enum route_status status, uint64_t expires_ns,
                         const char *problem)
{
    struct text text;

    *ret_route = (struct route){.status = status, .expires_ns = expires_ns};
    text_init(&text, ret_route->problem, sizeof(ret_route->problem));
    text_add_cstr(&text, problem);
    (void)text_cstr_end(&text); /* ends in place */
}

static void set_lookup_failure(struct building *building, uint64_t expires_ns)
{
    struct route *route = building->route;
    struct text text;

    route_build_failure(route, ROUTE_DNS_FAILURE, expires_ns, "");
    text_init(&text, route->problem, sizeof(route->problem));
    inquiry_write_failure(building->inquiry, &text);
    (void)text_cstr_end(&text); /* ends in place */
}

/* A fair draw of at most ROUTE_ADDRESSES_MAX of the records, in random order. */
static uint32_t draw_addresses(struct building *building, const struct dns_cache_value *value,
                               enum ip_family family, struct ip *addresses)
{
    struct prng *prng = building->build->prng;
    size_t size = family == IP_V4 ? 4 : 16;
    uint32_t seen = 0, count = 0;

    if (value->status != DNS_CACHE_RECORDS)
        return 0;
    for (size_t at = 0; at + size <= value->payload.size; at += size) {
        struct ip ip = {.family = (uint8_t)family};
        uint64_t place = prng_below(prng, ++seen);

        memcpy(ip.bytes, &value->payload.data[at], size);
        if (ip_is_special(&ip) && !building->keep_special) {
            building->special = true;
            seen--;
        } else if (count < ROUTE_ADDRESSES_MAX) {
            addresses[count] = addresses[place];
            addresses[place] = ip;
            count++;
        } else if (place < ROUTE_ADDRESSES_MAX) {
            addresses[place] = ip;
        }
    }
    return count;
}

/* One of each family in turn: whichever network is broken, the second try is on the other. */
static void interleave(struct route_host *host, const struct ip lists[2][ROUTE_ADDRESSES_MAX],
                       const uint32_t counts[2], uint32_t first)
{
    for (uint32_t i = 0; i < 2 * ROUTE_ADDRESSES_MAX; i++) {
        uint32_t family = (first + i) % 2;

        if (i / 2 < counts[family] && host->addresses_count < ROUTE_ADDRESSES_MAX)
            host->addresses[host->addresses_count++] = lists[family][i / 2];
    }
}

/* Draws the addresses of one family. Whether they are secure; none at all are not insecure. */
static bool gather_family(struct building *building, const struct dns_cache_value *value,
                          enum ip_family family, struct ip *addresses, uint32_t *ret_count)
{
    *ret_count = draw_addresses(building, value, family, addresses);
    return value->secure || value->status != DNS_CACHE_RECORDS;
}

/* Fills the host's addresses. False: questions are missing. */
static bool gather_addresses(struct building *building, const struct dns_name *name,
                             struct route_host *host)
{
    enum dns_families families = building->build->families;
    struct ip lists[2][ROUTE_ADDRESSES_MAX] = {0};
    uint32_t counts[2] = {0};
    struct dns_cache_value value;
    uint32_t missing_before = building->inquiry->missing_count;
    bool secure[2] = {true, true};

    if (families != DNS_IPV6_ONLY && inquiry_find(building->inquiry, name, WIRE_A, &value))
        secure[0] = gather_family(building, &value, IP_V4, lists[0], &counts[0]);
    if (families != DNS_IPV4_ONLY && inquiry_find(building->inquiry, name, WIRE_AAAA, &value))
        secure[1] = gather_family(building, &value, IP_V6, lists[1], &counts[1]);
    if (building->inquiry->missing_count > missing_before)
        return false;
    host->addresses_count = 0;
    host->secure = secure[0] && secure[1];
    interleave(host, (const struct ip(*)[ROUTE_ADDRESSES_MAX])lists, counts,
               families == DNS_IPV6_FIRST ? 1 : 0);
    return true;
}

/* Takes hosts in order until the route is full; every host of the route has an address or a
 * question of its own. */
static void gather_hosts(struct building *building, const struct mx_list *list)
{
    struct route *route = building->route;
    uint32_t examined_max = (uint32_t)min_u64(list->count, HOSTS_EXAMINED_MAX), i;

    for (i = 0; i < examined_max && route->hosts_count < ROUTE_HOSTS_MAX; i++) {
        const struct mx_list_host *mx = &list->hosts[i];
        struct route_host *host = &route->hosts[route->hosts_count];
        struct text text;

        if (!gather_addresses(building, &mx->name, host)) {
            route->hosts_count++;
            continue;
        }
        if (host->addresses_count == 0) {
            route->partial = true;
            continue;
        }
        host->preference = mx->preference;
        text_init(&text, host->name, sizeof(host->name));
        dns_name_write(&mx->name, &text);
        (void)text_cstr_end(&text); /* ends in place */
        route->hosts_count++;
    }
    route->partial = route->partial || i < list->count;
}

/* One address a host and round until ROUTE_ADDRESSES_MAX are dealt. */
static void deal_addresses(struct route *route)
{
    uint8_t dealt[ROUTE_HOSTS_MAX] = {0};
    uint32_t dealt_count = 0;

    for (uint32_t turn = 0; turn < ROUTE_ADDRESSES_MAX * ROUTE_HOSTS_MAX; turn++) {
        uint32_t i = turn % ROUTE_HOSTS_MAX;

        if (i < route->hosts_count && dealt[i] < route->hosts[i].addresses_count &&
            dealt_count < ROUTE_ADDRESSES_MAX) {
            dealt[i]++;
            dealt_count++;
        }
    }
    for (uint32_t i = 0; i < route->hosts_count; i++)
        route->hosts[i].addresses_count = dealt[i];
}

static void shuffle_hosts(struct route *route, struct prng *prng)
{
    for (uint32_t i = 1; i < route->hosts_count; i++) {
        uint32_t first = i;

        while (first > 0 && route->hosts[first - 1].preference == route->hosts[i].preference)
            first--;
        uint32_t other = first + (uint32_t)prng_below(prng, i - first + 1);
        struct route_host host = route->hosts[i];

        route->hosts[i] = route->hosts[other];
        route->hosts[other] = host;
    }
}

/* Every question is answered: the verdict. */
static void finish(struct building *building)
{
    struct route *route = building->route;
    uint64_t expires_ns = building->inquiry->expires_ns;
    enum dns_families families = building->build->families;

    if (building->inquiry->missing_count > 0) {
        route_build_failure(route, ROUTE_PENDING, 0, "");
    } else if (route->hosts_count > 0) {
        deal_addresses(route);
        shuffle_hosts(route, building->build->prng);
        route->status = ROUTE_OK;
        route->expires_ns = expires_ns;
        route->stale = building->inquiry->stale;
        route->servers = building->inquiry->servers;
    } else if (building->inquiry->failed) {
        set_lookup_failure(building, expires_ns);
    } else if (building->special) {
        route_build_failure(route, ROUTE_SPECIAL_ONLY, expires_ns,
                            "only private, loopback or otherwise special addresses");
    } else if (families == DNS_IPV4_ONLY) {
        route_build_failure(route, ROUTE_NO_ADDRESS, expires_ns,
                            "no mail host has an IPv4 address (IPv6 is switched off)");
    } else if (families == DNS_IPV6_ONLY) {
        route_build_failure(route, ROUTE_NO_ADDRESS, expires_ns,
                            "no mail host has an IPv6 address (IPv4 is switched off)");
    } else {
        route_build_failure(route, ROUTE_NO_ADDRESS, expires_ns, "no mail host has an address");
    }
}

static void build_from_mx(struct building *building, const struct dns_name *domain,
                          const struct dns_cache_value *value)
{
    struct route *route = building->route;
    struct mx_list list;

    if (value->status == DNS_CACHE_NO_DATA) {
        route->implicit = true;
        mx_list_single(&list, domain);
    } else {
        mx_list_read(&list, value->payload);
    }
    if (list.count == 0) {
        route_build_failure(route, ROUTE_NO_ADDRESS, value->expires_ns,
                            "none of the MX records names a host");
        return;
    }
    mx_list_site(&list, route->site);
    /* The same order for as long as the MX answer lives: the questions that follow are for the
     * same five of twenty each time that the route is asked for. */
    mx_list_shuffle(&list, value->ended_ns);
    gather_hosts(building, &list);
    finish(building);
}

void route_build_domain(const struct route_build *build, const struct dns_name *domain,
                        struct route *ret_route, struct inquiry *ret_inquiry)
{
    struct building building = {.build = build,
                                .route = ret_route,
                                .inquiry = ret_inquiry,
                                .keep_special = build->allow_special};
    struct dns_cache_value value;

    *ret_route = (struct route){.expires_ns = UINT64_MAX};
    inquiry_begin(ret_inquiry, build->cache, build->now_ns);
    if (!inquiry_find(ret_inquiry, domain, WIRE_MX, &value)) {
        ret_route->expires_ns = 0;
        return;
    }
    ret_route->secure = value.secure;
    switch (value.status) {
    case DNS_CACHE_FAILED:
        set_lookup_failure(&building, value.expires_ns);
        return;
    case DNS_CACHE_NO_DOMAIN:
        route_build_failure(ret_route, ROUTE_NO_DOMAIN, value.expires_ns,
                            "the domain does not exist (NXDOMAIN)");
        return;
    case DNS_CACHE_RECORDS:
        if (mx_list_is_null(value.payload, value.count)) {
            route_build_failure(ret_route, ROUTE_NULL_MX, value.expires_ns,
                                "the domain accepts no mail (null MX)");
            return;
        }
        break;
    case DNS_CACHE_NO_DATA:
        break;
    }
    build_from_mx(&building, domain, &value);
}

void route_build_host(const struct route_build *build, const struct dns_name *host,
                      struct route *ret_route, struct inquiry *ret_inquiry)
{
    struct building building = {
        .build = build, .route = ret_route, .inquiry = ret_inquiry, .keep_special = true};
    struct mx_list list;

    *ret_route = (struct route){.expires_ns = UINT64_MAX};
    inquiry_begin(ret_inquiry, build->cache, build->now_ns);
    mx_list_single(&list, host);
    mx_list_site(&list, ret_route->site);
    gather_hosts(&building, &list);
    finish(&building);
}

void route_build_literal(const struct ip *ip, struct route *ret_route)
{
    struct route_host *host = &ret_route->hosts[0];
    struct route_site site;
    struct text text;

    *ret_route = (struct route){.status = ROUTE_OK, .hosts_count = 1, .expires_ns = UINT64_MAX};
    host->addresses_count = 1;
    host->addresses[0] = *ip;
    text_init(&text, host->name, sizeof(host->name));
    text_add_byte(&text, '[');
    ip_write(&text, ip);
    text_add_byte(&text, ']');
    route_site_begin(&site, ret_route->site);
    route_site_add(&site, ';', text_span(&text));
    route_site_end(&site);
    (void)text_cstr_end(&text); /* ends in place */
}
