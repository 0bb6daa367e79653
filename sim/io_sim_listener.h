/* io_sim_listener.h - a socket of the simulated back end that listens: streams come to it.
 *
 * Private to io_sim*.c. Knows nothing of bytes: each stream that comes becomes a socket of its own
 * (io_sim_socket.h), told of by an event of the operation that listens; it is reset when nobody
 * listens any more or no handle is free. The place in the network belongs to the socket. */
#ifndef SIM_IO_SIM_LISTENER_H
#define SIM_IO_SIM_LISTENER_H

#include "sim/io_sim_socket.h"

/* Runs OP_LISTEN: makes the socket and stays on it until it is cancelled or the handle shut. */
void io_sim_listener_run(struct io_sim_op *op);

#endif
