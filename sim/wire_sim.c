#include "sim/wire_sim.h"

#include <string.h>

#include "base/check.h"

#define HEADER_SIZE 12
#define UDP_PLAIN 512
#define CHAIN_MAX 8

enum {
    TYPE_A = 1,
    TYPE_CNAME = 5,
    TYPE_SOA = 6,
    TYPE_MX = 15,
    TYPE_AAAA = 28,
    TYPE_OPT = 41,
    TYPE_TLSA = 52
};
/* --- reading --- */

static uint32_t get_u16(struct span packet, size_t at)
{
    return at + 2 <= packet.size ? (uint32_t)(packet.data[at] << 8 | packet.data[at + 1]) : 0;
}

/* The offset behind the name, or 0. */
static size_t read_name(struct span packet, size_t at, char *ret_name, size_t name_max)
{
    size_t size = 0;

    while (at < packet.size && packet.data[at] != 0) {
        size_t label = packet.data[at];

        if (label > 63 || at + 1 + label > packet.size || size + label + 2 > name_max)
            return 0;
        if (size > 0)
            ret_name[size++] = '.';
        memcpy(ret_name + size, packet.data + at + 1, label);
        size += label;
        at += 1 + label;
    }
    ret_name[size] = 0;
    return at < packet.size ? at + 1 : 0;
}

bool wire_sim_question(struct span packet, struct wire_question *ret)
{
    size_t at;

    if (packet.size < HEADER_SIZE || (packet.data[2] & 0x80) != 0 || get_u16(packet, 4) != 1)
        return false;
    *ret = (struct wire_question){.id = (uint16_t)get_u16(packet, 0), .udp_size = UDP_PLAIN};
    ret->recursion = (packet.data[2] & 1) != 0;
    ret->authentic = (packet.data[3] & 0x20) != 0;
    at = read_name(packet, HEADER_SIZE, ret->name, sizeof(ret->name));
    if (at == 0 || at + 4 > packet.size)
        return false;
    ret->type = (uint16_t)get_u16(packet, at);
    at += 4;
    ret->raw = span_slice(packet, HEADER_SIZE, at - HEADER_SIZE);
    if (get_u16(packet, 10) == 1 && at + 11 <= packet.size && packet.data[at] == 0 &&
        get_u16(packet, at + 1) == TYPE_OPT) {
        ret->edns = true;
        ret->udp_size = get_u16(packet, at + 3);
        ret->udp_size = ret->udp_size < UDP_PLAIN ? UDP_PLAIN : ret->udp_size;
    }
    return true;
}

/* --- writing --- */

static void put_u16(struct text *out, uint32_t value)
{
    text_add_byte(out, (uint8_t)(value >> 8));
    text_add_byte(out, (uint8_t)value);
}

static void put_u32(struct text *out, uint32_t value)
{
    put_u16(out, value >> 16);
    put_u16(out, value & 0xffff);
}

static void put_name(struct text *out, const char *name)
{
    struct span rest = span_cstr(name);

    while (rest.size > 0) {
        struct span label = span_split(&rest, '.');

        text_add_byte(out, (uint8_t)label.size);
        text_add(out, label);
    }
    text_add_byte(out, 0);
}

static size_t name_size(const char *name)
{
    return strlen(name) + (name[0] == 0 ? 1 : 2);
}

static void put_record(struct text *out, const char *owner, uint16_t type, uint32_t ttl_s,
                       size_t data_size)
{
    put_name(out, owner);
    put_u16(out, type);
    put_u16(out, 1);
    put_u32(out, ttl_s);
    put_u16(out, (uint32_t)data_size);
}

struct writer {
    const struct zones *zones;
    struct text *out;
    uint32_t answers;
    uint32_t rcode;
    bool negative; /* an SOA belongs into the authority section */
    bool secure;   /* all of it is signed */
};

static void put_address(struct writer *writer, const char *owner, uint32_t ttl_s,
                        const struct ip *ip)
{
    size_t size = ip->family == IP_V4 ? 4 : 16;

    put_record(writer->out, owner, ip->family == IP_V4 ? TYPE_A : TYPE_AAAA, ttl_s, size);
    text_add(writer->out, span_make(ip->bytes, size));
    writer->answers++;
}

static void put_cname(struct writer *writer, const char *owner, uint32_t ttl_s, const char *target)
{
    put_record(writer->out, owner, TYPE_CNAME, ttl_s, name_size(target));
    put_name(writer->out, target);
    writer->answers++;
}

