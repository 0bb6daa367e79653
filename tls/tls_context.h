/* tls_context.h - what all TLS sessions of one policy generation share: versions, roots,
 * identities.
 *
 * TLS 1.2 and 1.3; no renegotiation, no compression, no early data; X25519MLKEM768 first where the
 * library has it. Opens no file: certificates come as PEM text. Immutable after open, so that the
 * shards may share it. Outlives its streams: an old generation is closed when tls_context_in_use()
 * says that none is left.
 *
 * Owns what BoringSSL allocates for it (tls_memory.h). Borrows nothing after open.
 * The simulator links a toy with the same functions; fields are the implementation's own. */
#ifndef TLS_TLS_CONTEXT_H
#define TLS_TLS_CONTEXT_H

#include "base/span.h"
#include "base/text.h"

#define TLS_CONTEXT_IDENTITIES_MAX 16
#define TLS_CONTEXT_IDENTITY_NONE UINT32_MAX

enum tls_role { TLS_CLIENT, TLS_SERVER };

/* PEM: the certificate, its chain behind it; the private key (PKCS#8, RSA or EC, no password). */
struct tls_identity {
    struct span certificate_pem;
    struct span key_pem;
};

struct tls_context_options {
    enum tls_role role;
    /* Client: the trusted roots, any number of PEM certificates; may be empty (then no PKIX
     * verification succeeds). Text between the certificates is skipped. */
    struct span roots_pem;
    /* Server: exactly one. Client: certificates for routes, chosen by index at stream start. */
    const struct tls_identity *identities;
    uint32_t identities_count;
};

struct tls_context {
    enum tls_role role;
    uint32_t roots_count;
    uint32_t identities_count;
    uint8_t roots_digest[32]; /* of the PEM text: what a proof by the roots rests on */
    void *library;            /* BoringSSL's SSL_CTX */
    void *roots;              /* its X509_STORE */
    void *pool;               /* equal certificates of many sessions are kept once */
    void *octets;             /* the BIO_METHOD of the streams */
    void *uses;               /* the count of streams that are not OFF */
    void *chains[TLS_CONTEXT_IDENTITIES_MAX];
    void *keys[TLS_CONTEXT_IDENTITIES_MAX];
};

/* 0, or -EINVAL (PEM without certificate, key that does not fit, role without identity), -ENOMEM
 * (the limit of tls_memory.h), -ENOTSUP (the program does not export the allocation hooks). `why`
 * gets one line for people on failure. On failure nothing is held. */
MUST_USE int tls_context_open(struct tls_context *context,
                              const struct tls_context_options *options, struct text *why);
/* Streams of any thread that are not OFF. */
MUST_USE uint32_t tls_context_in_use(const struct tls_context *context);
/* By tls_stream_start and tls_stream_reset. */
void tls_context_hold(const struct tls_context *context);
void tls_context_release(const struct tls_context *context);
/* No stream may be left. Closing one that failed to open or is zeroed does nothing. */
void tls_context_close(struct tls_context *context);

#endif
