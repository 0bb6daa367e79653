/* report.h - a message that came back: what kind it is, whom it is about, and why.
 *
 * Reads the reports of RFC 3464, 3462, 6522 and 6533, the transcripts that mail servers write for
 * people, complaints (complaint.h), and tells answers of people and machines from failures. Every
 * recipient comes with what the report says of him and with the class that follows from it
 * (classify.h). What cannot be read is not found; nothing fails. A report proves nothing: whose
 * mail it was is for the signed return path to say (message/verp.h).
 *
 * Memory is the reader's, fixed at start; time grows with the size of the message and no faster.
 * Spans point into the message or the reader, and are good until the next report_read.
 * Knows nothing of files, return paths or lists. */
#ifndef BOUNCE_REPORT_H
#define BOUNCE_REPORT_H

#include "bounce/bounce_class.h"
#include "bounce/classify.h"

/* Of a message only so much is read. */
#define REPORT_MESSAGE_MAX (8 * MIB)
/* Further recipients are counted and not kept. */
#define REPORT_RECIPIENTS_MAX 256
/* Of a returned message's feedback ids (RFC 9477) only so many are kept: each that has a hand in
 * the mail may add its own, and ours need not be the first. */
#define REPORT_FEEDBACK_IDS_MAX 8

enum report_kind {
    REPORT_NORMAL = 0,  /* a person's mail, or nothing known */
    REPORT_BOUNCE,      /* at least one recipient failed for good */
    REPORT_DELAYED,     /* still being tried */
    REPORT_SUCCESS,     /* delivered, relayed, expanded */
    REPORT_COMPLAINT,   /* abuse, fraud */
    REPORT_UNSUBSCRIBE, /* opt-out */
    REPORT_MACHINE,     /* DMARC, TLS, authentication failures, receipts: about no one subscriber */
    REPORT_AUTO_REPLY,  /* out of office, acknowledgement */
    REPORT_CHALLENGE,   /* wants to see that a person wrote it */
    REPORT_KIND_COUNT
};

/* RFC 3464 2.3.3. */
enum report_action {
    REPORT_ACTION_NONE = 0,
    REPORT_FAILED,
    REPORT_RETRIED, /* "delayed" */
    REPORT_DELIVERED,
    REPORT_RELAYED,
    REPORT_EXPANDED,
    REPORT_ACTION_COUNT
};

struct report_recipient {
    struct span address;    /* whom the mail was for: the original recipient if a field names him,
                               else the final one or the one in the text; without angle brackets */
    struct span final;      /* Final-Recipient, or empty */
    struct span original;   /* Original-Recipient, or the one that the text says `address` was made
                               from; or empty */
    struct span host;       /* Remote-MTA, or empty */
    struct span diagnostic; /* what the server said, or the report in its place; unfolded */
    uint16_t code;          /* of the SMTP reply in it, or 0 */
    uint16_t status[3];     /* RFC 3463; class 0: none */
    enum report_action action;
    enum bounce_class class;
    enum classify_step step; /* what decided the class */
};

/* The message that it is about, as far as it came along; as written, folds and all. */
struct report_returned {
    struct span from;
    struct span to;
    struct span subject;
    struct span message_id;
    struct span return_path;
    struct span list_id;
    struct span list_unsubscribe;
    struct span feedback_id;
    struct span mail_from; /* a complaint's Original-Mail-From (RFC 5965 3.2) */
    /* CFBL-Feedback-ID, as they stand there, white space and comments in them */
    struct span cfbl_feedback_ids[REPORT_FEEDBACK_IDS_MAX];
    uint32_t cfbl_feedback_ids_count;
};

struct report {
    enum report_kind kind;
    struct span reporter; /* Reporting-MTA, or the domain of From */
    struct span feedback; /* Feedback-Type, or empty */
    struct span to;       /* address in To of the report: the return path, if nobody rewrote it */
    struct report_returned returned;
    struct report_recipient recipients[REPORT_RECIPIENTS_MAX];
    uint32_t recipients_count;
    uint32_t recipients_more; /* left out */
};

struct report_reader;

size_t report_cost(void);
/* At start: opens converters of charsets. The classifier must outlive the reader. */
struct report_reader *report_open(struct arena *arena, const struct classifier *classifier);
void report_close(struct report_reader *reader);

void report_read(struct report_reader *reader, struct span message, struct report *ret);
/* "bounce", "auto-reply". */
const char *report_kind_name(enum report_kind kind);
/* "failed", "delayed"; NULL for none. */
const char *report_action_name(enum report_action action);

#endif
