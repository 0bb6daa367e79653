#include "sim/io_sim_datagram.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

#define DATAGRAMS_MAX 256 /* waiting in one socket; more are lost */

struct datagram {
    struct list_node node;
    size_t size;
    uint8_t bytes[];
};

/* --- receiving --- */

void io_sim_datagram_pump(struct io_sim_socket *socket)
{
    if (socket->receiving != NULL && socket->error != 0) {
        int error = socket->error;

        socket->error = 0;
        io_sim_end(socket->receiving, error);
    }
    while (socket->receiving != NULL && !list_empty(&socket->datagrams)) {
        struct datagram *datagram =
            CONTAINER_OF(list_first(&socket->datagrams), struct datagram, node);
        size_t size = min_size(datagram->size, socket->io->options.buffer_size);

        if (!io_sim_socket_give(socket, span_make(datagram->bytes, size)))
            return;
        free(CONTAINER_OF(list_pop_front(&socket->datagrams), struct datagram, node));
        socket->datagrams_count--;
    }
}

static void on_datagram(struct net_place *place, const struct ip_port *from, struct span bytes)
{
    struct io_sim_socket *socket = place->owner;
    struct datagram *datagram;

    if (socket->remote.port != 0 &&
        (socket->remote.port != from->port || !ip_equal(&socket->remote.ip, &from->ip)))
        return;
    if (bytes.size == 0 || socket->datagrams_count == DATAGRAMS_MAX)
        return;
    datagram = malloc(sizeof(*datagram) + bytes.size);
    CHECK(datagram != NULL);
    *datagram = (struct datagram){.size = bytes.size};
    memcpy(datagram->bytes, bytes.data, bytes.size);
    list_push_back(&socket->datagrams, &datagram->node);
    socket->datagrams_count++;
    io_sim_datagram_pump(socket);
}

static void on_unreachable(struct net_place *place, const struct ip_port *to)
{
    struct io_sim_socket *socket = place->owner;

    if (socket->remote.port != to->port || !ip_equal(&socket->remote.ip, &to->ip))
        return;
    socket->error = -ECONNREFUSED;
    io_sim_datagram_pump(socket);
}

static const struct net_place_calls datagram_calls = {
    .datagram = on_datagram,
    .unreachable = on_unreachable,
};

/* --- sending --- */

bool io_sim_datagram_bind(struct io_sim_socket *socket, const struct ip *ip)
{
    if (socket->place == NULL)
        socket->place =
            net_sim_listen(&io_sim_world()->net, (struct net_place){.kind = NET_UDP,
                                                                    .address = {.ip = *ip},
                                                                    .calls = &datagram_calls,
                                                                    .owner = socket});
    return socket->place != NULL;
}

int32_t io_sim_datagram_connect(struct io_sim_socket *socket, const struct ip_port *to)
{
    struct ip own = io_sim_socket_own_address(&to->ip);

    if (!io_sim_datagram_bind(socket, &own))
        return -EADDRNOTAVAIL;
    socket->remote = *to;
    return 0;
}

static int32_t send_to(struct io_sim_socket *socket, const struct ip_port *to,
                       const struct io_sim_op *op)
{
    uint8_t bytes[64 * 1024];
    size_t size = 0;
    int32_t error = socket->error;

    if (to->port == 0)
        return -EDESTADDRREQ;
    socket->error = 0;
    if (error != 0)
        return error;
    for (uint32_t i = 0; i < op->parts_count; i++) {
        if (op->parts[i].size > sizeof(bytes) - size)
            return -EMSGSIZE;
        if (op->parts[i].size > 0)
            memcpy(bytes + size, op->parts[i].data, op->parts[i].size);
        size += op->parts[i].size;
    }
    if (!io_sim_datagram_bind(socket, &(struct ip){0}))
        return -EADDRNOTAVAIL;
    net_sim_datagram(&io_sim_world()->net, socket->place, to, span_make(bytes, size));
    return (int32_t)size;
}

int32_t io_sim_datagram_send(struct io_sim_socket *socket, const struct io_sim_op *op)
{
    struct ip own;

    if (op->kind != OP_SENDTO)
        return send_to(socket, &socket->remote, op);
    own = io_sim_socket_own_address(&op->address.ip);
    return io_sim_datagram_bind(socket, &own) ? send_to(socket, &op->address, op) : -EADDRNOTAVAIL;
}

void io_sim_datagram_drop(struct io_sim_socket *socket)
{
    list_for_each_safe(node, after, &socket->datagrams)
        free(CONTAINER_OF(node, struct datagram, node));
}
