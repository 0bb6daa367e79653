/* tls_demand.h - what a message, its domain and the MX host demand of TLS, and what was reached.
 *
 * The noun that policy (who decides), tls/ (who proves) and the engine (who keeps mail back) share.
 * One demand is the merged answer of configuration, DANE (RFC 7672), MTA-STS (RFC 8461) and the
 * message (RFC 8689) for one MX host. Knows nothing of where it came from but its name. A plain
 * value; names and records are borrowed from whoever made the demand.
 *
 *   level      certificate             a failed handshake
 *   CLEAR      -                       the session goes on in clear, another time
 *   ENCRYPTED  any                     no mail
 *   VERIFIED   proves the host         no mail */
#ifndef MESSAGE_TLS_DEMAND_H
#define MESSAGE_TLS_DEMAND_H

#include "base/span.h"

#define TLS_DEMAND_NAMES_MAX 4 /* the host; for DANE-TA also the domain and the expanded name */

/* Each level includes those before it. */
enum tls_level {
    TLS_LEVEL_CLEAR = 0, /* readable on its way */
    TLS_LEVEL_ENCRYPTED, /* TLS with whatever certificate */
    TLS_LEVEL_VERIFIED,  /* TLS, and the certificate proves the host in the demanded way */
    TLS_LEVEL_COUNT
};

/* Who demands it; in words for `resolve`, events and outcomes. */
enum tls_source {
    TLS_SOURCE_DEFAULT = 0, /* nobody: opportunistic */
    TLS_SOURCE_CONFIG,      /* tls.mode or tls.domains */
    TLS_SOURCE_DANE,        /* RFC 7672 */
    TLS_SOURCE_MTA_STS,     /* RFC 8461, mode enforce */
    TLS_SOURCE_MESSAGE,     /* REQUIRETLS, RFC 8689 */
    TLS_SOURCE_COUNT
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

struct tlsa_record; /* message/tlsa.h */

struct tls_demand {
    enum tls_level level;   /* no mail below this */
    enum tls_source source; /* of `level` */
    bool dane;              /* proven by one of the records instead of WebPKI */
    bool off;               /* TLS is not even tried (mode off); level is CLEAR then */
    bool testing;           /* MTA-STS testing: what fails is reported, nothing is kept back */
    enum tls_fault refused; /* not NONE: the host must not be used at all, and why */
    uint8_t names_count;    /* acceptable in the certificate; the first one is the SNI */
    struct span names[TLS_DEMAND_NAMES_MAX]; /* lower case, no final dot */
    const struct tlsa_record *records; /* the usable ones and the others, as the DNS has them */
    uint32_t records_count;
};

/* Opportunistic: TLS is tried, mail goes in any case. */
void tls_demand_init(struct tls_demand *demand);
/* False when there is no room, or nothing in it. */
MUST_USE bool tls_demand_add_name(struct tls_demand *demand, struct span name);
/* Whether a session that reached this, proven this way, may carry mail with this demand. DANE
 * proves a host to whoever asks for WebPKI (RFC 8461 2: where both are there, DANE leads), not the
 * reverse. Never for a refused host. */
MUST_USE bool tls_demand_is_met(const struct tls_demand *demand, enum tls_level reached,
                                bool by_dane);

/* "clear", "encrypted", "verified"; "dane", "mta-sts"; "certificate-expired". */
const char *tls_demand_level_name(enum tls_level level);
const char *tls_demand_source_name(enum tls_source source);
/* RFC 8460 4.3, the nearest of its names. */
const char *tls_demand_fault_name(enum tls_fault fault);
/* In words for people. */
const char *tls_demand_fault_text(enum tls_fault fault);

#endif
