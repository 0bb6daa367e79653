/* rsa_batch.h - the RSA private operation on up to eight numbers at once, with one key.
 *
 * By the Chinese remainder theorem, in eight lanes that share modulus, exponent, window indices and
 * the shape of the tables; each result is verified with the public exponent before it leaves (a
 * wrong half would give the factors away). No branch and no address depends on a secret; the
 * public exponent and the sizes are not secret, and the verdict is told.
 *
 * Knows nothing of padding, digests and BoringSSL's keys (but rsa_batch_prepare, at start). Borrows
 * key and work; allocates nothing but in rsa_batch_prepare. Both structs belong into memory for
 * keys, aligned to 64 octets. */
#ifndef SIGN_RSA_BATCH_H
#define SIGN_RSA_BATCH_H

#include "sign/rsa_batch_limb.h"

struct sign_key;

enum {
    RSA_BATCH_OCTETS = 512,
    RSA_BATCH_WINDOW = 5,    /* bits */
    RSA_BATCH_WINDOWS = 410, /* of an exponent of 2048 bits */
};

/* A prime, or the modulus. Words: limbs of 52 bits, the lowest first. */
struct rsa_batch_modulus {
    _Alignas(64) uint64_t words[RSA_BATCH_LIMBS];
    uint64_t one[RSA_BATCH_LIMBS];    /* R mod m */
    uint64_t square[RSA_BATCH_LIMBS]; /* R^2 mod m */
    uint64_t cube[RSA_BATCH_LIMBS];   /* R^3 mod m */
    uint64_t near[2];                 /* as in rsa_batch_limb_modulus, words */
};

struct rsa_batch_key {
    uint32_t octets;     /* of the modulus */
    uint32_t half_tiles; /* of a prime's numbers; the modulus has twice as many */
    uint32_t windows;    /* of each exponent */
    uint32_t e;
    struct rsa_batch_modulus p, q, n;
    uint64_t q_inverse[RSA_BATCH_LIMBS];  /* of q mod p, times R mod p */
    uint8_t p_windows[RSA_BATCH_WINDOWS]; /* of d mod p - 1, the highest first */
    uint8_t q_windows[RSA_BATCH_WINDOWS];
};

enum {
    RSA_BATCH_HALF_WORDS = RSA_BATCH_HALF_LIMBS * RSA_BATCH_LANES,
    RSA_BATCH_WORDS = RSA_BATCH_LIMBS * RSA_BATCH_LANES,
};

/* Secrets pass through it; nothing in it outlives a call. */
struct rsa_batch_work {
    _Alignas(64) uint64_t table[RSA_BATCH_TABLE * RSA_BATCH_HALF_WORDS];
    uint64_t input[RSA_BATCH_WORDS];
    uint64_t p_result[RSA_BATCH_HALF_WORDS];
    uint64_t q_result[RSA_BATCH_HALF_WORDS];
    uint64_t result[RSA_BATCH_WORDS];
    uint64_t power[RSA_BATCH_WORDS];
    uint64_t other[RSA_BATCH_WORDS];
    uint64_t spread[RSA_BATCH_WORDS];
    uint64_t quotients[RSA_BATCH_WORDS];
    uint64_t modulus[RSA_BATCH_LIMBS];
};

enum rsa_batch_kind { RSA_BATCH_MODEL, RSA_BATCH_AVX512, RSA_BATCH_IFMA };

/* The lanes of this kind, or NULL where the processor or the kernel lacks what they need. The model
 * is always there, and slower than anything else. */
const struct rsa_batch_limb *rsa_batch_find(enum rsa_batch_kind kind);

/* Computes what the lanes need of an RSA key. At start: it allocates with BoringSSL and takes some
 * hundred microseconds. -ENOMEM */
MUST_USE int rsa_batch_prepare(struct rsa_batch_key *ret_key, const struct sign_key *key);

/* results[i] = inputs[i]^d mod n for i below `count` (1 .. RSA_BATCH_LANES), each of key->octets
 * octets, big-endian, below n. Returns a mask of the lanes whose result is right; the others'
 * results are zeroes. */
MUST_USE uint32_t rsa_batch_run(const struct rsa_batch_key *key, const struct rsa_batch_limb *limb,
                                struct rsa_batch_work *work,
                                const uint8_t (*inputs)[RSA_BATCH_OCTETS],
                                uint8_t (*results)[RSA_BATCH_OCTETS], uint32_t count);

/* The parts of rsa_batch_run, for those who measure where time goes: the two halves, their joining,
 * the verification of what stands in work->result. */
void rsa_batch_load(const struct rsa_batch_key *key, struct rsa_batch_work *work,
                    const uint8_t (*inputs)[RSA_BATCH_OCTETS], uint32_t count);
void rsa_batch_halves(const struct rsa_batch_key *key, const struct rsa_batch_limb *limb,
                      struct rsa_batch_work *work);
void rsa_batch_join(const struct rsa_batch_key *key, const struct rsa_batch_limb *limb,
                    struct rsa_batch_work *work);
uint32_t rsa_batch_verify(const struct rsa_batch_key *key, const struct rsa_batch_limb *limb,
                          struct rsa_batch_work *work);

#endif
