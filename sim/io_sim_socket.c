#include "sim/io_sim_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "io/io.h"
#include "sim/io_sim_datagram.h"
#include "sim/io_sim_listener.h"

struct io_sim_socket *io_sim_socket_make(struct io *io, enum io_sim_socket_kind kind)
{
    int handle = io_sim_handle_claim(io, HANDLE_SOCKET);
    struct io_sim_socket *socket;

    if (handle < 0)
        return NULL;
    socket = calloc(1, sizeof(*socket));
    CHECK(socket != NULL);
    socket->kind = kind;
    socket->io = io;
    socket->handle = handle;
    list_init(&socket->datagrams);
    list_init(&socket->sends);
    io->handles[handle].socket = socket;
    return socket;
}

struct io_sim_socket *io_sim_socket_get(struct io *io, int handle)
{
    struct io_sim_handle *state = io_sim_handle_get(io, handle, HANDLE_SOCKET);

    return state == NULL ? NULL : state->socket;
}

bool io_sim_socket_is_family(uint8_t family)
{
    return family == IP_V4 || family == IP_V6;
}

struct ip io_sim_socket_own_address(const struct ip *remote)
{
    struct ip ip = {.family = remote->family};

    if (remote->family == IP_V4) {
        memcpy(ip.bytes, remote->bytes[0] == 127 ? "\x7f\0\0\x01" : "\xc6\x33\x64\x0a", 4);
    } else if (remote->bytes[0] == 0) {
        ip.bytes[15] = 1;
    } else {
        memcpy(ip.bytes, "\x20\x01\x0d\xb8\xff", 5);
        ip.bytes[15] = 10;
    }
    return ip;
}

/* --- receiving --- */

static void starve(struct io_sim_socket *socket)
{
    if (!list_linked(&socket->starved))
        list_push_back(&socket->io->starved, &socket->starved);
}

bool io_sim_socket_give(struct io_sim_socket *socket, struct span bytes)
{
    struct io *io = socket->io;
    int buffer = io_sim_buffer_claim(io);

    if (buffer < 0) {
        starve(socket);
        return false;
    }
    memcpy(io_sim_buffer_data(io, buffer), bytes.data, bytes.size);
    io_sim_event(io, (struct io_event){.tag = socket->receiving->tag,
                                       .result = (int32_t)bytes.size,
                                       .flags = IO_EVENT_MORE | IO_EVENT_BUFFER,
                                       .buffer = (uint16_t)buffer});
    return true;
}

static void pump_stream(struct io_sim_socket *socket)
{
    struct net_end *end = socket->end;

    while (socket->receiving != NULL) {
        struct span bytes = net_stream_read(end);

        bytes = span_first(bytes, socket->io->options.buffer_size);
        if (bytes.size == 0) {
            if (end->error != 0)
                io_sim_end(socket->receiving, -end->error);
            else if (end->ended)
                io_sim_end(socket->receiving, 0);
            return;
        }
        if (!io_sim_socket_give(socket, bytes))
            return;
        net_stream_consume(end, bytes.size);
    }
}

void io_sim_socket_pump(struct io_sim_socket *socket)
{
    if (socket->kind == SOCKET_UDP)
        io_sim_datagram_pump(socket);
    else if (socket->end != NULL)
        pump_stream(socket);
}

/* --- sending --- */

static int32_t stream_send(struct io_sim_socket *socket, const struct io_sim_op *op)
{
    struct net_sim *net = &io_sim_world()->net;
    size_t total = 0;
    size_t sent = 0;

    for (uint32_t i = 0; i < op->parts_count; i++)
        total += op->parts[i].size;
    if (total > 1 && prng_percent(&net->prng, net->options.send_short_percent))
        total = 1 + prng_below(&net->prng, total - 1);
    for (uint32_t i = 0; i < op->parts_count && sent < total; i++) {
        struct span part = span_first(op->parts[i], total - sent);
        int taken = part.size == 0 ? 0 : net_stream_write(socket->end, part);

        if (taken < 0)
            return sent > 0 ? (int32_t)sent : taken;
        sent += (size_t)taken;
        if ((size_t)taken < part.size)
            break;
    }
    return sent == 0 && total > 0 ? -EAGAIN : (int32_t)sent;
}

static void on_writable(void *owner)
{
    struct io_sim_socket *socket = owner;

    while (!list_empty(&socket->sends)) {
        struct io_sim_op *op = CONTAINER_OF(list_first(&socket->sends), struct io_sim_op, wait);
        int32_t result = stream_send(socket, op);

        if (result == -EAGAIN)
            return;
        io_sim_end(op, result);
    }
}

static void on_readable(void *owner)
{
    io_sim_socket_pump(owner);
}

static void on_opened(void *owner, int error)
{
    struct io_sim_socket *socket = owner;

    if (socket->connecting != NULL)
        io_sim_end(socket->connecting, error);
}

static const struct net_end_calls end_calls = {
    .opened = on_opened,
    .readable = on_readable,
    .writable = on_writable,
};

void io_sim_socket_take(struct io_sim_socket *socket, struct net_end *end)
{
    socket->end = end;
    socket->accepted = true;
    net_stream_take(end, &end_calls, socket);
}

