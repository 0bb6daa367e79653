/* outcome.h - the verdict on one attempt for one recipient: what happened, where, and what was
 * said.
 *
 * Everything that ends an attempt becomes one struct outcome - NXDOMAIN, a reset, a timeout, a 550
 * - so that settling, retry, hygiene and events are the same code for every ending. A plain value.
 */
#ifndef MESSAGE_OUTCOME_H
#define MESSAGE_OUTCOME_H

#include "message/reply.h"

enum outcome_kind {
    OUTCOME_NONE = 0,   /* no verdict yet */
    OUTCOME_DELIVERED,  /* 2yz after the dot */
    OUTCOME_DEFERRED,   /* try again later */
    OUTCOME_UNSURE,     /* deferred, and the answer after the dot was lost: maybe delivered */
    OUTCOME_FAILED,     /* never again */
    OUTCOME_EXPIRED,    /* the lifetime ran out; the reply is the last one seen */
    OUTCOME_SUPPRESSED, /* not to be mailed */
    OUTCOME_CANCELLED,  /* an operator's decision */
    OUTCOME_RELEASED,   /* no attempt was made: back to the queue unchanged, nothing is journaled */
    OUTCOME_KIND_COUNT
};

enum outcome_stage {
    STAGE_NONE = 0,
    STAGE_QUEUE,   /* before anything was tried */
    STAGE_RESOLVE, /* DNS and routing */
    STAGE_CONNECT,
    STAGE_GREETING, /* the 220 */
    STAGE_EHLO,     /* EHLO or HELO */
    STAGE_TLS,
    STAGE_MAIL,
    STAGE_RCPT,
    STAGE_DATA, /* DATA or the first BDAT */
    STAGE_BODY, /* while the content was being sent */
    STAGE_DOT,  /* the answer after the content */
    STAGE_COUNT
};

/* Why, when it was no reply of the server's. */
enum outcome_cause {
    CAUSE_REPLY = 0,   /* the server's reply says it */
    CAUSE_NO_DOMAIN,   /* NXDOMAIN */
    CAUSE_NULL_MX,     /* RFC 7505 */
    CAUSE_NO_ADDRESS,  /* neither MX nor address, or no MX host has one */
    CAUSE_DNS_FAILURE, /* SERVFAIL, timeout, garbage: temporary */
    CAUSE_BAD_ROUTE,   /* only special addresses (ip_is_special) */
    CAUSE_CONNECT,     /* refused, unreachable, timed out: error_number */
    CAUSE_LOST,        /* the connection ended: error_number, or 0 for a plain close */
    CAUSE_TIMEOUT,     /* no answer in time */
    CAUSE_PROTOCOL,    /* replies that cannot be matched, floods, limits */
    CAUSE_TLS,
    CAUSE_LOCAL_CONTENT, /* the message does not fit this server (8-bit, SIZE) */
    CAUSE_LOCAL_LIFETIME,
    CAUSE_LOCAL_STOP,       /* ringpost is stopping; with CANCELLED: an operator has ended it */
    CAUSE_LOCAL_SUPPRESSED, /* the address is not to be mailed (bounce/hygiene.h) */
    CAUSE_LOCAL_SIGNATURE,  /* a signature could not be made */
    CAUSE_COUNT
};

struct outcome {
    enum outcome_kind kind;
    enum outcome_stage stage;
    enum outcome_cause cause;
    int error_number; /* errno of the cause, or 0 */
    struct reply
        reply; /* of the server; or made up here with code 0 and a text that says it in words */
};

/* From a server's reply at a stage (GREETING or later). What each gives; "-" is OUTCOME_NONE: no
 * verdict, go on.
 *
 *   stage     2yz  3yz          4yz       5yz
 *   GREETING  -    protocol     deferred  deferred: it refuses the host or our address
 *   EHLO      -    protocol     deferred  deferred: it refuses the session (after HELO failed too)
 *   TLS       -    protocol     deferred  deferred: it refuses TLS
 *   MAIL      -    protocol     deferred  failed; deferred when about the session
 *   RCPT      -    protocol     deferred  failed; deferred when about the session or the number of
 *                                         recipients
 *   DATA      -    -            deferred  failed; deferred when about the session
 *   BODY      -    -            deferred  failed; deferred when about the session
 *   DOT     delivered  unsure   deferred  failed; deferred when about the session
 *
 * "protocol" is deferred with CAUSE_PROTOCOL, and so is any code outside 200..599 (at the dot it is
 * unsure: the content is with the server and the answer says neither yes nor no).
 *
 * About the session are:
 * - 502, 503: command not known, out of order; the two sides have lost step. So is 500 before the
 *   content (at the dot 500 is "line too long", RFC 5321 4.5.3.1.9: failed);
 * - 530, 534, 535, 538: it wants AUTH or TLS first (RFC 4954, RFC 3207);
 * - 555: a parameter that EHLO offered and MAIL or RCPT did not know (RFC 5321 4.1.1.11);
 * - X.3.2 at MAIL: the system takes no mail now (RFC 3463).
 * 521 and 5.7.x from MAIL on refuse this sender: failed, and the bounce class keeps them from
 * counting against the recipient.
 *
 * About the number of recipients is 552 without an enhanced code, or X.5.3 under any code (RFC 5321
 * 4.5.3.1.10). 552 with another enhanced code (5.2.2 mailbox full, 5.3.4 too big) means what it
 * says. 421 is a 4yz everywhere; that the session ends with it is the caller's to see. */
struct outcome outcome_from_reply(enum outcome_stage stage, const struct reply *reply);
/* From a cause without a reply; `text` says it in words for people, error_number 0 or positive
 * errno. */
struct outcome outcome_from_cause(enum outcome_kind kind, enum outcome_stage stage,
                                  enum outcome_cause cause, int error_number, struct span text);
/* Stable lower-case names for events and logs: "deferred", "rcpt", "no-domain". */
/* Whether the answer after the dot was lost: UNSURE, or an EXPIRED whose last attempt ended so. */
MUST_USE bool outcome_is_unsure(const struct outcome *outcome);
const char *outcome_kind_name(enum outcome_kind kind);
const char *outcome_stage_name(enum outcome_stage stage);
const char *outcome_cause_name(enum outcome_cause cause);

#endif
