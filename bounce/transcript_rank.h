/* transcript_rank.h - how well an address stands, by its line and what was said before.
 *
 * Alone at the start of a line behind "the following addresses", in an SMTP reply, behind "sender".
 * Knows nothing of other addresses but the one before it in the line. Part of transcript.c's work.
 * Spans point into the text. Owns nothing. */
#ifndef BOUNCE_TRANSCRIPT_RANK_H
#define BOUNCE_TRANSCRIPT_RANK_H

#include "bounce/transcript.h"

/* The line that is being read, and what the text has said up to it. */
struct transcript_rank_line {
    struct span text;
    struct span above; /* the last line with something in it, without the marks at its end */
    uint32_t meanings; /* bits of enum notice_meaning: up to and with this line */
    uint32_t here;     /* of this line and the one before */
    bool session;      /* lines of an SMTP session come here */
};

/* Of the address `mailbox`, which points into line->text. `previous`: the rank of the address
 * before it in the line, or TRANSCRIPT_NOBODY; `gap`: what stands between the two, or in front of
 * the first. */
MUST_USE enum transcript_rank transcript_rank_of(const struct transcript_rank_line *line,
                                                 struct span mailbox, enum transcript_rank previous,
                                                 struct span gap);

#endif
