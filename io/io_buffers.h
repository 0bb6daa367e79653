/* io_buffers.h - the ring of receive buffers that the kernel draws from
 * (IORING_REGISTER_PBUF_RING).
 *
 * Private to the kernel's back end. Registered by hand: liburing 2.3 has no helper. A buffer is
 * lent to the caller from its event until io_buffer_return; returning one twice is a bug and dies.
 * Borrows an arena. */
#ifndef IO_IO_BUFFERS_H
#define IO_IO_BUFFERS_H

#include <liburing.h>

#include "base/arena.h"
#include "base/span.h"

#define IO_BUFFERS_GROUP 1

struct io_buffers {
    struct io_uring_buf_ring *ring; /* page-aligned */
    uint8_t *data;
    bool *lent;
    uint32_t count;
    uint32_t size;
    uint32_t free_count; /* not lent; some of them may be in completions not seen yet */
};

size_t io_buffers_cost(uint32_t count, uint32_t size);
void io_buffers_init(struct io_buffers *buffers, struct arena *arena, uint32_t count,
                     uint32_t size);
/* -errno of the registration. */
MUST_USE int io_buffers_register(struct io_buffers *buffers, struct io_uring *ring);
/* The kernel filled this buffer; false when there is no such buffer or it is lent already. */
MUST_USE bool io_buffers_lend(struct io_buffers *buffers, uint32_t index);
void io_buffers_return(struct io_buffers *buffers, uint32_t index);
struct span io_buffers_span(const struct io_buffers *buffers, uint32_t index, size_t size);

#endif
