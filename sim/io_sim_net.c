/* The network half of the seam: submissions, copied and put on the timeline. */
#include "io/io.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "sim/io_sim_socket.h"

int io_peer_uid(struct io *io, int socket, uint32_t *ret_uid)
{
    const struct io_sim_socket *state = io_sim_socket_get(io, socket);

    if (state == NULL)
        return -EBADF;
    if (!state->is_unix || !state->accepted)
        return -ENOTCONN;
    *ret_uid = (uint32_t)getuid();
    return 0;
}

int io_peer_ip(struct io *io, int socket, struct ip *ret_ip)
{
    const struct io_sim_socket *state = io_sim_socket_get(io, socket);

    if (state == NULL)
        return -EBADF;
    if (!state->accepted || state->is_unix || state->end == NULL)
        return -ENOTCONN;
    *ret_ip = net_stream_remote(state->end)->ip;
    return 0;
}

void io_listen_peers(struct io *io, uint64_t tag, const struct io_address *address)
{
    io_listen(io, tag, address);
}

int io_local_port(struct io *io, int socket, uint16_t *ret_port)
{
    const struct io_sim_socket *state = io_sim_socket_get(io, socket);

    if (state == NULL)
        return -EBADF;
    if (state->place == NULL || state->place->kind == NET_UNIX)
        return -EINVAL;
    *ret_port = state->place->address.port;
    return 0;
}

static void address_copy(struct io_sim_op *op, const struct io_address *address)
{
    op->address = address->ip;
    if (address->path != NULL) {
        op->paths[0] = strdup(address->path);
        CHECK(op->paths[0] != NULL);
    }
}

void io_socket(struct io *io, uint64_t tag, const struct io_socket_options *options)
{
    struct io_sim_op *op = io_sim_submit(io, OP_SOCKET, tag, -1);

    if (op == NULL)
        return;
    op->socket = *options;
    io_sim_schedule(op, 0);
}

void io_connect(struct io *io, uint64_t tag, int socket, const struct io_address *address)
{
    struct io_sim_op *op = io_sim_submit(io, OP_CONNECT, tag, socket);

    if (op == NULL)
        return;
    address_copy(op, address);
    io_sim_schedule(op, 0);
}

void io_listen(struct io *io, uint64_t tag, const struct io_address *address)
{
    struct io_sim_op *op = io_sim_submit(io, OP_LISTEN, tag, -1);

    if (op == NULL)
        return;
    address_copy(op, address);
    io_sim_schedule(op, 0);
}

void io_send(struct io *io, uint64_t tag, int socket, const struct span *parts,
             uint32_t parts_count)
{
    struct io_sim_op *op = io_sim_submit(io, OP_SEND, tag, socket);

    CHECK(parts_count > 0);
    CHECK(parts_count <= IO_SIM_PARTS_MAX);
    if (op == NULL)
        return;
    memcpy(op->parts, parts, parts_count * sizeof(parts[0]));
    op->parts_count = parts_count;
    io_sim_schedule(op, 0);
}

void io_answer(struct io *io, uint64_t tag, int socket, struct span data)
{
    io_send(io, tag, socket, &data, 1);
}

void io_sendto(struct io *io, uint64_t tag, int socket, struct span data,
               const struct io_address *to)
{
    struct io_sim_op *op = io_sim_submit(io, OP_SENDTO, tag, socket);

    if (op == NULL)
        return;
    address_copy(op, to);
    op->parts[0] = data;
    op->parts_count = 1;
    io_sim_schedule(op, 0);
}

void io_recv(struct io *io, uint64_t tag, int socket)
{
    struct io_sim_op *op = io_sim_submit(io, OP_RECV, tag, socket);

    if (op != NULL)
        io_sim_schedule(op, 0);
}
