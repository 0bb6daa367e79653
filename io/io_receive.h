/* io_receive.h - receiving into the shared buffers, fairly; private to the kernel's back end.
 *
 * While there are buffers each socket has a multishot receive. A receive that found none waits in
 * io->starved by the turn it drew, and when buffers come back the first in the queue get one
 * each, by a receive of a single buffer (the cap a turn); it then draws a new turn at the end. A
 * starved receive that is submitted again stands in the submission queue before anything else
 * runs, so it is served before the armed ones; if it still finds none it keeps its turn. */
#ifndef IO_IO_RECEIVE_H
#define IO_IO_RECEIVE_H

#include "base/base.h"

struct io;
struct io_op;
struct io_uring_cqe;

void io_receive_done(struct io *io, struct io_op *op, const struct io_uring_cqe *cqe);
/* Submits as many starved receives as there are buffers. True when some are left although there
 * are buffers: the caller must not sleep. */
MUST_USE bool io_receive_feed(struct io *io);

#endif
