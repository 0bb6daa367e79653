/* sink_tls.h - TLS of one connection of the sink: held buffers in, plaintext for the receiver out.
 *
 * Knows the connection's buffers and tls/, not what is said. Lies in memory lent at start; the
 * filter's own memory is freed by sink_tls_end(). */
#ifndef BENCH_SINK_TLS_H
#define BENCH_SINK_TLS_H

#include "bench/sink_connection.h"
#include "tls/tls_stream.h"

#define SINK_TLS_PLAIN TLS_STREAM_RECORD_MAX

struct sink_tls {
    struct tls_stream stream;
    uint8_t *plain; /* SINK_TLS_PLAIN octets; [begin, end) is to be read */
    uint32_t plain_begin;
    uint32_t plain_end;
    bool more; /* the filter holds plaintext or octets for which there was no room */
};

enum sink_tls_state {
    SINK_TLS_WAITS, /* the handshake: nothing for the receiver yet */
    SINK_TLS_OPENS, /* it has just succeeded */
    SINK_TLS_OPEN,  /* *ret_input is what there is, perhaps nothing */
    SINK_TLS_ENDS,  /* the client has closed, and all was read */
    SINK_TLS_BREAKS /* it failed; an alert may be in the connection's output */
};

/* Puts TLS in. False without memory. */
MUST_USE bool sink_tls_start(struct sink_tls *tls, const struct tls_context *context,
                             uint64_t now_s);
/* Turns held buffers into plaintext, while none is there. */
MUST_USE enum sink_tls_state sink_tls_input(struct sink_connection *connection,
                                            struct sink_held *pool, struct io *io,
                                            struct span *ret_input);
/* `size` octets of it were read. */
void sink_tls_used(struct sink_tls *tls, size_t size);
/* Whether there is something to do without a buffer having come. */
MUST_USE bool sink_tls_pending(const struct sink_tls *tls);
/* How many octets of replies fit into what is free of `out`. */
MUST_USE size_t sink_tls_room(const struct text *out);
/* Adds replies to the connection's output; false when the session broke. */
MUST_USE bool sink_tls_reply(struct sink_connection *connection, struct span plain);
/* Says so in the output, and frees. */
void sink_tls_close(struct sink_connection *connection);
void sink_tls_end(struct sink_connection *connection);

#endif