static void put_host(struct writer *writer, const char *owner, uint32_t ttl_s,
                     const struct zone_host *host, uint16_t type)
{
    const struct ip *ip;

    while (host->alias != ZONES_NONE) {
        host = &writer->zones->hosts[host->alias];
        put_cname(writer, owner, ttl_s, host->name);
        owner = host->name;
    }
    ip = type == TYPE_A ? &host->v4 : &host->v6;
    if ((type == TYPE_A || type == TYPE_AAAA) && ip->family != IP_NONE)
        put_address(writer, owner, ttl_s, ip);
    else
        writer->negative = true;
}

static void put_mx(struct writer *writer, const char *owner, const struct zone *zone)
{
    for (uint32_t i = 0; i < zone->mx_count; i++) {
        const char *host = writer->zones->hosts[zone->mx[i].host].name;

        put_record(writer->out, owner, TYPE_MX, zone->ttl_s, 2 + name_size(host));
        put_u16(writer->out, zone->mx[i].preference);
        put_name(writer->out, host);
        writer->answers++;
    }
}

static void put_zone(struct writer *writer, uint32_t number, uint16_t type)
{
    const struct zones *zones = writer->zones;
    const struct zone *zone = &zones->zones[number];

    for (uint32_t i = 0; zone->kind == ZONE_CNAME && i < CHAIN_MAX; i++) {
        const struct zone *target = &zones->zones[zone->alias];

        put_cname(writer, zone->name, zone->ttl_s, target->name);
        zone = target;
    }
    if (zone->kind == ZONE_NXDOMAIN) {
        writer->rcode = WIRE_NXDOMAIN;
        writer->negative = true;
    } else if (zone->kind == ZONE_NULL_MX && type == TYPE_MX) {
        put_record(writer->out, zone->name, TYPE_MX, zone->ttl_s, 3);
        put_u16(writer->out, 0);
        put_name(writer->out, "");
        writer->answers++;
    } else if (zone->host != ZONES_NONE && type != TYPE_MX) {
        put_host(writer, zone->name, zone->ttl_s, &zones->hosts[zone->host], type);
    } else if (type == TYPE_MX && zone->mx_count > 0) {
        put_mx(writer, zone->name, zone);
    } else {
        writer->negative = true;
    }
}

#define TLSA_PREFIX "_25._tcp."

uint32_t wire_sim_tlsa_host(const struct zones *zones, const struct wire_question *question)
{
    struct span name = span_cstr(question->name);

    if (question->type != TYPE_TLSA || /* the asker draws letter case */
        !span_equal_nocase(span_first(name, strlen(TLSA_PREFIX)), SPAN(TLSA_PREFIX)))
        return ZONES_NONE;
    return zones_find_host(zones, span_skip(name, strlen(TLSA_PREFIX)));
}

/* The server's key has the digest "kkkk...", as tls_toy.c has it. */
static void put_tlsa(struct writer *writer, const struct wire_question *question, uint32_t number)
{
    const struct zone_host *host = &writer->zones->hosts[number];

    writer->secure = host->secure;
    if (host->tlsa == ZONE_TLSA_NONE || host->alias != ZONES_NONE) {
        writer->rcode = WIRE_NXDOMAIN;
        writer->negative = true;
        return;
    }
    put_record(writer->out, question->name, TYPE_TLSA, 300, 3 + 32);
    text_add_byte(writer->out, host->tlsa == ZONE_TLSA_UNUSABLE ? 1 : 3);
    text_add_byte(writer->out, 1);
    text_add_byte(writer->out, 1);
    text_add_fill(writer->out, host->tlsa == ZONE_TLSA_OTHER ? 'o' : 'k', 32);
    writer->answers++;
}

static bool host_is_secure(const struct zones *zones, uint32_t number)
{
    const struct zone_host *host = &zones->hosts[number];

    return host->secure && (host->alias == ZONES_NONE || zones->hosts[host->alias].secure);
}

static void put_soa(struct text *out)
{
    put_record(out, "test", TYPE_SOA, 60, name_size("ns.test") + name_size("root.test") + 20);
    put_name(out, "ns.test");
    put_name(out, "root.test");
    put_u32(out, 1);
    put_u32(out, 3600);
    put_u32(out, 600);
    put_u32(out, 86400);
    put_u32(out, 60); /* how long "no" holds */
}

