/* unmet.h - mail that none of its hosts can take for want of TLS: deferred, or failed for good, and
 * why, in words.
 *
 * Deferred is the rule: what is lacking may be mended. For good is only what RFC 8689 4.2.1 wants
 * so, and only when it was seen and not guessed: REQUIRETLS, and every host of the route has
 * answered lately and refused by itself - it offers no STARTTLS, shows a certificate that is wrong,
 * or does not offer REQUIRETLS - or nobody vouches for the hosts' names although everybody who
 * could was heard. A host that was not reached, a handshake that broke, a resolver that is not
 * trusted, a policy that could not be fetched: all that is trouble, which passes.
 *
 * Pure: what was seen of the hosts is in the destination. */
#ifndef ENGINE_UNMET_H
#define ENGINE_UNMET_H

#include "engine/destination.h"
#include "message/outcome.h"

/* What there is to say about a domain for whose hosts' names nobody vouches. */
enum unmet_doubt {
    UNMET_NO_DOUBT = 0,  /* neither DNSSEC nor MTA-STS does, and both were asked */
    UNMET_AD_NOT_ASKED,  /* dns.trust_ad is off: nobody knows what DNSSEC says */
    UNMET_AD_NEVER_SEEN, /* a resolver that was asked has not told one secure answer yet: does it
                            validate? */
    UNMET_STS_NOT_ASKED, /* tls.mta_sts is off, or TLS for the domain */
    UNMET_STS_OLD,       /* what was known of its MTA-STS policy is out of date */
    UNMET_STS_FAILED,    /* its MTA-STS policy could not be had */
    UNMET_DOUBT_COUNT
};

struct unmet {
    const struct destination *destination;
    uint32_t needs;         /* bits of tls_policy.h, not all of which its hosts have */
    enum unmet_doubt doubt; /* of the hosts' names */
    uint64_t now_ns;
};

MUST_USE struct outcome unmet_outcome(const struct unmet *unmet);

#endif
