#include "sim/scene_zones.h"

/* zone NAME [signed] null | nxdomain | empty | servfail | lame | a IP | cname NAME | mx PREFERENCE
 * HOST ...
 */
void scene_zone(const struct scene *scene, struct zones *zones, struct span rest)
{
    char name[ZONES_NAME_MAX];
    uint32_t zone =
        zones_add(zones, scene_copy(scene, name, sizeof(name), span_word(&rest)), ZONE_MX);
    struct span word = span_word(&rest);

    if (span_equal(word, SPAN("signed"))) {
        zones->zones[zone].secure = true;
        word = span_word(&rest);
    }
    if (span_equal(word, SPAN("null"))) {
        zones->zones[zone].kind = ZONE_NULL_MX;
    } else if (span_equal(word, SPAN("nxdomain"))) {
        zones->zones[zone].kind = ZONE_NXDOMAIN;
    } else if (span_equal(word, SPAN("empty"))) {
        zones->zones[zone].kind = ZONE_EMPTY;
    } else if (span_equal(word, SPAN("servfail"))) {
        zones->zones[zone].trouble = ZONE_SERVFAIL;
    } else if (span_equal(word, SPAN("lame"))) {
        zones->zones[zone].trouble = ZONE_LAME;
    } else if (span_equal(word, SPAN("a"))) {
        struct ip ip = scene_address(scene, span_word(&rest));
        uint32_t host = zones_add_host(zones, "", &ip, NULL);

        zones->zones[zone].kind = ZONE_IMPLICIT;
        zones->zones[zone].host = host;
    } else if (span_equal(word, SPAN("cname"))) {
        zones->zones[zone].kind = ZONE_CNAME;
        zones->zones[zone].alias = zones_find(zones, span_word(&rest));
        if (zones->zones[zone].alias == ZONES_NONE)
            scene_unreadable(scene, "the zone behind the cname must stand before it");
    } else {
        while (span_equal(word, SPAN("mx"))) {
            uint64_t preference = scene_number(scene, span_word(&rest));
            uint32_t host = zones_find_host(zones, span_word(&rest));

            if (host == ZONES_NONE)
                scene_unreadable(scene, "the host must stand before the zone");
            zones_add_mx(zones, zone, (uint16_t)preference, host);
            word = span_word(&rest);
        }
        if (word.size > 0)
            scene_unreadable(scene, "this kind of zone is not known");
    }
}

static enum zone_tlsa tlsa_of(const struct scene *scene, struct span word)
{
    static const char *const names[ZONE_TLSA_COUNT] = {"none", "fits", "other", "unusable",
                                                       "bogus"};

    for (uint32_t i = 0; i < ZONE_TLSA_COUNT; i++)
        if (span_equal(word, span_cstr(names[i])))
            return (enum zone_tlsa)i;
    if (word.size > 0)
        scene_unreadable(scene, "no such TLSA records");
    return ZONE_TLSA_NONE;
}

/* host NAME [IP [IP]] [signed [none | fits | other | unusable | bogus]] */
void scene_host(const struct scene *scene, struct zones *zones, struct span rest)
{
    char name[ZONES_NAME_MAX];
    struct ip ips[2] = {{0}};
    enum zone_tlsa tlsa = ZONE_TLSA_NONE;
    bool secure = false;
    uint32_t host;

    (void)scene_copy(scene, name, sizeof(name), span_word(&rest));
    while (rest.size > 0) {
        struct span word = span_word(&rest);
        struct ip ip;

        if (span_equal(word, SPAN("signed"))) {
            secure = true;
            tlsa = tlsa_of(scene, span_word(&rest));
            continue;
        }
        ip = scene_address(scene, word);
        ips[ip.family == IP_V6] = ip;
    }
    host = zones_add_host(zones, name, ips[0].family != IP_NONE ? &ips[0] : NULL,
                          ips[1].family != IP_NONE ? &ips[1] : NULL);
    zones->hosts[host].secure = secure;
    zones->hosts[host].tlsa = tlsa;
}
