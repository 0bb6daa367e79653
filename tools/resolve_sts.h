/* resolve_sts.h - fetches a domain's MTA-STS policy for `ringpost resolve`, as a shard would.
 *
 * Asks the world, not the spool: what is kept there may be older. Without roots to verify policy
 * hosts by, or where the configuration does without, nothing is asked. */
#ifndef TOOLS_RESOLVE_STS_H
#define TOOLS_RESOLVE_STS_H

#include "engine/policy.h"
#include "engine/resolver.h"
#include "engine/sts_fetch.h"

struct resolve_sts {
    bool on;
    struct io *io;
    struct resolver *resolver;
    struct tls_context tls;
    struct arena arena;
    struct sts_fetch fetch;
};

struct resolve_sts_options {
    const struct policy *policy;
    struct span roots_pem;
    struct io *io;
    struct resolver *resolver;
    uint64_t seed;
};

/* 0, or -errno with *why. */
MUST_USE int resolve_sts_open(struct resolve_sts *sts, const struct resolve_sts_options *options,
                              struct text *why);
void resolve_sts_close(struct resolve_sts *sts);
/* Waits. `domain` as its key; the view is valid until the next call. */
struct sts_view resolve_sts_find(struct resolve_sts *sts, struct span domain);

#endif
