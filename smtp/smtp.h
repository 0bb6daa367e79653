/* smtp.h - the client side of one SMTP session (RFC 5321, RFC 2920), as bytes in and bytes out.
 *
 * Knows nothing of sockets, time, TLS or the queue. smtp_step() reads replies, writes at most one
 * burst of commands, and says what the caller must do next. Several transactions may be open: with
 * PIPELINING the dot of one and MAIL, RCPT, DATA of the next leave in one flight.
 *
 *   GREETING -> EHLO (-> HELO) -> READY -> QUIT -> CLOSED
 *   EHLO -> STARTTLS -> SECURING -> EHLO again, what was offered in clear forgotten (RFC 3207)
 *   SECURING -> GREETING: TLS from the first octet (SMTP_TLS_FIRST)
 *   EHLO -> AUTH -> READY: a route with a password, behind TLS alone (RFC 4954)
 *   any state -> CLOSED: 421, loss, timeout, a reply that matches no command
 *
 *   a transaction:  COMMANDS -> BODY -> DOT -> settled
 *                   COMMANDS -> REFUSED (settled, its replies drain) (-> LONE_DOT) -> gone
 *
 * Every envelope given is settled exactly once, and all are settled before SMTP_WANT_CLOSE.
 * docs/smtp-states.md has the diagram and the table of outcomes.
 *
 * Owns: nothing on the heap. Borrows: options.hostname, user and password for its life;
 * the spans of an envelope until its transaction is settled.
 *
 * The caller's loop:
 *   smtp_init; then, when connected and whenever something happened:
 *   for (;;) switch (smtp_step(smtp, &input, &out)) {
 *   SMTP_WANT_REPLY:    send out; wait for bytes (smtp_timeout_ns); leave the loop
 *   SMTP_WANT_ENVELOPE: smtp_envelope(...) or smtp_pass(smtp) or smtp_quit(smtp); go on
 *   SMTP_WANT_BODY:     append the content of smtp_body_tag() with its final dot to out, sending as
 *                       it fills; when the last octet is in out: smtp_body_done(); go on
 *   SMTP_WANT_SETTLE:   smtp_settled(...); go on
 *   SMTP_WANT_TLS:      send out; octets that came and are not yet input are a fault; the
 * handshake: then smtp_secured(), and input and out pass through the filter from now on; or
 * smtp_lost(CAUSE_TLS); go on SMTP_WANT_CLOSE:    send what is in out if it can be sent at once;
 * close
 *   } */
#ifndef SMTP_SMTP_H
#define SMTP_SMTP_H

#include "base/text.h"
#include "message/envelope.h"
#include "message/outcome.h"
#include "smtp/command.h"
#include "smtp/ehlo.h"
#include "smtp/reply_reader.h"
#include "smtp/verdict.h"
#include "smtp/window.h"

#define SMTP_BURST_MAX 1024 /* free octets that `out` must have in smtp_step and smtp_envelope */
#define SMTP_TRANSACTIONS_MAX WINDOW_TRANSACTIONS_MAX /* open at once */
#define SMTP_TIMEOUT_NONE COMMAND_TIMEOUT_NONE

enum smtp_want {
    SMTP_WANT_REPLY,    /* all input is consumed: send what is in out, then read */
    SMTP_WANT_ENVELOPE, /* another transaction may be opened now */
    SMTP_WANT_BODY,     /* the server waits for the content of smtp_body_tag() */
    SMTP_WANT_SETTLE,   /* one transaction has its outcome: smtp_settled() */
    SMTP_WANT_TLS,      /* the handshake is due: smtp_secured() when it is complete */
    SMTP_WANT_CLOSE     /* the session is over, everything is settled; smtp_end() says why */
};

enum smtp_state {
    SMTP_GREETING, /* connected; the 220 is awaited, nothing was sent */
    SMTP_EHLO,     /* EHLO sent, its answer awaited */
    SMTP_HELO,     /* EHLO was refused for good; HELO sent, its answer awaited */
    SMTP_STARTTLS, /* STARTTLS sent, its answer awaited */
    SMTP_SECURING, /* the handshake is the caller's; nothing is read or written here */
    SMTP_AUTH,     /* AUTH or one of its answers sent, the reply awaited */
    SMTP_READY,    /* transactions run, or the session idles */
    SMTP_QUIT,     /* QUIT sent, perhaps behind a last dot; answers awaited */
    SMTP_CLOSED,   /* over; open transactions are being settled */
    SMTP_STATE_COUNT
};

enum smtp_tls {
    SMTP_TLS_NEVER = 0, /* STARTTLS is not said */
    SMTP_TLS_OFFERED,   /* when it is offered; in clear when not, or when it is refused */
    SMTP_TLS_DEMANDED,  /* or the session ends before any envelope: CAUSE_TLS */
    SMTP_TLS_FIRST      /* the handshake comes before the greeting (implicit TLS, RFC 8314) */
};

