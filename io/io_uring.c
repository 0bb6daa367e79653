#include <openssl/rand.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "io/io_file.h"
#include "io/io_group.h"
#include "io/io_listen.h"
#include "io/io_receive.h"
#include "io/io_ring.h"
#include "io/io_signals.h"
#include "io/io_socket.h"
#include "io/io_start.h"

#define ANSWERS_NS NS_PER_MS /* for the next event, behind answers */
#define CLOSE_STEP_NS (100 * NS_PER_MS)
#define CLOSE_LIMIT_NS (10 * NS_PER_S) /* a disk that does not answer shall not hold the exit */

static uint64_t read_clock(clockid_t clock)
{
    struct timespec time;

    CHECK(clock_gettime(clock, &time) == 0);
    return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
}

static void sample_clocks(struct io *io)
{
    io->now_ns = max_u64(io->now_ns, read_clock(CLOCK_MONOTONIC));
    io->wall_ns = read_clock(CLOCK_REALTIME);
}

static void sample_processor(struct io *io)
{
    uint64_t cpu_ns;

    if (!io->options.processor_clock)
        return;
    cpu_ns = read_clock(CLOCK_THREAD_CPUTIME_ID);
    io->turn_cpu_ns = cpu_ns - io->cpu_ns;
    io->cpu_ns = cpu_ns;
}

uint64_t io_now_ns(const struct io *io)
{
    return io->now_ns;
}

uint64_t io_turn_ns(const struct io *io)
{
    return io->turn_ns;
}

uint64_t io_turn_cpu_ns(const struct io *io)
{
    return io->turn_cpu_ns;
}

uint64_t io_wall_ns(const struct io *io)
{
    return io->wall_ns;
}

int io_entropy(struct io *io, void *data, size_t size)
{
    (void)io;                                      /* the simulator's comes from its seed */
    return RAND_bytes(data, size) == 1 ? 0 : -EIO; /* no weaker source to fall back to */
}

/* ---- opening ---- */

static struct io_options with_defaults(const struct io_options *given)
{
    struct io_options options = *given;

    options.entries = options.entries ? options.entries : 1024;
    options.handles_max = options.handles_max ? options.handles_max : 4096;
    options.buffers_count = options.buffers_count ? options.buffers_count : 256;
    options.buffer_size = options.buffer_size ? options.buffer_size : 4096;
    CHECK((options.entries & (options.entries - 1)) == 0);
    CHECK(options.entries <= 32768);
    CHECK(options.handles_max <= 1000000);
    return options;
}

static size_t memory_size(const struct io_options *options)
{
    uint32_t rings_max = options->group != NULL ? options->group->rings_max : 1;

    return slab_cost(io_ring_ops_max(options), sizeof(struct io_op)) +
           io_handle_cost(options->handles_max) +
           io_buffers_cost(options->buffers_count, options->buffer_size) +
           arena_cost(options->entries, sizeof(struct io_aside)) + arena_cost(1, IO_PATHS_SIZE) +
           arena_cost(IO_CREATES_MAX, PATH_MAX) + arena_cost(rings_max, sizeof(uint64_t)) +
           arena_cost(1, sizeof(struct signalfd_siginfo));
}

size_t io_cost(const struct io_options *options)
{
    struct io_options full = with_defaults(options);

    return memory_size(&full);
}

static void carve(struct io *io)
{
    const struct io_options *options = &io->options;
    uint32_t rings_max = options->group != NULL ? options->group->rings_max : 1;

    slab_init(&io->ops, &io->arena, io_ring_ops_max(options), sizeof(struct io_op));
    io_handle_init(&io->handles, &io->arena, options->handles_max);
    io_buffers_init(&io->buffers, &io->arena, options->buffers_count, options->buffer_size);
    io->asides = arena_alloc(&io->arena, options->entries, sizeof(struct io_aside));
    io->paths = arena_alloc(&io->arena, 1, IO_PATHS_SIZE);
    io->creates = arena_alloc(&io->arena, IO_CREATES_MAX, PATH_MAX);
    io->woken_at = arena_alloc(&io->arena, rings_max, sizeof(uint64_t));
    io->signal = arena_alloc(&io->arena, 1, sizeof(struct signalfd_siginfo));
    arena_seal(&io->arena);
    list_init(&io->ready);
    list_init(&io->starved);
    list_init(&io->parked);
    io->signal_fd = -1;
}

