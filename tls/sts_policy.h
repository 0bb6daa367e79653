/* sts_policy.h - an MTA-STS policy: read it (RFC 8461 3.2), match a mail host against it (4.1).
 *
 * Knows nothing of where the policy came from or how long it is kept. A plain value. */
#ifndef TLS_STS_POLICY_H
#define TLS_STS_POLICY_H

#include "base/span.h"
#include "base/text.h"

#define STS_POLICY_BODY_MAX ((size_t)64 * 1024) /* RFC 8461 3.3 suggests it */
#define STS_POLICY_AGE_MAX_S 31557600
#define STS_POLICY_PATTERNS_SIZE 2048

enum sts_mode {
    STS_NONE = 0, /* the domain has no policy any more */
    STS_TESTING,  /* failures are reported, mail flows */
    STS_ENFORCE,  /* only to hosts that match, only over TLS with a good certificate */
};

struct sts_policy {
    enum sts_mode mode;
    uint32_t max_age_s; /* a larger one is cut to STS_POLICY_AGE_MAX_S */
    uint32_t patterns_size;
    char patterns[STS_POLICY_PATTERNS_SIZE]; /* lower case, each ended by LF */
};

/* Reads the body of mta-sts.txt. False: it is no valid policy, *ret_problem says why in words for
 * people (static text). Of a field given twice (but mx) the first counts; unknown ones are passed
 * over. Patterns of more than STS_POLICY_PATTERNS_SIZE octets make it invalid. */
MUST_USE bool sts_policy_read(struct span body, struct sts_policy *ret_policy,
                              const char **ret_problem);
/* Whether the mail host (with or without final dot, any case) is named by a pattern: itself, or
 * with one label in place of "*". */
MUST_USE bool sts_policy_names(const struct sts_policy *policy, struct span host);
/* The patterns one by one: takes the next off *rest, which starts as sts_policy_patterns. */
struct span sts_policy_patterns(const struct sts_policy *policy);
/* The policy as lines "version: STSv1", "mode: ...": sts_policy_read of it gives the same again. */
void sts_policy_write(const struct sts_policy *policy, struct text *out);
const char *sts_policy_mode_name(enum sts_mode mode); /* "none", "testing", "enforce" */

#endif
