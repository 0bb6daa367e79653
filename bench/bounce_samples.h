/* bounce_samples.h - a few messages that came back, compiled in: one of each common kind, out of
 * tests/corpus (meson.build names them, make_samples.py writes the table). */
#ifndef BENCH_BOUNCE_SAMPLES_H
#define BENCH_BOUNCE_SAMPLES_H

#include "base/span.h"

const struct span *bounce_samples(size_t *ret_count);

#endif