int io_open(struct io **ret_io, const struct io_options *options, struct text *error)
{
    struct io *io = calloc(1, sizeof(*io));
    struct io_start_result started;
    int result;

    if (io == NULL)
        return -ENOMEM;
    io->options = with_defaults(options);
    result = arena_open(&io->arena, memory_size(&io->options));
    if (result < 0) {
        free(io);
        text_add_cstr(error, "no memory for the network buffers and tables");
        return result;
    }
    carve(io);
    result = io_start(io, &started, error);
    if (result < 0) {
        io_close(io);
        return result;
    }
    sample_clocks(io);
    sample_processor(io);
    io_group_join(io, started.has_messages);
    *ret_io = io;
    return 0;
}

/* ---- completions ---- */

static void dispatch_op(struct io *io, struct io_op *op, const struct io_uring_cqe *cqe)
{
    switch ((enum io_op_kind)op->kind) {
    case IO_OP_SOCKET:
    case IO_OP_CONNECT:
    case IO_OP_SEND:
        io_socket_done(io, op, cqe);
        return;
    case IO_OP_RECV:
        io_receive_done(io, op, cqe);
        return;
    case IO_OP_LISTEN:
        io_listen_done(io, op, cqe);
        return;
    case IO_OP_SHUT:
        io_handle_closed(io, op, cqe->res);
        return;
    case IO_OP_CANCEL:
        io_socket_cancel_done(io, op, cqe);
        return;
    case IO_OP_FILE:
    case IO_OP_WRITE:
    case IO_OP_READ:
    case IO_OP_PLAIN:
        io_file_done(io, op, cqe);
        return;
    case IO_OP_SIGNALS:
        io_signals_done(io, op, cqe);
        return;
    case IO_OP_WOKEN:
        io_group_woken(io, op, cqe);
        return;
    case IO_OP_NONE:
    case IO_OP_WAKE:
    case IO_OP_MESSAGE:
    case IO_OP_KIND_COUNT:
        break;
    }
    UNREACHABLE("an operation of no kind");
}

static void dispatch(struct io *io, const struct io_uring_cqe *cqe)
{
    struct io_op *op = io_ring_op_of(io, cqe->user_data);
    uint64_t kind = cqe->user_data >> 56;

    if (op != NULL)
        dispatch_op(io, op, cqe);
    else if (kind == IO_OP_MESSAGE)
        io_group_message(io);
    else if (kind == IO_OP_WAKE)
        io_group_wake_failed(io, (uint32_t)cqe->user_data, cqe->res);
    else if (kind != IO_OP_NONE)
        io->stale_count++;
}

static void reap(struct io *io)
{
    struct io_uring_cqe *cqe;

    while (io->out_count < io->out_max && io_uring_peek_cqe(&io->ring, &cqe) == 0) {
        struct io_uring_cqe copy = *cqe;

        io_uring_cqe_seen(&io->ring, cqe);
        dispatch(io, &copy);
    }
}

/* ---- waiting ---- */

static void continue_parked(struct io *io, struct io_op *op)
{
    op->state = IO_OP_RUNNING;
    if (op->kind == IO_OP_SHUT)
        io_handle_continue(io, op);
    else if (op->kind == IO_OP_LISTEN)
        io_listen_continue(io, op);
    else if (op->kind == IO_OP_SIGNALS)
        io_signals_continue(io, op);
    else
        io_group_continue(io, op);
}

/* A listener is of no use while the table is full: it would accept and drop. */
static bool must_wait(const struct io *io, const struct io_op *op)
{
    return op->kind == IO_OP_LISTEN && io_handle_full(io) && !op->cancelled;
}

/* Parked operations whose time has come; the earliest time of the others. */
static uint64_t retry_parked(struct io *io)
{
    uint64_t next_ns = UINT64_MAX;
    const struct list_node *last = io->parked.head.prev; /* what parks again comes after it */
    bool done = list_empty(&io->parked);

    while (!done) {
        struct list_node *node = io->parked.head.next;
        struct io_op *op = CONTAINER_OF(node, struct io_op, queue_node);

        done = node == last;
        list_remove(node);
        if (op->place <= io->now_ns && !must_wait(io, op))
            continue_parked(io, op);
        else
            list_push_back(&io->parked, node);
    }
    list_for_each(node, &io->parked) {
        const struct io_op *op = CONTAINER_OF(node, struct io_op, queue_node);

        if (!must_wait(io, op))
            next_ns = min_u64(next_ns, op->place);
    }
    return next_ns;
}

