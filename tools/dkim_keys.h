/* dkim_keys.h - the key files of `dkim:`, read into locked memory. */
#ifndef TOOLS_DKIM_KEYS_H
#define TOOLS_DKIM_KEYS_H

#include "engine/policy.h"

/* policy->signing_keys for as many threads as a sender under `first` (the policy that it started
 * with) has; none when no key is configured. 0, or an exit code after the complaint was printed. */
MUST_USE int dkim_keys_load(struct policy *policy, const struct policy *first);
/* Whether as much locked memory again is there: a reload has the new keys beside the old ones. 0,
 * or what locking said, with *error. The policy's own keys stay open meanwhile. */
MUST_USE int dkim_keys_fit_again(const struct policy *policy, struct text *error);

#endif