/* --- opening --- */

static void run_open(struct io_sim_op *op)
{
    const struct io_socket_options *options = &op->socket;
    uint8_t family = options->source.family != IP_NONE ? options->source.family : options->family;
    struct io_sim_socket *socket;

    if (options->kind != IO_UNIX && !io_sim_socket_is_family(family)) {
        io_sim_end(op, -EAFNOSUPPORT);
        return;
    }
    socket = io_sim_socket_make(op->io, options->kind == IO_UDP ? SOCKET_UDP : SOCKET_TCP);
    if (socket == NULL) {
        io_sim_end(op, -ENFILE);
        return;
    }
    socket->options = *options;
    socket->is_unix = options->kind == IO_UNIX;
    if (options->kind == IO_UDP && options->source.family != IP_NONE)
        CHECK(io_sim_datagram_bind(socket, &options->source));
    io_sim_end(op, socket->handle);
}

static void run_connect(struct io_sim_op *op, struct io_sim_socket *socket)
{
    struct net_sim *net = &io_sim_world()->net;
    struct ip_port from;

    if (socket->kind == SOCKET_LISTENER || socket->end != NULL) {
        io_sim_end(op, socket->connecting != NULL ? -EALREADY : -EISCONN);
        return;
    }
    if (socket->is_unix != (op->paths[0] != NULL) ||
        (!socket->is_unix && !io_sim_socket_is_family(op->address.ip.family))) {
        io_sim_end(op, -EAFNOSUPPORT);
        return;
    }
    if (socket->kind == SOCKET_UDP) {
        io_sim_end(op, io_sim_datagram_connect(socket, &op->address));
        return;
    }
    if (!socket->is_unix) {
        from.ip = socket->options.source.family != IP_NONE
                      ? socket->options.source
                      : io_sim_socket_own_address(&op->address.ip);
        from.port = net_sim_free_port(net, NET_TCP, &from.ip);
    }
    socket->connecting = op;
    socket->end = net_stream_connect(net, &from, &op->address, op->paths[0], &end_calls, socket);
}

/* --- running --- */

static void run_send(struct io_sim_op *op, struct io_sim_socket *socket)
{
    int32_t result = -ENOTCONN;

    if (socket->kind == SOCKET_UDP)
        result = io_sim_datagram_send(socket, op);
    else if (socket->end != NULL)
        result = list_empty(&socket->sends) ? stream_send(socket, op) : -EAGAIN;
    if (result == -EAGAIN)
        list_push_back(&socket->sends, &op->wait);
    else
        io_sim_end(op, result);
}

static void run_recv(struct io_sim_op *op, struct io_sim_socket *socket)
{
    if (socket->receiving != NULL) {
        io_sim_end(op, -EBUSY);
        return;
    }
    if (socket->kind == SOCKET_LISTENER ||
        (socket->kind == SOCKET_TCP && (socket->end == NULL || !socket->end->opened))) {
        io_sim_end(op, -ENOTCONN);
        return;
    }
    socket->receiving = op;
    io_sim_socket_pump(socket);
}

void io_sim_run_socket(struct io_sim_op *op)
{
    struct io_sim_socket *socket = io_sim_socket_get(op->io, op->handle);

    if (op->kind == OP_SOCKET) {
        run_open(op);
    } else if (op->kind == OP_LISTEN) {
        if (op->handle < 0)
            io_sim_listener_run(op);
    } else if (socket == NULL) {
        io_sim_end(op, -EBADF);
    } else if (op->kind == OP_CONNECT) {
        if (socket->connecting != op)
            run_connect(op, socket);
    } else if (op->kind == OP_RECV) {
        if (socket->receiving != op)
            run_recv(op, socket);
    } else if (!list_linked(&op->wait)) {
        run_send(op, socket);
    }
}

void io_sim_socket_detach(struct io_sim_op *op)
{
    struct io_sim_socket *socket = io_sim_socket_get(op->io, op->handle);

    if (list_linked(&op->wait))
        list_remove(&op->wait);
    if (socket == NULL)
        return;
    if (socket->connecting == op)
        socket->connecting = NULL;
    if (socket->listening == op)
        socket->listening = NULL;
    if (socket->receiving != op)
        return;
    socket->receiving = NULL;
    if (list_linked(&socket->starved))
        list_remove(&socket->starved);
}

void io_sim_socket_close(struct io_sim_socket *socket)
{
    if (list_linked(&socket->starved))
        list_remove(&socket->starved);
    if (socket->end != NULL && socket->vanishes)
        net_stream_vanish(socket->end);
    else if (socket->end != NULL)
        net_stream_close(socket->end);
    if (socket->place != NULL)
        net_sim_unlisten(&io_sim_world()->net, socket->place);
    io_sim_datagram_drop(socket);
    free(socket);
}

void io_sim_vanish(struct io *io)
{
    for (uint32_t i = 0; i < io->options.handles_max && !io->dead; i++) {
        if (io->handles[i].kind == HANDLE_SOCKET)
            io->handles[i].socket->vanishes = true;
    }
}
