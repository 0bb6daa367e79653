/* tls_failure.h - why a peer was not verified, or why a TLS session did not come about or ended.
 *
 * A mail verdict, not an operating error: what a remote server does. Every kind has a stable name
 * for events and logs, and the result type of RFC 8460 section 4.3 under which TLS-RPT counts it.
 * Knows nothing of handshakes. A plain value. */
#ifndef TLS_TLS_FAILURE_H
#define TLS_TLS_FAILURE_H

#include "base/base.h"
#include "base/span.h"
#include "message/tls_demand.h"

#define TLS_FAILURE_TEXT_MAX 112

enum tls_failure {
    TLS_FAILURE_NONE = 0,
    /* The certificate; the session itself may go on where policy allows it. */
    TLS_FAILURE_EXPIRED,       /* a certificate of the chain is no longer valid */
    TLS_FAILURE_NOT_YET_VALID, /* or not yet */
    TLS_FAILURE_WRONG_NAME,    /* no identifier matches a reference name */
    TLS_FAILURE_UNKNOWN_CA,    /* the chain ends at nobody we trust, or is broken */
    TLS_FAILURE_SELF_SIGNED,   /* the server's own certificate, signed by itself */
    TLS_FAILURE_WEAK,          /* SHA-1 or MD5 signatures, RSA keys below 2048 bits */
    TLS_FAILURE_CERTIFICATE,   /* malformed, wrong purpose, name constraints, anything else */
    TLS_FAILURE_NO_TLSA_MATCH, /* DANE: usable records, and none fits */
    /* The session. */
    TLS_FAILURE_CHAIN_TOO_LARGE, /* the certificate message exceeds TLS_STREAM_CHAIN_MAX */
    TLS_FAILURE_NOT_TLS,         /* the peer answers with something else */
    TLS_FAILURE_NO_COMMON,       /* no common version, cipher or group */
    TLS_FAILURE_ALERT,           /* the peer sent a fatal alert; the text names it */
    TLS_FAILURE_PROTOCOL,        /* the peer broke the protocol, or renegotiates */
    TLS_FAILURE_FLOOD,           /* too many octets, tickets or alerts */
    TLS_FAILURE_LOST,            /* the connection ended within a record or the handshake */
    TLS_FAILURE_LOCAL,           /* our fault: memory limit, bad configuration */
    TLS_FAILURE_COUNT
};

/* Stable lower-case name: "expired", "wrong-name", "none". */
const char *tls_failure_name(enum tls_failure failure);
/* The same as the rooms share it: what policy remembers and reports. */
enum tls_fault tls_failure_fault(enum tls_failure failure);
/* The result type of RFC 8460 4.3: "certificate-expired", "certificate-host-mismatch",
 * "certificate-not-trusted", "tlsa-invalid", "validation-failure". NULL for NONE and LOCAL: not
 * the receiver's fault, not reported. */
const char *tls_failure_report_type(enum tls_failure failure);

#endif
