/* route.h - where mail for a domain goes: hosts in the order in which to try them.
 *
 * Knows nothing of sockets or packets. A route is a plain value, computed from the cache alone
 * (RFC 5321 section 5.1): MX records by preference, shuffled among equals; without MX records the
 * domain itself (implicit MX); "MX 0 ." means no mail at all (RFC 7505).
 * Bounds: ROUTE_HOSTS_MAX hosts, ROUTE_ADDRESSES_MAX addresses over all hosts, dealt out one a host
 * and round, so that a host with many addresses does not push its backup out. */
#ifndef DNS_ROUTE_H
#define DNS_ROUTE_H

#include "base/ip.h"
#include "base/span.h"
#include "base/text.h"

#define ROUTE_HOSTS_MAX 5
#define ROUTE_ADDRESSES_MAX 10
#define ROUTE_NAME_SIZE 256
#define ROUTE_SITE_SIZE 128
#define ROUTE_PROBLEM_SIZE 192

/* Which address records are asked for, and which go first within a host. */
enum dns_families { DNS_IPV4_FIRST = 0, DNS_IPV6_FIRST, DNS_IPV4_ONLY, DNS_IPV6_ONLY };

enum route_status {
    ROUTE_PENDING = 0,  /* asked; dns_done gives the waiter back */
    ROUTE_OK,           /* at least one host with at least one address */
    ROUTE_DNS_FAILURE,  /* timeout, SERVFAIL, garbage: temporary, never "no such domain" */
    ROUTE_NO_DOMAIN,    /* NXDOMAIN, or a name that cannot exist in the DNS */
    ROUTE_NULL_MX,      /* RFC 7505 */
    ROUTE_NO_ADDRESS,   /* no host has an address */
    ROUTE_SPECIAL_ONLY, /* only loopback, private ... addresses (ip_is_special), not allowed */
    ROUTE_BUSY,         /* dns_options.waiters_max are waiting: not registered, ask again later */
    ROUTE_STATUS_COUNT
};

struct route_host {
    uint16_t preference;        /* 0 for implicit MX and smart hosts */
    uint8_t addresses_count;    /* at least 1 */
    bool secure;                /* all its addresses are (AD of a trusted resolver) */
    char name[ROUTE_NAME_SIZE]; /* lower case, no final dot, NUL at the end */
    struct ip addresses[ROUTE_ADDRESSES_MAX];
};

struct route {
    enum route_status status;
    bool implicit; /* the domain has no MX record */
    bool secure;   /* its MX records are, or that there are none (RFC 7672 2.2.1) */
    bool partial;  /* a host was left out: no address, or none that is used, now; or one too many */
    bool stale;    /* some of it has expired and serves on, as no resolver answers */
    uint32_t servers;    /* bits: name servers that have said it */
    uint8_t hosts_count; /* 0 unless ROUTE_OK */
    uint64_t expires_ns; /* until when this answer holds, failures too; 0 for PENDING and BUSY */
    struct route_host hosts[ROUTE_HOSTS_MAX];
    char site[ROUTE_SITE_SIZE];       /* see route_site_name; empty unless ROUTE_OK */
    char problem[ROUTE_PROBLEM_SIZE]; /* in words for people; empty when ROUTE_OK */
};

/* The canonical name of the MX set: names sorted and joined by ',' within a preference, groups in
 * ascending preference joined by ';'. The figures of the preferences, the shuffle, the order of
 * records and missing addresses do not matter. At most ROUTE_SITE_SIZE - 1 octets: a longer one is
 * cut and ends in '~' and 16 hexadecimal digits, equal in every run and on every machine. An
 * implicit MX or a smart host is a site of its own name, an address literal "[192.0.2.1]". */
void route_site_name(const struct route *route, struct text *text);
const char *route_status_name(enum route_status status); /* "ok", "no_domain" ... for events */

#endif
