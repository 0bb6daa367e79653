#include "base/ip.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/check.h"

/* An address and how many of its first bits count. */
struct ip_range {
    uint8_t bytes[16];
    uint8_t bits;
};

/* RFC 6890 and the IANA special-purpose registries. */
static const struct ip_range special_v4[] = {
    {{0}, 8},            /* this network */
    {{10}, 8},           /* private, RFC 1918 */
    {{100, 64}, 10},     /* shared, RFC 6598 */
    {{127}, 8},          /* loopback */
    {{169, 254}, 16},    /* link-local */
    {{172, 16}, 12},     /* private */
    {{192, 0, 0}, 24},   /* protocol assignments */
    {{192, 0, 2}, 24},   /* documentation, RFC 5737 */
    {{192, 88, 99}, 24}, /* 6to4 relays, withdrawn by RFC 7526 */
    {{192, 168}, 16},    /* private */
    {{198, 18}, 15},     /* benchmarking, RFC 2544 */
    {{198, 51, 100}, 24},
    {{203, 0, 113}, 24}, /* documentation */
    {{224}, 3},          /* multicast, reserved, broadcast */
};

/* Within 2000::/3, the only global unicast there is; all else is special but 64:ff9b::/96. */
static const struct ip_range special_v6[] = {
    {{0x20, 0x01, 0x00, 0x00}, 23}, /* protocol assignments: Teredo, benchmarking, ORCHID, ... */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation, RFC 3849 */
    {{0x3f, 0xff}, 20},             /* documentation, RFC 9637 */
};

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}; /* RFC 4291 */
static const uint8_t nat64_prefix[12] = {0x00, 0x64, 0xff, 0x9b};                    /* RFC 6052 */

static bool in_range(const uint8_t *bytes, const struct ip_range *range)
{
    uint32_t whole = range->bits / 8;
    uint32_t rest = range->bits % 8;

    if (memcmp(bytes, range->bytes, whole) != 0)
        return false;
    return rest == 0 || (bytes[whole] ^ range->bytes[whole]) >> (8 - rest) == 0;
}

static bool in_any_range(const uint8_t *bytes, const struct ip_range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (in_range(bytes, &ranges[i]))
            return true;
    }
    return false;
}

static bool is_special_v4(const uint8_t *bytes)
{
    return in_any_range(bytes, special_v4, ARRAY_LEN(special_v4));
}

static bool is_special_v6(const uint8_t *bytes)
{
    if (memcmp(bytes, mapped_prefix, sizeof(mapped_prefix)) == 0 ||
        memcmp(bytes, nat64_prefix, sizeof(nat64_prefix)) == 0)
        return is_special_v4(bytes + 12);
    if (bytes[0] == 0x20 && bytes[1] == 0x02) /* 6to4, RFC 3056 */
        return is_special_v4(bytes + 2);
    if (bytes[0] >> 5 != 1)
        return true;
    return in_any_range(bytes, special_v6, ARRAY_LEN(special_v6));
}

bool ip_parse(struct span text, struct ip *ret_ip)
{
    char string[INET6_ADDRSTRLEN];
    struct ip ip = {0};
    bool v6 = span_find_byte(text, ':') != SPAN_NOT_FOUND;

    if (text.size == 0 || text.size >= sizeof(string) || span_find_byte(text, 0) != SPAN_NOT_FOUND)
        return false;
    memcpy(string, text.data, text.size);
    string[text.size] = 0;
    if (inet_pton(v6 ? AF_INET6 : AF_INET, string, ip.bytes) != 1)
        return false;
    ip.family = v6 ? IP_V6 : IP_V4;
    *ret_ip = ip;
    return true;
}

/* Takes the address off the front of *rest; what is left is empty or begins with ':'. */
static bool split_address(struct span *rest, struct span *ret_address)
{
    size_t at;

    if (rest->size > 0 && rest->data[0] == '[') {
        at = span_find_byte(*rest, ']');
        if (at == SPAN_NOT_FOUND)
            return false;
        *ret_address = span_slice(*rest, 1, at - 1);
        *rest = span_skip(*rest, at + 1);
        /* Brackets are for IPv6 only. */
        return span_find_byte(*ret_address, ':') != SPAN_NOT_FOUND &&
               (rest->size == 0 || rest->data[0] == ':');
    }
    at = span_find_byte(*rest, ':');
    if (at != SPAN_NOT_FOUND && span_find_byte(span_skip(*rest, at + 1), ':') != SPAN_NOT_FOUND)
        at = rest->size; /* two colons and no bracket: IPv6 without a port */
    *ret_address = span_first(*rest, at);
    *rest = span_skip(*rest, ret_address->size);
    return true;
}

bool ip_parse_port(struct span text, uint16_t default_port, struct ip_port *ret)
{
    struct ip_port result = {.port = default_port};
    struct span address;
    uint64_t port;

    if (!split_address(&text, &address) || !ip_parse(address, &result.ip))
        return false;
    if (text.size > 0) {
        if (!span_number(span_skip(text, 1), UINT16_MAX, &port) || port == 0)
            return false;
        result.port = (uint16_t)port;
    }
    *ret = result;
    return true;
}

void ip_write(struct text *text, const struct ip *ip)
{
    char string[INET6_ADDRSTRLEN];

    if (ip->family == IP_NONE) {
        text_add_cstr(text, "none");
        return;
    }
    CHECK(inet_ntop(ip->family == IP_V6 ? AF_INET6 : AF_INET, ip->bytes, string, sizeof(string)));
    text_add_cstr(text, string);
}

void ip_write_port(struct text *text, const struct ip_port *address)
{
    if (address->ip.family == IP_V6)
        text_add_byte(text, '[');
    ip_write(text, &address->ip);
    if (address->ip.family == IP_V6)
        text_add_byte(text, ']');
    text_add_byte(text, ':');
    text_add_u64(text, address->port);
}

bool ip_equal(const struct ip *a, const struct ip *b)
{
    size_t size = a->family == IP_V6 ? 16 : a->family == IP_V4 ? 4 : 0;

    return a->family == b->family && memcmp(a->bytes, b->bytes, size) == 0;
}

bool ip_is_special(const struct ip *ip)
{
    if (ip->family == IP_V4)
        return is_special_v4(ip->bytes);
    if (ip->family == IP_V6)
        return is_special_v6(ip->bytes);
    return true;
}
