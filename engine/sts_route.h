/* sts_route.h - what an MTA-STS policy leaves of a domain's route (RFC 8461 5).
 *
 * Under `enforce` a mail host that the policy does not name is not used: it is taken out of the
 * route before the site is formed, so that a domain with a policy that is wrong has a site of its
 * own and its siblings behind the same MX records keep theirs. Only the hosts in the route are
 * looked at (ROUTE_HOSTS_MAX). Pure. */
#ifndef ENGINE_STS_ROUTE_H
#define ENGINE_STS_ROUTE_H

#include "dns/route.h"
#include "tls/sts_cache.h"

enum sts_route_verdict {
    STS_ROUTE_FREE,     /* nothing is demanded; the route is as it was */
    STS_ROUTE_ENFORCED, /* verified TLS is demanded; the route has the named hosts alone */
    STS_ROUTE_EMPTY     /* none of the hosts is named: no mail to this domain now */
};

/* `route` is ROUTE_OK; its site name follows the hosts. EMPTY leaves it as it was. */
enum sts_route_verdict sts_route_judge(const struct sts_view *view, struct route *route);
/* Whether a policy, testing or enforce, names all that the route has: MTA-STS vouches for the hosts
 * (RFC 8689 4.2.1). */
MUST_USE bool sts_route_vouched(const struct sts_view *view, const struct route *route);

#endif
