/* report_verdict.h - from what a report says of a recipient to his class.
 *
 * Takes the reply, code and status out of a quoted text and asks the classifier; a text that says
 * nothing is followed by the next one: the server's reply, the transcript, the whole report.
 * Owns nothing. */
#ifndef BOUNCE_REPORT_VERDICT_H
#define BOUNCE_REPORT_VERDICT_H

#include "base/text.h"
#include "bounce/report.h"

/* Of a quoted text only so much is read. */
#define REPORT_VERDICT_TEXT_MAX 1024

/* Adds to `out` the text with blanks and line ends made one space, and without the codes that begin
 * the further lines of an SMTP reply ("550-5.1.1 "); returns it. Cut at REPORT_VERDICT_TEXT_MAX. */
struct span report_verdict_unfold(struct span text, struct text *out);
/* Sets class, and code and status where none is known yet, by one more text (unfolded). Nothing
 * changes when a class is known and the text says less. */
void report_verdict_add(const struct classifier *classifier, struct span host, struct span text,
                        struct report_recipient *recipient);

#endif
