#include "io/io_receive.h"

#include "io/io_ring.h"

/* Into the queue, by turn; a new one stands at the end, one that kept its turn near the front. */
static void starve(struct io *io, struct io_op *op)
{
    struct list_node *before = &io->starved.head;

    list_for_each(node, &io->starved) {
        if (CONTAINER_OF(node, struct io_op, queue_node)->place > op->place)
            break;
        before = node;
    }
    op->state = IO_OP_STARVED;
    list_insert_after(before, &op->queue_node);
}

static void starve_anew(struct io *io, struct io_op *op)
{
    op->place = ++io->turns;
    op->state = IO_OP_STARVED;
    list_push_back(&io->starved, &op->queue_node);
}

static bool arm(struct io *io, struct io_op *op, enum io_step step)
{
    struct io_uring_sqe *sqe = io_ring_sqe(io);

    if (sqe == NULL)
        return false;
    if (step == IO_STEP_MANY)
        io_uring_prep_recv_multishot(sqe, op->handle, NULL, 0, 0);
    else
        io_uring_prep_recv(sqe, op->handle, NULL, 0, 0);
    sqe->flags |= IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
    sqe->buf_group = IO_BUFFERS_GROUP;
    io_ring_name(sqe, op);
    op->state = IO_OP_RUNNING;
    op->step = (uint8_t)step;
    return true;
}

/* After bytes have come: multishot again unless buffers are scarce. */
static void arm_again(struct io *io, struct io_op *op)
{
    if (list_empty(&io->starved) && io->buffers.free_count > 0 && arm(io, op, IO_STEP_MANY))
        return;
    starve_anew(io, op);
}

static bool ending(const struct io *io, const struct io_op *op)
{
    return op->cancelled || io->handles.items[op->handle].state != IO_HANDLE_OPEN;
}

void io_receive_done(struct io *io, struct io_op *op, const struct io_uring_cqe *cqe)
{
    bool more = (cqe->flags & IORING_CQE_F_MORE) != 0;
    bool filled = (cqe->flags & IORING_CQE_F_BUFFER) != 0;
    uint32_t buffer = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
    bool datagram = io->handles.items[op->handle].kind == IO_HANDLE_DATAGRAM;

    if (filled)
        CHECK(io_buffers_lend(&io->buffers, buffer));
    if (cqe->res > 0) {
        struct io_event event = {.tag = op->tag,
                                 .result = cqe->res,
                                 .flags = IO_EVENT_MORE | IO_EVENT_BUFFER,
                                 .buffer = (uint16_t)buffer};

        CHECK(filled);
        io_ring_emit(io, &event);
    } else if (filled) {
        io_buffers_return(&io->buffers, buffer);
    }
    if (more)
        return;
    if (cqe->res < 0 && cqe->res != -ENOBUFS) {
        io_ring_finish(io, op, cqe->res);
    } else if (cqe->res == 0 && !datagram) {
        io_ring_finish(io, op, 0);
    } else if (ending(io, op)) {
        /* An event may stand before this one in the same completion. */
        io_ring_ready(io, op, -ECANCELED);
    } else if (cqe->res != -ENOBUFS) {
        arm_again(io, op);
    } else if (op->step == IO_STEP_ONCE) {
        starve(io, op);
    } else {
        starve_anew(io, op);
    }
}

bool io_receive_feed(struct io *io)
{
    uint32_t grants = io->buffers.free_count;

    while (grants > 0 && !list_empty(&io->starved)) {
        struct io_op *op = CONTAINER_OF(list_first(&io->starved), struct io_op, queue_node);

        list_remove(&op->queue_node);
        if (!arm(io, op, IO_STEP_ONCE)) {
            list_push_front(&io->starved, &op->queue_node);
            return true;
        }
        grants--;
    }
    return !list_empty(&io->starved) && io->buffers.free_count > 0;
}

void io_recv(struct io *io, uint64_t tag, int socket)
{
    struct io_op *op = io_ring_claim(io, IO_OP_RECV, tag);

    if (io_ring_attach(io, op, socket))
        arm_again(io, op);
    else
        io_ring_ready(io, op, -EBADF);
}

struct span io_buffer(const struct io *io, const struct io_event *event)
{
    CHECK((event->flags & IO_EVENT_BUFFER) != 0);
    return io_buffers_span(&io->buffers, event->buffer, (size_t)event->result);
}

void io_buffer_return(struct io *io, const struct io_event *event)
{
    CHECK((event->flags & IO_EVENT_BUFFER) != 0);
    io_buffers_return(&io->buffers, event->buffer);
}
