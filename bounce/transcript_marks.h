/* transcript_marks.h - the marks that mail servers put around addresses: brackets, quotes, dashes.
 *
 * Knows nothing of what stands between them. Part of transcript.c's work. Owns nothing. */
#ifndef BOUNCE_TRANSCRIPT_MARKS_H
#define BOUNCE_TRANSCRIPT_MARKS_H

#include "base/span.h"

/* Whether this is one of the marks in front of an address, or a blank. */
MUST_USE bool transcript_marks_is(uint8_t byte);
/* `text` without the marks at its end; colons, semicolons and commas are marks there. */
struct span transcript_marks_trim_end(struct span text);
/* Whether nothing but marks stands here, closing ones too. */
MUST_USE bool transcript_marks_only(struct span text);

#endif
