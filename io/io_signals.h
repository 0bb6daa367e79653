/* io_signals.h - signals as completions: a signalfd read through the ring; private to the kernel's
 * back end. */
#ifndef IO_IO_SIGNALS_H
#define IO_IO_SIGNALS_H

#include "base/base.h"

struct io;
struct io_op;
struct io_uring_cqe;

void io_signals_done(struct io *io, struct io_op *op, const struct io_uring_cqe *cqe);
/* Goes on with a parked read. */
void io_signals_continue(struct io *io, struct io_op *op);
void io_signals_close(struct io *io);

#endif
