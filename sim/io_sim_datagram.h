/* io_sim_datagram.h - a socket of the simulated back end that sends and receives datagrams.
 *
 * Private to io_sim*.c. Knows no streams. A socket has its place in the network from the first time
 * that it binds, connects or sends; what comes waits in the socket, which owns it, until there is a
 * buffer. An address where nothing listens is told of once, by -ECONNREFUSED. */
#ifndef SIM_IO_SIM_DATAGRAM_H
#define SIM_IO_SIM_DATAGRAM_H

#include "sim/io_sim_socket.h"

/* Gives out what has arrived, as far as there are buffers. */
void io_sim_datagram_pump(struct io_sim_socket *socket);
/* The socket's own address, where it has none yet. False: it is taken. */
MUST_USE bool io_sim_datagram_bind(struct io_sim_socket *socket, const struct ip *ip);
/* From now on it hears of this one alone, and sends to it; 0 or -EADDRNOTAVAIL. */
MUST_USE int32_t io_sim_datagram_connect(struct io_sim_socket *socket, const struct ip_port *to);
/* OP_SENDTO and, on a connected socket, OP_SEND: the octets sent, or -errno. */
MUST_USE int32_t io_sim_datagram_send(struct io_sim_socket *socket, const struct io_sim_op *op);
/* The socket goes, and what waits in it. */
void io_sim_datagram_drop(struct io_sim_socket *socket);

#endif
