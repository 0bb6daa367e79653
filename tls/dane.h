/* dane.h - does a certificate chain fit the TLSA records of the host? RFC 6698, 7671, 7672.
 *
 * Usages 2 (DANE-TA) and 3 (DANE-EE); 0 and 1 are unusable for SMTP (RFC 7672 3.1.3). The records
 * are taken as authentic: DNSSEC was the resolver's part. Knows nothing of policy: what follows
 * when no record is usable (TLS without authentication, RFC 7672 2.2) is the caller's to decide, by
 * dane_usable_count(). Owns nothing. */
#ifndef TLS_DANE_H
#define TLS_DANE_H

#include "message/tlsa.h"
#include "tls/tls_verify.h"

#define DANE_RECORDS_MAX 64 /* looked at; the rest is ignored */

struct tls_chain;

/* Usage 2 or 3, a selector and a matching type that we know, data of the digest's size or, in full,
 * a certificate or key that can be read. */
MUST_USE bool dane_is_usable(const struct tlsa_record *record);
MUST_USE uint32_t dane_usable_count(const struct tlsa_record *records, uint32_t count);
/* NONE with the proof when a record fits: usage 3 whatever dates and names say; usage 2 when chain,
 * dates and names hold too. Of the digests of one usage and selector only the strongest counts
 * (digest agility, RFC 7671 9). */
MUST_USE enum tls_failure dane_check(const struct tls_chain *chain,
                                     const struct tls_verify_options *options, uint64_t now_s,
                                     enum tls_proof *ret_proof, struct text *why);

#endif
