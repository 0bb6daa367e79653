/* complaint.h - what a mailbox provider forwards when a subscriber presses "this is spam".
 *
 * Reads the fields of RFC 5965 (and 6591, 6650) and the forms of providers that send the message
 * alone, with a note in its header. Whether it is a complaint, an opt-out or a report for the
 * operator follows from Feedback-Type. Owns nothing. */
#ifndef BOUNCE_COMPLAINT_H
#define BOUNCE_COMPLAINT_H

#include "bounce/report.h"
#include "message/mime.h"

struct complaint {
    enum report_kind kind; /* REPORT_COMPLAINT, _UNSUBSCRIBE or _MACHINE */
    struct span feedback;  /* Feedback-Type */
    struct span recipient; /* Original-Rcpt-To: often hidden by the provider */
    struct span mail_from; /* Original-Mail-From: the return path, with its tag */
    struct span source_ip; /* Source-IP */
    struct span reporter;  /* User-Agent or Reporting-MTA */
    struct span removal;   /* Removal-Recipient */
};

/* From the fields of a message/feedback-report part. */
void complaint_read(struct span fields, struct complaint *ret);
/* A provider's form without such a part: by the header of the message. False: it is none. */
MUST_USE bool complaint_recognise(const struct header_list *header, struct span subject,
                                  struct complaint *ret);

#endif
