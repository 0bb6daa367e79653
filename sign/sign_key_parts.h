/* sign_key_parts.h - what lies in a key's memory; private to sign/.
 *
 * Numbers are big-endian, filled with zeroes in front to the size that the modulus gives: n and d
 * have bits / 8 octets, the rest half of it. Knows nothing of PEM and of lanes. */
#ifndef SIGN_SIGN_KEY_PARTS_H
#define SIGN_SIGN_KEY_PARTS_H

#include <openssl/rsa.h>

#include "sign/rsa_batch.h"
#include "sign/sign_key.h"

enum { SIGN_KEY_OCTETS_MAX = SIGN_KEY_BITS_MAX / 8, SIGN_KEY_HALF_MAX = SIGN_KEY_OCTETS_MAX / 2 };

struct sign_key_rsa {
    uint8_t n[SIGN_KEY_OCTETS_MAX];
    uint8_t d[SIGN_KEY_OCTETS_MAX];
    uint8_t p[SIGN_KEY_HALF_MAX];
    uint8_t q[SIGN_KEY_HALF_MAX];
    uint8_t dp[SIGN_KEY_HALF_MAX]; /* d mod p - 1 */
    uint8_t dq[SIGN_KEY_HALF_MAX];
    uint8_t q_inverse[SIGN_KEY_HALF_MAX]; /* of q mod p */
    uint64_t e;
};

struct sign_key {
    enum sign_algorithm algorithm;
    uint32_t bits;
    uint32_t public_size;
    uint8_t public[SIGN_KEY_PUBLIC_MAX];
    struct sign_key_rsa rsa;
    struct rsa_batch_key lanes; /* RSA, prepared */
    uint8_t ed25519[64];        /* seed and public half, as BoringSSL wants it */
};

/* A key of BoringSSL's own, for the caller to free; NULL: no memory. */
RSA *sign_key_rsa_object(const struct sign_key *key);

#endif
