/* dkim_record.h - the TXT record that publishes a DKIM key (RFC 6376 3.6.1, RFC 8463 4).
 *
 * Reads what strangers publish: any octets, in linear time, bounded. Knows nothing of the DNS or of
 * private keys. Owns nothing; a record is a plain value. */
#ifndef SIGN_DKIM_RECORD_H
#define SIGN_DKIM_RECORD_H

#include "base/text.h"
#include "sign/dkim_plan.h"

/* Octets of a public key: RSA-8192 with its ASN.1 around. */
#define DKIM_RECORD_KEY_MAX 1100
#define DKIM_RECORD_TEXT_MAX 1600 /* what dkim_record_write writes at most */

enum dkim_record_verdict {
    DKIM_RECORD_VALID = 0,
    DKIM_RECORD_FOREIGN,     /* another version, or no v= and no p=: not a DKIM record */
    DKIM_RECORD_REVOKED,     /* p= is empty */
    DKIM_RECORD_BROKEN,      /* no list of tags; a tag twice; v= not first; no p=; bad base64 */
    DKIM_RECORD_UNKNOWN_KEY, /* k= is neither rsa nor ed25519 */
    DKIM_RECORD_VERDICT_COUNT
};

struct dkim_record {
    enum sign_algorithm algorithm; /* k= */
    bool testing;                  /* t=y: verifiers treat the mail as unsigned */
    bool strict;                   /* t=s: the domain of i= must be d= itself */
    bool takes_sha256;             /* no h=, or it names sha256 */
    bool takes_email;              /* no s=, or it names email or "*" */
    uint32_t key_size;
    uint8_t key[DKIM_RECORD_KEY_MAX]; /* p= decoded: RSA as SubjectPublicKeyInfo or RSAPublicKey
                                         (both are met), Ed25519 as 32 octets */
};

/* *ret_record is set for VALID, and but for the key for REVOKED. */
MUST_USE enum dkim_record_verdict dkim_record_read(struct span text,
                                                   struct dkim_record *ret_record);
const char *dkim_record_verdict_name(enum dkim_record_verdict verdict); /* a clause in words */
/* Whether it publishes this key. public_key: RSA as SubjectPublicKeyInfo (RFC 5280 4.1, DER),
 * Ed25519 as 32 octets. */
MUST_USE bool dkim_record_holds(const struct dkim_record *record, enum sign_algorithm algorithm,
                                struct span public_key);

/* "v=DKIM1; k=rsa; p=..." */
void dkim_record_write(enum sign_algorithm algorithm, struct span public_key, struct text *out);
/* One line of a zone file (RFC 1035 5.1): the name with its dot, IN TXT, the text in strings of at
 * most 255 octets within parentheses. */
void dkim_record_write_zone(struct span name, struct span record, struct text *out);

#endif
