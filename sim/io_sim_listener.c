#include "sim/io_sim_listener.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"

static void adopt(struct io_sim_socket *listener, struct net_end *end)
{
    struct io_sim_socket *socket =
        listener->listening == NULL ? NULL : io_sim_socket_make(listener->io, SOCKET_TCP);

    if (socket == NULL) {
        net_stream_reset(end);
        return;
    }
    socket->is_unix = listener->is_unix;
    io_sim_socket_take(socket, end);
    io_sim_event(listener->io, (struct io_event){.tag = listener->listening->tag,
                                                 .result = socket->handle,
                                                 .flags = IO_EVENT_MORE});
}

static void on_accepted(struct net_place *place, struct net_end *end)
{
    adopt(place->owner, end);
}

static const struct net_place_calls listener_calls = {
    .accepted = on_accepted,
};

void io_sim_listener_run(struct io_sim_op *op)
{
    struct net_place place = {
        .kind = op->paths[0] != NULL ? NET_UNIX : NET_TCP,
        .address = op->address,
        .calls = &listener_calls,
    };
    struct io_sim_socket *socket;

    if (op->paths[0] == NULL && !io_sim_socket_is_family(op->address.ip.family)) {
        io_sim_end(op, -EAFNOSUPPORT);
        return;
    }
    if (op->paths[0] != NULL) {
        CHECK(strlen(op->paths[0]) < NET_PATH_MAX);
        memcpy(place.path, op->paths[0], strlen(op->paths[0]) + 1);
    }
    socket = io_sim_socket_make(op->io, SOCKET_LISTENER);
    if (socket == NULL) {
        io_sim_end(op, -ENFILE);
        return;
    }
    place.owner = socket;
    socket->place = net_sim_listen(&io_sim_world()->net, place);
    if (socket->place == NULL) {
        io_sim_handle_close(op->io, socket->handle);
        io_sim_end(op, -EADDRINUSE);
        return;
    }
    socket->is_unix = place.kind == NET_UNIX;
    socket->listening = op;
    op->handle = socket->handle;
    list_remove(&op->node);
    list_push_back(&op->io->handles[op->handle].ops, &op->node);
    io_sim_event(op->io,
                 (struct io_event){.tag = op->tag, .result = op->handle, .flags = IO_EVENT_MORE});
}