enum smtp_clear {
    SMTP_CLEAR_NONE = 0,    /* TLS stands, or nothing is known yet, or nobody asked */
    SMTP_CLEAR_NOT_OFFERED, /* EHLO did not offer it, or there was only HELO */
    SMTP_CLEAR_REFUSED      /* it was offered; STARTTLS was answered with 4yz or 5yz */
};

enum smtp_auth {
    SMTP_AUTH_NONE = 0, /* not begun */
    SMTP_AUTH_PLAIN,    /* all in one line */
    SMTP_AUTH_LOGIN,    /* the method is named; it asks for the user */
    SMTP_AUTH_USER,     /* the user is said */
    SMTP_AUTH_PASSWORD  /* the password is said */
};

struct smtp_options {
    struct span hostname;             /* for EHLO */
    bool pipelining;                  /* policy allows it; used when offered as well */
    uint32_t transactions_max;        /* a connection; at least 1 */
    struct command_timeouts timeouts; /* zeroes: RFC 5321 4.5.3.2 */
    enum smtp_tls tls;
    struct span user, password; /* of the route; at most COMMAND_CREDENTIAL_MAX; empty: no AUTH */
};

struct smtp {
    enum smtp_state state;
    bool quitting;         /* QUIT is due as soon as it may be written */
    bool passed;           /* the caller had no envelope; asked again after the next reply */
    bool rset_owed;        /* a refused transaction is pending at the server */
    bool secured;          /* TLS stands */
    bool greeted;          /* the 220 of the connection came */
    enum smtp_clear clear; /* why TLS does not stand though options.tls wanted it */
    enum smtp_auth auth;   /* how far it is */
    uint32_t transactions_taken;
    uint32_t delivered_count;
    struct smtp_options options;
    struct ehlo ehlo;
    struct window window;
    uint8_t settle_place; /* WINDOW_NONE: nothing to settle */
    struct verdict settle;
    struct verdict end; /* why the session ended; stage NONE: in peace */
    struct reply_reader reader;
};

void smtp_init(struct smtp *smtp, const struct smtp_options *options);
/* Consumes *input (never keeps a pointer into it), writes commands into out. After SMTP_WANT_SETTLE
 * and the like part of the input may be left: call again with the rest before reading on. */
MUST_USE enum smtp_want smtp_step(struct smtp *smtp, struct span *input, struct text *out);

/* Answers SMTP_WANT_ENVELOPE. `tag` comes back with the outcome. An envelope that cannot be offered
 * to this server (size, 8-bit, address) writes nothing and is settled by the next step. */
void smtp_envelope(struct smtp *smtp, const struct envelope *envelope, uint32_t tag,
                   struct text *out);
/* Answers SMTP_WANT_ENVELOPE: none now. Asked again after the next reply or smtp_wake(). */
void smtp_pass(struct smtp *smtp);
void smtp_wake(struct smtp *smtp);
/* No more envelopes: QUIT goes out with the next step that may write it (step until CLOSE). In any
 * state; before READY the session just ends. */
void smtp_quit(struct smtp *smtp);

/* The transaction whose content is wanted; valid from SMTP_WANT_BODY to smtp_body_done. */
uint32_t smtp_body_tag(const struct smtp *smtp);
/* The last octet of the content, the dot's CRLF, is in out. */
void smtp_body_done(struct smtp *smtp);
/* The content cannot be handed out (it could not be read): its transaction is deferred with
 * CAUSE_LOCAL_CONTENT and the session ends, because a started DATA has no other end. */
void smtp_body_failed(struct smtp *smtp, int error_number);
/* The same with CAUSE_LOCAL_SIGNATURE. */
void smtp_body_unsigned(struct smtp *smtp);

/* Takes the outcome announced by SMTP_WANT_SETTLE. */
void smtp_settled(struct smtp *smtp, uint32_t *ret_tag, struct outcome *ret_outcome);

/* Answers SMTP_WANT_TLS: the handshake is complete. Everything from now on passes the filter. */
void smtp_secured(struct smtp *smtp);

/* The connection ended (error_number 0: plainly) or nothing came for smtp_timeout_ns, or the
 * process stops: settle everything; step until SMTP_WANT_CLOSE. No-ops on a closed session. */
void smtp_lost(struct smtp *smtp, enum outcome_cause cause, int error_number);
void smtp_timeout(struct smtp *smtp);
/* How long the awaited reply (or, in BODY, one send of content) may take: options.timeouts.
 * SMTP_TIMEOUT_NONE when the session idles: the caller has its own idle limit. */
MUST_USE uint64_t smtp_timeout_ns(const struct smtp *smtp);

/* True when nothing is awaited and no transaction is open: an idle session. */
MUST_USE bool smtp_is_idle(const struct smtp *smtp);
/* Transactions given and not yet settled. */
MUST_USE uint32_t smtp_open_count(const struct smtp *smtp);
/* After SMTP_WANT_CLOSE: why the session ended. kind OUTCOME_NONE: in peace (QUIT). */
void smtp_end(const struct smtp *smtp, struct outcome *ret_outcome);
const char *smtp_state_name(enum smtp_state state);

#endif