/* Hands over the queue, lets the kernel finish what it can, and sleeps until `deadline_ns` if
 * nothing is there (0: not at all). */
static void enter(struct io *io, uint64_t now_ns, uint64_t deadline_ns)
{
    struct __kernel_timespec limit;
    struct io_uring_cqe *cqe;
    uint32_t wanted = 1;
    int result;

    /* They are done when they are handed over, all but those for which there is no room: with
     * those one sleeps too long, once. */
    if (io->answers_queued > 0) {
        wanted += io->answers_queued;
        deadline_ns = min_u64(deadline_ns, now_ns + ANSWERS_NS);
    }
    if (deadline_ns <= now_ns) {
        result = io_uring_submit_and_get_events(&io->ring);
    } else if (deadline_ns == UINT64_MAX) {
        result = io_uring_submit_and_wait(&io->ring, 1);
    } else {
        limit.tv_sec = (int64_t)((deadline_ns - now_ns) / NS_PER_S);
        limit.tv_nsec = (int64_t)((deadline_ns - now_ns) % NS_PER_S);
        result = io_uring_submit_and_wait_timeout(&io->ring, &cqe, wanted, &limit, NULL);
    }
    /* Others pass: a signal, the deadline, want of memory for requests. */
    CHECK(result != -EEXIST); /* not the thread that opened the ring */
    CHECK(result != -EBADR);  /* a completion is lost for good: its owner would wait for ever */
    CHECK(result != -EINVAL);
    CHECK(result != -EBADF);
    CHECK(result != -EFAULT);
    io->submissions++;
    if (io_uring_sq_ready(&io->ring) == 0)
        io->paths_used = io->answers_queued = 0;
}

uint32_t io_wait(struct io *io, uint64_t deadline_ns, struct io_event *events, uint32_t events_max)
{
    uint64_t start_ns;
    uint64_t retry_ns;

    CHECK(events_max > 0);
    start_ns = read_clock(CLOCK_MONOTONIC);
    io->turn_ns = start_ns - io->now_ns;
    sample_processor(io);
    io->out = events;
    io->out_count = 0;
    io->out_max = events_max;
    io_ring_emit_ready(io);
    retry_ns = retry_parked(io);
    io_group_wake_owed(io);
    if (io_receive_feed(io) || io->out_count > 0 || !list_empty(&io->ready))
        deadline_ns = 0;
    enter(io, start_ns, min_u64(deadline_ns, retry_ns));
    sample_clocks(io);
    reap(io);
    io_ring_emit_ready(io);
    io->out = NULL;
    io->out_max = 0;
    CHECK(io->out_count <= events_max);
    return io->out_count;
}

/* ---- closing ---- */

static void cancel_endless(struct io *io)
{
    for (uint32_t i = 0; i < io->ops.slots_max; i++) {
        struct io_op *op = slab_at(&io->ops, i);

        if (op == NULL || (op->kind != IO_OP_SIGNALS && op->kind != IO_OP_WOKEN) || op->cancelled)
            continue;
        if (!io_ring_cancel(io, op))
            return;
    }
}

/* Ends all that is under way, so that the kernel writes nowhere once the memory is gone. False when
 * something does not end. */
static bool drain(struct io *io)
{
    uint64_t limit_ns = read_clock(CLOCK_MONOTONIC) + CLOSE_LIMIT_NS;
    struct io_event events[64];

    while (io->ops.claimed_count > 0 || io->handles.open_count > 0) {
        uint32_t count;

        io_handle_shut_all(io);
        cancel_endless(io);
        count = io_wait(io, read_clock(CLOCK_MONOTONIC) + CLOSE_STEP_NS, events, ARRAY_LEN(events));
        for (uint32_t i = 0; i < count; i++)
            if ((events[i].flags & IO_EVENT_BUFFER) != 0)
                io_buffer_return(io, &events[i]);
        if (io->now_ns >= limit_ns)
            return false;
    }
    return true;
}

void io_close(struct io *io)
{
    bool ended = true;

    if (io == NULL)
        return;
    if (io->ring_open) {
        io_group_leave(io);
        ended = io->now_ns == 0 || drain(io);
        io_uring_queue_exit(&io->ring);
    }
    io_signals_close(io);
    for (uint32_t i = 0; i < io->locks_count; i++)
        (void)close(io->locks[i]); /* the pid in it is no promise */
    if (ended)
        arena_close(&io->arena); /* else the kernel may still write to it */
    free(io);
}
