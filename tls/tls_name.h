/* tls_name.h - does a certificate speak for a host name? RFC 6125 6.4, RFC 7817 3, RFC 9525 6.3.
 *
 * DNS-IDs (subjectAltName dNSName) only; a wildcard is the whole leftmost label and stands for
 * exactly one label (RFC 8461 4.1). The common name is looked at only where it is asked for
 * (RFC 7672 3.2.2: DANE-TA) and no DNS-ID is there. Knows nothing of chains. Owns nothing. */
#ifndef TLS_TLS_NAME_H
#define TLS_TLS_NAME_H

#include <openssl/x509.h>

#include "base/span.h"
#include "base/text.h"
#include "tls/tls_failure.h"

/* Both are A-labels; `reference` may end in a dot. Case does not matter. Never true for anything
 * that is no host name, for an address, or for a wildcard directly under a top-level domain. */
MUST_USE bool tls_name_match(struct span presented, struct span reference);
/* Whether any identifier of the certificate matches any of the names. */
MUST_USE bool tls_name_of(const X509 *certificate, const struct span *names, uint32_t names_count,
                          bool common_name_allowed);
/* The same as a verdict: NONE, or WRONG_NAME with the reason for people. */
MUST_USE enum tls_failure tls_name_check(const X509 *certificate, const struct span *names,
                                         uint32_t names_count, bool common_name_allowed,
                                         struct text *why);

#endif
