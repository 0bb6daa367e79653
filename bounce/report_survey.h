/* report_survey.h - which part of a received message is what, as reports are built (RFC 6522).
 *
 * Owns nothing; indices of mime->parts. */
#ifndef BOUNCE_REPORT_SURVEY_H
#define BOUNCE_REPORT_SURVEY_H

#include "message/mime.h"

#define REPORT_SURVEY_TEXTS_MAX 4
#define REPORT_SURVEY_NONE UINT16_MAX

struct report_survey {
    uint16_t status;   /* message/delivery-status, message/global-delivery-status */
    uint16_t feedback; /* message/feedback-report */
    uint16_t receipt;  /* message/disposition-notification, and global */
    uint16_t returned; /* the message, or its header, that came along */
    uint16_t texts[REPORT_SURVEY_TEXTS_MAX]; /* for people, in their order; HTML only where nothing
                                                else */
    uint32_t texts_count;
    bool report;          /* multipart/report */
    bool receipt_report;  /* ... report-type=disposition-notification */
    bool feedback_report; /* ... report-type=feedback-report */
    bool tls_report;      /* ... report-type=tlsrpt, or a part of its type */
    bool archive;         /* a zip or gzip file is attached */
    bool calendar;        /* text/calendar */
};

void report_survey_read(const struct mime *mime, struct report_survey *ret);

#endif
