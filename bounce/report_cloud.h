/* report_cloud.h - notices of a mail service that come as JSON in a mail (Amazon SES through SNS).
 *
 * The same object may stand plain or as a string inside another one, with its quotes escaped. Reads
 * what is needed by key, wherever it stands. Owns nothing. */
#ifndef BOUNCE_REPORT_CLOUD_H
#define BOUNCE_REPORT_CLOUD_H

#include "bounce/report.h"

/* Of a notice only so much is read. */
#define REPORT_CLOUD_SIZE_MAX (128 * KIB)

/* False: the text is no such notice. Otherwise fills kind, recipients and the returned header. */
MUST_USE bool report_cloud_read(struct span text, struct report *report);

#endif
