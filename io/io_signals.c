#include "io/io_signals.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "io/io_ring.h"

void io_signals_continue(struct io *io, struct io_op *op)
{
    struct io_uring_sqe *sqe;

    if (op->cancelled) {
        io_ring_ready(io, op, -ECANCELED);
        return;
    }
    sqe = io_ring_sqe(io);
    if (sqe == NULL) {
        io_ring_park(io, op, IO_RETRY_NS);
        return;
    }
    op->state = IO_OP_RUNNING;
    io_uring_prep_read(sqe, io->signal_fd, io->signal, sizeof(*io->signal), 0);
    io_ring_name(sqe, op);
}

void io_signals_done(struct io *io, struct io_op *op, const struct io_uring_cqe *cqe)
{
    struct io_event event = {.tag = op->tag, .flags = IO_EVENT_MORE};

    if (cqe->res < 0 && cqe->res != -EINTR) {
        io_ring_finish(io, op, cqe->res);
        return;
    }
    if (cqe->res == (int)sizeof(*io->signal)) {
        event.result = io->signal->ssi_signo == SIGHUP ? IO_SIGNAL_RELOAD : IO_SIGNAL_STOP;
        io_ring_emit(io, &event);
    }
    io_signals_continue(io, op);
}

void io_signals(struct io *io, uint64_t tag, uint32_t signal_set)
{
    struct io_op *op = io_ring_claim(io, IO_OP_SIGNALS, tag);
    sigset_t set;
    int fd;

    CHECK(io->signal_fd < 0); /* once a ring */
    (void)sigemptyset(&set);
    if ((signal_set & IO_SIGNAL_STOP) != 0) {
        (void)sigaddset(&set, SIGINT);
        (void)sigaddset(&set, SIGTERM);
    }
    if ((signal_set & IO_SIGNAL_RELOAD) != 0)
        (void)sigaddset(&set, SIGHUP);
    fd = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (fd != 0) {
        io_ring_ready(io, op, -fd);
        return;
    }
    fd = signalfd(-1, &set, SFD_CLOEXEC);
    if (fd < 0) {
        io_ring_ready(io, op, -errno);
        return;
    }
    io->signal_fd = fd;
    io_signals_continue(io, op);
}

void io_signals_close(struct io *io)
{
    if (io->signal_fd >= 0)
        (void)close(io->signal_fd); /* holds nothing */
    io->signal_fd = -1;
}
