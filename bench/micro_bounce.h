/* micro_bounce.h - `ringpost-bench micro bounce FOLDER`: reading and classing what came back. */
#ifndef BENCH_MICRO_BOUNCE_H
#define BENCH_MICRO_BOUNCE_H

/* arguments[0] is "bounce". The exit status. */
int micro_bounce_run(int count, char **arguments);

#endif
