/* micro_queue.h - `ringpost-bench micro queue`: the durable queue without network.
 *
 * Loads a list, closes, opens again and settles every recipient in random order, once at the asked
 * size and a few times at 10,000 for comparison; through the real store on the real ring. */
#ifndef BENCH_MICRO_QUEUE_H
#define BENCH_MICRO_QUEUE_H

/* arguments[0] is "queue". The exit status. */
int micro_queue_run(int count, char **arguments);

#endif
