/* tls_chain.h - the certificates that a server sent, read, and chained to trust anchors (RFC 5280).
 * For the files of tls/ only.
 *
 * Knows nothing of names or records. Owns the objects of the library until tls_chain_free(). */
#ifndef TLS_TLS_CHAIN_H
#define TLS_TLS_CHAIN_H

#include <openssl/x509.h>

#ifndef OPENSSL_IS_BORINGSSL
#error "the headers of OpenSSL came first"
#endif

#include "base/span.h"
#include "base/text.h"
#include "tls/tls_verify.h"

struct tls_chain {
    STACK_OF(X509) * certificates; /* the server's own first */
    uint32_t count;                /* at least 1 */
    struct span der[TLS_VERIFY_CHAIN_MAX];
};

/* NONE; CERTIFICATE when the first one cannot be read (others are left out from there on). Borrows
 * the DER. On failure nothing is held. */
MUST_USE enum tls_failure tls_chain_read(struct tls_chain *chain, const struct span *der,
                                         uint32_t count);
void tls_chain_free(struct tls_chain *chain);
X509 *tls_chain_leaf(const struct tls_chain *chain);
/* Signatures, dates, purpose and strength of the path from the leaf to an anchor. With `partial` an
 * anchor need not be a self-signed root. The store is not changed. What fails is written to `why`
 * for people. */
MUST_USE enum tls_failure tls_chain_verify(const struct tls_chain *chain, X509_STORE *anchors,
                                           bool partial, uint64_t now_s, struct text *why);

#endif
