/* tls_stream.h - TLS as a filter between octets and octets, for one connection.
 *
 * Knows nothing of sockets, SMTP or policy. Bytes from the socket go in, plaintext comes out;
 * plaintext goes in, bytes for the socket come out. Everything works on the caller's buffers and
 * keeps no pointer to them.
 *
 *   OFF -> HANDSHAKE -> OPEN -> CLOSED          CLOSED: the peer's close_notify was read
 *            \-----------\----> FAILED          tls_stream_failure() says why
 *   any state -> OFF: tls_stream_reset
 *
 * Owns what BoringSSL allocates for it, until tls_stream_reset(): about 5 KiB when idle (at most
 * 16 KiB by test). While a record is incomplete libssl holds up to 17 KiB more, which it takes from
 * malloc past the hooks of tls_memory.h. Must not move while not OFF.
 * Borrows the context until reset, and names, records and the resumption table as
 * tls_stream_options says.
 *
 * The caller's loop, when the server's 220 to STARTTLS has been read (octets that arrived behind
 * the 220 were sent in clear by anybody: the session ends, they are never given to the filter):
 *   tls_stream_start(stream, context, &options, now_s)
 *   for (;;) switch (tls_stream_step(stream, &in, &out, now_s)) {
 *   TLS_WANT_READ:  send out; wait for bytes; go on
 *   TLS_WANT_WRITE: send out; go on with an empty out
 *   TLS_WANT_OPEN:  send out; the session is open: read and write. `in` may hold more.
 *   TLS_WANT_CLOSE: send what is in out (an alert) if it can be sent at once; close
 *   TLS_WANT_ROOM:  not returned by step
 *   } */
#ifndef TLS_TLS_STREAM_H
#define TLS_TLS_STREAM_H

#include "base/span.h"
#include "base/text.h"
#include "tls/tls_context.h"
#include "tls/tls_failure.h"
#include "tls/tls_resume.h"
#include "tls/tls_verify.h"

#define TLS_NAME_SIZE_MAX 253
#define TLS_STREAM_RECORD_MAX 16384 /* octets of plaintext in a record */
#define TLS_STREAM_OVERHEAD_MAX 96  /* a record is at most so much longer than its plaintext */
#define TLS_STREAM_OUT_MIN 512      /* free octets that `out` must have in every call */
#define TLS_STREAM_CHAIN_MAX 65535  /* octets of the certificate message */
#define TLS_STREAM_HANDSHAKE_MAX (128 * 1024) /* octets from the peer until the session is open */
#define TLS_STREAM_TICKETS_MAX 16             /* of one session; more is a flood */

enum tls_state {
    TLS_OFF,       /* nothing is held */
    TLS_HANDSHAKE, /* started; not open yet */
    TLS_OPEN,      /* octets flow */
    TLS_CLOSED,    /* the peer closed its side in order; no more plaintext will come */
    TLS_FAILED     /* over */
};

enum tls_want {
    TLS_WANT_READ,  /* all of `in` is consumed: send what is in out, then read */
    TLS_WANT_WRITE, /* out is too full: send it, call again */
    TLS_WANT_ROOM,  /* plain is full: take it, call again, perhaps with an empty `in` */
    TLS_WANT_OPEN,  /* the handshake is complete */
    TLS_WANT_CLOSE  /* CLOSED or FAILED */
};

struct tls_stream_options {
    /* Client: the host name for SNI, an A-label without final dot; empty: none (an address). */
    struct span server_name;
    /* Client: how the peer is judged. Copied; its names and records are lent until OPEN. */
    struct tls_verify_options verify;
    /* Client: the table of tickets, or NULL; lent until reset. */
    struct tls_resume *resume;
    /* Client: what tickets are kept under, at most TLS_RESUME_HOST_MAX octets: host and port, and
     * the identity where one is used. Lent until reset. */
    struct span resume_host;
    uint32_t identity; /* client: index in the context, or TLS_CONTEXT_IDENTITY_NONE */
};

struct tls_stream {
    enum tls_state state;
    enum tls_failure failure;
    bool resumed;    /* the handshake was a short one */
    bool shut;       /* our close_notify is written */
    uint8_t tickets; /* received */
    uint8_t text_size;
    char text[TLS_FAILURE_TEXT_MAX];
    uint32_t handshake_in; /* octets */
    uint64_t now_s;
    struct tls_verdict verdict;
    const struct tls_context *context;
    struct tls_stream_options options;
    void *library;      /* BoringSSL's SSL; NULL when OFF */
    struct span *in;    /* during a call */
    struct text *out;   /* during a call */
    uint64_t spare[12]; /* for another implementation behind this header */
};

/* From OFF. 0, -ENOMEM (the library's limit), -EINVAL (a name that cannot be one, an identity that
 * is not there). Time is wall time in seconds. Writes nothing yet: step does. */
MUST_USE int tls_stream_start(struct tls_stream *stream, const struct tls_context *context,
                              const struct tls_stream_options *options, uint64_t now_s);
/* Consumes from *in what belongs to the handshake, appends to out. */
MUST_USE enum tls_want tls_stream_step(struct tls_stream *stream, struct span *in, struct text *out,
                                       uint64_t now_s);
/* Consumes *in, appends plaintext to `plain`, and answers of the protocol (key updates, alerts) to
 * out. READ: *in is consumed. ROOM: call again. CLOSE: over; what is in plain came before. */
MUST_USE enum tls_want tls_stream_read(struct tls_stream *stream, struct span *in,
                                       struct text *plain, struct text *out, uint64_t now_s);
/* Appends `plain` to out as records, as much as fits; returns the octets taken. 0 in other states
 * than OPEN and CLOSED, or when out has not TLS_STREAM_OVERHEAD_MAX octets and more. */
MUST_USE size_t tls_stream_write(struct tls_stream *stream, struct span plain, struct text *out);
/* Appends close_notify, once. In other states nothing. */
void tls_stream_close(struct tls_stream *stream, struct text *out);
/* The connection ended; false when that cut plaintext short: no close_notify came before. In the
 * handshake it is a failure (LOST). */
bool tls_stream_lost(struct tls_stream *stream);
/* To OFF, from any state; frees everything. */
void tls_stream_reset(struct tls_stream *stream);

/* True when the peer was verified as the options said. */
MUST_USE bool tls_stream_is_verified(const struct tls_stream *stream);
/* In FAILED: why in words, printable. */
struct span tls_stream_text(const struct tls_stream *stream);
/* In OPEN: "TLSv1.3", "TLS_AES_128_GCM_SHA256", "X25519"; "" otherwise. Static. */
const char *tls_stream_version(const struct tls_stream *stream);
const char *tls_stream_cipher(const struct tls_stream *stream);
const char *tls_stream_group(const struct tls_stream *stream);

#endif
