/* resolve_limits.h - the operator's word about a site, as `ringpost resolve` says it: the limits
 * and the route through smart hosts, each with the place in the configuration that it comes from.
 *
 * Knows nothing of the network. */
#ifndef TOOLS_RESOLVE_LIMITS_H
#define TOOLS_RESOLVE_LIMITS_H

#include "engine/policy.h"

/* One line a limit, to the standard output. */
void resolve_limits_print(const struct policy *policy, struct span site);
/* Keys of an open object: the limits, and "limits_from" with the origin of each. */
void resolve_limits_put(const struct policy *policy, struct span site, struct text *out);

void resolve_smart_print(const struct policy *policy, const struct policy_route *route);
/* The key "route": null where MX records decide. */
void resolve_smart_put(const struct policy *policy, const struct policy_route *route,
                       struct text *out);

#endif
