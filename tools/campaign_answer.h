/* campaign_answer.h - what a running sender says of one campaign: whether it is there, and how far.
 *
 * The answer to `find` on the control socket (engine/query). Knows nothing of what is to be done
 * about it. A plain value. */
#ifndef TOOLS_CAMPAIGN_ANSWER_H
#define TOOLS_CAMPAIGN_ANSWER_H

#include "tools/plan.h"

struct campaign_answer {
    bool service; /* the sender does not end by itself */
    bool found;
    bool require_tls;
    bool leaves_unsigned; /* no key of the sender's signs in the name of plan->author */
    enum campaign_state state;
    bool held;
    char fault[4 * 512]; /* printable: an octet may take four */
    uint8_t content_digest[CAMPAIGN_DIGEST_SIZE];
    uint8_t list_digest[CAMPAIGN_DIGEST_SIZE];
    struct campaign_counts counts;
    uint64_t sessions; /* of the sender */
    uint64_t opening;  /* ...of which so many have carried nothing yet */
    uint64_t pauses;   /* domains to which an operator keeps its mail back */
};

/* About the campaign of the plan's name. 0, or -errno: nobody answers, or not so. */
MUST_USE int campaign_answer_ask(const struct plan *plan, const char *spool,
                                 struct campaign_answer *ret);

#endif
