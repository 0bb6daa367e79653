/* lane_model.h - eight lanes in plain C: what AVX-512 IFMA does, bit for bit.
 *
 * Stands in for lane_ifma.h where the processor lacks the instructions: the limb code above it is
 * the same, so its tests on any machine are tests of the code that runs with IFMA. Too slow to sign
 * with. Knows nothing of numbers longer than a limb.
 *
 * The operations, the same in every lane_*.h. A *word* is eight integers of 64 bits. A *factor* is
 * eight numbers below 2^52 in the form that multiplication wants. Products are of 52 by 52 bits;
 * their low and high 52 bits are added to two words. Each such addition also adds LANE_BIAS_LOW or
 * LANE_BIAS_HIGH, multiples of 2^52 for the caller to take off. LANE_SPLIT: chains of additions are
 * slow enough that low and high parts are worth words of their own. */
#ifndef SIGN_LANE_MODEL_H
#define SIGN_LANE_MODEL_H

#include "base/base.h"

/* Without AVX-512 such vectors are passed otherwise than with it; all here is inlined. */
#pragma GCC diagnostic ignored "-Wpsabi"

#define LANE_MASK ((UINT64_C(1) << 52) - 1)
#define LANE_BIAS_LOW UINT64_C(0)
#define LANE_BIAS_HIGH UINT64_C(0)
#define LANE_SPLIT 1
#define LANE_INLINE static inline __attribute__((always_inline))

__extension__ typedef unsigned __int128 lane_model_wide;
typedef uint64_t lane_word __attribute__((vector_size(64)));
typedef uint64_t lane_factor __attribute__((vector_size(64)));

LANE_INLINE lane_word lane_spread(uint64_t number)
{
    return (lane_word){number, number, number, number, number, number, number, number};
}

LANE_INLINE lane_word lane_load(const uint64_t *from)
{
    return *(const lane_word *)(const void *)from;
}

LANE_INLINE void lane_store(uint64_t *into, lane_word word)
{
    *(lane_word *)(void *)into = word;
}

LANE_INLINE lane_word lane_add(lane_word a, lane_word b)
{
    return a + b;
}

LANE_INLINE lane_word lane_and(lane_word a, lane_word b)
{
    return a & b;
}

LANE_INLINE lane_word lane_or(lane_word a, lane_word b)
{
    return a | b;
}

/* What is above the low 52 bits. */
LANE_INLINE lane_word lane_above(lane_word word)
{
    return word >> 52;
}

LANE_INLINE lane_factor lane_factor_load(const uint64_t *from)
{
    return *(const lane_factor *)(const void *)from;
}

LANE_INLINE void lane_factor_store(uint64_t *into, lane_factor factor)
{
    *(lane_factor *)(void *)into = factor;
}

/* One number, stored in the form of a factor, in all lanes. */
LANE_INLINE lane_factor lane_factor_spread(const uint64_t *from)
{
    return lane_spread(*from);
}

/* Of the low 52 bits. */
LANE_INLINE lane_factor lane_factor_of(lane_word word)
{
    return word & lane_spread(LANE_MASK);
}

/* The same, but only good to multiply at once, not to store. */
LANE_INLINE lane_factor lane_factor_near(lane_word word)
{
    return word;
}

LANE_INLINE lane_word lane_word_of(lane_factor factor)
{
    return factor;
}

LANE_INLINE lane_model_wide lane_model_product(uint64_t a, uint64_t b)
{
    return (lane_model_wide)(a & LANE_MASK) * (b & LANE_MASK);
}

/* VPMADD52LUQ */
LANE_INLINE void lane_add_low(lane_word *low, lane_factor a, lane_factor b)
{
    for (int i = 0; i < 8; i++)
        (*low)[i] += (uint64_t)lane_model_product(a[i], b[i]) & LANE_MASK;
}

/* VPMADD52HUQ */
LANE_INLINE void lane_add_high(lane_word *high, lane_factor a, lane_factor b)
{
    for (int i = 0; i < 8; i++)
        (*high)[i] += (uint64_t)(lane_model_product(a[i], b[i]) >> 52);
}

LANE_INLINE void lane_add_product(lane_word *low, lane_word *high, lane_factor a, lane_factor b)
{
    lane_add_low(low, a, b);
    lane_add_high(high, a, b);
}

/* The low 52 bits of the product. */
LANE_INLINE lane_factor lane_low(lane_factor a, lane_factor b)
{
    lane_word low = lane_spread(0);

    lane_add_low(&low, a, b);
    return low;
}

#endif
