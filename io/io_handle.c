#include "io/io_handle.h"

#include "io/io_ring.h"

size_t io_handle_cost(uint32_t count_max)
{
    return arena_cost(count_max, sizeof(struct io_handle));
}

void io_handle_init(struct io_handles *handles, struct arena *arena, uint32_t count_max)
{
    handles->items = arena_alloc(arena, count_max, sizeof(struct io_handle));
    handles->count_max = count_max;
    handles->open_count = 0;
    for (uint32_t i = 0; i < count_max; i++)
        list_init(&handles->items[i].ops);
}

struct io_handle *io_handle_get(struct io *io, int handle)
{
    struct io_handle *place;

    if (handle < 0 || (uint32_t)handle >= io->handles.count_max)
        return NULL;
    place = &io->handles.items[handle];
    return place->state == IO_HANDLE_OPEN ? place : NULL;
}

bool io_handle_full(const struct io *io)
{
    return io->handles.open_count == io->handles.count_max;
}

/* The shut's event. The operation stays for the completion of its close, which then finds it
 * reported (done). */
static void end(struct io *io, struct io_handle *place, int32_t result)
{
    struct io_event event = {.tag = place->shut->tag, .result = result};

    place->shut->done = 1;
    place->shut = NULL;
    place->state = IO_HANDLE_FREE;
    io->handles.open_count--;
    io_ring_emit(io, &event);
}

struct io_handle *io_handle_adopt(struct io *io, int handle, enum io_handle_kind kind)
{
    struct io_handle *place;

    CHECK(handle >= 0);
    CHECK((uint32_t)handle < io->handles.count_max);
    place = &io->handles.items[handle];
    /* A multishot accept may report the place again before the completion of its close is seen. */
    if (place->state == IO_HANDLE_CLOSING)
        end(io, place, 0);
    CHECK(place->state == IO_HANDLE_FREE);
    CHECK(list_empty(&place->ops));
    place->state = IO_HANDLE_OPEN;
    place->kind = (uint8_t)kind;
    place->peer_uid = UINT32_MAX;
    place->peer.family = IP_NONE;
    place->port = 0;
    place->local = false;
    io->handles.open_count++;
    return place;
}

/* Operations that stand in our own queues; the kernel cannot cancel those. */
static void withdraw_local(struct io *io, struct io_handle *place)
{
    list_for_each(node, &place->ops) {
        struct io_op *op = CONTAINER_OF(node, struct io_op, handle_node);

        if (op->state == IO_OP_STARVED || op->state == IO_OP_PARKED)
            io_ring_withdraw(io, op, -ECANCELED);
    }
}

/* By name, which the kernel finds in a hash table; by file it would walk all that is armed. False
 * when the queue has no room now. */
static bool cancel_ops(struct io *io, struct io_handle *place)
{
    list_for_each(node, &place->ops) {
        struct io_op *op = CONTAINER_OF(node, struct io_op, handle_node);

        if (op->cancelled || op->state != IO_OP_RUNNING)
            continue;
        if (!io_ring_cancel(io, op))
            return false;
    }
    return true;
}

void io_handle_continue(struct io *io, struct io_op *shut)
{
    struct io_handle *place = &io->handles.items[shut->slot];
    struct io_uring_sqe *sqe;

    CHECK(place->state == IO_HANDLE_DRAINING);
    if (shut->state == IO_OP_PARKED)
        return;
    if (!list_empty(&place->ops)) {
        if (!cancel_ops(io, place))
            io_ring_park(io, shut, IO_RETRY_NS);
        return;
    }
    sqe = io_ring_sqe(io);
    if (sqe == NULL) {
        io_ring_park(io, shut, IO_RETRY_NS);
        return;
    }
    io_uring_prep_close_direct(sqe, (unsigned)shut->slot);
    io_ring_name(sqe, shut);
    shut->step = IO_STEP_CLOSE;
    place->state = IO_HANDLE_CLOSING;
}

void io_handle_op_ended(struct io *io, int handle)
{
    struct io_handle *place = &io->handles.items[handle];

    if (place->state == IO_HANDLE_DRAINING && list_empty(&place->ops))
        io_handle_continue(io, place->shut);
}

void io_handle_closed(struct io *io, struct io_op *shut, int32_t result)
{
    if (shut->done == 0)
        end(io, &io->handles.items[shut->slot], result);
    io_ring_release(io, shut);
}

void io_shut(struct io *io, uint64_t tag, int handle)
{
    struct io_handle *place = io_handle_get(io, handle);
    struct io_op *shut = io_ring_claim(io, IO_OP_SHUT, tag);

    if (place == NULL) {
        io_ring_ready(io, shut, -EBADF);
        return;
    }
    shut->step = IO_STEP_DRAIN;
    shut->slot = handle;
    place->shut = shut;
    place->state = IO_HANDLE_DRAINING;
    withdraw_local(io, place);
    io_handle_continue(io, shut);
}

void io_handle_shut_all(struct io *io)
{
    for (uint32_t i = 0; i < io->handles.count_max; i++)
        if (io->handles.items[i].state == IO_HANDLE_OPEN)
            io_shut(io, 0, (int)i);
}
