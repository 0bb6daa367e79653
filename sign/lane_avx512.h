/* lane_avx512.h - eight lanes with AVX-512 F and DQ: 52-bit products by floating point.
 *
 * lane_model.h says what each operation does. A factor is eight doubles, which hold 52 bits
 * exactly. With c = 2^104, the fused a * b + c rounded towards zero lies in [2^104, 2^105), where
 * the last bit of a double is worth 2^52: its fraction is floor(a * b / 2^52), the high half. What
 * it lost is found exactly by a second fused operation: a * b - (high half) * 2^52 + 2^52 lies in
 * [2^52, 2^53) and its fraction is the low half. The bits of both doubles are added as integers;
 * their exponents are the biases. No operand is ever denormal, infinite or not a number, so the
 * time of the instructions does not depend on values. The rounding stands in the instruction: the
 * thread's mode is neither asked nor changed.
 *
 * Knows nothing of numbers longer than a limb. Only after sign_batch_has(SIGN_PATH_AVX512). */
#ifndef SIGN_LANE_AVX512_H
#define SIGN_LANE_AVX512_H

#include "sign/lane_word.h"

#define LANE_BIAS_LOW (UINT64_C(0x433) << 52)  /* the bits of 2^52 */
#define LANE_BIAS_HIGH (UINT64_C(0x467) << 52) /* of 2^104 */
#define LANE_SPLIT 0
#define LANE_INLINE static inline __attribute__((always_inline, target("avx512f,avx512dq")))
#define LANE_ROUND (_MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC)

typedef __m512d lane_factor;

LANE_INLINE lane_factor lane_factor_load(const uint64_t *from)
{
    return _mm512_load_pd(from);
}

LANE_INLINE void lane_factor_store(uint64_t *into, lane_factor factor)
{
    _mm512_store_pd(into, factor);
}

LANE_INLINE lane_factor lane_factor_spread(const uint64_t *from)
{
    return _mm512_castsi512_pd(lane_spread(*from));
}

LANE_INLINE lane_factor lane_factor_of(lane_word word)
{
    return _mm512_cvtepu64_pd(_mm512_and_si512(word, lane_spread(LANE_MASK)));
}

LANE_INLINE lane_factor lane_factor_near(lane_word word)
{
    return lane_factor_of(word);
}

LANE_INLINE lane_word lane_word_of(lane_factor factor)
{
    return _mm512_cvttpd_epu64(factor);
}

/* 2^104 and the high half of the product, times 2^52. */
LANE_INLINE lane_factor lane_top(lane_factor a, lane_factor b)
{
    return _mm512_fmadd_round_pd(a, b, _mm512_set1_pd(0x1p104), LANE_ROUND);
}

LANE_INLINE lane_word lane_bits(lane_factor factor)
{
    return _mm512_castpd_si512(factor);
}

LANE_INLINE void lane_add_high(lane_word *high, lane_factor a, lane_factor b)
{
    *high = lane_add(*high, lane_bits(lane_top(a, b)));
}

LANE_INLINE void lane_add_product(lane_word *low, lane_word *high, lane_factor a, lane_factor b)
{
    lane_factor top = lane_top(a, b);
    lane_factor rest = _mm512_sub_pd(_mm512_set1_pd(0x1p104 + 0x1p52), top);

    *high = lane_add(*high, lane_bits(top));
    *low = lane_add(*low, lane_bits(_mm512_fmadd_round_pd(a, b, rest, LANE_ROUND)));
}

LANE_INLINE void lane_add_low(lane_word *low, lane_factor a, lane_factor b)
{
    lane_factor rest = _mm512_sub_pd(_mm512_set1_pd(0x1p104 + 0x1p52), lane_top(a, b));

    *low = lane_add(*low, lane_bits(_mm512_fmadd_round_pd(a, b, rest, LANE_ROUND)));
}

LANE_INLINE lane_factor lane_low(lane_factor a, lane_factor b)
{
    lane_factor rest = _mm512_sub_pd(_mm512_set1_pd(0x1p104), lane_top(a, b));

    return _mm512_fmadd_round_pd(a, b, rest, LANE_ROUND);
}

#endif
