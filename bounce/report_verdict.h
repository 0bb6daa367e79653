/* report_verdict.h - from what a report says of a recipient to his class.
 *
 * Takes the reply, code and status out of a quoted text and asks the classifier; a text that says
 * nothing is followed by the next one: the server's reply, the transcript, the whole report.
 * Owns nothing. */
#ifndef BOUNCE_REPORT_VERDICT_H
#define BOUNCE_REPORT_VERDICT_H

#include "base/text.h"
#include "bounce/notice_words.h"
#include "bounce/report.h"

/* Of a quoted text only so much is read. */
#define REPORT_VERDICT_TEXT_MAX 2048

/* Adds to `out` the text with blanks and line ends made one space, and without the codes that begin
 * the further lines of an SMTP reply ("550-5.1.1 "); returns it. Cut at REPORT_VERDICT_TEXT_MAX. */
struct span report_verdict_unfold(struct span text, struct text *out);
/* What a class is found with. */
struct report_verdict {
    const struct classifier *classifier;
    const struct notice_phrases *phrases;
    struct span session;       /* a text with lines of an SMTP session in it, or empty */
    enum outcome_stage around; /* the command that is named in what else is said of the recipient */
};

/* Sets class, and code and status where none is known yet, by one more text (unfolded). Nothing
 * changes when a class is known and the text says less. */
void report_verdict_add(const struct report_verdict *verdict, struct span host, struct span text,
                        struct report_recipient *recipient);
/* Only code and status, where none is known yet. */
void report_verdict_codes(struct span text, struct report_recipient *recipient);
/* The command that the recipient's code answered in lines like ">>> DATA" and "<<< 550 ...": his
 * own RCPT, if it did; else the first one, for a session may name him otherwise. */
enum outcome_stage report_verdict_session(struct span text,
                                          const struct report_recipient *recipient);

#endif
