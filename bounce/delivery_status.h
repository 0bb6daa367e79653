/* delivery_status.h - the fields of a machine-readable report (RFC 3464, RFC 6533).
 *
 * Groups of fields with blank lines between: the first about the message, then one a recipient.
 * Also reads what is only like it: fields in running text, groups without blank lines between,
 * lines that are no fields (skipped). Nothing is interpreted but the form. Owns nothing. */
#ifndef BOUNCE_DELIVERY_STATUS_H
#define BOUNCE_DELIVERY_STATUS_H

#include "base/span.h"

/* One recipient, values as they stand with their folds; empty: not given. */
struct delivery_status {
    struct span final;
    struct span original;
    struct span actual; /* X-Actual-Recipient */
    struct span action;
    struct span status;
    struct span diagnostic;
    struct span remote_mta;
};

/* Where reading stands; zeroed at first, with `rest`. */
struct delivery_status_reader {
    struct span rest;
    struct span reporting_mta; /* once its group was read */
    struct span queue_from;    /* Received-From-MTA */
};

/* The next group with a recipient or an action. False: there are no more. */
MUST_USE bool delivery_status_next(struct delivery_status_reader *reader,
                                   struct delivery_status *ret);

#endif
