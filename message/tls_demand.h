/* tls_demand.h - how much TLS a session has reached, and what can go wrong with it.
 *
 * The nouns that policy (who decides), tls/ (who proves) and the engine (who keeps mail back)
 * share. What demands which level is said in tls/tls_policy.h.
 *
 *   level      certificate        where it is demanded, a failed handshake means
 *   CLEAR      -                  the session goes on in clear, another time
 *   ENCRYPTED  any                no mail
 *   VERIFIED   proves the host    no mail */
#ifndef MESSAGE_TLS_DEMAND_H
#define MESSAGE_TLS_DEMAND_H

#include "base/span.h"

/* Each level includes those before it. */
enum tls_level {
    TLS_LEVEL_CLEAR = 0, /* readable on its way */
    TLS_LEVEL_ENCRYPTED, /* TLS with whatever certificate */
    TLS_LEVEL_VERIFIED,  /* TLS, and the certificate proves the host in the demanded way */
    TLS_LEVEL_COUNT
};

/* What went wrong; the names are those of RFC 8460 4.3 where it has one. */
enum tls_fault {
    TLS_FAULT_NONE = 0,
    TLS_FAULT_NO_STARTTLS,    /* starttls-not-supported: not offered, or refused */
    TLS_FAULT_HANDSHAKE,      /* an alert, a close, silence, garbage */
    TLS_FAULT_NAME,           /* certificate-host-mismatch */
    TLS_FAULT_EXPIRED,        /* certificate-expired: or not valid yet */
    TLS_FAULT_UNTRUSTED,      /* certificate-not-trusted */
    TLS_FAULT_CERTIFICATE,    /* validation-failure: anything else about the chain */
    TLS_FAULT_TLSA_INVALID,   /* tlsa-invalid: no usable record matches */
    TLS_FAULT_DNSSEC_INVALID, /* dnssec-invalid: a bogus answer, or none that can be trusted */
    TLS_FAULT_DANE_REQUIRED,  /* dane-required: configured, but the host has no TLSA records */
    TLS_FAULT_STS_FETCH,      /* sts-policy-fetch-error */
    TLS_FAULT_STS_INVALID,    /* sts-policy-invalid */
    TLS_FAULT_STS_WEBPKI,     /* sts-webpki-invalid: the policy host's certificate */
    TLS_FAULT_STS_HOST,       /* the MX host is none of the policy's */
    TLS_FAULT_LOCAL,          /* our own: memory, a setting */
    TLS_FAULT_COUNT
};

/* "clear", "encrypted", "verified". */
const char *tls_demand_level_name(enum tls_level level);
/* RFC 8460 4.3, the nearest of its names. */
const char *tls_demand_fault_name(enum tls_fault fault);
/* In words for people. */
const char *tls_demand_fault_text(enum tls_fault fault);

#endif
