/* Provided receive buffers of the simulated back end. */
#include "io/io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "sim/io_sim_socket.h"

void io_sim_buffers_open(struct io *io)
{
    uint32_t count = io->options.buffers_count;

    io->buffers = calloc(count, io->options.buffer_size);
    io->buffers_free = calloc(count, sizeof(io->buffers_free[0]));
    io->buffers_lent = calloc(count, sizeof(io->buffers_lent[0]));
    CHECK(io->buffers != NULL && io->buffers_free != NULL && io->buffers_lent != NULL);
    for (uint32_t i = 0; i < count; i++)
        io->buffers_free[i] = (uint16_t)(count - 1 - i);
    io->buffers_free_count = count;
    list_init(&io->starved);
}

void io_sim_buffers_close(struct io *io)
{
    free(io->buffers);
    free(io->buffers_free);
    free(io->buffers_lent);
}

int io_sim_buffer_claim(struct io *io)
{
    int buffer;

    if (io->buffers_free_count == 0)
        return -ENOBUFS;
    buffer = io->buffers_free[--io->buffers_free_count];
    io->buffers_lent[buffer] = true;
    return buffer;
}

uint8_t *io_sim_buffer_data(struct io *io, int buffer)
{
    return io->buffers + (size_t)buffer * io->options.buffer_size;
}

struct span io_buffer(const struct io *io, const struct io_event *event)
{
    CHECK((event->flags & IO_EVENT_BUFFER) != 0);
    CHECK(event->result >= 0);
    return span_make(io->buffers + (size_t)event->buffer * io->options.buffer_size,
                     (size_t)event->result);
}

void io_buffer_return(struct io *io, const struct io_event *event)
{
    struct list_node *node;

    CHECK((event->flags & IO_EVENT_BUFFER) != 0);
    if (io->dead)
        return;
    CHECK(io->buffers_lent[event->buffer]);
    io->buffers_lent[event->buffer] = false;
    /* Who still reads it reads this. */
    memset(io_sim_buffer_data(io, event->buffer), '?', min_size(64, io->options.buffer_size));
    io->buffers_free[io->buffers_free_count++] = event->buffer;
    node = list_pop_front(&io->starved);
    if (node != NULL)
        io_sim_socket_pump(CONTAINER_OF(node, struct io_sim_socket, starved));
}
