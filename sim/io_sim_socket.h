/* io_sim_socket.h - a socket of the simulated back end: what stands behind a handle of io.h.
 *
 * Private to io_sim*.c and sim_world.c. Joins operations (io_sim.h) with streams of the simulated
 * network; what only datagrams need is in io_sim_datagram.h, listening in io_sim_listener.h.
 * Provided buffers belong to the ring (io_sim_buffers.c); a socket with bytes and no buffer starves
 * and is served in the order in which it starved. */
#ifndef SIM_IO_SIM_SOCKET_H
#define SIM_IO_SIM_SOCKET_H

#include "sim/io_sim.h"
#include "sim/net_stream.h"

enum io_sim_socket_kind { SOCKET_TCP, SOCKET_UDP, SOCKET_LISTENER };

struct io_sim_socket {
    enum io_sim_socket_kind kind;
    struct io *io;
    int handle;
    struct io_socket_options options;
    struct net_end *end;     /* a stream, once connect was submitted or accepted */
    struct net_place *place; /* a listener, or a bound datagram socket */
    struct ip_port remote;   /* of a connected datagram socket; port 0: not connected */
    int error;               /* UDP: -ECONNREFUSED to be told once */
    bool is_unix;
    bool accepted;
    bool vanishes; /* its machine loses its power */
    struct list datagrams;
    uint32_t datagrams_count;
    struct io_sim_op *connecting;
    struct io_sim_op *receiving;
    struct list sends; /* operations that wait for room */
    struct io_sim_op *listening;
    struct list_node starved; /* in io->starved: has bytes and wants a buffer */
};

/* NULL: no socket has this handle. */
struct io_sim_socket *io_sim_socket_get(struct io *io, int handle);
/* Runs an operation on sockets whose time has come. */
void io_sim_run_socket(struct io_sim_op *op);
/* The operation ends: nobody waits for it any more. */
void io_sim_socket_detach(struct io_sim_op *op);
void io_sim_socket_close(struct io_sim_socket *socket);
/* Gives out what has arrived, as far as there are buffers. */
void io_sim_socket_pump(struct io_sim_socket *socket);

/* --- for io_sim_datagram.c and io_sim_listener.c --- */

/* A socket behind a fresh handle; NULL: none is free. */
struct io_sim_socket *io_sim_socket_make(struct io *io, enum io_sim_socket_kind kind);
/* A stream that has come becomes the socket's. */
void io_sim_socket_take(struct io_sim_socket *socket, struct net_end *end);
/* Copies a run of bytes into a buffer and tells of it. False: no buffer, the socket starves. */
MUST_USE bool io_sim_socket_give(struct io_sim_socket *socket, struct span bytes);
/* Whether it is one that sockets have addresses of. */
MUST_USE bool io_sim_socket_is_family(uint8_t family);
/* The address that this machine has towards another. */
struct ip io_sim_socket_own_address(const struct ip *remote);

/* --- buffers (io_sim_buffers.c) --- */

/* One buffer, or -ENOBUFS. */
MUST_USE int io_sim_buffer_claim(struct io *io);
uint8_t *io_sim_buffer_data(struct io *io, int buffer);
void io_sim_buffers_open(struct io *io);
void io_sim_buffers_close(struct io *io);

#endif
