/* micro_suppressions.h - `ringpost-bench micro suppressions`: the store of suppressions, on disk,
 * with millions of addresses in it: what it takes, how fast it answers and starts. */
#ifndef BENCH_MICRO_SUPPRESSIONS_H
#define BENCH_MICRO_SUPPRESSIONS_H

/* The exit status. */
int micro_suppressions_run(int count, char **arguments);

#endif
