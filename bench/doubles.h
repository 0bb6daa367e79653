/* doubles.h - a growing set of 64-bit hashes, shared by threads: has this been seen before?
 *
 * Knows not what is hashed. Two different things with one hash count as one: among ten million the
 * chance is one in 400,000. Allocates as it grows, up to a cap; what does not fit any more is
 * counted and not remembered. */
#ifndef BENCH_DOUBLES_H
#define BENCH_DOUBLES_H

#include <pthread.h>

#include "base/base.h"

#define DOUBLES_STRIPES 64

struct doubles_stripe {
    pthread_mutex_t mutex;
    uint64_t *hashes; /* 0: empty */
    uint64_t slots_count;
    uint64_t count;
};

struct doubles {
    struct doubles_stripe stripes[DOUBLES_STRIPES];
    uint64_t stripe_max; /* hashes a stripe */
};

void doubles_open(struct doubles *doubles, uint64_t hashes_max);
void doubles_close(struct doubles *doubles);

enum doubles_answer { DOUBLES_NEW, DOUBLES_SEEN, DOUBLES_FULL };
enum doubles_answer doubles_add(struct doubles *doubles, uint64_t hash);

#endif
