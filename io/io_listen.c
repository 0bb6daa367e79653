#include "io/io_listen.h"

#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "io/io_ring.h"
#include "io/io_socket.h"

#define PROBE_MS 20
#define PROBES_MAX 50 /* a second, altogether */
#define BACKLOG 4096  /* cut by the kernel to net.core.somaxconn */

/* A socket file left by an earlier process; anything else of that name is not ours to remove. */
static int remove_old(const char *path)
{
    struct stat status;

    if (lstat(path, &status) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(status.st_mode))
        return -EEXIST;
    return unlink(path) < 0 ? -errno : 0;
}

/* Whether nobody listens there. With SO_REUSEPORT a second process would be let in, and take a part
 * of the connections of the first: this socket is without it, as bind(2) says, and closed again. */
static int probe_once(const struct io_aside *aside, socklen_t size)
{
    int fd = socket(aside->address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int result;

    if (fd < 0)
        return -errno;
    result = io_socket_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (result == 0 && aside->address.any.sa_family == AF_INET6)
        result = io_socket_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (result == 0 && bind(fd, &aside->address.any, size) < 0)
        result = -errno;
    (void)close(fd); /* nothing was written */
    return result;
}

/* Of a process that was killed the ring, and the listeners in it, go a moment later. */
static int probe(const struct io_aside *aside, socklen_t size)
{
    int result = probe_once(aside, size);

    for (int i = 0; result == -EADDRINUSE && i < PROBES_MAX; i++) {
        (void)poll(NULL, 0, PROBE_MS);
        result = probe_once(aside, size);
    }
    return result;
}

/* Before bind, which makes the file with these bits: there is no moment of a wider mode. */
static int prepare_path(int fd, const char *path)
{
    int result = remove_old(path);

    return result == 0 && fchmod(fd, S_IRUSR | S_IWUSR) < 0 ? -errno : result;
}

static int prepare_port(int fd, const struct io_address *address, const struct io_aside *aside,
                        socklen_t size)
{
    int result = address->shared ? 0 : probe(aside, size);

    if (result == 0)
        result = io_socket_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (result == 0)
        result = io_socket_set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (result == 0)
        result = io_socket_set(fd, IPPROTO_TCP, TCP_NODELAY, 1); /* the accepted inherit it */
    if (result == 0 && address->ip.ip.family == IP_V6)
        result = io_socket_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    return result;
}

static int set_up(int fd, const struct io_address *address)
{
    struct io_aside aside;
    int size = io_ring_address(&aside, address);
    int result = size;

    if (size >= 0)
        result = address->path != NULL ? prepare_path(fd, address->path)
                                       : prepare_port(fd, address, &aside, (socklen_t)size);
    if (result == 0 && bind(fd, &aside.address.any, (socklen_t)size) < 0)
        result = -errno;
    if (result == 0 && listen(fd, BACKLOG) < 0)
        result = -errno;
    return result;
}

static int open_listener(const struct io_address *address)
{
    int domain = address->ip.ip.family == IP_V6 ? AF_INET6 : AF_INET;
    int fd = socket(address->path != NULL ? AF_UNIX : domain, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int result;

    if (fd < 0)
        return -errno;
    result = set_up(fd, address);
    if (result < 0) {
        (void)close(fd); /* nothing was written */
        return result;
    }
    return fd;
}

static bool ending(const struct io *io, const struct io_op *op)
{
    return op->cancelled || io->handles.items[op->handle].state != IO_HANDLE_OPEN;
}

static void park(struct io *io, struct io_op *op)
{
    if (ending(io, op)) {
        io_ring_ready(io, op, -ECANCELED);
        return;
    }
    /* With a full table it goes on when a handle is free (io_wait looks). */
    io_ring_park(io, op, io_handle_full(io) ? 0 : IO_ACCEPT_RETRY_NS);
}

/* A multishot accept has one place for all addresses: this one comes back after each connection. */
static void prepare_with_peer(struct io_uring_sqe *sqe, const struct io_op *op,
                              struct io_peer *peer)
{
    peer->size = sizeof(peer->address);
    io_uring_prep_accept(sqe, op->handle, &peer->address.any, &peer->size, 0);
    sqe->file_index = IORING_FILE_INDEX_ALLOC; /* older prep_accept_direct turns it to none */
}

static void accept_next(struct io *io, struct io_op *op)
{
    struct io_uring_sqe *sqe = io_ring_sqe(io);

    if (sqe == NULL) {
        park(io, op);
        return;
    }
    if (io->handles.items[op->handle].local)
        io_uring_prep_accept(sqe, op->handle, NULL, NULL, SOCK_CLOEXEC);
    else if (op->path != 0)
        prepare_with_peer(sqe, op, &io->peers[op->path - 1]);
    else
        io_uring_prep_multishot_accept_direct(sqe, op->handle, NULL, NULL, 0);
    sqe->flags |= IOSQE_FIXED_FILE;
    io_ring_name(sqe, op);
    op->state = IO_OP_RUNNING;
    op->step = IO_STEP_ACCEPT;
}

/* After a connection, a failed connection or a pause: the next accept, or the end. */
void io_listen_continue(struct io *io, struct io_op *op)
{
    if (ending(io, op))
        io_ring_ready(io, op, -ECANCELED); /* an event may stand before it */
    else
        accept_next(io, op);
}

static void report(struct io *io, const struct io_op *op, int handle)
{
    struct io_event event = {.tag = op->tag, .result = handle, .flags = IO_EVENT_MORE};

    io_ring_emit(io, &event);
}

static void registered(struct io *io, struct io_op *op, const struct io_uring_cqe *cqe)
{
    int handle = io_socket_registered(op, cqe);
    struct io_handle *place;

    if (handle < 0) {
        io_ring_finish(io, op, handle);
        return;
    }
    place = io_handle_adopt(io, handle, IO_HANDLE_LISTENER);
    place->port = (uint16_t)op->size;
    place->local = op->done != 0;
    CHECK(io_ring_attach(io, op, handle));
    report(io, op, handle);
    io_listen_continue(io, op);
}

/* An AF_UNIX connection, as a plain descriptor. */
static void adopt_local(struct io *io, struct io_op *op, int fd)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);

    op->place = UINT32_MAX;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0)
        op->place = peer.uid;
    op->fd = fd;
    op->step = IO_STEP_ADOPT;
    if (io_socket_register(io, op))
        return;
    (void)close(fd); /* the other end sees a close and may come again */
    op->fd = -1;
    park(io, op);
}

