/* io_ring.h - one kernel ring and the operations under way on it; private to the kernel's back end
 * of io/io.h.
 *
 * An operation (struct io_op) lives in a slab from its submission until its last event. What the
 * kernel carries (user_data) is its kind, generation and index, so that a completion for an
 * operation that has ended finds nobody. Messages, addresses and paths are read by the kernel while
 * it takes the submission, so they stand in memory as large as the submission queue.
 *
 *   RUNNING -> (event out of a completion)                       the usual life
 *   RUNNING -> STARVED -> RUNNING                                a receive that found no buffer
 *   RUNNING -> PARKED -> RUNNING                                 wants a handle or a queue entry
 *   any -> READY -> (event at the next io_wait)                  ended without the kernel
 *
 * Owns the ring, one arena and all that is carved out of it. */
#ifndef IO_IO_RING_H
#define IO_IO_RING_H

#include <liburing.h>
#include <limits.h>
#include <netinet/in.h>
#include <sys/signalfd.h>
#include <sys/un.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/list.h"
#include "base/slab.h"
#include "io/io.h"
#include "io/io_buffers.h"
#include "io/io_handle.h"

#define IO_PARTS_MAX 8
#define IO_PATHS_SIZE (64 * KIB) /* of paths between two submissions */
#define IO_CREATES_MAX 16        /* files being created with a size at once */
#define IO_LOCKS_MAX 8
#define IO_RETRY_NS NS_PER_MS                /* after the kernel took no request */
#define IO_ACCEPT_RETRY_NS (100 * NS_PER_MS) /* a listener that found no descriptor */

enum io_op_kind {
    IO_OP_NONE, /* user_data of a request whose completion interests nobody */
    IO_OP_SOCKET,
    IO_OP_CONNECT,
    IO_OP_LISTEN,
    IO_OP_SEND,
    IO_OP_RECV,
    IO_OP_SHUT,
    IO_OP_CANCEL,
    IO_OP_FILE,
    IO_OP_WRITE,
    IO_OP_READ,
    IO_OP_PLAIN,   /* one completion, one event: sync, rename, unlink */
    IO_OP_SIGNALS, /* reads a signalfd again and again */
    IO_OP_WOKEN,   /* reads this ring's eventfd again and again, where MSG_RING is not to be had */
    IO_OP_WAKE,    /* no slot: index is the peer of a MSG_RING that failed */
    IO_OP_MESSAGE, /* no slot: a peer's MSG_RING arrived */
    IO_OP_KIND_COUNT
};

enum io_op_state {
    IO_OP_RUNNING, /* the kernel has it, or will at the next submission */
    IO_OP_READY,   /* ended; its last event waits in io->ready */
    IO_OP_STARVED, /* a receive that waits for a buffer, in io->starved */
    IO_OP_PARKED,  /* a listener or shut that waits for means to go on, in io->parked */
};

enum io_step {
    IO_STEP_ONLY,     /* a kind of one step */
    IO_STEP_REGISTER, /* a plain descriptor goes into the table: the operation's own socket */
    IO_STEP_ACCEPT,   /* a listener waits for connections */
    IO_STEP_ADOPT,    /* a listener's AF_UNIX connection goes into the table */
    IO_STEP_OPEN,     /* a file is opened into the table */
    IO_STEP_ALLOCATE, /* a new file gets its size */
    IO_STEP_DISCARD,  /* a new file that got no size is closed */
    IO_STEP_REMOVE,   /* ... and its name removed */
    IO_STEP_MANY,     /* a multishot receive */
    IO_STEP_ONCE,     /* a receive of one buffer, while buffers are scarce */
    IO_STEP_DRAIN,    /* a shut that waits for the other operations on its handle */
    IO_STEP_CLOSE,    /* a shut whose close the kernel has */
};

struct io_op {
    struct list_node handle_node; /* in its handle's operations */
    struct list_node queue_node;  /* in ready, starved or parked, as `state` says */
    uint64_t id;                  /* the kernel's user_data: kind, generation, index */
    uint64_t tag;
    uint64_t place;   /* read, write: offset; a starved receive: its turn; a listener: when to try
                         again; a file: its size; io_cancel: user_data of the target */
    uint64_t address; /* of the caller's bytes: read and write */
    uint32_t size;    /* of those */
    uint32_t done;    /* bytes so far */
    int32_t handle;   /* or -1 */
    int32_t result;   /* when READY, or kept over the clean-up steps */
    int32_t fd;       /* plain descriptor on its way into the table, or -1 */
    int32_t slot;     /* IN: fd, OUT: its place in the table (FILES_UPDATE) */
    uint16_t path;  /* IO_OP_FILE: its place in io->creates; IO_OP_LISTEN: in io->peers, plus one */
    uint8_t kind;   /* enum io_op_kind */
    uint8_t state;  /* enum io_op_state */
    uint8_t step;   /* enum io_step */
    bool cancelled; /* the kernel was asked to end it: no further step */
};

