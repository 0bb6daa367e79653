/* micro.h - `ringpost-bench micro NAME`: one micro-benchmark, one JSON object. */
#ifndef BENCH_MICRO_H
#define BENCH_MICRO_H

#include <stdio.h>

/* arguments[0] is "micro". The exit status. */
int micro_run(int count, char **arguments);
/* The names of all, with commas, in lines that begin with `indent` blanks. */
void micro_print_names(FILE *file, int indent);

#endif
