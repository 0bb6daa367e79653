/* io_group.h - the rings of one process, and how one wakes another; private to the kernel's back
 * end.
 *
 * A wake is a MSG_RING request: a completion in the peer's ring, no system call of its own. Where
 * the kernel has no MSG_RING (or a test says so) it is a write to the peer's eventfd, which the
 * peer reads through its ring. */
#ifndef IO_IO_GROUP_H
#define IO_IO_GROUP_H

#include <stdatomic.h>

#include "base/base.h"

#define IO_GROUP_RINGS_MAX 1024

struct io;
struct io_op;
struct io_uring_cqe;

struct io_group_ring {
    _Atomic int ring_fd; /* -1: not open. Written by the ring's thread, read by its peers */
    _Atomic bool reads_eventfd;
    int event_fd;
};

struct io_group {
    uint32_t rings_max;
    bool no_messages; /* for tests: as if the kernel had no MSG_RING */
    struct io_group_ring rings[];
};

/* This ring can be woken from here on. */
void io_group_join(struct io *io, bool has_messages);
void io_group_leave(struct io *io);
/* The eventfd was read. */
void io_group_woken(struct io *io, struct io_op *op, const struct io_uring_cqe *cqe);
/* Reads the eventfd (again). */
void io_group_continue(struct io *io, struct io_op *op);
/* A MSG_RING to `index` failed. */
void io_group_wake_failed(struct io *io, uint32_t index, int32_t result);
/* Sends the wakes that found no entry in the queue. */
void io_group_wake_owed(struct io *io);
/* What a peer sent: it is for us. */
void io_group_message(struct io *io);

#endif
