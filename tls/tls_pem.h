/* tls_pem.h - PEM text to what BoringSSL works with. For the files of tls/ only.
 *
 * Knows nothing of sessions. When memory was refused meanwhile (tls_memory_refused) any answer may
 * be wrong, and the caller throws it away. Hands out objects of the library, the caller frees them.
 */
#ifndef TLS_TLS_PEM_H
#define TLS_TLS_PEM_H

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/span.h"
#include "base/text.h"
#include "tls/tls_context.h"

/* Adds every certificate of the text to the store and counts them in *ret_count; what is no
 * certificate that the library can read is skipped. 0 or -ENOMEM. */
MUST_USE int tls_pem_roots(struct span pem, X509_STORE *store, uint32_t *ret_count);
/* The chain in the order of the text and the key that fits its first certificate. 0, -EINVAL with
 * `why`, -ENOMEM. */
MUST_USE int tls_pem_identity(const struct tls_identity *identity, CRYPTO_BUFFER_POOL *pool,
                              STACK_OF(CRYPTO_BUFFER) * *ret_chain, EVP_PKEY **ret_key,
                              struct text *why);

#endif
