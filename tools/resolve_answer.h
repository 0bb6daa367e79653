/* resolve_answer.h - what `ringpost resolve` has found out about one domain, and how it is said.
 *
 * Knows nothing of the network. A plain value; borrows the configuration. */
#ifndef TOOLS_RESOLVE_ANSWER_H
#define TOOLS_RESOLVE_ANSWER_H

#include "dns/dns.h"
#include "engine/policy.h"
#include "tls/sts_cache.h"

struct resolve_answer {
    const char *domain; /* as asked for */
    struct span key;    /* as in the DNS; lent */
    const struct policy *policy;
    struct route route;
    const struct policy_route *smart;      /* the route is the operator's; NULL: MX */
    uint16_t ports[ROUTE_HOSTS_MAX];       /* of each host of the route */
    struct tlsa_set tlsa[ROUTE_HOSTS_MAX]; /* of each host of the route */
    struct sts_view sts;                   /* the domain's MTA-STS policy; lent */
    bool cached;                           /* no question had to be asked */
    uint64_t now_ns;                       /* when it was complete */
};

/* To the standard output: for people, or one JSON object on a line. */
void resolve_answer_print(const struct resolve_answer *answer);
void resolve_answer_print_json(const struct resolve_answer *answer);

#endif
