/* io_listen.h - listening sockets and the connections they bring; private to the kernel's back end.
 *
 *   REGISTER -> (first event: the handle) -> ACCEPT -> (event: a connection) -> ACCEPT ...
 *
 * TCP connections go straight into the table by a multishot accept. AF_UNIX ones come one at a time
 * as plain descriptors, because their credentials are asked for by getsockopt, and are then moved
 * into the table (ADOPT). An accept that found no descriptor or no place is parked until a handle
 * is free or IO_RETRY_NS later. */
#ifndef IO_IO_LISTEN_H
#define IO_IO_LISTEN_H

#include "base/base.h"

struct io;
struct io_op;
struct io_uring_cqe;

void io_listen_done(struct io *io, struct io_op *op, const struct io_uring_cqe *cqe);
/* Goes on with a parked listener, already out of the queue. */
void io_listen_continue(struct io *io, struct io_op *op);

#endif
