/* zones_draw.c - what a seed makes of the simulated names: domains of every kind, the hosts that
 * take their mail, the trouble that they are in, and who signs.
 *
 * Knows no questions (zones.c). Everything is drawn in one order, zone by zone, so that a seed
 * means the same names with any compiler; signatures come from a generator of their own. */
#include "sim/zones.h"

static const char *numbered(char *buffer, size_t size, const char *prefix, uint32_t number)
{
    struct text text;

    text_init(&text, buffer, size);
    text_add_cstr(&text, prefix);
    text_add_u64(&text, number);
    text_add_cstr(&text, ".test");
    return text_cstr_end(&text);
}

static uint32_t host_draw(struct zones *zones, const char *prefix)
{
    uint32_t number = zones->hosts_count;
    char name[ZONES_NAME_MAX];
    struct ip v4 = {
        .family = IP_V4,
        .bytes = {11, (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number}};
    struct ip v6 = {.family = IP_V6,
                    .bytes = {0x26, 0x00, 0x0b, 0xad, [13] = (uint8_t)(number >> 16),
                              [14] = (uint8_t)(number >> 8), [15] = (uint8_t)number}};
    bool both = prng_percent(&zones->prng, zones->options.ipv6_percent);
    bool only_v6 = both && prng_percent(&zones->prng, 20);

    return zones_add_host(zones, numbered(name, sizeof(name), prefix, number), only_v6 ? NULL : &v4,
                          both ? &v6 : NULL);
}

static void mx_draw(struct zones *zones, uint32_t zone, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint16_t preference = (uint16_t)(10 * (1 + prng_below(&zones->prng, 3)));
        uint32_t host = host_draw(zones, "mx"); /* draws stand one after another, on any compiler */

        zones_add_mx(zones, zone, preference, host);
    }
}

static void mx_share(struct zones *zones, uint32_t zone)
{
    uint32_t from = (uint32_t)prng_below(&zones->prng, zone);

    /* The nearest earlier zone that has such a set: a few sets come to be shared by many. */
    while (from > 0 && zones->zones[from].kind != ZONE_SHARED_MX)
        from--;
    if (zones->zones[from].kind != ZONE_SHARED_MX || zones->zones[from].mx_count == 0) {
        mx_draw(zones, zone, 1 + (uint32_t)prng_below(&zones->prng, 3));
        return;
    }
    for (uint32_t i = 0; i < zones->zones[from].mx_count; i++)
        zones_add_mx(zones, zone, zones->zones[from].mx[i].preference,
                     zones->zones[from].mx[i].host);
}

static void mx_many(struct zones *zones, uint32_t zone)
{
    uint32_t first = host_draw(zones, "many");

    zones_add_mx(zones, zone, 10, first);
    for (uint32_t i = 1; i < ZONES_MX_MAX; i++)
        zones_add_mx(zones, zone, (uint16_t)(10 + i), host_draw(zones, "many"));
}

static void zone_fill(struct zones *zones, uint32_t zone)
{
    char name[ZONES_NAME_MAX];
    uint32_t host;

    switch (zones->zones[zone].kind) {
    case ZONE_SHARED_MX:
        mx_share(zones, zone);
        break;
    case ZONE_MX:
        mx_draw(zones, zone, 1 + (uint32_t)prng_below(&zones->prng, 4));
        break;
    case ZONE_OTHER_HOST:
        zones_add_mx(zones, zone, 10,
                     zones->hosts_count == 0
                         ? host_draw(zones, "mx")
                         : (uint32_t)prng_below(&zones->prng, zones->hosts_count));
        break;
    case ZONE_ALIAS_HOST:
        host = host_draw(zones, "mx");
        zones_add_mx(
            zones, zone, 10,
            zones_add_host(zones, numbered(name, sizeof(name), "alias", zone), NULL, NULL));
        zones->hosts[zones->hosts_count - 1].alias = host;
        break;
    case ZONE_MANY_MX:
        mx_many(zones, zone);
        break;
    case ZONE_IMPLICIT:
        zones->zones[zone].host = host_draw(zones, "self");
        break;
    case ZONE_CNAME:
        zones->zones[zone].alias = (uint32_t)prng_below(&zones->prng, zone);
        break;
    case ZONE_NO_ADDRESS:
        zones_add_mx(zones, zone, 10, host_draw(zones, "void"));
        zones->hosts[zones->hosts_count - 1].v4.family = IP_NONE;
        zones->hosts[zones->hosts_count - 1].v6.family = IP_NONE;
        break;
    case ZONE_NULL_MX:
    case ZONE_NXDOMAIN:
    case ZONE_EMPTY:
    case ZONE_KIND_COUNT:
        break;
    }
}

void zones_open(struct zones *zones, uint64_t seed, const struct zones_options *options)
{
    static const uint32_t ttls[] = {0, 1, 60, 300, 3600};

    zones_open_empty(zones);
    zones->options = *options;
    prng_seed(&zones->prng, seed);
    for (uint32_t i = 0; i < options->zones_count; i++) {
        char name[ZONES_NAME_MAX];
        enum zone_kind kind = (enum zone_kind)prng_below(&zones->prng, ZONE_KIND_COUNT);

        if (prng_percent(&zones->prng, options->plain_percent))
            kind = prng_percent(&zones->prng, 50) ? ZONE_MX : ZONE_SHARED_MX;
        if (i == 0 && kind == ZONE_CNAME)
            kind = ZONE_MX;
        (void)zones_add(zones, numbered(name, sizeof(name), "d", i), kind);
        zones->zones[i].ttl_s = ttls[prng_below(&zones->prng, ARRAY_LEN(ttls))];
        if (prng_percent(&zones->prng, options->trouble_percent))
            zones->zones[i].trouble =
                (enum zone_trouble)prng_below(&zones->prng, ZONE_TROUBLE_COUNT);
        zone_fill(zones, i);
    }
}

void zones_sign(struct zones *zones, uint64_t seed, uint32_t percent, const bool *offers_tls)
{
    struct prng prng;

    prng_seed(&prng, seed);
    for (uint32_t i = 0; i < zones->zones_count; i++) {
        struct zone *zone = &zones->zones[i];
        bool drawn = prng_percent(&prng, percent);

        zone->secure = drawn && zone->mx_count > 0 && zone->kind != ZONE_MANY_MX;
    }
    for (uint32_t i = 0; i < zones->hosts_count; i++) {
        enum zone_tlsa tlsa = (enum zone_tlsa)prng_below(&prng, ZONE_TLSA_COUNT);

        zones->hosts[i].secure = prng_percent(&prng, percent);
        zones->hosts[i].tlsa = offers_tls[i] ? tlsa : ZONE_TLSA_NONE;
    }
}
