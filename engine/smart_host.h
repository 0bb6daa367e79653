/* smart_host.h - the route through smart hosts that the operator names instead of MX records.
 *
 * The hosts are tried in the order in which the configuration gives them, each with a port of its
 * own. A smart host that cannot be found is the operator's to mend: mail waits, no recipient fails
 * for it. */
#ifndef ENGINE_SMART_HOST_H
#define ENGINE_SMART_HOST_H

#include "dns/dns.h"
#include "engine/policy.h"

/* "host:port", "host", "192.0.2.1:25", "[2001:db8::1]:25", or an IPv6 address without brackets and
 * port. False when it is none of these: an empty host, a port that is no number from 1 to 65535. */
MUST_USE bool smart_host_split(struct span item, uint16_t default_port, struct span *ret_host,
                               uint16_t *ret_port);

/* The route whose site has this name, or NULL: also when the site is an MX set. */
const struct policy_route *smart_host_route(const struct policy *policy, struct span site);

struct smart_host_question {
    const struct policy_route *route;
    uint16_t default_port;
    uint64_t waiter;
};

/* Like dns_route: ROUTE_PENDING with the waiter registered, or the whole route. *ret_ports has
 * ROUTE_HOSTS_MAX places, by host. */
enum route_status smart_host_ask(struct dns *dns, uint64_t now_ns,
                                 const struct smart_host_question *question, struct route *ret,
                                 uint16_t *ret_ports);

#endif
