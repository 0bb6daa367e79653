#include "sign/sign_key.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/bytestring.h>
#include <openssl/curve25519.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/stat.h>

#include "sign/sign_key_parts.h"

static_assert(_Alignof(struct sign_key) == SIGN_KEY_ALIGNMENT, "the caller aligns the memory");

size_t sign_key_memory_size(void)
{
    size_t alignment = SIGN_KEY_ALIGNMENT;
    return (sizeof(struct sign_key) + alignment - 1) / alignment * alignment;
}

static int refuse(int error, const char *why, const char **ret_error)
{
    *ret_error = why;
    return error;
}

static bool put_number(uint8_t *into, size_t size, const BIGNUM *number)
{
    return number != NULL && BN_bn2bin_padded(into, size, number) == 1;
}

/* Primes of half the size are what makes the two halves of a signature alike. */
static bool is_half(const BIGNUM *prime, uint32_t bits)
{
    return prime != NULL && BN_num_bits(prime) == bits / 2 && BN_is_odd(prime);
}

static int copy_rsa(struct sign_key *key, const RSA *rsa, const char **ret_error)
{
    struct sign_key_rsa *into = &key->rsa;
    uint32_t bits = BN_num_bits(RSA_get0_n(rsa));
    size_t whole = bits / 8, half = whole / 2;

    if (bits < SIGN_KEY_BITS_MIN)
        return refuse(-ENOTSUP,
                      "the RSA key has less than 1024 bits: nobody accepts its "
                      "signatures (RFC 8301); make one of 2048",
                      ret_error);
    if (bits > SIGN_KEY_BITS_MAX || bits % 128 != 0)
        return refuse(-ENOTSUP,
                      "the RSA key must have at most 4096 bits, a multiple of 128: "
                      "make one of 2048",
                      ret_error);
    if (!is_half(RSA_get0_p(rsa), bits) || !is_half(RSA_get0_q(rsa), bits))
        return refuse(-ENOTSUP, "the RSA key's two primes are not of half its size: make another",
                      ret_error);
    if (BN_get_u64(RSA_get0_e(rsa), &into->e) != 1 || into->e > UINT32_MAX || into->e < 3)
        return refuse(-ENOTSUP,
                      "the RSA key's public exponent is out of bounds: it should be 65537",
                      ret_error);
    if (!put_number(into->n, whole, RSA_get0_n(rsa)) ||
        !put_number(into->d, whole, RSA_get0_d(rsa)) ||
        !put_number(into->p, half, RSA_get0_p(rsa)) ||
        !put_number(into->q, half, RSA_get0_q(rsa)) ||
        !put_number(into->dp, half, RSA_get0_dmp1(rsa)) ||
        !put_number(into->dq, half, RSA_get0_dmq1(rsa)) ||
        !put_number(into->q_inverse, half, RSA_get0_iqmp(rsa)))
        return refuse(-EINVAL, "the RSA key's numbers do not fit together", ret_error);
    key->algorithm = SIGN_RSA_SHA256;
    key->bits = bits;
    return 0;
}

static int put_public(struct sign_key *key, const EVP_PKEY *pkey, const char **ret_error)
{
    size_t size = 0;
    bool done;
    CBB cbb;

    done = CBB_init_fixed(&cbb, key->public, sizeof key->public) == 1 &&
           EVP_marshal_public_key(&cbb, pkey) == 1 && CBB_finish(&cbb, NULL, &size) == 1;
    CBB_cleanup(&cbb);
    if (!done)
        return refuse(-ENOMEM, "no memory for the public key", ret_error);
    key->public_size = (uint32_t)size;
    return 0;
}

static int copy_ed25519(struct sign_key *key, const EVP_PKEY *pkey, const char **ret_error)
{
    uint8_t seed[32];
    size_t size = sizeof seed;

    if (EVP_PKEY_get_raw_private_key(pkey, seed, &size) != 1 || size != sizeof seed)
        return refuse(-EINVAL, "the Ed25519 key cannot be read", ret_error);
    ED25519_keypair_from_seed(key->public, key->ed25519, seed);
    OPENSSL_cleanse(seed, sizeof seed);
    key->algorithm = SIGN_ED25519_SHA256;
    key->bits = 256;
    key->public_size = 32;
    return 0;
}

static int copy_key(struct sign_key *key, const EVP_PKEY *pkey, const char **ret_error)
{
    int result;

    switch (EVP_PKEY_id(pkey)) {
    case EVP_PKEY_RSA:
        result = copy_rsa(key, EVP_PKEY_get0_RSA(pkey), ret_error);
        if (result == 0 && rsa_batch_prepare(&key->lanes, key) < 0)
            result = refuse(-ENOMEM, "no memory to prepare the key", ret_error);
        return result < 0 ? result : put_public(key, pkey, ret_error);
    case EVP_PKEY_ED25519:
        return copy_ed25519(key, pkey, ret_error);
    default:
        return refuse(-ENOTSUP, "neither an RSA nor an Ed25519 key", ret_error);
    }
}

/* One PEM block's octets: PKCS#8, or PKCS#1 by its name. NULL: not a sound key. */
static EVP_PKEY *parse_der(const char *name, CBS *der)
{
    EVP_PKEY *pkey = NULL;
    RSA *rsa;

    if (strcmp(name, PEM_STRING_PKCS8INF) == 0) {
        pkey = EVP_parse_private_key(der);
    } else {
        rsa = RSA_parse_private_key(der);
        pkey = rsa == NULL ? NULL : EVP_PKEY_new();
        if (pkey != NULL && EVP_PKEY_set1_RSA(pkey, rsa) != 1) {
            EVP_PKEY_free(pkey);
            pkey = NULL;
        }
        RSA_free(rsa);
    }
    if (pkey != NULL && CBS_len(der) != 0) {
        EVP_PKEY_free(pkey);
        pkey = NULL;
    }
    return pkey;
}

