/* progress.h - the line that moves while mail is sent, and the summary at the end.
 *
 * On a terminal one line, rewritten; otherwise a plain line every ten seconds. To standard error;
 * the result goes to standard output. */
#ifndef TOOLS_PROGRESS_H
#define TOOLS_PROGRESS_H

#include "engine/front.h"

struct progress {
    bool terminal;
    bool shown; /* the line on the terminal must be ended */
    uint64_t started_ns;
    uint64_t next_ns;
    uint64_t last_ns;
    uint64_t last_accepted;
    double rate;    /* accepted a second, smoothed */
    uint64_t to_do; /* recipients open at the start */
};

void progress_init(struct progress *progress, uint64_t now_ns, uint64_t to_do);
/* The words of the line. */
void progress_line(const struct progress *progress, const struct front_picture *picture,
                   struct text *line);
/* The line, when it is time for it. */
void progress_show(struct progress *progress, const struct front_picture *picture);
void progress_end(struct progress *progress);
/* What failed and why, what waits and why: to standard error. */
void progress_reasons(const struct summary *summary);

#endif
