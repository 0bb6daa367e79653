/* receiver.h - the server's side of one SMTP session (RFC 5321, 1870, 2034, 2920, 3030, 3207,
 * 6152), as octets in and octets out.
 *
 * A reading of the RFC of its own, apart from smtp/: it accepts everything, checks what a client
 * must not do wrong and counts it, and misbehaves as its persona says. Knows nothing of sockets,
 * time or files.
 *
 *   OPENING -> COMMAND <-> CONTENT (DATA) | CHUNK (BDAT)
 *   COMMAND, CONTENT, CHUNK -> MESSAGE (accepted; the caller notes it) -> COMMAND
 *   COMMAND -> SECURING (after STARTTLS; the caller shakes hands) -> COMMAND, from the start
 *   any -> LINES (a long reply is being written) -> where it was going
 *   any -> SILENT | CLOSING
 *
 * Owns nothing on the heap: line, envelope and their sizes are lent for the receiver's life. */
#ifndef BENCH_RECEIVER_H
#define BENCH_RECEIVER_H

#include "base/prng.h"
#include "base/text.h"
#include "bench/digest.h"
#include "bench/persona.h"
#include "bench/unstuff.h"

#define RECEIVER_LINE_MAX 2048
#define RECEIVER_ENVELOPE_MAX 16384
#define RECEIVER_RECIPIENTS_MAX 1000
/* receiver_step needs this much room to write at least one reply. */
#define RECEIVER_ROOM (2 * PERSONA_TEXT_MAX + 512)

enum receiver_state {
    RECEIVER_OPENING = 0, /* the greeting is to be written */
    RECEIVER_COMMAND,     /* a command is awaited */
    RECEIVER_CONTENT,     /* between 354 and the final dot */
    RECEIVER_CHUNK,       /* octets of a BDAT are awaited */
    RECEIVER_MESSAGE,     /* a message was accepted: its envelope and digest can be read */
    RECEIVER_LINES,       /* a reply of many lines is being written */
    RECEIVER_SECURING,    /* the 220 to STARTTLS is written; receiver_secured() is awaited */
    RECEIVER_SILENT,      /* octets are taken, nothing is said */
    RECEIVER_CLOSING,     /* nothing more will be said */
};

enum receiver_want {
    RECEIVER_WANT_INPUT, /* all input was used */
    RECEIVER_WANT_ROOM,  /* replies must go out first */
    RECEIVER_WANT_NOTE,  /* a message was accepted: note it, call again */
    RECEIVER_WANT_TLS,   /* send what was written, then put TLS in between: receiver_secured() */
    RECEIVER_WANT_CLOSE, /* close once what was written is out */
};

struct receiver_options {
    bool no_pipelining;
    bool no_chunking;
    bool starttls; /* offered, where TLS is not on yet */
    bool hashing;
    uint16_t reject_code; /* 0: none */
    uint32_t reject_percent;
    const struct persona_set *personas;
};

struct receiver {
    const struct receiver_options *options;
    struct prng *prng;
    const struct persona *persona;           /* of the connection, or NULL */
    const struct persona *recipient_persona; /* of the transaction, or NULL */
    enum receiver_state state;
    enum receiver_state forced; /* what a rule demands instead; RECEIVER_OPENING: nothing */
    enum receiver_state next;   /* after LINES */
    enum receiver_state after_message;
    bool secure;   /* TLS is on */
    bool greeted;  /* EHLO or HELO has been accepted */
    bool extended; /* it was EHLO */
    bool in_mail;  /* MAIL has been accepted */
    bool chunked;  /* the transaction has had a BDAT */
    bool chunk_last;
    bool chunk_refused;
    bool line_too_long;
    bool body_rule_done;
    uint32_t recipients_count;
    uint64_t chunk_left;
    uint64_t lines_left;
    const struct persona_rule *lines_rule;
    uint32_t steps[PERSONA_STEP_COUNT]; /* how often each was answered */
    uint64_t protocol_errors;
    uint64_t rejected_count; /* recipients */
    struct text line;
    struct text return_path;
    struct text recipients; /* each ended by NUL */
    struct unstuff unstuff;
    struct digest digest;
};

/* `line` holds RECEIVER_LINE_MAX octets, `envelope` RECEIVER_ENVELOPE_MAX. */
void receiver_init(struct receiver *receiver, const struct receiver_options *options,
                   struct prng *prng, uint8_t *line, uint8_t *envelope);
/* Uses input, writes replies. Call again until it wants input, or an end. */
MUST_USE enum receiver_want receiver_step(struct receiver *receiver, struct span *input,
                                          struct text *out);
/* TLS is on, after RECEIVER_WANT_TLS or before the first step: what was said in clear is forgotten
 * (RFC 3207 4.2). */
void receiver_secured(struct receiver *receiver);
/* The client went away: counts an end in the middle of a transaction. */
void receiver_gone(struct receiver *receiver);
/* Takes one recipient of the accepted message off *rest (at first the span of `recipients`). */
struct span receiver_recipient(struct span *rest);

#endif
