/* sender_line.h - the way to a running sender: the control socket of its spool.
 *
 * A sender that was killed a moment ago still takes connections and answers nothing: whoever wants
 * to know whether one is there asks here, where that is waited out (3 s at most). */
#ifndef TOOLS_SENDER_LINE_H
#define TOOLS_SENDER_LINE_H

#include "base/text.h"

/* Whether a sender is there and answers. */
MUST_USE bool sender_line_is_there(const char *spool);
/* A socket connected to one that has answered just now. -ECONNREFUSED, -ENOENT: nobody is there;
 * else -errno. */
MUST_USE int sender_line_reach(const char *spool);
/* The same without waiting: sends one line (its end is added) and reads the whole answer, as far as
 * there is room. 0; -ECONNREFUSED, -ENOENT: nobody is there; else -errno. */
MUST_USE int sender_line_ask(const char *spool, struct span request, struct text *answer);

#endif
