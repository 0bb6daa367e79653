/* prng.h - a seeded generator (xoshiro256**): jitter, shuffles, DNS ids, simulation.
 *
 * Knows no entropy source: the seed comes through the seam, from the command line of a simulation,
 * or from a test. Not for keys (BoringSSL makes those). */
#ifndef BASE_PRNG_H
#define BASE_PRNG_H

#include "base/base.h"

struct prng {
    uint64_t state[4];
};

void prng_seed(struct prng *prng, uint64_t seed);
uint64_t prng_next(struct prng *prng);
/* Uniform in [0, limit); limit 0 gives 0. */
uint64_t prng_below(struct prng *prng, uint64_t limit);
/* True in `percent` of 100 draws. */
bool prng_percent(struct prng *prng, uint32_t percent);
void prng_fill(struct prng *prng, void *data, size_t size);

#endif
