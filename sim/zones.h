/* zones.h - the simulated DNS data: domains of every kind and the hosts that take their mail.
 *
 * Made from a seed once; the world, the name servers (dns_sim.h), the mail servers (mx_sim.h) and
 * the oracle read it. What a domain *is* (kind) stays; the trouble that its answers are in goes
 * when the world heals. Knows no wire format. Owns its arrays (malloc). */
#ifndef SIM_ZONES_H
#define SIM_ZONES_H

#include "base/ip.h"
#include "base/prng.h"
#include "message/tls_demand.h"

#define ZONES_NAME_MAX 64
#define ZONES_NONE UINT32_MAX
#define ZONES_MX_MAX 100

enum zone_kind {
    ZONE_MX = 0,     /* hosts of its own, with several preferences */
    ZONE_SHARED_MX,  /* the MX set of a provider that many domains share */
    ZONE_OTHER_HOST, /* MX to a host of another domain */
    ZONE_ALIAS_HOST, /* MX to a host that is a CNAME (not allowed, and met) */
    ZONE_MANY_MX,    /* a hundred MX records */
    ZONE_IMPLICIT,   /* no MX; the domain has addresses */
    ZONE_CNAME,      /* the domain is an alias of another one */
    ZONE_NULL_MX,    /* RFC 7505: takes no mail */
    ZONE_NXDOMAIN,
    ZONE_EMPTY,      /* exists, with neither MX nor address */
    ZONE_NO_ADDRESS, /* MX hosts without an address */
    ZONE_KIND_COUNT
};

enum zone_trouble {
    ZONE_WELL = 0,
    ZONE_SERVFAIL,
    ZONE_REFUSED,
    ZONE_LAME,      /* no answer at all */
    ZONE_GARBAGE,   /* packets that are broken in a drawn way */
    ZONE_LOOP,      /* a CNAME to itself */
    ZONE_WRONG_ID,  /* an answer with another id, then the right one */
    ZONE_DOUBLED,   /* the answer comes twice, the second one late */
    ZONE_TRUNCATED, /* TC over UDP, whatever the size */
    ZONE_SLOW,      /* longer than a resolver waits, sometimes */
    ZONE_TROUBLE_COUNT
};

/* What TLSA records a host has. The key of every simulated server is the same one. */
enum zone_tlsa {
    ZONE_TLSA_NONE = 0,
    ZONE_TLSA_FITS,
    ZONE_TLSA_OTHER,    /* for another key */
    ZONE_TLSA_UNUSABLE, /* of a usage that no mail server can fit */
    ZONE_TLSA_BOGUS,    /* SERVFAIL, as a validating resolver answers what was forged */
    ZONE_TLSA_COUNT
};

struct zone_host {
    char name[ZONES_NAME_MAX];
    struct ip v4; /* family IP_NONE: none */
    struct ip v6;
    uint32_t alias; /* a CNAME to this host, or ZONES_NONE */
    bool secure;    /* DNSSEC vouches for its addresses and TLSA records */
    enum zone_tlsa tlsa;
};

struct zone_mx {
    uint16_t preference;
    uint32_t host;
};

struct zone {
    char name[ZONES_NAME_MAX];
    enum zone_kind kind;
    enum zone_trouble trouble;
    bool secure; /* DNSSEC vouches for its MX records */
    uint32_t ttl_s;
    uint32_t tls_mode;       /* that the configuration will have: off, opportunistic ... */
    enum tls_level demanded; /* what that means for its mail */
    uint32_t alias;          /* ZONE_CNAME: the zone, never one that is an alias of this one */
    uint32_t host;           /* ZONE_IMPLICIT: the host whose addresses are the domain's */
    struct zone_mx *mx;
    uint32_t mx_count;
};

struct zones_options {
    uint32_t zones_count;     /* at least 1 */
    uint32_t plain_percent;   /* so many are ZONE_MX or ZONE_SHARED_MX, the others of any kind */
    uint32_t trouble_percent; /* so many are in trouble */
    uint32_t ipv6_percent;    /* of hosts have an address of IPv6 too, or only */
};

struct zones {
    struct zones_options options;
    struct prng prng;
    struct zone *zones;
    uint32_t zones_count;
    struct zone_host *hosts;
    uint32_t hosts_count;
    uint32_t hosts_max;
    uint32_t *index; /* by name: zone number, or hosts from zones_count on; open addressing */
    uint32_t index_max;
};

/* All of it drawn (zones_draw.c). */
void zones_open(struct zones *zones, uint64_t seed, const struct zones_options *options);
/* A world written by hand: empty, then zones_add, zones_add_host (replay.c). */
void zones_open_empty(struct zones *zones);
void zones_close(struct zones *zones);
uint32_t zones_add(struct zones *zones, const char *name, enum zone_kind kind);
uint32_t zones_add_host(struct zones *zones, const char *name, const struct ip *v4,
                        const struct ip *v6);
void zones_add_mx(struct zones *zones, uint32_t zone, uint16_t preference, uint32_t host);

/* By name, any letter case, without a final dot; ZONES_NONE. */
MUST_USE uint32_t zones_find(const struct zones *zones, struct span name);
MUST_USE uint32_t zones_find_host(const struct zones *zones, struct span name);
/* What DANE demands of mail for the domain at this address: NONE without signatures all the way. */
MUST_USE enum zone_tlsa zones_tlsa(const struct zones *zones, uint32_t zone, const struct ip *ip);
/* Draws who signs, and which TLSA records hosts have whose servers offer TLS (bits by host). */
void zones_sign(struct zones *zones, uint64_t seed, uint32_t percent, const bool *offers_tls);
/* Whether mail for the domain may come to this address. */
MUST_USE bool zones_serves(const struct zones *zones, uint32_t zone, const struct ip *ip);
/* The kind at the end of its aliases. */
MUST_USE enum zone_kind zones_kind(const struct zones *zones, uint32_t zone);
/* Whether mail for the domain can be delivered once the world is well. */
MUST_USE bool zones_delivers(const struct zones *zones, uint32_t zone);
/* A number for the set of MX hosts by preference (an implicit MX: the domain itself). */
MUST_USE uint64_t zones_site(const struct zones *zones, uint32_t zone);
/* All troubles that keep answers away are over. */
void zones_heal(struct zones *zones);
const char *zones_kind_name(enum zone_kind kind);

#endif
