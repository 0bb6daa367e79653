/* report_returned.h - the message that a report is about: its header, as far as it was returned.
 *
 * Owns nothing; spans point into the text that was given. */
#ifndef BOUNCE_REPORT_RETURNED_H
#define BOUNCE_REPORT_RETURNED_H

#include "bounce/report.h"
#include "message/header_list.h"

/* A message, a header alone, or what stands behind "this is a copy of the message": blank lines and
 * rules before it are passed over. `list` is room to work in, and holds the header afterwards. */
void report_returned_read(struct span text, struct header_list *list, struct report_returned *ret);

#endif
