/* io_secret.h - memory for keys: locked, in no core dump, in no child.
 *
 * Knows nothing of what lies in it. Each is a mapping of its own, zeroed, aligned to a page. The
 * simulator links the same file: it is memory, and nothing of it depends on time or chance. */
#ifndef IO_IO_SECRET_H
#define IO_IO_SECRET_H

#include "base/text.h"

struct io_secret {
    void *data;
    size_t size; /* whole pages; 0 when there is none */
};

/* -EINVAL size 0, -ENOMEM or -EPERM the limit of locked memory is too small, others of mmap, mlock
 * and madvise; `error` then says what to do. Nothing is held on failure. */
MUST_USE int io_secret_open(struct io_secret *ret_secret, size_t size, struct text *error);
/* Wipes and gives back; a zeroed struct is a no-op. */
void io_secret_close(struct io_secret *secret);

#endif
