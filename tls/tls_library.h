/* tls_library.h - what BoringSSL calls back: octets, time, verification, tickets. For the files of
 * tls/ only.
 *
 * Every callback finds its stream through the SSL and works on what the call in progress has lent.
 */
#ifndef TLS_TLS_LIBRARY_H
#define TLS_TLS_LIBRARY_H

#include <openssl/ssl.h>

#ifndef OPENSSL_IS_BORINGSSL
#error "the headers of OpenSSL came first"
#endif

#include "tls/tls_stream.h"

/* The method of a stream's BIO; NULL without memory. */
BIO_METHOD *tls_library_octets(void);
void tls_library_install(SSL_CTX *context, enum tls_role role);
/* Binds the stream to a fresh SSL. False without memory. */
MUST_USE bool tls_library_bind(SSL *session, struct tls_stream *stream);
/* What BoringSSL takes for the time on this thread. */
void tls_library_set_time(uint64_t now_s);
/* Judges the chain of a ticket that the stream may offer, or knows the proof from shortly before;
 * the verdict is left in the stream. */
void tls_library_judge_ticket(struct tls_stream *stream, const STACK_OF(CRYPTO_BUFFER) * chain);

#endif
