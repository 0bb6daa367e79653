/* route_build.h - a route out of what the cache knows, or the questions that are missing.
 *
 * Knows nothing of packets or waiters; it only reads the cache. RFC 5321 5.1, RFC 7505. */
#ifndef DNS_ROUTE_BUILD_H
#define DNS_ROUTE_BUILD_H

#include "base/prng.h"
#include "dns/dns.h"
#include "dns/inquiry.h"
#include "dns/route.h"

struct route_build {
    struct dns_cache *cache;
    struct prng *prng;
    enum dns_families families;
    bool allow_special;
    uint64_t now_ns;
};

/* The route is ROUTE_PENDING exactly when the inquiry lacks something. */
void route_build_domain(const struct route_build *build, const struct dns_name *domain,
                        struct route *ret_route, struct inquiry *ret_inquiry);
void route_build_host(const struct route_build *build, const struct dns_name *host,
                      struct route *ret_route, struct inquiry *ret_inquiry);
/* An address given instead of a name: a route without questions. */
void route_build_literal(const struct ip *ip, struct route *ret_route);
/* A route that is a failure, with the words for it. */
void route_build_failure(struct route *ret_route, enum route_status status, uint64_t expires_ns,
                         const char *problem);

#endif
