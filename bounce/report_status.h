/* report_status.h - recipients from the machine-readable part of a report (RFC 3464).
 *
 * Part of report.c's work; see report.h. */
#ifndef BOUNCE_REPORT_STATUS_H
#define BOUNCE_REPORT_STATUS_H

#include "bounce/report_workspace.h"

/* Of such a part only so much is read. */
#define REPORT_STATUS_SIZE_MAX (1 * MIB)

/* From such fields, or a text that has some in it: recipients, their classes, the kind. False:
 * there was no recipient; nothing but the reporter may be set. */
MUST_USE bool report_status_read(struct report_reader *reader, struct span fields,
                                 struct report *report);
/* The value of a field behind "smtp;" or "dns;". */
struct span report_status_value(struct span value);

#endif
