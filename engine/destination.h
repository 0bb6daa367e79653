/* destination.h - what a site has for connecting: hosts, addresses, and which of them failed
 * lately.
 *
 * One beside each site of the schedule (same index), stale when the site's generation has moved on.
 */
#ifndef ENGINE_DESTINATION_H
#define ENGINE_DESTINATION_H

#include "base/ip.h"
#include "base/list.h"
#include "dns/route.h"
#include "message/tls_demand.h"
#include "tls/tls_policy.h"

#define DESTINATION_NONE UINT32_MAX
#define DESTINATION_AVOID_NS (60 * NS_PER_S) /* an address that failed is passed over so long */

struct shard;

struct destination_address {
    struct ip ip;
    uint8_t host; /* index in hosts */
    uint64_t avoid_until_ns;
};

/* What TLS came of sessions to a host: bits of tls_policy.h, and what was lacking. */
struct destination_reach {
    uint64_t until_ns; /* how long it holds; 0: nothing is known */
    uint64_t number;   /* of the session: one of a shard has more than all before it */
    uint32_t has;
    enum tls_fault fault;
    enum tls_policy_dane dane; /* of the host, whoever goes by it */
    bool definite;   /* the host itself refused: TLS is not offered, or its certificate is wrong */
    char words[112]; /* of the fault; may be empty */
};

struct destination {
    uint32_t generation; /* of the site; another one: stale */
    uint64_t expires_ns; /* of the first of its domains' routes; 0: there is none yet */
    uint8_t hosts_count;
    uint8_t addresses_count;
    uint32_t turn;     /* round robin among equals */
    uint32_t aim_turn; /* every other session is for mail that most hosts cannot take */
    bool partial;      /* the route leaves out a host of the domain */
    bool secure;       /* DNSSEC vouches for the MX records of a domain here: TLSA records count */
    bool tls_wanted;   /* at least one domain here is to be tried with TLS */
    uint32_t talking_count;         /* sessions that are connected */
    struct list_node hopeless_node; /* in shard->hopeless while some of its mail goes back */
    struct list domains;            /* site_node of those ROUTED here that have flows */
    uint16_t preferences[ROUTE_HOSTS_MAX];
    uint16_t ports[ROUTE_HOSTS_MAX];
    char hosts[ROUTE_HOSTS_MAX][ROUTE_NAME_SIZE];
    char site[ROUTE_SITE_SIZE];
    struct destination_address addresses[ROUTE_ADDRESSES_MAX];
    struct destination_reach reached[ROUTE_HOSTS_MAX];
};

struct destination *destination_at(struct shard *shard, uint32_t site);
/* The site of this route, its destination up to date; or -ENOSPC. `ports` by host. */
MUST_USE int destination_of_route(struct shard *shard, const struct route *route,
                                  const uint16_t *ports);
/* One of its domains' routes is over then. */
void destination_ages(struct shard *shard, uint32_t site, uint64_t expires_ns);
/* The address that a new session to this site should use, of hosts that may offer what is needed
 * (bits of tls_policy.h), or DESTINATION_NONE when all are avoided. */
MUST_USE uint32_t destination_pick(struct shard *shard, uint32_t site, uint32_t needs);
/* What a session to this host may have, as far as is known. */
MUST_USE uint32_t destination_offers(const struct destination *destination, uint32_t host,
                                     uint64_t now_ns);
/* The host's index, or DESTINATION_NONE when the route has it no more. */
MUST_USE uint32_t destination_host(const struct destination *destination, struct span name);
/* The only domain that is routed here and has mail, or DESTINATION_NONE. */
MUST_USE uint32_t destination_only_domain(struct shard *shard, uint32_t site);
void destination_avoid(struct shard *shard, uint32_t site, const struct ip *ip);
/* No address is avoided any more. */
void destination_forgive(struct shard *shard, uint32_t site);

#endif
