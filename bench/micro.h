/* micro.h - `ringpost-bench micro NAME`: one micro-benchmark, one JSON object. */
#ifndef BENCH_MICRO_H
#define BENCH_MICRO_H

/* arguments[0] is "micro". The exit status. */
int micro_run(int count, char **arguments);

#endif
