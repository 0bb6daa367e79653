#include "io/io_ring.h"

#include <string.h>

_Static_assert(IO_OP_KIND_COUNT < 256, "the kind travels in the top byte of user_data");
_Static_assert(IO_PATHS_SIZE >= 2 * (size_t)PATH_MAX, "a rename fits after a submission");

struct io_op *io_ring_claim(struct io *io, enum io_op_kind kind, uint64_t tag)
{
    struct io_op *op = slab_claim(&io->ops);
    struct slab_handle slot;

    CHECK(op != NULL); /* io.h: at most 4 * handles_max + entries operations under way */
    slot = slab_handle_of(&io->ops, op);
    op->id = (uint64_t)kind << 56 | (uint64_t)slot.generation << 32 | slot.index;
    op->kind = (uint8_t)kind;
    op->tag = tag;
    op->handle = -1;
    op->fd = -1;
    return op;
}

bool io_ring_attach(struct io *io, struct io_op *op, int handle)
{
    struct io_handle *place = io_handle_get(io, handle);

    CHECK(op->handle < 0);
    if (place == NULL)
        return false;
    op->handle = handle;
    list_push_back(&place->ops, &op->handle_node);
    return true;
}

struct io_op *io_ring_op_of(struct io *io, uint64_t user_data)
{
    struct slab_handle handle = {.index = (uint32_t)user_data,
                                 .generation = (uint32_t)(user_data >> 32) & 0xffffff};
    struct io_op *op = slab_get(&io->ops, handle);

    if (op == NULL || op->id != user_data)
        return NULL;
    return op;
}

int io_ring_submit(struct io *io)
{
    int result = io_uring_submit(&io->ring);

    io->submissions++;
    if (io_uring_sq_ready(&io->ring) == 0)
        io->paths_used = io->answers_queued = 0;
    return result;
}

struct io_uring_sqe *io_ring_sqe(struct io *io)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&io->ring);

    if (sqe != NULL)
        return sqe;
    (void)io_ring_submit(io); /* a failure shows as no room, too */
    return io_uring_get_sqe(&io->ring);
}

void io_ring_name(struct io_uring_sqe *sqe, const struct io_op *op)
{
    sqe->user_data = op->id;
}

bool io_ring_cancel(struct io *io, struct io_op *op)
{
    struct io_uring_sqe *sqe = io_ring_sqe(io);

    if (sqe == NULL)
        return false;
    io_uring_prep_cancel64(sqe, op->id, 0);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = (uint64_t)IO_OP_NONE << 56;
    op->cancelled = true;
    return true;
}

struct io_aside *io_ring_aside(struct io *io, const struct io_uring_sqe *sqe)
{
    return &io->asides[sqe - io->ring.sq.sqes];
}

int io_ring_path_room(struct io *io, size_t size)
{
    if (IO_PATHS_SIZE - io->paths_used >= size)
        return 0;
    (void)io_ring_submit(io); /* a failure shows as no room, too */
    return IO_PATHS_SIZE - io->paths_used >= size ? 0 : -EAGAIN;
}

const char *io_ring_path(struct io *io, const char *path)
{
    size_t size = strlen(path) + 1;
    char *copy = io->paths + io->paths_used;

    CHECK(size <= IO_PATHS_SIZE - io->paths_used);
    memcpy(copy, path, size);
    io->paths_used += size;
    return copy;
}

void io_ring_emit(struct io *io, const struct io_event *event)
{
    if (io->out_count < io->out_max) {
        io->out[io->out_count++] = *event;
        return;
    }
    CHECK(io->spare_count < ARRAY_LEN(io->spare));
    io->spare[io->spare_count++] = *event;
}

void io_ring_release(struct io *io, struct io_op *op)
{
    int handle = op->handle;

    if (list_linked(&op->handle_node))
        list_remove(&op->handle_node);
    CHECK(!list_linked(&op->queue_node));
    slab_release(&io->ops, op);
    if (handle >= 0)
        io_handle_op_ended(io, handle);
}

void io_ring_finish(struct io *io, struct io_op *op, int32_t result)
{
    struct io_event event = {.tag = op->tag, .result = result};

    io_ring_emit(io, &event);
    io_ring_release(io, op);
}

void io_ring_ready(struct io *io, struct io_op *op, int32_t result)
{
    op->state = IO_OP_READY;
    op->result = result;
    list_push_back(&io->ready, &op->queue_node);
}

void io_ring_park(struct io *io, struct io_op *op, uint64_t delay_ns)
{
    op->state = IO_OP_PARKED;
    op->place = io->now_ns + delay_ns;
    list_push_back(&io->parked, &op->queue_node);
}

void io_ring_withdraw(struct io *io, struct io_op *op, int32_t result)
{
    CHECK(op->state == IO_OP_STARVED || op->state == IO_OP_PARKED);
    list_remove(&op->queue_node);
    io_ring_ready(io, op, result);
}

void io_ring_emit_ready(struct io *io)
{
    uint32_t spare_taken = 0;

    while (spare_taken < io->spare_count && io->out_count < io->out_max)
        io->out[io->out_count++] = io->spare[spare_taken++];
    io->spare_count -= spare_taken;
    if (io->spare_count > 0)
        memmove(io->spare, io->spare + spare_taken, io->spare_count * sizeof(io->spare[0]));
    while (io->out_count < io->out_max) {
        struct list_node *node = list_pop_front(&io->ready);
        struct io_op *op;

        if (node == NULL)
            return;
        op = CONTAINER_OF(node, struct io_op, queue_node);
        io_ring_finish(io, op, op->result);
    }
}

int io_ring_address(struct io_aside *aside, const struct io_address *address)
{
    const struct ip *ip = &address->ip.ip;

    memset(&aside->address, 0, sizeof(aside->address));
    if (address->path != NULL) {
        struct sockaddr_un *local = &aside->address.local;
        size_t size = strlen(address->path) + 1;

        if (size > sizeof(local->sun_path))
            return -ENAMETOOLONG;
        local->sun_family = AF_UNIX;
        memcpy(local->sun_path, address->path, size);
        return (int)sizeof(*local);
    }
    if (ip->family == IP_V4) {
        aside->address.v4.sin_family = AF_INET;
        aside->address.v4.sin_port = htons(address->ip.port);
        memcpy(&aside->address.v4.sin_addr, ip->bytes, 4);
        return (int)sizeof(aside->address.v4);
    }
    if (ip->family == IP_V6) {
        aside->address.v6.sin6_family = AF_INET6;
        aside->address.v6.sin6_port = htons(address->ip.port);
        memcpy(&aside->address.v6.sin6_addr, ip->bytes, 16);
        return (int)sizeof(aside->address.v6);
    }
    return -EINVAL;
}
