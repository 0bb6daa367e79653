/* report_json.h - what a message that came back says, as JSON: the same keys wherever it is told.
 *
 * Knows no file and no store: values in, text out. */
#ifndef TOOLS_REPORT_JSON_H
#define TOOLS_REPORT_JSON_H

#include "base/text.h"
#include "bounce/report.h"

/* What the keys of a report need behind the last recipient, with the end of the line. */
#define REPORT_JSON_END 64

/* "5.1.1" */
void report_json_status(struct text *out, const uint16_t status[3]);
/* The keys "recipients" (`count` of them, from `first`) and, if some found no room in the report or
 * here, "recipients_more", into an open object that has room for more than REPORT_JSON_END. What
 * ends the object still finds room then. */
void report_json_recipients(struct text *out, const struct report *report, uint32_t first,
                            uint32_t count);

#endif
