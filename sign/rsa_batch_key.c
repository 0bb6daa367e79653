#include <errno.h>
#include <openssl/bn.h>
#include <openssl/mem.h>
#include <string.h>

#include "base/check.h"
#include "base/span.h"
#include "sign/rsa_batch.h"
#include "sign/sign_key_parts.h"

#define WORD_MASK ((UINT64_C(1) << RSA_BATCH_LIMB_BITS) - 1)

/* `bits` bits of a big-endian number from bit `from` up; zero beyond its end. */
static uint64_t bits_at(struct span number, size_t from, uint32_t bits)
{
    uint64_t word = 0;

    for (uint32_t i = 0; i < bits; i++) {
        size_t at = from + i;
        if (at / 8 < number.size)
            word |= (uint64_t)(number.data[number.size - 1 - at / 8] >> at % 8 & 1) << i;
    }
    return word;
}

static void put_words(uint64_t *ret_words, const uint8_t *number, size_t size)
{
    for (size_t i = 0; i < RSA_BATCH_LIMBS; i++)
        ret_words[i] =
            bits_at(span_make(number, size), i * RSA_BATCH_LIMB_BITS, RSA_BATCH_LIMB_BITS);
}

static int put_number(uint64_t *ret_words, const BIGNUM *number)
{
    uint8_t octets[SIGN_KEY_OCTETS_MAX];

    if (BN_bn2bin_padded(octets, sizeof octets, number) != 1)
        return -ENOMEM;
    put_words(ret_words, octets, sizeof octets);
    OPENSSL_cleanse(octets, sizeof octets);
    return 0;
}

/* ret_words = number * 2^shift mod modulus */
static int put_shifted(uint64_t *ret_words, const BIGNUM *number, uint32_t shift,
                       const BIGNUM *modulus, BN_CTX *context)
{
    BIGNUM *shifted = BN_new();
    int result = -ENOMEM;

    if (shifted != NULL && BN_lshift(shifted, number, (int)shift) == 1 &&
        BN_nnmod(shifted, shifted, modulus, context) == 1)
        result = put_number(ret_words, shifted);
    BN_free(shifted); /* cleanses */
    return result;
}

/* -1 / word mod 2^52: each step doubles the bits that are right. */
static uint64_t negative_inverse(uint64_t word)
{
    uint64_t inverse = word;

    for (int i = 0; i < 5; i++)
        inverse *= 2 - word * inverse;
    return -inverse & WORD_MASK;
}

static int prepare_modulus(struct rsa_batch_modulus *ret, const uint8_t *number, size_t size,
                           uint32_t shift, BN_CTX *context)
{
    BIGNUM *modulus = BN_bin2bn(number, size, NULL);
    int result = -ENOMEM;

    if (modulus != NULL) {
        put_words(ret->words, number, size);
        ret->near[0] = negative_inverse(ret->words[0]);
        ret->near[1] = ret->near[0] * ret->words[1] & WORD_MASK;
        result = put_shifted(ret->one, BN_value_one(), shift, modulus, context);
    }
    if (result == 0)
        result = put_shifted(ret->square, BN_value_one(), 2 * shift, modulus, context);
    if (result == 0)
        result = put_shifted(ret->cube, BN_value_one(), 3 * shift, modulus, context);
    BN_free(modulus);
    return result;
}

static int prepare_inverse(struct rsa_batch_key *ret_key, const struct sign_key_rsa *rsa,
                           size_t size, uint32_t shift, BN_CTX *context)
{
    BIGNUM *p = BN_bin2bn(rsa->p, size, NULL), *inverse = BN_bin2bn(rsa->q_inverse, size, NULL);
    int result = -ENOMEM;

    if (p != NULL && inverse != NULL)
        result = put_shifted(ret_key->q_inverse, inverse, shift, p, context);
    BN_free(p);
    BN_free(inverse);
    return result;
}

static void put_windows(uint8_t *ret_windows, uint32_t count, const uint8_t *exponent, size_t size)
{
    for (uint32_t i = 0; i < count; i++)
        ret_windows[i] =
            (uint8_t)bits_at(span_make(exponent, size), (size_t)(count - 1 - i) * RSA_BATCH_WINDOW,
                             RSA_BATCH_WINDOW);
}

int rsa_batch_prepare(struct rsa_batch_key *ret_key, const struct sign_key *key)
{
    const struct sign_key_rsa *rsa = &key->rsa;
    uint32_t half_bits = key->bits / 2, tile_bits = RSA_BATCH_TILE * RSA_BATCH_LIMB_BITS, shift;
    size_t half = half_bits / 8;
    BN_CTX *context = BN_CTX_new();
    int result = -ENOMEM;

    memset(ret_key, 0, sizeof *ret_key);
    ret_key->octets = key->bits / 8;
    ret_key->half_tiles = (half_bits + 8 + tile_bits - 1) / tile_bits;
    ret_key->windows = (half_bits + RSA_BATCH_WINDOW - 1) / RSA_BATCH_WINDOW;
    ret_key->e = (uint32_t)rsa->e;
    CHECK(ret_key->half_tiles * RSA_BATCH_TILE <= RSA_BATCH_HALF_LIMBS);
    CHECK(ret_key->windows <= RSA_BATCH_WINDOWS);
    put_windows(ret_key->p_windows, ret_key->windows, rsa->dp, half);
    put_windows(ret_key->q_windows, ret_key->windows, rsa->dq, half);
    shift = ret_key->half_tiles * tile_bits;
    if (context != NULL)
        result = prepare_modulus(&ret_key->p, rsa->p, half, shift, context);
    if (result == 0)
        result = prepare_modulus(&ret_key->q, rsa->q, half, shift, context);
    if (result == 0)
        result = prepare_modulus(&ret_key->n, rsa->n, 2 * half, 2 * shift, context);
    if (result == 0)
        result = prepare_inverse(ret_key, rsa, half, shift, context);
    BN_CTX_free(context);
    if (result < 0)
        OPENSSL_cleanse(ret_key, sizeof *ret_key);
    return result;
}
