#include "io/io_socket.h"

#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "io/io_ring.h"

int io_socket_set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

uint16_t io_socket_port(int fd)
{
    struct io_aside aside = {0};
    socklen_t size = sizeof(aside.address);

    if (getsockname(fd, &aside.address.any, &size) < 0)
        return 0;
    if (aside.address.any.sa_family == AF_INET)
        return ntohs(aside.address.v4.sin_port);
    if (aside.address.any.sa_family == AF_INET6)
        return ntohs(aside.address.v6.sin6_port);
    return 0;
}

static int bind_source(int fd, const struct io_socket_options *options)
{
    struct io_address source = {.ip = {.ip = options->source}};
    struct io_aside aside;
    int size = io_ring_address(&aside, &source);
    int result = size;

    /* The port is chosen by connect, which knows the other end: one source address then serves as
     * many connections as there are ports, to each destination. */
    if (result >= 0 && options->kind == IO_TCP)
        result = io_socket_set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    if (result < 0)
        return result;
    return bind(fd, &aside.address.any, (socklen_t)size) < 0 ? -errno : 0;
}

static int set_up(int fd, const struct io_socket_options *options)
{
    int result = 0;

    if (options->kind == IO_TCP)
        result = io_socket_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (result == 0 && options->receive_buffer > 0)
        result = io_socket_set(fd, SOL_SOCKET, SO_RCVBUF,
                               (int)min_u64(options->receive_buffer, INT32_MAX));
    if (result == 0 && options->send_buffer > 0)
        result =
            io_socket_set(fd, SOL_SOCKET, SO_SNDBUF, (int)min_u64(options->send_buffer, INT32_MAX));
    if (result == 0 && options->kind != IO_UNIX && options->source.family != IP_NONE)
        result = bind_source(fd, options);
    return result;
}

