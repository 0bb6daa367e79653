/* rsa_batch_limb.h - long numbers in eight lanes: Montgomery multiplication in radix 2^52.
 *
 * Knows nothing of keys and exponents. One source, compiled once for each lane_*.h; which of them a
 * processor can run is rsa_batch.h's business. Nothing branches on, and no address depends on, a
 * number's value: only on `tiles`.
 *
 * A number in lanes is an array of limbs, the lowest first; limb i of lane l is at [8 * i + l].
 * Limbs come in tiles of five. Either as *words* (integers below 2^52) or as *factors* (what the
 * lanes multiply, made by to_factors). All arrays are aligned to 64 octets. */
#ifndef SIGN_RSA_BATCH_LIMB_H
#define SIGN_RSA_BATCH_LIMB_H

#include "base/base.h"

enum {
    RSA_BATCH_LANES = 8,
    RSA_BATCH_TILE = 5, /* limbs */
    RSA_BATCH_LIMB_BITS = 52,
    RSA_BATCH_HALF_LIMBS = 40, /* of a prime of 2048 bits, with room to spare */
    RSA_BATCH_LIMBS = 80,      /* of a modulus of 4096 bits */
    RSA_BATCH_TABLE = 32,      /* powers for windows of five bits */
};

/* What all lanes share. R is 2^(52 * limbs), at least 256 times the modulus. */
struct rsa_batch_limb_modulus {
    uint32_t tiles;
    const uint64_t *factors; /* of the modulus: one for each limb, not eight */
    uint64_t near[2];        /* factors: k = -1 / modulus, and k times its second limb, mod 2^52 */
};

struct rsa_batch_limb {
    const char *name;
    /* ret = a * b / R mod m, not fully reduced: below m + a * b / R. ret may be a or b. `quotients`
     * is room for a number in lanes. */
    void (*multiply)(uint64_t *ret, const uint64_t *a, const uint64_t *b,
                     const struct rsa_batch_limb_modulus *modulus, uint64_t *quotients);
    void (*square)(uint64_t *ret, const uint64_t *a, const struct rsa_batch_limb_modulus *modulus,
                   uint64_t *quotients);
    /* ret = table[index]; reads every entry. Entries lie `tiles` tiles apart. */
    void (*pick)(uint64_t *ret, const uint64_t *table, uint32_t tiles, uint32_t index);
    /* `count` limbs of eight lanes. */
    void (*to_factors)(uint64_t *ret, const uint64_t *words, uint32_t count);
    void (*to_words)(uint64_t *ret, const uint64_t *factors, uint32_t count);
};

extern const struct rsa_batch_limb rsa_batch_limb_model;  /* plain C: any processor */
extern const struct rsa_batch_limb rsa_batch_limb_avx512; /* x86-64 only, these two */
extern const struct rsa_batch_limb rsa_batch_limb_ifma;

#endif