static int read_block(struct sign_key *key, const char *name, const char *header, CBS *der,
                      const char **ret_error)
{
    EVP_PKEY *pkey;
    int result;

    if (strcmp(name, PEM_STRING_PKCS8) == 0 || header[0] != 0)
        return refuse(-ENOTSUP, "the key is encrypted: ringpost has nobody to ask for a password",
                      ret_error);
    pkey = parse_der(name, der);
    if (pkey == NULL)
        return refuse(-EINVAL, "the private key is damaged", ret_error);
    result = copy_key(key, pkey, ret_error);
    EVP_PKEY_free(pkey);
    return result;
}

static bool is_key(const char *name)
{
    return strcmp(name, PEM_STRING_PKCS8INF) == 0 || strcmp(name, PEM_STRING_PKCS8) == 0 ||
           strcmp(name, PEM_STRING_RSA) == 0;
}

/* Skips certificates and parameters; bounded, for every round takes a piece of the text. */
static int read_pem(struct sign_key *key, BIO *bio, const char **ret_error)
{
    for (;;) {
        char *name = NULL, *header = NULL;
        uint8_t *data = NULL;
        long size = 0;
        bool found;
        int result = 0;
        CBS der;

        if (PEM_read_bio(bio, &name, &header, &data, &size) != 1)
            return refuse(-EINVAL, "there is no private key in PEM form (PKCS#1 or PKCS#8)",
                          ret_error);
        found = is_key(name);
        if (found) {
            CBS_init(&der, data, (size_t)size);
            result = read_block(key, name, header, &der, ret_error);
        }
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(data); /* cleanses */
        if (found)
            return result;
    }
}

int sign_key_open(void *memory, struct span pem, struct sign_key **ret_key, const char **ret_error)
{
    struct sign_key *key = memory;
    BIO *bio;
    int result;

    if (pem.size == 0)
        return refuse(-EINVAL, "the key file is empty", ret_error);
    if (pem.size > SIGN_KEY_PEM_MAX)
        return refuse(-EFBIG, "the key file has more than 16 KiB: it is no key", ret_error);
    bio = BIO_new_mem_buf(pem.data, (int)pem.size);
    if (bio == NULL)
        return refuse(-ENOMEM, "no memory to read the key", ret_error);
    memset(key, 0, sizeof *key);
    result = read_pem(key, bio, ret_error);
    BIO_free(bio);
    ERR_clear_error();
    if (result < 0)
        OPENSSL_cleanse(key, sizeof *key);
    else
        *ret_key = key;
    return result;
}

void sign_key_close(struct sign_key *key)
{
    if (key != NULL)
        OPENSSL_cleanse(key, sizeof *key);
}

enum sign_algorithm sign_key_algorithm(const struct sign_key *key)
{
    return key->algorithm;
}

uint32_t sign_key_bits(const struct sign_key *key)
{
    return key->bits;
}

bool sign_key_is_short(const struct sign_key_published *key)
{
    return key->algorithm == SIGN_RSA_SHA256 && key->bits < SIGN_KEY_BITS_SHORT;
}

size_t sign_key_signature_size(const struct sign_key *key)
{
    return key->algorithm == SIGN_RSA_SHA256 ? key->bits / 8 : ED25519_SIGNATURE_LEN;
}

struct span sign_key_public(const struct sign_key *key)
{
    return span_make(key->public, key->public_size);
}

void sign_key_publish(const struct sign_key *key, struct sign_key_published *ret)
{
    *ret = (struct sign_key_published){
        .algorithm = key->algorithm, .bits = key->bits, .size = key->public_size};
    memcpy(ret->octets, key->public, key->public_size);
}

const char *sign_key_mode_fault(uint32_t mode)
{
    if (!S_ISREG(mode))
        return "not a regular file";
    if ((mode & (S_IRWXO | S_IWGRP)) != 0)
        return "others can read or change the key file: chmod 600 (or 640 with a group of its own)";
    return NULL;
}

RSA *sign_key_rsa_object(const struct sign_key *key)
{
    const struct sign_key_rsa *from = &key->rsa;
    size_t whole = key->bits / 8, half = whole / 2;
    BIGNUM *n = BN_bin2bn(from->n, whole, NULL), *d = BN_bin2bn(from->d, whole, NULL);
    BIGNUM *p = BN_bin2bn(from->p, half, NULL), *q = BN_bin2bn(from->q, half, NULL);
    BIGNUM *dp = BN_bin2bn(from->dp, half, NULL), *dq = BN_bin2bn(from->dq, half, NULL);
    BIGNUM *inverse = BN_bin2bn(from->q_inverse, half, NULL), *e = BN_new();
    RSA *rsa = RSA_new();
    bool sound = n != NULL && d != NULL && p != NULL && q != NULL && dp != NULL && dq != NULL &&
                 inverse != NULL && e != NULL && rsa != NULL && BN_set_u64(e, from->e) == 1;

    /* From here on the object owns what it was given, so each goes once. */
    if (sound && RSA_set0_key(rsa, n, e, d) == 1) {
        n = e = d = NULL;
        if (RSA_set0_factors(rsa, p, q) == 1) {
            p = q = NULL;
            if (RSA_set0_crt_params(rsa, dp, dq, inverse) == 1)
                return rsa;
        }
    }
    BIGNUM *left[] = {n, e, d, p, q, dp, dq, inverse};
    for (size_t i = 0; i < ARRAY_LEN(left); i++)
        BN_free(left[i]);
    RSA_free(rsa);
    return NULL;
}
