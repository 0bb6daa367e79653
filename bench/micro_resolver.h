/* micro_resolver.h - `ringpost-bench micro dns`: routes from a server within the process, or, when
 * it is given the address of one, look-ups from a real server over real sockets.
 *
 * The look-ups ask for the routes of n0.SUFFIX, n1.SUFFIX .. in several rounds, each with an empty
 * cache of its own: the first round warms the server's cache, the last one counts. */
#ifndef BENCH_MICRO_RESOLVER_H
#define BENCH_MICRO_RESOLVER_H

/* arguments[0] is "dns". The exit status. */
int micro_resolver_run(int count, char **arguments);

#endif