static void adopted_local(struct io *io, struct io_op *op, const struct io_uring_cqe *cqe)
{
    int handle = io_socket_registered(op, cqe);
    struct io_handle *place;

    if (handle >= 0) {
        place = io_handle_adopt(io, handle, IO_HANDLE_STREAM);
        place->peer_uid = (uint32_t)op->place;
        place->local = true;
        report(io, op, handle);
    }
    io_listen_continue(io, op);
}

static void note_peer(struct io_handle *place, const struct io_peer *peer)
{
    if (peer->address.any.sa_family == AF_INET) {
        place->peer.family = IP_V4;
        memcpy(place->peer.bytes, &peer->address.v4.sin_addr, 4);
    } else if (peer->address.any.sa_family == AF_INET6) {
        place->peer.family = IP_V6;
        memcpy(place->peer.bytes, &peer->address.v6.sin6_addr, 16);
    }
}

static void accepted(struct io *io, struct io_op *op, const struct io_uring_cqe *cqe)
{
    bool local = io->handles.items[op->handle].local;
    bool more = (cqe->flags & IORING_CQE_F_MORE) != 0;

    if (cqe->res >= 0 && local) {
        adopt_local(io, op, cqe->res);
        return;
    }
    if (cqe->res >= 0) {
        struct io_handle *place = io_handle_adopt(io, cqe->res, IO_HANDLE_STREAM);

        if (op->path != 0)
            note_peer(place, &io->peers[op->path - 1]);
        report(io, op, cqe->res);
    }
    if (more)
        return;
    if (cqe->res == -ECANCELED || cqe->res == -EBADF || cqe->res == -EINVAL)
        io_ring_finish(io, op, cqe->res);
    else if (cqe->res == -ENFILE || cqe->res == -EMFILE || cqe->res == -ENOMEM ||
             cqe->res == -ENOBUFS)
        park(io, op);
    else
        io_listen_continue(io,
                           op); /* one connection failed (accept(2)): not the listener's fault */
}

void io_listen_done(struct io *io, struct io_op *op, const struct io_uring_cqe *cqe)
{
    if (op->step == IO_STEP_REGISTER)
        registered(io, op, cqe);
    else if (op->step == IO_STEP_ADOPT)
        adopted_local(io, op, cqe);
    else
        accepted(io, op, cqe);
}

static void begin(struct io *io, uint64_t tag, const struct io_address *address, bool peers)
{
    struct io_op *op = io_ring_claim(io, IO_OP_LISTEN, tag);
    int fd = peers && io->peers_count == IO_PEERS_MAX ? -EMFILE : open_listener(address);

    if (fd < 0) {
        io_ring_ready(io, op, fd);
        return;
    }
    op->path = peers ? ++io->peers_count : 0;
    op->fd = fd;
    op->step = IO_STEP_REGISTER;
    op->size = io_socket_port(fd);
    op->done = address->path != NULL;
    if (!io_socket_register(io, op)) {
        (void)close(fd); /* nothing was written */
        io_ring_ready(io, op, -EAGAIN);
    }
}

void io_listen(struct io *io, uint64_t tag, const struct io_address *address)
{
    begin(io, tag, address, false);
}

void io_listen_peers(struct io *io, uint64_t tag, const struct io_address *address)
{
    CHECK(address->path == NULL);
    begin(io, tag, address, true);
}
