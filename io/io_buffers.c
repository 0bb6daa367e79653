#include "io/io_buffers.h"

#include <string.h>

#include "base/check.h"

#define PAGE_SIZE_MAX (64 * KIB) /* of the machines that ringpost may run on */

static size_t ring_size(uint32_t count)
{
    return count * sizeof(struct io_uring_buf) + PAGE_SIZE_MAX;
}

size_t io_buffers_cost(uint32_t count, uint32_t size)
{
    return arena_cost(1, ring_size(count)) + arena_cost(count, size) +
           arena_cost(count, sizeof(bool));
}

void io_buffers_init(struct io_buffers *buffers, struct arena *arena, uint32_t count, uint32_t size)
{
    uint8_t *ring = arena_alloc(arena, 1, ring_size(count));
    uintptr_t past = (uintptr_t)ring % PAGE_SIZE_MAX;

    CHECK(count > 0);
    CHECK(count <= 32768);
    CHECK((count & (count - 1)) == 0);
    buffers->ring = (struct io_uring_buf_ring *)(void *)(ring + (past ? PAGE_SIZE_MAX - past : 0));
    buffers->data = arena_alloc(arena, count, size);
    buffers->lent = arena_alloc(arena, count, sizeof(bool));
    buffers->count = count;
    buffers->size = size;
    buffers->free_count = 0;
}

static void offer(struct io_buffers *buffers, uint32_t index)
{
    io_uring_buf_ring_add(buffers->ring, buffers->data + (size_t)index * buffers->size,
                          buffers->size, (unsigned short)index,
                          io_uring_buf_ring_mask(buffers->count), 0);
    io_uring_buf_ring_advance(buffers->ring, 1);
    buffers->free_count++;
}

int io_buffers_register(struct io_buffers *buffers, struct io_uring *ring)
{
    struct io_uring_buf_reg reg = {.ring_addr = (uintptr_t)buffers->ring,
                                   .ring_entries = buffers->count,
                                   .bgid = IO_BUFFERS_GROUP};
    int result;

    io_uring_buf_ring_init(buffers->ring);
    result = io_uring_register_buf_ring(ring, &reg, 0);
    if (result < 0)
        return result;
    for (uint32_t i = 0; i < buffers->count; i++)
        offer(buffers, i);
    return 0;
}

bool io_buffers_lend(struct io_buffers *buffers, uint32_t index)
{
    if (index >= buffers->count || buffers->lent[index])
        return false;
    buffers->lent[index] = true;
    buffers->free_count--;
    return true;
}

void io_buffers_return(struct io_buffers *buffers, uint32_t index)
{
    CHECK(index < buffers->count);
    CHECK(buffers->lent[index]);
    buffers->lent[index] = false;
    offer(buffers, index);
}

struct span io_buffers_span(const struct io_buffers *buffers, uint32_t index, size_t size)
{
    CHECK(index < buffers->count);
    CHECK(buffers->lent[index]);
    CHECK(size <= buffers->size);
    return span_make(buffers->data + (size_t)index * buffers->size, size);
}
