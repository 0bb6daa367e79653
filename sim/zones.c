#include "sim/zones.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

#define ALIASES_MAX 8

/* --- index --- */

static uint32_t name_hash(struct span name)
{
    uint32_t hash = 2166136261U;

    for (size_t i = 0; i < name.size; i++)
        hash = (hash ^ span_lower_byte(name.data[i])) * UINT32_C(16777619);
    return hash;
}

/* Hosts and zones share the numbers: a host is its number with the top bit. */
#define INDEX_HOST UINT32_C(0x80000000)

static const char *index_name(const struct zones *zones, uint32_t number)
{
    return (number & INDEX_HOST) != 0 ? zones->hosts[number & ~INDEX_HOST].name
                                      : zones->zones[number].name;
}

static void index_place(struct zones *zones, uint32_t number)
{
    uint32_t place = name_hash(span_cstr(index_name(zones, number)));

    while (zones->index[place % zones->index_max] != ZONES_NONE)
        place++;
    zones->index[place % zones->index_max] = number;
}

static void index_add(struct zones *zones, uint32_t number)
{
    uint32_t count = zones->zones_count + zones->hosts_count;

    if (count * 2 < zones->index_max) {
        index_place(zones, number);
        return;
    }
    zones->index_max = zones->index_max == 0 ? 1024 : zones->index_max * 2;
    zones->index = realloc(zones->index, zones->index_max * sizeof(zones->index[0]));
    CHECK(zones->index != NULL);
    memset(zones->index, 0xff, zones->index_max * sizeof(zones->index[0]));
    for (uint32_t i = 0; i < zones->zones_count; i++)
        index_place(zones, i);
    for (uint32_t i = 0; i < zones->hosts_count; i++)
        index_place(zones, i | INDEX_HOST);
}

static uint32_t index_find(const struct zones *zones, struct span name, bool host)
{
    uint32_t place = name_hash(name);

    for (; zones->index_max > 0; place++) {
        uint32_t number = zones->index[place % zones->index_max];

        if (number == ZONES_NONE)
            return ZONES_NONE;
        if (((number & INDEX_HOST) != 0) == host &&
            span_equal_nocase(span_cstr(index_name(zones, number)), name))
            return number & ~INDEX_HOST;
    }
    return ZONES_NONE;
}

uint32_t zones_find(const struct zones *zones, struct span name)
{
    return index_find(zones, name, false);
}

uint32_t zones_find_host(const struct zones *zones, struct span name)
{
    return index_find(zones, name, true);
}

/* --- making --- */

void zones_open_empty(struct zones *zones)
{
    *zones = (struct zones){0};
    prng_seed(&zones->prng, 1);
}

static void name_copy(char *ret_name, const char *name)
{
    CHECK(strlen(name) < ZONES_NAME_MAX);
    memcpy(ret_name, name, strlen(name) + 1);
}

uint32_t zones_add(struct zones *zones, const char *name, enum zone_kind kind)
{
    uint32_t zone = zones->zones_count++;

    zones->zones = realloc(zones->zones, zones->zones_count * sizeof(zones->zones[0]));
    CHECK(zones->zones != NULL);
    zones->zones[zone] =
        (struct zone){.kind = kind, .ttl_s = 300, .alias = ZONES_NONE, .host = ZONES_NONE};
    name_copy(zones->zones[zone].name, name);
    index_add(zones, zone);
    return zone;
}

uint32_t zones_add_host(struct zones *zones, const char *name, const struct ip *v4,
                        const struct ip *v6)
{
    struct zone_host *host;

    if (zones->hosts_count == zones->hosts_max) {
        zones->hosts_max = zones->hosts_max == 0 ? 64 : zones->hosts_max * 2;
        zones->hosts = realloc(zones->hosts, zones->hosts_max * sizeof(zones->hosts[0]));
        CHECK(zones->hosts != NULL);
    }
    host = &zones->hosts[zones->hosts_count++];
    *host = (struct zone_host){.alias = ZONES_NONE};
    name_copy(host->name, name);
    if (v4 != NULL)
        host->v4 = *v4;
    if (v6 != NULL)
        host->v6 = *v6;
    index_add(zones, (zones->hosts_count - 1) | INDEX_HOST);
    return zones->hosts_count - 1;
}

void zones_add_mx(struct zones *zones, uint32_t zone, uint16_t preference, uint32_t host)
{
    struct zone *state = &zones->zones[zone];

    state->mx = realloc(state->mx, (state->mx_count + 1) * sizeof(state->mx[0]));
    CHECK(state->mx != NULL);
    state->mx[state->mx_count++] = (struct zone_mx){.preference = preference, .host = host};
}