static int open_socket(const struct io_socket_options *options)
{
    uint8_t family = options->source.family != IP_NONE ? options->source.family : options->family;
    int domain = family == IP_V6 ? AF_INET6 : AF_INET;
    int type = options->kind == IO_UDP ? SOCK_DGRAM : SOCK_STREAM;
    int fd;
    int result;

    if (options->kind == IO_UNIX)
        domain = AF_UNIX;
    else if (family != IP_V4 && family != IP_V6)
        return -EAFNOSUPPORT;
    fd = socket(domain, type | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    result = set_up(fd, options);
    if (result < 0) {
        (void)close(fd); /* nothing was written */
        return result;
    }
    return fd;
}

bool io_socket_register(struct io *io, struct io_op *op)
{
    struct io_uring_sqe *sqe = io_ring_sqe(io);

    if (sqe == NULL)
        return false;
    op->slot = op->fd;
    io_uring_prep_rw(IORING_OP_FILES_UPDATE, sqe, -1, &op->slot, 1, 0);
    sqe->off = IORING_FILE_INDEX_ALLOC;
    io_ring_name(sqe, op);
    return true;
}

int io_socket_registered(struct io_op *op, const struct io_uring_cqe *cqe)
{
    (void)close(op->fd); /* the table holds the socket now, or nobody does */
    op->fd = -1;
    return cqe->res == 1 ? op->slot : cqe->res;
}

void io_socket(struct io *io, uint64_t tag, const struct io_socket_options *options)
{
    struct io_op *op = io_ring_claim(io, IO_OP_SOCKET, tag);
    int fd = open_socket(options);

    if (fd < 0) {
        io_ring_ready(io, op, fd);
        return;
    }
    op->fd = fd;
    op->done = options->kind;
    /* Read now: the table gives no way back to a socket's name. */
    if (options->kind == IO_UDP && options->source.family != IP_NONE)
        op->size = io_socket_port(fd);
    if (!io_socket_register(io, op)) {
        (void)close(fd);
        io_ring_ready(io, op, -EAGAIN);
    }
}

static void opened(struct io *io, struct io_op *op, const struct io_uring_cqe *cqe)
{
    int handle = io_socket_registered(op, cqe);
    struct io_handle *place;

    if (handle >= 0) {
        place =
            io_handle_adopt(io, handle, op->done == IO_UDP ? IO_HANDLE_DATAGRAM : IO_HANDLE_STREAM);
        place->port = (uint16_t)op->size;
    }
    io_ring_finish(io, op, handle);
}

/* An entry for an operation on a handle, or NULL after saying why in the operation's event. */
static struct io_uring_sqe *begin(struct io *io, struct io_op *op, int socket)
{
    struct io_uring_sqe *sqe;

    if (!io_ring_attach(io, op, socket)) {
        io_ring_ready(io, op, -EBADF);
        return NULL;
    }
    sqe = io_ring_sqe(io);
    if (sqe == NULL)
        io_ring_ready(io, op, -EAGAIN);
    return sqe;
}

void io_connect(struct io *io, uint64_t tag, int socket, const struct io_address *address)
{
    struct io_op *op = io_ring_claim(io, IO_OP_CONNECT, tag);
    struct io_aside checked;
    int size = io_ring_address(&checked, address);
    struct io_uring_sqe *sqe;
    struct io_aside *aside;

    if (size < 0) {
        io_ring_ready(io, op, size);
        return;
    }
    sqe = begin(io, op, socket);
    if (sqe == NULL)
        return;
    aside = io_ring_aside(io, sqe);
    aside->address = checked.address;
    io_uring_prep_connect(sqe, socket, &aside->address.any, (socklen_t)size);
    sqe->flags |= IOSQE_FIXED_FILE;
    io_ring_name(sqe, op);
}

/* False: it ends without being handed over. */
static bool send_parts(struct io *io, uint64_t tag, int socket, const struct span *parts,
                       uint32_t parts_count)
{
    struct io_op *op = io_ring_claim(io, IO_OP_SEND, tag);
    struct io_uring_sqe *sqe = begin(io, op, socket);
    struct io_aside *aside;

    CHECK(parts_count > 0);
    CHECK(parts_count <= IO_PARTS_MAX);
    if (sqe == NULL)
        return false;
    if (parts_count == 1) {
        io_uring_prep_send(sqe, socket, parts[0].data, min_size(parts[0].size, INT32_MAX),
                           MSG_NOSIGNAL);
    } else {
        aside = io_ring_aside(io, sqe);
        for (uint32_t i = 0; i < parts_count; i++) {
            aside->parts[i].iov_base = (void *)(uintptr_t)parts[i].data;
            aside->parts[i].iov_len = parts[i].size;
        }
        aside->message = (struct msghdr){.msg_iov = aside->parts, .msg_iovlen = parts_count};
        io_uring_prep_sendmsg(sqe, socket, &aside->message, MSG_NOSIGNAL);
    }
    sqe->flags |= IOSQE_FIXED_FILE;
    io_ring_name(sqe, op);
    return true;
}

void io_send(struct io *io, uint64_t tag, int socket, const struct span *parts,
             uint32_t parts_count)
{
    (void)send_parts(io, tag, socket, parts, parts_count);
}

void io_answer(struct io *io, uint64_t tag, int socket, struct span data)
{
    if (send_parts(io, tag, socket, &data, 1))
        io->answers_queued++;
}

void io_sendto(struct io *io, uint64_t tag, int socket, struct span data,
               const struct io_address *to)
{
    struct io_op *op = io_ring_claim(io, IO_OP_SEND, tag);
    struct io_aside checked;
    int size = io_ring_address(&checked, to);
    struct io_uring_sqe *sqe;
    struct io_aside *aside;

    if (size < 0) {
        io_ring_ready(io, op, size);
        return;
    }
    sqe = begin(io, op, socket);
    if (sqe == NULL)
        return;
    aside = io_ring_aside(io, sqe);
    aside->address = checked.address;
    aside->parts[0].iov_base = (void *)(uintptr_t)data.data;
    aside->parts[0].iov_len = data.size;
    aside->message = (struct msghdr){.msg_name = &aside->address.any,
                                     .msg_namelen = (socklen_t)size,
                                     .msg_iov = aside->parts,
                                     .msg_iovlen = 1};
    io_uring_prep_sendmsg(sqe, socket, &aside->message, MSG_NOSIGNAL);
    sqe->flags |= IOSQE_FIXED_FILE;
    io_ring_name(sqe, op);
}

/* Rare, so a walk over the slab is better than an index that every operation pays for. */
static struct io_op *find(struct io *io, uint64_t tag, const struct io_op *except)
{
    for (uint32_t i = 0; i < io->ops.slots_max; i++) {
        struct io_op *op = slab_at(&io->ops, i);

        if (op != NULL && op != except && op->tag == tag && op->state != IO_OP_READY &&
            op->kind != IO_OP_SHUT && op->kind != IO_OP_CANCEL && op->kind != IO_OP_WOKEN)
            return op;
    }
    return NULL;
}

void io_cancel(struct io *io, uint64_t tag, uint64_t target_tag)
{
    struct io_op *op = io_ring_claim(io, IO_OP_CANCEL, tag);
    struct io_op *target = find(io, target_tag, op);
    struct io_uring_sqe *sqe;

    if (target == NULL) {
        io_ring_ready(io, op, -ENOENT);
        return;
    }
    if (target->state == IO_OP_STARVED || target->state == IO_OP_PARKED) {
        io_ring_withdraw(io, target, -ECANCELED);
        io_ring_ready(io, op, 0);
        return;
    }
    sqe = io_ring_sqe(io);
    if (sqe == NULL) {
        io_ring_ready(io, op, -EAGAIN);
        return;
    }
    target->cancelled = true;
    io_uring_prep_cancel64(sqe, target->id, 0);
    io_ring_name(sqe, op);
}

void io_socket_cancel_done(struct io *io, struct io_op *op, const struct io_uring_cqe *cqe)
{
    /* -EALREADY: it runs in a kernel thread and ends with its own result. */
    io_ring_finish(io, op, cqe->res == -EALREADY ? 0 : cqe->res);
}

void io_socket_done(struct io *io, struct io_op *op, const struct io_uring_cqe *cqe)
{
    if (op->kind == IO_OP_SOCKET)
        opened(io, op, cqe);
    else
        io_ring_finish(io, op, cqe->res);
}

int io_local_port(struct io *io, int socket, uint16_t *ret_port)
{
    const struct io_handle *place = io_handle_get(io, socket);

    if (place == NULL)
        return -EBADF;
    if (place->port == 0)
        return -EINVAL;
    *ret_port = place->port;
    return 0;
}

int io_peer_ip(struct io *io, int socket, struct ip *ret_ip)
{
    const struct io_handle *place = io_handle_get(io, socket);

    if (place == NULL)
        return -EBADF;
    if (place->peer.family == IP_NONE)
        return -ENOTCONN;
    *ret_ip = place->peer;
    return 0;
}

int io_peer_uid(struct io *io, int socket, uint32_t *ret_uid)
{
    const struct io_handle *place = io_handle_get(io, socket);

    if (place == NULL)
        return -EBADF;
    if (place->peer_uid == UINT32_MAX)
        return -ENOTCONN;
    *ret_uid = place->peer_uid;
    return 0;
}