static void header_set(struct text *out, const struct wire_question *question,
                       const struct writer *writer, bool truncated)
{
    uint8_t *header = out->data;

    header[0] = (uint8_t)(question->id >> 8);
    header[1] = (uint8_t)question->id;
    header[2] = (uint8_t)(0x80 | (truncated ? 2 : 0) | (question->recursion ? 1 : 0));
    header[3] =
        (uint8_t)(0x80 | writer->rcode | (writer->secure && question->authentic ? 0x20U : 0U));
    header[5] = 1;
    header[6] = (uint8_t)(writer->answers >> 8);
    header[7] = (uint8_t)writer->answers;
    header[9] = writer->negative ? 1 : 0;
    header[11] = question->edns ? 1 : 0;
}

static void put_opt(struct text *out)
{
    text_add_byte(out, 0);
    put_u16(out, TYPE_OPT);
    put_u16(out, 1232);
    put_u32(out, 0);
    put_u16(out, 0);
}

/* An answer with nothing in it. */
void wire_sim_empty(struct text *out, const struct wire_question *question, uint32_t rcode,
                    bool truncated)
{
    struct writer writer = {.rcode = rcode};

    text_reset(out);
    text_add_fill(out, 0, HEADER_SIZE);
    text_add(out, question->raw);
    if (question->edns)
        put_opt(out);
    header_set(out, question, &writer, truncated);
}

void wire_sim_answer(const struct zones *zones, const struct wire_question *question,
                     struct text *out, size_t limit)
{
    struct writer writer = {.zones = zones, .out = out};
    uint32_t zone = zones_find(zones, span_cstr(question->name));
    uint32_t host = zones_find_host(zones, span_cstr(question->name));

    text_reset(out);
    text_add_fill(out, 0, HEADER_SIZE);
    text_add(out, question->raw);
    if (wire_sim_tlsa_host(zones, question) != ZONES_NONE) {
        put_tlsa(&writer, question, wire_sim_tlsa_host(zones, question));
    } else if (zone != ZONES_NONE) {
        writer.secure = zones->zones[zone].secure;
        put_zone(&writer, zone, question->type);
    } else if (host != ZONES_NONE) {
        writer.secure = host_is_secure(zones, host);
        put_host(&writer, zones->hosts[host].name, 300, &zones->hosts[host], question->type);
    } else {
        writer.rcode = WIRE_NXDOMAIN;
        writer.negative = true;
    }
    if (writer.negative)
        put_soa(out);
    if (question->edns)
        put_opt(out);
    CHECK(!out->overflow);
    if (out->size > limit) {
        wire_sim_empty(out, question, writer.rcode, true);
        return;
    }
    header_set(out, question, &writer, false);
}

void wire_sim_loop(struct text *out, const struct wire_question *question)
{
    struct writer writer = {.out = out};
    struct wire_question bare = *question;

    bare.edns = false;
    wire_sim_empty(out, &bare, WIRE_OK, false);
    put_cname(&writer, question->name, 60, question->name);
    header_set(out, &bare, &writer, false);
}

/* Breaks an answer in one of the ways that parsers fall for. */
void wire_sim_spoil(struct text *out, const struct wire_question *question, struct prng *prng)
{
    size_t body = HEADER_SIZE + question->raw.size;

    switch (prng_below(prng, 8)) {
    case 0: /* cut anywhere */
        out->size = prng_below(prng, out->size);
        break;
    case 1: /* counts that lie */
        out->data[6] = 0xff;
        out->data[7] = (uint8_t)prng_next(prng);
        break;
    case 2: /* a name that points to itself */
        out->size = body;
        put_u16(out, 0xc000U | (uint32_t)body);
        out->data[7] = 1;
        break;
    case 3: /* a label that runs past the end */
        out->size = body;
        text_add_byte(out, 63);
        text_add_cstr(out, "short");
        out->data[7] = 1;
        break;
    case 4: /* MX data of a single octet */
        out->size = body;
        put_record(out, question->name, TYPE_MX, 300, 1);
        text_add_byte(out, 0);
        out->data[7] = 1;
        break;
    case 5: /* random octets behind a good header */
        for (size_t i = body; i < out->size; i++)
            out->data[i] = (uint8_t)prng_next(prng);
        break;
    case 6: /* another question */
        out->data[HEADER_SIZE + 1] ^= 1;
        break;
    default: /* octets behind the end */
        text_add_fill(out, 0x5a, 200);
        break;
    }
}
