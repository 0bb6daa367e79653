/* sink_connection.h - one connection of the sink: octets held until they are read, replies held
 * until they may go.
 *
 * Knows the seam and the receiver, not what is done with messages: the sink is asked through
 * sink_note. Everything that a connection has lies in memory lent at start. Replies leave when they
 * are due (--delay), in pieces when the persona says so, one send at a time. */
#ifndef BENCH_SINK_CONNECTION_H
#define BENCH_SINK_CONNECTION_H

#include "base/list.h"
#include "base/wheel.h"
#include "bench/receiver.h"
#include "io/io.h"

#define SINK_CONNECTION_OUT (16 * KIB)
#define SINK_CONNECTION_MARKS 16
#define SINK_CONNECTION_HELD_MAX                                                                   \
    64 /* receive buffers; more means that the client reads nothing                                \
        */
#define SINK_CONNECTION_HELD_NONE UINT32_MAX

/* One receive buffer that has not been read to its end. */
struct sink_held {
    struct io_event event;
    uint32_t used;
    uint32_t next; /* index of the buffer behind it, or NONE */
};

/* Replies up to `end` may leave at `due_ns`. */
struct sink_mark {
    uint64_t due_ns;
    uint32_t end;
};

struct sink_tls;

struct sink_connection {
    struct list_node dirty_node; /* in the thread's list of those that have something to send */
    struct wheel_timer timer;    /* armed: the first mark's due time */
    struct receiver receiver;
    struct sink_tls *tls; /* NULL: in clear */
    uint64_t number;
    uint64_t delay_ns;
    uint32_t split; /* octets a send at most; 0: all */
    int socket;
    bool sending;
    bool closing;  /* to be shut once the replies are out */
    bool shutting; /* io_shut is on its way */
    uint32_t held_first;
    uint32_t held_last;
    uint32_t held_count;
    uint8_t *out; /* SINK_CONNECTION_OUT octets; [begin, ready) may leave, [ready, end) waits */
    uint32_t out_begin;
    uint32_t out_ready;
    uint32_t out_end;
    uint32_t marks_count;
    struct sink_mark marks[SINK_CONNECTION_MARKS];
};

struct sink;

void sink_connection_init(struct sink_connection *connection);
/* A buffer has come: held until the receiver has read it. */
void sink_connection_hold(struct sink_connection *connection, struct sink_held *pool,
                          const struct io_event *event);
/* Gives all held buffers back. */
void sink_connection_release(struct sink_connection *connection, struct sink_held *pool,
                             struct io *io);
/* What the receiver is to read now; empty when nothing is held. */
struct span sink_connection_input(const struct sink_connection *connection,
                                  const struct sink_held *pool, const struct io *io);
/* `size` octets of it were read. */
void sink_connection_used(struct sink_connection *connection, struct sink_held *pool, struct io *io,
                          uint32_t size);
/* Where replies go; sink_connection_wrote afterwards. */
void sink_connection_out(struct sink_connection *connection, struct text *ret_out);
void sink_connection_wrote(struct sink_connection *connection, const struct text *out);
/* Marks what was written as due after the delay, and moves what is due now. */
void sink_connection_mark(struct sink_connection *connection, uint64_t now_ns);
void sink_connection_ripen(struct sink_connection *connection, uint64_t now_ns);
/* What may be sent now; empty while a send is on its way. */
struct span sink_connection_sendable(const struct sink_connection *connection);
void sink_connection_sent(struct sink_connection *connection, uint32_t size);
MUST_USE bool sink_connection_drained(const struct sink_connection *connection);

#endif
