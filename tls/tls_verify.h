/* tls_verify.h - is the peer who it should be? PKIX (RFC 5280, RFC 8461 4.1) or DANE (RFC 7672).
 *
 * Separate from the handshake: the verdict says what holds and why not, and policy decides whether
 * the session goes on. Resumed sessions are verified again from the chain kept with the ticket,
 * with the names, records and time of now.
 *
 * Knows nothing of policy, of where names and records came from, of sockets. Owns nothing; borrows
 * names and records during the handshake. */
#ifndef TLS_TLS_VERIFY_H
#define TLS_TLS_VERIFY_H

#include "base/text.h"
#include "message/tlsa.h"
#include "tls/tls_context.h"
#include "tls/tls_failure.h"

#define TLS_VERIFY_NAMES_MAX 4
#define TLS_VERIFY_CHAIN_MAX 16 /* certificates looked at */

enum tls_method {
    TLS_METHOD_PKIX, /* chain to the context's roots, names by DNS-ID only (RFC 8461 4.1) */
    TLS_METHOD_DANE  /* chain or key by the TLSA records; no root is asked */
};

/* What the verdict rests on. */
enum tls_proof {
    TLS_PROOF_NONE, /* not verified */
    TLS_PROOF_PKIX,
    TLS_PROOF_DANE_TA, /* usage 2: chain, names and dates checked */
    TLS_PROOF_DANE_EE  /* usage 3: the key or certificate is the one of the record */
};

struct tls_verify_options {
    enum tls_method method;
    /* Without it the verdict only reports; with it a peer that is not verified ends the handshake
     * with an alert. */
    bool demanded;
    /* Reference names as A-labels, any case, a final dot allowed: PKIX the MX host; DANE the TLSA
     * base, the next-hop domain and its CNAME expansion (RFC 7672 3.2.2). */
    const struct span *names;
    uint32_t names_count; /* 1 to TLS_VERIFY_NAMES_MAX */
    const struct tlsa_record *records;
    uint32_t records_count;
};

struct tls_verdict {
    enum tls_proof proof;     /* not NONE exactly when failure is NONE */
    enum tls_failure failure; /* the first thing wrong */
    uint8_t text_size;
    char text[TLS_FAILURE_TEXT_MAX]; /* it in words, printable ASCII; no NUL */
};

/* The chain as sent, the server's certificate first, each one DER. `now_s` is wall time. */
void tls_verify_chain(const struct tls_context *context, const struct tls_verify_options *options,
                      const struct span *chain, uint32_t chain_count, uint64_t now_s,
                      struct tls_verdict *ret_verdict);
/* SHA-256 over everything that a verdict rests on but the time: roots, method, names, records,
 * chain. Equal digests, equal verdicts. */
void tls_verify_digest(const struct tls_context *context, const struct tls_verify_options *options,
                       const struct span *chain, uint32_t chain_count, uint8_t ret_digest[32]);
struct span tls_verify_text(const struct tls_verdict *verdict);

#endif
