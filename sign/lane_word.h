/* lane_word.h - a word of eight lanes in one AVX-512 register; lane_model.h says what each
 * operation does.
 *
 * What lane_avx512.h and lane_ifma.h have in common: they differ in what a factor is and how two
 * are multiplied. Knows nothing of either. Only after sign_batch_has() of one of them. */
#ifndef SIGN_LANE_WORD_H
#define SIGN_LANE_WORD_H

#include <immintrin.h>

#include "base/base.h"

#define LANE_MASK ((UINT64_C(1) << 52) - 1)
/* Inlined into functions with as many instructions or more. */
#define LANE_WORD_INLINE static inline __attribute__((always_inline, target("avx512f,avx512dq")))

typedef __m512i lane_word;

LANE_WORD_INLINE lane_word lane_spread(uint64_t number)
{
    return _mm512_set1_epi64((long long)number);
}

LANE_WORD_INLINE lane_word lane_load(const uint64_t *from)
{
    return _mm512_load_si512(from);
}

LANE_WORD_INLINE void lane_store(uint64_t *into, lane_word word)
{
    _mm512_store_si512(into, word);
}

LANE_WORD_INLINE lane_word lane_add(lane_word a, lane_word b)
{
    return _mm512_add_epi64(a, b);
}

LANE_WORD_INLINE lane_word lane_and(lane_word a, lane_word b)
{
    return _mm512_and_si512(a, b);
}

LANE_WORD_INLINE lane_word lane_or(lane_word a, lane_word b)
{
    return _mm512_or_si512(a, b);
}

LANE_WORD_INLINE lane_word lane_above(lane_word word)
{
    return _mm512_srli_epi64(word, 52);
}

#endif
