/* proof.h - whose mail it was that came back: the keyed tag, wherever it survived.
 *
 * A report proves nothing by what it says; the tag that our return path carried does
 * (message/verp.h). It is looked for where the mail was delivered to (the envelope, then the fields
 * that delivery agents write), in To, in what was returned of our own message (its return path,
 * List-Unsubscribe, and CFBL-Feedback-ID, RFC 9477), and in the subject (a List-Unsubscribe
 * mailto). Relays rewrite addresses: a tag is found in any case, behind prefixes and before
 * suffixes ("bounce+TAG@", "TAG=example.com@", "=3DTAG", SRS and BATV forms). The first valid one
 * in this order counts, and without a valid one nothing does.
 *
 * Of several recipients in a report the one that the mail was for is told by the original, then by
 * the final recipient: never the other way round, so that nobody's tag speaks for somebody else.
 * Knows nothing of clocks, files or lists. Owns nothing. */
#ifndef BOUNCE_PROOF_H
#define BOUNCE_PROOF_H

#include "bounce/report.h"
#include "message/verp.h"

/* Of a text so much is searched, and so many places in it that could be tags are tried. */
#define PROOF_TEXT_MAX 2048
#define PROOF_TRIES_MAX 8

enum proof_place {
    PROOF_NOWHERE = 0,
    PROOF_ENVELOPE,  /* whom the mail was delivered to */
    PROOF_DELIVERED, /* Delivered-To, X-Original-To, Envelope-To, X-Envelope-To */
    PROOF_TO,        /* To of the report */
    PROOF_RETURNED,  /* a field of the message that came back */
    PROOF_SUBJECT,   /* "unsubscribe TAG" */
    PROOF_PLACE_COUNT
};

struct proof_question {
    const struct verp_keys *keys;
    uint16_t today;              /* days since 1970-01-01 */
    struct span envelope;        /* RCPT TO as it was delivered; may be empty */
    struct span message;         /* the whole of what came in; its header is read */
    const struct report *report; /* of the same message */
};

struct proof {
    enum verp_verdict verdict; /* VERP_VALID, or the best of what was found */
    enum proof_place place;    /* where */
    struct identity identity;  /* set when VERP_VALID or VERP_EXPIRED */
    uint16_t day;              /* of the attempt */
};

/* Looks through one text. `place` is only noted. */
void proof_scan(struct span text, enum proof_place place, const struct verp_keys *keys,
                uint16_t today, struct proof *ret_proof);
void proof_find(const struct proof_question *question, struct proof *ret_proof);
/* The recipient of the report that is about this address, or NULL when it names nobody. One that
 * matches no address stands for him all the same when he is the only one or failed first: mail is
 * forwarded. */
const struct report_recipient *proof_recipient(const struct report *report, struct span address);
/* "envelope", "returned". */
const char *proof_place_name(enum proof_place place);

#endif
