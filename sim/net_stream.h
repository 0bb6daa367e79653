/* net_stream.h - one simulated TCP or UNIX stream: two ends, bytes under way, and how it goes
 * wrong.
 *
 *   an end:  OPENING -> OPEN -> ENDED (the other end's FIN has been read up to)
 *            any -> BROKEN (refused, timed out, reset: error)
 *
 * Segments arrive in order; a direction takes `window` bytes at once. A stream may be chopped,
 * reset at a byte or silenced at a byte as the options draw it when it is opened. Each end has an
 * owner that is told what has changed and then reads or writes; after net_stream_close it is told
 * nothing. Owns what is under way to its ends and not read yet (net_segment.h). */
#ifndef SIM_NET_STREAM_H
#define SIM_NET_STREAM_H

#include "sim/net_sim.h"

struct net_stream;
struct net_segment;

struct net_end_calls {
    void (*opened)(void *owner, int error); /* of a connect: 0 or -errno */
    void (*readable)(void *owner);          /* bytes, the end or an error are there */
    void (*writable)(void *owner);          /* room again after a write that found none */
};

struct net_queue {
    struct net_segment *first;
    struct net_segment *last;
};

struct net_end {
    struct net_stream *stream;
    const struct net_end_calls *calls;
    void *owner;
    struct net_queue transit; /* under way to this end */
    struct net_queue arrived; /* to be read */
    size_t held;              /* bytes in both */
    uint64_t due_ns;          /* when the last one under way arrives */
    int error;                /* positive errno: nothing more comes */
    bool opened;
    bool ended;           /* the FIN has arrived */
    bool shut;            /* this end has sent its FIN */
    bool closed;          /* has no owner */
    bool wants_room;      /* a write found no room */
    uint64_t reset_after; /* bytes to this end until... ; UINT64_MAX: never */
    uint64_t silence_after;
};

struct net_stream {
    struct list_node node;
    struct net_sim *net;
    uint64_t generation;
    enum net_kind kind;
    struct net_end ends[2]; /* 0 has connected, 1 has accepted */
    struct ip_port addresses[2];
    char path[NET_PATH_MAX];
    struct net_host *host; /* of the accepting end; NULL: UNIX */
    bool silent;
    bool chopped;
};

/* Connects; the outcome comes by calls->opened. `path` for NET_UNIX, else NULL. */
struct net_end *net_stream_connect(struct net_sim *net, const struct ip_port *from,
                                   const struct ip_port *to, const char *path,
                                   const struct net_end_calls *calls, void *owner);
/* For the owner of a place: who hears of this end from now on. */
void net_stream_take(struct net_end *end, const struct net_end_calls *calls, void *owner);

/* Bytes taken; 0: no room, calls->writable comes; -EPIPE, -ECONNRESET, -ETIMEDOUT. */
MUST_USE int net_stream_write(struct net_end *end, struct span bytes);
/* The first run of bytes that has arrived; empty: none, then ended or error say what comes. */
struct span net_stream_read(const struct net_end *end);
void net_stream_consume(struct net_end *end, size_t size);
/* No more bytes from this end (half-close). */
void net_stream_shut(struct net_end *end);
/* The owner goes: FIN, or RST when bytes were left unread. The end is gone. */
void net_stream_close(struct net_end *end);
/* RST. The end is gone. */
void net_stream_reset(struct net_end *end);
/* The machine at this end has lost its power: nothing is said; the other end finds out later. */
void net_stream_vanish(struct net_end *end);

struct net_end *net_stream_other(const struct net_end *end);
const struct ip_port *net_stream_local(const struct net_end *end);
const struct ip_port *net_stream_remote(const struct net_end *end);
void net_stream_close_all(struct net_sim *net);

/* --- for net_connect.c and net_segment.c --- */

/* Which of the stream's two it is. */
uint32_t net_stream_index(const struct net_end *end);
struct net_stream *net_stream_claim(struct net_sim *net);
/* A task for one end; net_stream_task_end gives it, or NULL when its stream is gone. */
void net_stream_after(struct net_stream *stream, uint64_t delay_ns, timeline_run *run,
                      uint32_t index);
struct net_end *net_stream_task_end(void *object, uint64_t argument);
uint64_t net_stream_latency_ns(struct net_stream *stream);
/* Bytes, the end or an error are there: tells the owner. */
void net_stream_tell_readable(struct net_end *end);
/* Nothing more comes: tells the owner. */
void net_stream_break(struct net_end *end, int error);
void net_stream_times_out(void *object, uint64_t argument); /* a task */

#endif
