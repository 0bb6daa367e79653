/* tlsa.h - one TLSA record as a plain value: what a domain says about its certificate (RFC 6698).
 *
 * Knows nothing of DNS, of DNSSEC or of certificates: dns/ fills it from an authenticated answer,
 * tls/ compares it with a chain. Owns nothing: `data` lives as long as the answer that it lies in.
 * The numbers are those of the wire; values that nobody knows are allowed here and unusable later.
 */
#ifndef MESSAGE_TLSA_H
#define MESSAGE_TLSA_H

#include "base/span.h"

enum tlsa_usage {
    TLSA_PKIX_TA = 0, /* unusable for SMTP (RFC 7672 3.1.3) */
    TLSA_PKIX_EE = 1, /* unusable for SMTP */
    TLSA_DANE_TA = 2,
    TLSA_DANE_EE = 3
};

enum tlsa_selector {
    TLSA_CERTIFICATE = 0, /* the whole certificate */
    TLSA_PUBLIC_KEY = 1   /* its SubjectPublicKeyInfo */
};

enum tlsa_matching { TLSA_FULL = 0, TLSA_SHA256 = 1, TLSA_SHA512 = 2 };

struct tlsa_record {
    uint8_t usage;    /* enum tlsa_usage, or another number from the wire */
    uint8_t selector; /* enum tlsa_selector, or another */
    uint8_t matching; /* enum tlsa_matching, or another */
    struct span data; /* certificate association data */
};

#endif
