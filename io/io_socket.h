/* io_socket.h - completions of sockets that we open; private to the kernel's back end.
 *
 * Linux 6.1 cannot set options or bind through the ring, so a socket is made by socket(2), set up,
 * and then moved into the table by the ring (FILES_UPDATE with a place of the kernel's choice). */
#ifndef IO_IO_SOCKET_H
#define IO_IO_SOCKET_H

#include "base/base.h"

struct io;
struct io_op;
struct io_uring_cqe;

/* Moves op->fd into the table; the completion brings the place in op->slot. False: no room. */
MUST_USE bool io_socket_register(struct io *io, struct io_op *op);
/* Closes op->fd and gives the place or -errno that the registration ended with. */
MUST_USE int io_socket_registered(struct io_op *op, const struct io_uring_cqe *cqe);
void io_socket_done(struct io *io, struct io_op *op, const struct io_uring_cqe *cqe);
void io_socket_cancel_done(struct io *io, struct io_op *op, const struct io_uring_cqe *cqe);
MUST_USE int io_socket_set(int fd, int level, int option, int value);
/* The port that a plain socket is bound to, or 0. */
MUST_USE uint16_t io_socket_port(int fd);

#endif
