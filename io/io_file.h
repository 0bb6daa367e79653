/* io_file.h - completions of file operations; private to the kernel's back end.
 *
 *   io_file:  OPEN -> ALLOCATE (IO_FILE_CREATE with a size) -> event
 *             OPEN -> ALLOCATE -> DISCARD -> REMOVE -> event   when there is no room for the size
 *   io_write, io_read: again from where a short one ended */
#ifndef IO_IO_FILE_H
#define IO_IO_FILE_H

#include "base/base.h"

struct io;
struct io_op;
struct io_uring_cqe;

void io_file_done(struct io *io, struct io_op *op, const struct io_uring_cqe *cqe);

#endif
