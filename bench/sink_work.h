/* sink_work.h - the sink's receiver at work: held octets in, through TLS where it is on, replies
 * out, messages counted and noted. */
#ifndef BENCH_SINK_WORK_H
#define BENCH_SINK_WORK_H

#include "bench/sink_thread.h"

/* Lets the receiver read what is held and write what it says; the connection is then in the list of
 * those that have something to send. */
void sink_work(struct sink_thread *thread, struct sink_connection *connection);
/* Puts TLS in: from here on octets are those of the handshake. */
void sink_work_secure(struct sink_thread *thread, struct sink_connection *connection);

#endif
