/* smart_host.h - the route through smart hosts that the operator names instead of MX records.
 *
 * The hosts are tried in the order in which the configuration gives them, each with a port of its
 * own. A smart host that cannot be found is the operator's to mend: mail waits, no recipient fails
 * for it. */
#ifndef ENGINE_SMART_HOST_H
#define ENGINE_SMART_HOST_H

#include "dns/route.h"
#include "engine/policy.h"

struct shard;

/* Like dns_route: ROUTE_PENDING with the waiter registered, or the whole route. *ret_ports has
 * ROUTE_HOSTS_MAX places, by host. */
enum route_status smart_host_ask(struct shard *shard, const struct policy_route *smart,
                                 uint64_t waiter, struct route *ret, uint16_t *ret_ports);

#endif
