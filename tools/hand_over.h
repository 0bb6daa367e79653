/* hand_over.h - `ringpost send` beside a running sender: the campaign goes to it, and this command
 * waits and tells how far it is. */
#ifndef TOOLS_HAND_OVER_H
#define TOOLS_HAND_OVER_H

#include "tools/plan.h"

enum {
    HAND_OVER_NOBODY = -1, /* no sender answers on the spool */
    HAND_OVER_AGAIN = -2   /* not now; the same may be tried in a moment */
};

/* An exit code after everything was said, or one of the above: nothing was queued then by this
 * call, or it was and the next call finds it. `list`: as read before, or with no recipients for a
 * stream that nobody has read. */
int hand_over(struct plan *plan, struct plan_list *list, const char *spool);
/* The spool is in use, by whoever wrote his number into the lock. */
MUST_USE bool hand_over_is_locked(const char *spool);

#endif
