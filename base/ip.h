/* ip.h - an IPv4 or IPv6 address: parse, write, compare, tell private from public.
 *
 * Knows nothing of sockets. Bytes are in network order; IPv4 uses the first four. */
#ifndef BASE_IP_H
#define BASE_IP_H

#include "base/span.h"
#include "base/text.h"

enum ip_family { IP_NONE = 0, IP_V4 = 4, IP_V6 = 6 };

struct ip {
    uint8_t family; /* enum ip_family */
    uint8_t bytes[16];
};

struct ip_port {
    struct ip ip;
    uint16_t port;
};

MUST_USE bool ip_parse(struct span text, struct ip *ret_ip); /* no brackets, no zone */
/* "192.0.2.1:25", "[2001:db8::1]:25"; without a port `default_port` is used. */
MUST_USE bool ip_parse_port(struct span text, uint16_t default_port, struct ip_port *ret);
void ip_write(struct text *text, const struct ip *ip);
void ip_write_port(struct text *text, const struct ip_port *address);
MUST_USE bool ip_equal(const struct ip *a, const struct ip *b);
/* Not to be mailed to by default: loopback, unspecified, private (RFC 1918, RFC 4193), link-local,
 * shared (RFC 6598), documentation, benchmarking, multicast, reserved, and IPv4 mapped or embedded
 * (RFC 4291, 6052, 3056) forms of those. */
MUST_USE bool ip_is_special(const struct ip *ip);

#endif
