#include "io/io_group.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "io/io_ring.h"

#define WAKE_OWED UINT64_MAX

int io_group_open(struct io_group **ret_group, uint32_t rings_max)
{
    struct io_group *group;

    CHECK(rings_max > 0);
    CHECK(rings_max <= IO_GROUP_RINGS_MAX);
    group = calloc(1, sizeof(*group) + rings_max * sizeof(group->rings[0]));
    if (group == NULL)
        return -ENOMEM;
    group->rings_max = rings_max;
    for (uint32_t i = 0; i < rings_max; i++) {
        atomic_init(&group->rings[i].ring_fd, -1);
        group->rings[i].event_fd = -1;
    }
    for (uint32_t i = 0; i < rings_max; i++) {
        int fd = eventfd(0, EFD_CLOEXEC);

        if (fd < 0) {
            int result = -errno;

            io_group_close(group);
            return result;
        }
        group->rings[i].event_fd = fd;
    }
    *ret_group = group;
    return 0;
}

void io_group_close(struct io_group *group)
{
    if (group == NULL)
        return;
    for (uint32_t i = 0; i < group->rings_max; i++) {
        CHECK(atomic_load(&group->rings[i].ring_fd) == -1); /* rings are closed first */
        if (group->rings[i].event_fd >= 0)
            (void)close(group->rings[i].event_fd); /* holds nothing */
    }
    free(group);
}

void io_group_continue(struct io *io, struct io_op *op)
{
    struct io_uring_sqe *sqe;

    if (op->cancelled) {
        io_ring_release(io, op);
        return;
    }
    sqe = io_ring_sqe(io);
    if (sqe == NULL) {
        io_ring_park(io, op, IO_RETRY_NS);
        return;
    }
    op->state = IO_OP_RUNNING;
    io_uring_prep_read(sqe, io->options.group->rings[io->options.index].event_fd, &io->event_count,
                       sizeof(io->event_count), 0);
    io_ring_name(sqe, op);
}

void io_group_join(struct io *io, bool has_messages)
{
    struct io_group *group = io->options.group;
    struct io_group_ring *own;

    if (group == NULL)
        return;
    CHECK(io->options.index < group->rings_max);
    own = &group->rings[io->options.index];
    CHECK(atomic_load(&own->ring_fd) == -1);
    if (!has_messages || group->no_messages) {
        atomic_store(&own->reads_eventfd, true);
        io_group_continue(io, io_ring_claim(io, IO_OP_WOKEN, 0));
    }
    atomic_store_explicit(&own->ring_fd, io->ring.ring_fd, memory_order_release);
}

void io_group_leave(struct io *io)
{
    struct io_group *group = io->options.group;

    if (group != NULL)
        atomic_store_explicit(&group->rings[io->options.index].ring_fd, -1, memory_order_release);
}

void io_group_message(struct io *io)
{
    struct io_event event = {.tag = io->options.wake_tag};

    io_ring_emit(io, &event);
}

void io_group_woken(struct io *io, struct io_op *op, const struct io_uring_cqe *cqe)
{
    if (cqe->res > 0)
        io_group_message(io);
    io_group_continue(io, op);
}

static void write_eventfd(const struct io_group_ring *peer)
{
    uint64_t one = 1;
    ssize_t written = write(peer->event_fd, &one, sizeof(one));

    (void)written; /* the counter is full only when the peer has been woken 2^64 times */
}

void io_wake(struct io *io, uint32_t index)
{
    struct io_group *group = io->options.group;
    struct io_group_ring *peer;
    struct io_uring_sqe *sqe;
    int ring_fd;

    CHECK(group != NULL);
    CHECK(index < group->rings_max);
    if (index == io->options.index) {
        io_ring_ready(io, io_ring_claim(io, IO_OP_PLAIN, io->options.wake_tag), 0);
        return;
    }
    peer = &group->rings[index];
    ring_fd = atomic_load_explicit(&peer->ring_fd, memory_order_acquire);
    if (ring_fd < 0 || io->woken_at[index] == io->submissions + 1)
        return; /* nobody there, or the wake is in the queue already */
    if (atomic_load(&peer->reads_eventfd)) {
        write_eventfd(peer);
        return;
    }
    sqe = io_ring_sqe(io);
    if (sqe == NULL) {
        io->woken_at[index] = WAKE_OWED;
        io->wakes_owed = true;
        return;
    }
    io_uring_prep_msg_ring(sqe, ring_fd, 0, (uint64_t)IO_OP_MESSAGE << 56, 0);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = (uint64_t)IO_OP_WAKE << 56 | index;
    io->woken_at[index] = io->submissions + 1;
}

void io_group_wake_failed(struct io *io, uint32_t index, int32_t result)
{
    /* -EBADFD, -EBADF: the peer has closed its ring meanwhile. Anything else is want of memory. */
    if (result < 0 && result != -EBADFD && result != -EBADF)
        io_wake(io, index);
}

void io_group_wake_owed(struct io *io)
{
    if (!io->wakes_owed)
        return;
    io->wakes_owed = false;
    for (uint32_t i = 0; i < io->options.group->rings_max; i++) {
        if (io->woken_at[i] == WAKE_OWED) {
            io->woken_at[i] = 0;
            io_wake(io, i);
        }
    }
}
