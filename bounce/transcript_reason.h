/* transcript_reason.h - why a listed address failed: the paragraph behind it, up to the next one.
 *
 * Knows nothing of what the words in it mean, but for replies and headings. Part of transcript.c's
 * work. Spans point into the text. Owns nothing. */
#ifndef BOUNCE_TRANSCRIPT_REASON_H
#define BOUNCE_TRANSCRIPT_REASON_H

#include "bounce/transcript.h"

/* When all places are known: cuts each one's reason, which at first is all that stands behind the
 * address. */
void transcript_reason_end(struct transcript *transcript);

#endif
