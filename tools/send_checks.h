/* send_checks.h - what `ringpost send` asks before it queues, and tells of a campaign that is there
 * already: the same words at rest and beside a running sender. */
#ifndef TOOLS_SEND_CHECKS_H
#define TOOLS_SEND_CHECKS_H

#include "tools/plan.h"

/* A campaign of the plan's name that was found. */
struct send_checks_found {
    const uint8_t *content_digest;
    const uint8_t *list_digest;
    const char *fault; /* why it is held, or NULL */
    enum campaign_state state;
    bool require_tls;
};

void send_checks_samples(const struct plan *plan, const struct plan_list *list);
/* Whether the content can be signed as that policy says; plan->author is known then. 0, or an exit
 * code after the complaint was printed. */
MUST_USE int send_checks_signable(struct plan *plan, const struct policy *policy);
/* 0: the user says yes; else an exit code. */
MUST_USE int send_checks_ask(const struct plan *plan, const struct plan_list *list);
/* 0: it is the same and goes on; else an exit code after the complaint was printed. Reads the list
 * when nobody has yet. */
MUST_USE int send_checks_resume(struct plan *plan, struct plan_list *list,
                                const struct send_checks_found *found);

#endif
