/* sender_line.h - one question to a running sender, through the control socket of its spool. */
#ifndef TOOLS_SENDER_LINE_H
#define TOOLS_SENDER_LINE_H

#include "base/text.h"

/* Whether a sender is there and answers; one that was killed a moment ago is waited out. */
MUST_USE bool sender_line_is_there(const char *spool);
/* Sends one line (its end is added) and reads the whole answer, as far as there is room. 0;
 * -ECONNREFUSED, -ENOENT: nobody is there; else -errno. */
MUST_USE int sender_line_ask(const char *spool, struct span request, struct text *answer);

#endif
