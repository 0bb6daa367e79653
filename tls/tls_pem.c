#include "tls/tls_pem.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>

static BIO *memory_of(struct span pem)
{
    static const uint8_t nothing[1];
    if (pem.size > INT_MAX)
        return NULL;
    return BIO_new_mem_buf(pem.size > 0 ? pem.data : nothing, (int)pem.size);
}

/* After a read that gave nothing: was there nothing more, rather than a piece that cannot be read?
 * Clears the queue of errors. */
static bool at_end(void)
{
    uint32_t error = ERR_peek_last_error();
    ERR_clear_error();
    return error == 0 ||
           (ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE);
}

int tls_pem_roots(struct span pem, X509_STORE *store, uint32_t *ret_count)
{
    uint32_t count = 0;
    int error = 0;
    BIO *bio = memory_of(pem);
    if (bio == NULL)
        return -ENOMEM;
    ERR_clear_error();
    /* Bounded by the text: every round takes a piece of it. */
    for (size_t round = 0; round <= pem.size / 32 + 1 && error == 0; round++) {
        X509 *root = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        if (root != NULL) {
            error = X509_STORE_add_cert(store, root) == 1 ? 0 : -ENOMEM;
            count += error == 0;
            X509_free(root);
            continue;
        }
        if (at_end())
            break;
    }
    BIO_free(bio);
    ERR_clear_error();
    if (error == 0)
        *ret_count = count;
    return error;
}

static int add_to_chain(STACK_OF(CRYPTO_BUFFER) * chain, CRYPTO_BUFFER_POOL *pool,
                        X509 *certificate)
{
    uint8_t *der = NULL;
    int size = i2d_X509(certificate, &der);
    if (size <= 0)
        return -ENOMEM;
    CRYPTO_BUFFER *buffer = CRYPTO_BUFFER_new(der, (size_t)size, pool);
    OPENSSL_free(der);
    if (buffer == NULL || sk_CRYPTO_BUFFER_push(chain, buffer) == 0) {
        CRYPTO_BUFFER_free(buffer);
        return -ENOMEM;
    }
    return 0;
}

/* The first certificate comes back in *ret_leaf too, to be freed by the caller even on failure. */
static int read_chain(struct span pem, CRYPTO_BUFFER_POOL *pool, STACK_OF(CRYPTO_BUFFER) * chain,
                      X509 **ret_leaf)
{
    BIO *bio = memory_of(pem);
    if (bio == NULL)
        return -ENOMEM;
    int error = 0;
    ERR_clear_error();
    while (error == 0) {
        X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        if (certificate == NULL) {
            error = at_end() ? 0 : -EINVAL;
            break;
        }
        error = add_to_chain(chain, pool, certificate);
        if (*ret_leaf == NULL)
            *ret_leaf = certificate;
        else
            X509_free(certificate);
    }
    BIO_free(bio);
    return error;
}

/* A password would be asked for on the terminal: there is none.
 * NOLINTNEXTLINE(readability-non-const-parameter): as pem_password_cb has it */
static int no_password(char *buffer, int size, int writing, void *unused)
{
    (void)buffer, (void)size, (void)writing, (void)unused;
    return -1;
}

static EVP_PKEY *read_key(struct span pem)
{
    BIO *bio = memory_of(pem);
    if (bio == NULL)
        return NULL;
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
    BIO_free(bio);
    return key;
}

int tls_pem_identity(const struct tls_identity *identity, CRYPTO_BUFFER_POOL *pool,
                     STACK_OF(CRYPTO_BUFFER) * *ret_chain, EVP_PKEY **ret_key, struct text *why)
{
    X509 *leaf = NULL;
    EVP_PKEY *key = NULL;
    STACK_OF(CRYPTO_BUFFER) *chain = sk_CRYPTO_BUFFER_new_null();
    int error = chain == NULL ? -ENOMEM : read_chain(identity->certificate_pem, pool, chain, &leaf);
    if (error == 0 && leaf == NULL)
        error = -EINVAL;
    if (error == -EINVAL)
        text_add_cstr(why, "no readable PEM certificate");
    if (error == 0) {
        key = read_key(identity->key_pem);
        if (key == NULL) {
            error = -EINVAL;
            text_add_cstr(why, "no readable PEM private key without password");
        } else if (X509_check_private_key(leaf, key) != 1) {
            error = -EINVAL;
            text_add_cstr(why, "the private key does not fit the certificate");
        }
    }
    ERR_clear_error();
    X509_free(leaf);
    if (error == 0) {
        *ret_chain = chain;
        *ret_key = key;
        return 0;
    }
    EVP_PKEY_free(key);
    sk_CRYPTO_BUFFER_pop_free(chain, CRYPTO_BUFFER_free);
    return error;
}
