/* content_signable.h - whether a campaign's messages can be signed at all, known before any of them
 * is queued or claimed: each limit of signing in words of its own.
 *
 * What depends on a recipient's values is not seen here; preface.h says it when a recipient is
 * claimed. Allocates; for the front thread and the tools. Owns nothing. */
#ifndef ENGINE_CONTENT_SIGNABLE_H
#define ENGINE_CONTENT_SIGNABLE_H

#include "engine/content.h"
#include "engine/policy.h"

enum content_signable {
    CONTENT_SIGNABLE,           /* or nobody signs it */
    CONTENT_SIGNABLE_NO_FIELD,  /* there is no header, or a line of it is no field */
    CONTENT_SIGNABLE_FIELDS,    /* more than DKIM_FIELDS_MAX to be signed */
    CONTENT_SIGNABLE_HEADER,    /* larger than PREFACE_HEADER_MAX */
    CONTENT_SIGNABLE_SIGNATURE, /* the signature's own field would be larger than DKIM_FIELD_MAX */
    CONTENT_SIGNABLE_ROOM       /* signatures and added fields together: PREFACE_SIZE */
};

/* In words; empty for CONTENT_SIGNABLE. */
struct span content_signable_words(enum content_signable fault);
/* Of mail on that lane under that policy, whose key files need not have been read. 0; -EINVAL with
 * *why: no message of it can be signed; -ENOMEM. */
MUST_USE int content_signable_check(const struct content *content, enum lane lane,
                                    const struct policy *policy, struct text *why);
/* content_add, then that check: what cannot be signed is -EINVAL as well, and content_hold is due.
 */
MUST_USE int content_signable_add(struct content_set *set, uint32_t campaign_index,
                                  const struct campaign *campaign, const struct policy *policy,
                                  struct text *why);
/* The same of a campaign that is not queued yet. The domain of its From is added to *ret_author
 * (which may be NULL) when it is known. */
MUST_USE int content_signable_draft(const struct campaign_descriptor *draft, struct span content,
                                    const struct policy *policy, struct text *why,
                                    struct text *ret_author);

#endif