/* What one submission queue entry points to until the kernel has taken it. */
struct io_aside {
    struct msghdr message;
    struct iovec parts[IO_PARTS_MAX];
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local;
    } address;
};

/* Where the kernel writes who a connection comes from. */
struct io_peer {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address;
    socklen_t size;
};

struct io {
    struct io_uring ring;
    bool ring_open;
    struct arena arena;
    struct io_options options; /* with defaults filled in */
    uint64_t now_ns;
    uint64_t turn_ns; /* the caller's last turn */
    uint64_t turn_cpu_ns;
    uint64_t cpu_ns; /* of the thread, at the last call of io_wait */
    uint64_t wall_ns;

    struct slab ops;
    struct list ready;
    struct list starved; /* by turn */
    struct list parked;
    uint64_t turns; /* given to starved receives so far */

    struct io_handles handles;
    struct io_buffers buffers;

    struct io_aside *asides; /* one an entry of the submission queue */
    char *paths;             /* IO_PATHS_SIZE, emptied by each submission */
    size_t paths_used;
    char (*creates)[PATH_MAX]; /* [IO_CREATES_MAX], first byte 0 when free */
    uint64_t submissions;
    uint32_t answers_queued; /* not yet handed over */
    uint64_t stale_count;    /* completions that found nobody */

    struct io_event *out; /* during io_wait */
    uint32_t out_count;
    uint32_t out_max;
    struct io_event spare[4]; /* did not fit into `out` */
    uint32_t spare_count;

    uint64_t *woken_at; /* a peer: io->submissions when it was woken last, plus one */
    bool wakes_owed;
    uint64_t event_count; /* read from this ring's eventfd */
    int locks[IO_LOCKS_MAX];
    uint32_t locks_count;
    struct io_peer peers[IO_PEERS_MAX];
    uint16_t peers_count;
    int signal_fd;
    struct signalfd_siginfo *signal;
};

/* The most operations under way; io.h promises it to callers. */
static inline uint32_t io_ring_ops_max(const struct io_options *options)
{
    return options->handles_max * 4 + options->entries;
}

/* A new operation. CHECKs the bound above. */
struct io_op *io_ring_claim(struct io *io, enum io_op_kind kind, uint64_t tag);
/* The operation is under way on that handle; false when it is not open. */
MUST_USE bool io_ring_attach(struct io *io, struct io_op *op, int handle);
/* The operation that a completion belongs to, or NULL. */
MUST_USE struct io_op *io_ring_op_of(struct io *io, uint64_t user_data);

/* A free entry, after a submission when there was none; NULL when the kernel takes nothing now. */
MUST_USE struct io_uring_sqe *io_ring_sqe(struct io *io);
/* To be called on a prepared entry: who is told of its end. */
void io_ring_name(struct io_uring_sqe *sqe, const struct io_op *op);
/* Asks the kernel to end the operation, and marks it; false when the queue has no room now. Nobody
 * is told what the kernel says to that: the operation's own end tells. */
MUST_USE bool io_ring_cancel(struct io *io, struct io_op *op);
struct io_aside *io_ring_aside(struct io *io, const struct io_uring_sqe *sqe);
/* Makes room for so many bytes of paths, submitting if needed; -EAGAIN. */
MUST_USE int io_ring_path_room(struct io *io, size_t size);
/* A copy that lives until the kernel has taken it; room was made before. */
const char *io_ring_path(struct io *io, const char *path);
/* Hands the queue to the kernel. */
int io_ring_submit(struct io *io);

/* One event to the caller, now (inside io_wait only). */
void io_ring_emit(struct io *io, const struct io_event *event);
/* The operation's last event: now... */
void io_ring_finish(struct io *io, struct io_op *op, int32_t result);
/* ...or at the next io_wait, outside it. */
void io_ring_ready(struct io *io, struct io_op *op, int32_t result);
/* Ends the operation without an event. */
void io_ring_release(struct io *io, struct io_op *op);
void io_ring_emit_ready(struct io *io);
/* The operation waits; io_wait goes on with it after `delay_ns`, a listener not before there is a
 * free handle. */
void io_ring_park(struct io *io, struct io_op *op, uint64_t delay_ns);
/* Takes a local (starved or parked) operation out of its queue and makes it ready. */
void io_ring_withdraw(struct io *io, struct io_op *op, int32_t result);

/* An AF_* socket address of `address`; its size, or -EINVAL. */
MUST_USE int io_ring_address(struct io_aside *aside, const struct io_address *address);

#endif
