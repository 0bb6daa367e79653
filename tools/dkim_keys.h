/* dkim_keys.h - the key files of `dkim:`, read into locked memory. */
#ifndef TOOLS_DKIM_KEYS_H
#define TOOLS_DKIM_KEYS_H

#include "engine/policy.h"

/* policy->signing_keys for as many threads as a sender under `first` (the policy that it started
 * with) has; none when no key is configured. 0, or an exit code after the complaint was printed. */
MUST_USE int dkim_keys_load(struct policy *policy, const struct policy *first);

#endif
