/* secret_lanes.h - the two instructions that MemorySanitizer cannot follow, said otherwise.
 *
 * Put in front of lane_avx512.h by secret_test.py. The rounding that stands in the fused
 * instruction becomes the thread's (secret_probe.c sets it), the conversion the compiler's own:
 * same results. */
#ifndef TESTS_SECRET_LANES_H
#define TESTS_SECRET_LANES_H

#include <immintrin.h>

typedef unsigned long long secret_lanes_words __attribute__((vector_size(64)));

#undef _mm512_fmadd_round_pd
#define _mm512_fmadd_round_pd(a, b, c, rounding) _mm512_fmadd_pd(a, b, c)
#define _mm512_cvttpd_epu64(a) ((__m512i) __builtin_convertvector(a, secret_lanes_words))

#endif
