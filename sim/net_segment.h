/* net_segment.h - what travels in a simulated stream: runs of bytes, the end, a reset.
 *
 * Private to net_stream.c. A segment waits in the queue of what is under way to its end until its
 * time on the timeline comes, in order; then it is there to be read, or breaks the stream as it was
 * drawn, or is answered with a reset because nobody owns the end. Knows nothing of opening and
 * closing. Owns the segments (malloc); the queues belong to the ends.
 *
 *   sent -> in transit -> arrived -> consumed */
#ifndef SIM_NET_SEGMENT_H
#define SIM_NET_SEGMENT_H

#include "sim/net_stream.h"

enum net_segment_kind { NET_SEGMENT_BYTES, NET_SEGMENT_FIN, NET_SEGMENT_RESET };

/* On its way to this end; the bytes are copied. */
void net_segment_send(struct net_end *to, enum net_segment_kind kind, struct span bytes);
/* The first run of bytes of those that have arrived; empty: none. */
struct span net_segment_read(const struct net_queue *queue);
/* So many of these are read. */
void net_segment_consume(struct net_queue *queue, size_t size);
/* Frees all of them. */
void net_segment_drop(struct net_queue *queue);

#endif
