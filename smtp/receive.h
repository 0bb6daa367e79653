/* receive.h - the receiving side of one SMTP session (RFC 5321), as bytes in and bytes out.
 *
 * For mail that comes back: a domain of return paths can point its MX here. Speaks EHLO, HELO,
 * MAIL, RCPT, DATA, BDAT (RFC 3030), RSET, NOOP, VRFY, EXPN, HELP, QUIT, STARTTLS (RFC 3207) and
 * PIPELINING (RFC 2920). Knows nothing of sockets, time, tags or reports: who may be written to,
 * and whether a message was taken, the caller decides. Nothing is relayed, nobody logs in.
 *
 *   COMMANDS -- DATA --> CONTENT -- final dot --> COMMANDS
 *   COMMANDS -- BDAT n --> CHUNK -- n octets --> COMMANDS
 *   COMMANDS -- STARTTLS --> SECURING -- receive_secured() --> COMMANDS, everything forgotten
 *   any state -- QUIT, too many faults, octets behind STARTTLS --> CLOSED
 *
 * Every limit has one reply: a command line over RECEIVE_LINE_MAX 500, a path or parameter that is
 * none 501, 553 or 555, recipients over recipients_max 452, content over size_max 552 (it is read
 * and thrown away), transactions over transactions_max and faults over RECEIVE_FAULTS_MAX 421.
 *
 * Borrows options.hostname for its life. The caller's loop:
 *   for (;;) switch (receive_step(receive, &input, &out)) {
 *   RECEIVE_WANT_INPUT:     send out; if input is consumed wait for more; leave the loop or go on
 *   RECEIVE_WANT_RECIPIENT: look at receive_recipient(); receive_answer(...); go on
 *   RECEIVE_WANT_CONTENT:   append receive_piece() to the message of this transaction; go on
 *   RECEIVE_WANT_VERDICT:   the message is complete; receive_answer(...); go on
 *   RECEIVE_WANT_TLS:       send out; the handshake; receive_secured(); go on
 *   RECEIVE_WANT_CLOSE:     send out; close
 *   } */
#ifndef SMTP_RECEIVE_H
#define SMTP_RECEIVE_H

#include "base/text.h"
#include "message/address.h"
#include "smtp/receive_body.h"
#include "smtp/receive_line.h"

#define RECEIVE_REPLY_MAX                                                                          \
    768 /* octets of the longest reply: `out` must have as many free at first */
#define RECEIVE_FAULTS_MAX 20 /* refused commands and recipients before 421 */

enum receive_want {
    RECEIVE_WANT_INPUT,     /* the input is consumed, or out is full */
    RECEIVE_WANT_RECIPIENT, /* somebody is to be written to */
    RECEIVE_WANT_CONTENT,   /* a piece of the message, as it is without dot-stuffing */
    RECEIVE_WANT_VERDICT,   /* the message is complete */
    RECEIVE_WANT_TLS,       /* STARTTLS was accepted */
    RECEIVE_WANT_CLOSE      /* the session is over */
};

enum receive_verdict {
    RECEIVE_ACCEPT = 0, /* 250 */
    RECEIVE_UNKNOWN,    /* 550 5.1.1: no such recipient here */
    RECEIVE_REFUSE,     /* 554 5.7.1: not this one */
    RECEIVE_LATER       /* 451 4.3.0: try again later */
};

enum receive_state {
    RECEIVE_GREETING = 0, /* the 220 is not written yet */
    RECEIVE_COMMANDS,     /* lines are commands */
    RECEIVE_CONTENT,      /* behind DATA's 354 */
    RECEIVE_CHUNK,        /* behind BDAT: counted octets */
    RECEIVE_SECURING,     /* the handshake is the caller's */
    RECEIVE_CLOSED
};

struct receive_options {
    struct span hostname; /* at most 255 octets */
    bool tls;             /* STARTTLS is offered */
    bool busy;            /* too many sessions: greet with 421 and end */
    uint64_t size_max;    /* octets a message */
    uint32_t recipients_max;
    uint32_t transactions_max;
};

enum receive_asked {
    RECEIVE_ASKED_NOTHING = 0,
    RECEIVE_ASKED_RECIPIENT,
    RECEIVE_ASKED_MESSAGE,
    RECEIVE_ASKED_TLS
};

struct receive {
    enum receive_state state;
    struct receive_options options;
    bool greeted;    /* HELO or EHLO came */
    bool secured;    /* TLS stands */
    bool mailing;    /* MAIL was accepted */
    bool chunked;    /* BDAT was begun in this transaction: DATA is an error now */
    bool chunk_last; /* the chunk under way is the last */
    bool chunk_void; /* the chunk under way is thrown away: its answer is already decided */
    bool oversize;   /* the content is over size_max and thrown away */
    enum receive_asked asked;
    uint32_t recipients_count; /* accepted in this transaction */
    uint32_t transactions_count;
    uint32_t faults_count;
    uint64_t content_size;
    uint64_t chunk_left;
    struct span piece;
    struct receive_body body;
    struct receive_line line;
    uint16_t sender_size;
    uint16_t recipient_size;
    uint8_t sender[ADDRESS_SIZE_MAX];
    uint8_t recipient[ADDRESS_SIZE_MAX];
};

void receive_init(struct receive *receive, const struct receive_options *options);
/* Consumes *input and writes replies into out. With RECEIVE_WANT_INPUT and input left, out is too
 * full for another reply: send it and call again with the rest. */
MUST_USE enum receive_want receive_step(struct receive *receive, struct span *input,
                                        struct text *out);
/* Answers RECEIVE_WANT_RECIPIENT or RECEIVE_WANT_VERDICT. */
void receive_answer(struct receive *receive, enum receive_verdict verdict, struct text *out);
/* The handshake of RECEIVE_WANT_TLS is complete: what was said in clear is forgotten. */
void receive_secured(struct receive *receive);

/* The reverse-path of the transaction, empty for <>. */
struct span receive_sender(const struct receive *receive);
/* The mailbox of RECEIVE_WANT_RECIPIENT, as written; valid until the next step. */
struct span receive_recipient(const struct receive *receive);
/* With RECEIVE_WANT_CONTENT; borrowed from the input, valid until the next step. */
struct span receive_piece(const struct receive *receive);
/* Counts up with every accepted MAIL: content of another number belongs to another message, and one
 * without a verdict was given up by the client. */
uint32_t receive_transaction(const struct receive *receive);

#endif
