/* policy_mail.h - what the operator decided about the mail itself: added fields, and keys.
 *
 * Part of policy.h. Knows nothing of campaigns and keys' contents. Owns nothing. */
#ifndef ENGINE_POLICY_MAIL_H
#define ENGINE_POLICY_MAIL_H

#include "engine/policy.h"

/* Whether these settings make sense: 0, or -EINVAL with *error. For policy_complete. */
MUST_USE int policy_mail_check(const struct policy *policy, struct text *error);
/* The header fields that are added. False: none. The spans are the policy's. */
MUST_USE bool policy_mail_added(const struct policy *policy,
                                struct added_fields_settings *ret_settings);
/* The item of `dkim:` whose domain is that of From, in ASCII, or the nearest above it; NULL: no key
 * signs in its name (those with also_sign may sign all the same). */
const struct policy_dkim *policy_mail_signer(const struct policy *policy, struct span author);

#endif
