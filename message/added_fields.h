/* added_fields.h - the header fields that a sender adds to what its authors wrote.
 *
 *   List-Unsubscribe        RFC 2369; with each recipient's own keyed tag, by mail and by https
 *   List-Unsubscribe-Post   RFC 8058, only beside an https address
 *   Feedback-ID             Google's form "campaign:customer:kind:sender"
 *   CFBL-Address            RFC 9477: where complaints may be sent
 *   CFBL-Feedback-ID        RFC 9477 4.2; the recipient's keyed tag, by which a complaint proves
 *                           whose message it is about; only beside our own CFBL-Address
 *
 * They stand in front of the message's own header, each line ends with CRLF and none begins with a
 * dot. A field that the author wrote is never added a second time. The same settings and values
 * give the same octets. Knows nothing of configuration files, keys or the queue. Owns nothing. */
#ifndef MESSAGE_ADDED_FIELDS_H
#define MESSAGE_ADDED_FIELDS_H

#include "base/span.h"
#include "base/text.h"

#define ADDED_FIELDS_TAG_MAX 64
#define ADDED_FIELDS_URL_MAX 512
#define ADDED_FIELDS_ADDRESS_MAX 254
#define ADDED_FIELDS_FEEDBACK_MAX 255 /* of the setting; as long as what it becomes may be */
/* Octets that added_fields_write adds at most. */
#define ADDED_FIELDS_MAX                                                                           \
    (ADDED_FIELDS_URL_MAX + 4 * ADDED_FIELDS_ADDRESS_MAX + ADDED_FIELDS_FEEDBACK_MAX +             \
     3 * ADDED_FIELDS_TAG_MAX + 256)

/* Which of them a message has of its own; as bits. */
enum added_fields_own {
    ADDED_FIELDS_OWN_UNSUBSCRIBE = 1, /* List-Unsubscribe or List-Unsubscribe-Post */
    ADDED_FIELDS_OWN_FEEDBACK = 2,
    ADDED_FIELDS_OWN_CFBL = 4,
    ADDED_FIELDS_OWN_CFBL_ID = 8
};

/* Empty: is not added. Each as the function of its name below found it sound. */
struct added_fields_settings {
    struct span mailto;   /* the tag becomes its subaddress: "leave+TAG@example.com" */
    struct span url;      /* the tag is put behind it */
    struct span feedback; /* with {{campaign}}, {{tenant}}, {{stream}} */
    struct span cfbl;
    bool cfbl_id; /* CFBL-Feedback-ID too */
};

struct added_fields_values {
    uint32_t own;    /* bits of enum added_fields_own */
    struct span tag; /* letters and digits; empty: no List-Unsubscribe, no CFBL-Feedback-ID */
    bool is_bulk;    /* there is something to leave; else no List-Unsubscribe */
    struct span campaign, tenant, stream;
};

/* What the header of a message, as its author wrote it, has of its own. */
uint32_t added_fields_own(struct span message);
void added_fields_write(const struct added_fields_settings *settings,
                        const struct added_fields_values *values, struct text *out);

/* What is wrong with a setting, one clause in words, or NULL. */
const char *added_fields_mailto_problem(struct span mailto);
const char *added_fields_url_problem(struct span url);
const char *added_fields_feedback_problem(struct span feedback);
const char *added_fields_cfbl_problem(struct span address);

#endif
