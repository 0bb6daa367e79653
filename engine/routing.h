/* routing.h - where each domain's mail goes in this shard: routes looked up, sites attached,
 * failures handed to everybody who waits.
 *
 *   a domain:  IDLE -- mail --> RESOLVING -- route --> ROUTED (its flows are at a site)
 *              RESOLVING -- no route --> FAILING (its recipients are settled, bounded a turn) -->
 * IDLE ROUTED -- the site fails --> FAILING --> IDLE;   ROUTED -- route expired --> RESOLVING
 *
 * A domain is resolved and fails as a whole, never a recipient alone. A *destination* is what a
 * site (schedule.h) has for connecting: hosts, addresses and which of them failed lately.
 *
 * A ROUTED domain stands in its destination's list while it has flows. Without flows it only
 * remembers the site and its generation; the index may be another site's when mail comes again.
 *
 * Owns its arrays, from the arena. */
#ifndef ENGINE_ROUTING_H
#define ENGINE_ROUTING_H

#include "base/arena.h"
#include "base/list.h"
#include "base/slab.h"
#include "dns/route.h"
#include "engine/destination.h"
#include "message/outcome.h"

#define ROUTING_NONE UINT32_MAX
#define ROUTING_WORK_MAX 512 /* recipients settled a turn on behalf of failing domains */
#define ROUTING_ASK_MAX 256  /* routes asked for a turn */

struct shard;

enum domain_state {
    DOMAIN_IDLE = 0,  /* no flow waits, or it has just failed */
    DOMAIN_RESOLVING, /* in `asking`, or a waiter of the dns room */
    DOMAIN_ROUTED,    /* its flows are attached to `site` */
    DOMAIN_FAILING    /* its recipients are being settled with a failure's outcome */
};

struct routing_domain {
    struct list_node node;      /* asking, or failing */
    struct list_node site_node; /* in the destination's list while ROUTED and with flows */
    uint64_t expires_ns;        /* of the route, or of what is known of its policy */
    uint64_t sts_until_ns;      /* then the route must pass the gate (sts_gate.h) again */
    uint64_t fresh_until_ns;    /* the end of the last route that was not stale */
    uint64_t asked_ns;          /* when the lookup began */
    uint64_t counted_reach;     /* sessions that failed its mail are counted up to this number */
    uint32_t dns_us;            /* how long it took */
    uint32_t servers;           /* bits: name servers that have said the route */
    uint32_t site;
    uint32_t site_generation;
    uint32_t first_flow; /* chained by flows[].next */
    uint32_t failure;    /* slab index while FAILING */
    enum domain_state state;
    bool known;        /* initialised */
    bool sts_enforced; /* its MTA-STS policy demands verified TLS (sts_gate.h)... */
    bool sts_unnamed;  /* ...of hosts that it names, and the route has none of them */
    bool sts_vouched;  /* its MTA-STS policy names all hosts of the route */
    bool sts_known;    /* whether it has a policy, and which, is known for sure */
    bool mx_secure; /* DNSSEC vouches for its MX records; other domains of the site have theirs */
};

struct routing_flow {
    uint32_t next; /* of the same domain */
    uint32_t domain;
    bool listed;
    struct list_node throttle_node; /* while its campaign's rate makes it wait */
};

/* Why a domain's recipients are being settled; shared by the domains of one failed site. */
struct routing_failure {
    struct outcome outcome;
    struct ip_port peer;
    uint32_t users_count;
    char site[ROUTE_SITE_SIZE];
};

struct routing {
    struct routing_domain *domains;
    struct routing_flow *flows;
    struct destination *destinations;
    uint32_t domains_max;
    uint32_t flows_max;
    uint32_t sites_max;
    struct slab failures;
    uint64_t reached_count;  /* numbers given to what sessions reached (destination_reach) */
    uint32_t listed_count;   /* flows */
    bool more;               /* the last turn did not take all new flows */
    struct list asking;      /* domains to ask the dns room about */
    struct list failing;     /* domains whose recipients are being settled */
    uint64_t held_until_ns;  /* no failure slot, waiter or site was free: wait a little */
    uint64_t drain_after_ns; /* the journal had no room: so long no recipient is settled */
};

MUST_USE size_t routing_cost(uint32_t domains_max, uint32_t flows_max, uint32_t sites_max);
void routing_init(struct routing *routing, struct arena *arena, uint32_t domains_max,
                  uint32_t flows_max, uint32_t sites_max);
/* Once a turn: new flows, answers, failing domains. */
void routing_turn(struct shard *shard);
MUST_USE uint64_t routing_deadline_ns(const struct shard *shard);
/* The flow has nothing to claim any more. */
void routing_flow_void(struct shard *shard, uint32_t flow);

/* This address did not work: it is avoided for a while. When it was the last one and no session is
 * open, all domains of the site fail with this outcome. */
void routing_address_failed(struct shard *shard, uint32_t site, const struct ip_port *peer,
                            const struct outcome *outcome);
/* The site refuses everything (SITE_CHANGE_REFUSED): the mail of its domains is deferred with this
 * outcome, tried or not. */
void routing_site_refuses(struct shard *shard, uint32_t site, const struct ip_port *peer,
                          const struct outcome *last);
/* A route behind this site is older than its TTL: its domains whose routes are so old are asked
 * about again, at a site of many some each second. */
void routing_refresh(struct shard *shard, uint32_t site);
/* The site's index is about to be another one's: whoever still stands there asks again. */
void routing_site_lost(struct shard *shard, uint32_t site);
/* Flows that the queue has given out or is about to: 0 when there is nothing to do. */
MUST_USE uint64_t routing_flows_count(const struct shard *shard);

/* --- between routing.c, routing_ask.c and routing_fail.c --- */

/* Out of the list in which it waits, into `list` (NULL: none). */
void routing_move(struct routing *routing, uint32_t domain, struct list *list);
/* The route of the domain is known: attaches its flows. False: no site is free now. */
MUST_USE bool routing_enter(struct shard *shard, uint32_t index, const struct route *route,
                            const uint16_t *ports);
/* Away from its site, in no state yet. */
void routing_leave(struct shard *shard, uint32_t index);
/* IDLE, whatever it was. */
void routing_end(struct shard *shard, uint32_t index);
/* routing_fail.c: once a turn: settles recipients of failing domains; bounded. */
void routing_drain(struct shard *shard);
/* Its recipients are settled with this outcome. False: no slot is free now. */
MUST_USE bool routing_fail(struct shard *shard, uint32_t domain, const struct outcome *outcome);
/* What the flows of the domain need may have changed. */
void routing_reattach(struct shard *shard, uint32_t index);
/* routing_ask.c: once a turn: answers, then new questions; bounded. */
void routing_ask_turn(struct shard *shard);

#endif
