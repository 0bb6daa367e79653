/* nearest.h - the known name most like a mistyped one: "did you mean".
 *
 * Knows nothing of what is named. Owns nothing: the candidates outlive the search.
 * Counts a missing, a surplus, a wrong and a swapped character as one step each. */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include "base/span.h"

#define NEAREST_SIZE_MAX 64 /* longer names are never near */

struct nearest {
    struct span wanted;
    struct span best;
    uint32_t best_steps;
};

void nearest_init(struct nearest *nearest, struct span wanted);
void nearest_offer(struct nearest *nearest, struct span candidate);
/* The best candidate within a third of the wanted name's size, or an empty span. */
struct span nearest_found(const struct nearest *nearest);
uint32_t nearest_steps(struct span a, struct span b);

#endif
