#include "tls/tls_context.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <string.h>

#include "base/check.h"
#include "tls/tls_library.h"
#include "tls/tls_memory.h"
#include "tls/tls_pem.h"
#include "tls/tls_stream.h"

/* Forward secrecy first; RSA key exchange last, for old receivers that have nothing else: better
 * than clear. No 3DES, no pre-shared keys. TLS 1.3 has its own, all good. */
static const char ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:RSA+AESGCM:RSA+AES";
static const char groups_hybrid[] = "X25519MLKEM768:X25519:P-256:P-384:P-521";
static const char groups[] = "X25519:P-256:P-384:P-521";

static bool set_protocol(SSL_CTX *library)
{
    /* Asked at run time: a library that does not know the hybrid group refuses the list. */
    bool grouped = SSL_CTX_set1_curves_list(library, groups_hybrid) == 1 ||
                   SSL_CTX_set1_curves_list(library, groups) == 1;
    ERR_clear_error();
    SSL_CTX_set_max_cert_list(library, TLS_STREAM_CHAIN_MAX);
    (void)SSL_CTX_set_mode(library, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER); /* gives the modes */
    return grouped && SSL_CTX_set_strict_cipher_list(library, ciphers) == 1 &&
           SSL_CTX_set_min_proto_version(library, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(library, TLS1_3_VERSION) == 1;
}

static int open_parts(struct tls_context *context)
{
    context->uses = OPENSSL_malloc(sizeof(_Atomic uint32_t));
    if (context->uses == NULL)
        return -ENOMEM;
    atomic_init((_Atomic uint32_t *)context->uses, 0);
    context->octets = tls_library_octets();
    context->pool = CRYPTO_BUFFER_POOL_new();
    context->roots = X509_STORE_new();
    context->library = SSL_CTX_new(TLS_with_buffers_method());
    if (context->octets == NULL || context->pool == NULL || context->roots == NULL ||
        context->library == NULL || !set_protocol(context->library))
        return -ENOMEM;
    SSL_CTX_set0_buffer_pool(context->library, context->pool);
    tls_library_install(context->library, context->role);
    return 0;
}

static int set_server(struct tls_context *context, struct text *why)
{
    CRYPTO_BUFFER *chain[TLS_VERIFY_CHAIN_MAX];
    const STACK_OF(CRYPTO_BUFFER) *certificates = context->chains[0];
    size_t count = min_size(sk_CRYPTO_BUFFER_num(certificates), ARRAY_LEN(chain));
    for (size_t i = 0; i < count; i++)
        chain[i] = sk_CRYPTO_BUFFER_value(certificates, i);
    if (SSL_CTX_set_chain_and_key(context->library, chain, count, context->keys[0], NULL) == 1)
        return 0;
    text_add_cstr(why, "the certificate's key usage is not a server's");
    return -EINVAL;
}

static int add_identities(struct tls_context *context, const struct tls_context_options *options,
                          struct text *why)
{
    for (uint32_t i = 0; i < options->identities_count; i++) {
        STACK_OF(CRYPTO_BUFFER) *chain = NULL;
        EVP_PKEY *key = NULL;
        int error = tls_pem_identity(&options->identities[i], context->pool, &chain, &key, why);
        if (error < 0)
            return error;
        context->chains[i] = chain;
        context->keys[i] = key;
        context->identities_count = i + 1;
    }
    return context->role == TLS_SERVER ? set_server(context, why) : 0;
}

static int fill(struct tls_context *context, const struct tls_context_options *options,
                struct text *why)
{
    bool server = options->role == TLS_SERVER;
    if (server ? options->identities_count != 1
               : options->identities_count > TLS_CONTEXT_IDENTITIES_MAX) {
        text_add_cstr(why, server ? "a server has one certificate" : "too many certificates");
        return -EINVAL;
    }
    if (!tls_memory_is_counted()) {
        text_add_cstr(why, "the program does not export the allocation hooks of BoringSSL");
        return -ENOTSUP;
    }
    int error = open_parts(context);
    if (error < 0)
        return error;
    SHA256(options->roots_pem.data, options->roots_pem.size, context->roots_digest);
    error = tls_pem_roots(options->roots_pem, context->roots, &context->roots_count);
    if (error < 0)
        return error;
    if (options->roots_pem.size > 0 && context->roots_count == 0) {
        text_add_cstr(why, "no readable PEM certificate among the roots");
        return -EINVAL;
    }
    return add_identities(context, options, why);
}

int tls_context_open(struct tls_context *context, const struct tls_context_options *options,
                     struct text *why)
{
    memset(context, 0, sizeof *context);
    context->role = options->role;
    ERR_clear_error();
    struct text before = *why;
    uint64_t refused = tls_memory_refused();
    int error = fill(context, options, why);
    ERR_clear_error();
    if (error == -ENOMEM || tls_memory_refused() != refused) {
        error = -ENOMEM;
        *why = before;
        text_add_cstr(why, "the memory limit of the TLS library is reached");
    }
    if (error < 0)
        tls_context_close(context);
    return error;
}

uint32_t tls_context_in_use(const struct tls_context *context)
{
    return context->uses == NULL ? 0 : atomic_load((_Atomic uint32_t *)context->uses);
}

void tls_context_hold(const struct tls_context *context)
{
    (void)atomic_fetch_add((_Atomic uint32_t *)context->uses, 1); /* the count before */
}

void tls_context_release(const struct tls_context *context)
{
    CHECK(atomic_fetch_sub((_Atomic uint32_t *)context->uses, 1) > 0);
}

void tls_context_close(struct tls_context *context)
{
    CHECK(tls_context_in_use(context) == 0);
    for (uint32_t i = 0; i < context->identities_count; i++) {
        sk_CRYPTO_BUFFER_pop_free(context->chains[i], CRYPTO_BUFFER_free);
        EVP_PKEY_free(context->keys[i]);
    }
    SSL_CTX_free(context->library);
    X509_STORE_free(context->roots);
    if (context->pool != NULL)
        CRYPTO_BUFFER_POOL_free(context->pool);
    if (context->octets != NULL)
        BIO_meth_free(context->octets);
    OPENSSL_free(context->uses);
    memset(context, 0, sizeof *context);
}
