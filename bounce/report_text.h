/* report_text.h - recipients of a failure from what a server wrote for people.
 *
 * Part of report.c's work; see report.h. */
#ifndef BOUNCE_REPORT_TEXT_H
#define BOUNCE_REPORT_TEXT_H

#include "bounce/report_workspace.h"

/* Weighs header and transcript; when they speak of a failure: kind, recipients, classes. False:
 * they do not; nothing was set. */
MUST_USE bool report_text_read(struct report_reader *reader, struct report *report);
/* Adds the recipients that stand best in the transcript, or in the header, or in the returned
 * message's. */
void report_text_name(struct report_reader *reader, struct report *report);
/* Adds one, with his class; not twice. */
void report_text_add(struct report_reader *reader, struct span mailbox, struct report *report);
/* Meanings of subject and transcript. */
uint32_t report_text_meanings(const struct report_reader *reader);

#endif
