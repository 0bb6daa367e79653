/* lane_ifma.h - eight lanes with AVX-512 IFMA; lane_model.h says what each operation does.
 *
 * Knows nothing of numbers longer than a limb. Only for functions that run after
 * sign_batch_has(SIGN_PATH_IFMA). */
#ifndef SIGN_LANE_IFMA_H
#define SIGN_LANE_IFMA_H

#include "sign/lane_word.h"

#define LANE_BIAS_LOW UINT64_C(0)
#define LANE_BIAS_HIGH UINT64_C(0)
#define LANE_SPLIT 1 /* four cycles from one addition to the next, two additions a cycle */
#define LANE_INLINE                                                                                \
    static inline __attribute__((always_inline, target("avx512f,avx512dq,avx512ifma")))

typedef __m512i lane_factor;

LANE_INLINE lane_factor lane_factor_load(const uint64_t *from)
{
    return _mm512_load_si512(from);
}

LANE_INLINE void lane_factor_store(uint64_t *into, lane_factor factor)
{
    _mm512_store_si512(into, factor);
}

LANE_INLINE lane_factor lane_factor_spread(const uint64_t *from)
{
    return lane_spread(*from);
}

LANE_INLINE lane_factor lane_factor_of(lane_word word)
{
    return _mm512_and_si512(word, lane_spread(LANE_MASK));
}

/* The instructions look at the low 52 bits only. */
LANE_INLINE lane_factor lane_factor_near(lane_word word)
{
    return word;
}

LANE_INLINE lane_word lane_word_of(lane_factor factor)
{
    return factor;
}

LANE_INLINE void lane_add_low(lane_word *low, lane_factor a, lane_factor b)
{
    *low = _mm512_madd52lo_epu64(*low, a, b);
}

LANE_INLINE void lane_add_high(lane_word *high, lane_factor a, lane_factor b)
{
    *high = _mm512_madd52hi_epu64(*high, a, b);
}

LANE_INLINE void lane_add_product(lane_word *low, lane_word *high, lane_factor a, lane_factor b)
{
    *low = _mm512_madd52lo_epu64(*low, a, b);
    *high = _mm512_madd52hi_epu64(*high, a, b);
}

LANE_INLINE lane_factor lane_low(lane_factor a, lane_factor b)
{
    return _mm512_madd52lo_epu64(_mm512_setzero_si512(), a, b);
}

#endif