void zones_close(struct zones *zones)
{
    for (uint32_t i = 0; i < zones->zones_count; i++)
        free(zones->zones[i].mx);
    free(zones->zones);
    free(zones->hosts);
    free(zones->index);
    *zones = (struct zones){0};
}

/* --- asking --- */

static uint32_t alias_end(const struct zones *zones, uint32_t zone)
{
    for (uint32_t i = 0; i < ALIASES_MAX && zones->zones[zone].kind == ZONE_CNAME; i++)
        zone = zones->zones[zone].alias;
    return zone;
}

static bool host_has(const struct zones *zones, uint32_t host, const struct ip *ip)
{
    const struct zone_host *state = &zones->hosts[host];

    if (state->alias != ZONES_NONE)
        state = &zones->hosts[state->alias];
    return (state->v4.family != IP_NONE && ip_equal(&state->v4, ip)) ||
           (state->v6.family != IP_NONE && ip_equal(&state->v6, ip));
}

bool zones_serves(const struct zones *zones, uint32_t zone, const struct ip *ip)
{
    const struct zone *state = &zones->zones[alias_end(zones, zone)];

    if (state->host != ZONES_NONE && host_has(zones, state->host, ip))
        return true;
    for (uint32_t i = 0; i < state->mx_count; i++) {
        if (host_has(zones, state->mx[i].host, ip))
            return true;
    }
    return false;
}

enum zone_kind zones_kind(const struct zones *zones, uint32_t zone)
{
    return zones->zones[alias_end(zones, zone)].kind;
}

bool zones_delivers(const struct zones *zones, uint32_t zone)
{
    const struct zone *state = &zones->zones[alias_end(zones, zone)];

    for (uint32_t i = 0; i < state->mx_count; i++) {
        const struct zone_host *host = &zones->hosts[state->mx[i].host];

        if (host->alias != ZONES_NONE)
            host = &zones->hosts[host->alias];
        if (host->v4.family != IP_NONE || host->v6.family != IP_NONE)
            return true;
    }
    return state->kind == ZONE_IMPLICIT;
}

uint64_t zones_site(const struct zones *zones, uint32_t zone)
{
    const struct zone *state = &zones->zones[alias_end(zones, zone)];
    uint64_t site = 0;

    if (state->mx_count == 0 || state->kind == ZONE_MANY_MX)
        return UINT64_C(1) << 63 | zone; /* a hundred are cut, and not always alike */
    for (uint32_t i = 0; i < state->mx_count; i++) {
        uint64_t one = ((uint64_t)state->mx[i].preference << 32 | state->mx[i].host) + 1;

        site += (one * UINT64_C(0x9e3779b97f4a7c15)) ^ (one << 7); /* in any order */
    }
    return site & ~(UINT64_C(1) << 63);
}

/* The host at the end of its alias. */
static const struct zone_host *real_host(const struct zones *zones, uint32_t host)
{
    const struct zone_host *state = &zones->hosts[host];

    return state->alias == ZONES_NONE ? state : &zones->hosts[state->alias];
}

enum zone_tlsa zones_tlsa(const struct zones *zones, uint32_t zone, const struct ip *ip)
{
    const struct zone *state = &zones->zones[alias_end(zones, zone)];

    if (!zones->zones[zone].secure) /* an unsigned alias vouches for nothing */
        return ZONE_TLSA_NONE;
    for (uint32_t i = 0; state->secure && i < state->mx_count; i++)
        if (host_has(zones, state->mx[i].host, ip) && zones->hosts[state->mx[i].host].secure &&
            real_host(zones, state->mx[i].host)->secure)
            return real_host(zones, state->mx[i].host)->tlsa;
    return ZONE_TLSA_NONE;
}

void zones_heal(struct zones *zones)
{
    for (uint32_t i = 0; i < zones->hosts_count; i++)
        if (zones->hosts[i].tlsa != ZONE_TLSA_NONE)
            zones->hosts[i].tlsa = ZONE_TLSA_FITS;
    for (uint32_t i = 0; i < zones->zones_count; i++)
        zones->zones[i].trouble = ZONE_WELL;
}

const char *zones_kind_name(enum zone_kind kind)
{
    static const char *const names[] = {"mx",       "shared-mx", "other-host", "alias-host",
                                        "many-mx",  "implicit",  "cname",      "null-mx",
                                        "nxdomain", "empty",     "no-address"};

    static_assert(ARRAY_LEN(names) == ZONE_KIND_COUNT, "one name a kind");
    return names[kind];
}
