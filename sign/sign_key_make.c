#include <errno.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "sign/sign_key.h"

static bool make_rsa(EVP_PKEY *pkey, uint32_t bits)
{
    RSA *rsa = RSA_new();
    BIGNUM *e = BN_new();
    bool made = rsa != NULL && e != NULL && BN_set_word(e, RSA_F4) == 1 &&
                RSA_generate_key_ex(rsa, (int)bits, e, NULL) == 1 &&
                EVP_PKEY_set1_RSA(pkey, rsa) == 1;

    BN_free(e);
    RSA_free(rsa);
    return made;
}

static EVP_PKEY *make_ed25519(void)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, NULL);
    EVP_PKEY *pkey = NULL;

    if (context != NULL && EVP_PKEY_keygen_init(context) == 1)
        (void)EVP_PKEY_keygen(context, &pkey); /* leaves NULL when it fails */
    EVP_PKEY_CTX_free(context);
    return pkey;
}

static int write_pem(EVP_PKEY *pkey, struct text *pem)
{
    const uint8_t *data = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    size_t size = 0;
    int result = -ENOMEM;

    if (bio != NULL && PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) == 1 &&
        BIO_mem_contents(bio, &data, &size) == 1) {
        text_add(pem, span_make(data, size));
        result = pem->overflow ? -ENOSPC : 0;
    }
    BIO_free(bio);
    return result;
}

int sign_key_make(enum sign_algorithm algorithm, uint32_t bits, struct text *pem)
{
    EVP_PKEY *pkey = NULL;
    int result = -ENOMEM;

    if (algorithm == SIGN_ED25519_SHA256) {
        pkey = make_ed25519();
    } else {
        if (bits != 1024 && bits != 2048 && bits != 3072 && bits != 4096)
            return -EINVAL;
        pkey = EVP_PKEY_new();
        if (pkey != NULL && !make_rsa(pkey, bits)) {
            EVP_PKEY_free(pkey);
            pkey = NULL;
        }
    }
    if (pkey != NULL)
        result = write_pem(pkey, pem);
    EVP_PKEY_free(pkey);
    ERR_clear_error();
    return result;
}
