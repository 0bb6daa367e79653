/* dkim.h - one DKIM-Signature field (RFC 6376 3.5) from a plan, a message and its body hash.
 *
 *   dkim_fields_add*   canon_body_hash
 *           \             /
 *           dkim_begin        -> the field up to "b=", and the digest to be signed
 *               |                (any number of others in between: signatures come in batches)
 *           dkim_end          -> the field is complete
 *
 * The field goes out above every field that it signs; folded to lines of 78 octets at most where
 * RFC 6376 allows folds (a domain, selector or name of a field that is longer than a line stays
 * whole), ends with CRLF, and b= is its last tag. Its size is known before it is signed.
 * There is never an l= tag. Nothing is allocated; text goes into the caller's buffer.
 * Knows nothing of keys, clocks, templates or the wire. Owns nothing. */
#ifndef SIGN_DKIM_H
#define SIGN_DKIM_H

#include "sign/dkim_fields.h"
#include "sign/dkim_plan.h"

/* No field is larger: room for DKIM_FIELD_MAX is always enough, or dkim_begin says -E2BIG. */
#define DKIM_FIELD_MAX 6144
#define DKIM_DIGEST_SIZE 32

/* Octets of the complete field. The same for all messages that have the same names in their header
 * (and times of as many digits): that of a template's messages is known from one of them. 0: it
 * would be larger than DKIM_FIELD_MAX. */
size_t dkim_size(const struct dkim_plan *plan, const struct dkim_fields *fields, uint64_t time_s);

/* Writes the field up to b= to `out`, which may hold other text already, and the digest that is to
 * be signed. time_s: seconds since 1970. body_hash: of the plan's body_form. 0; -E2BIG: the field
 * would be larger than DKIM_FIELD_MAX; -ENOSPC: `out` has not room for the complete field. After an
 * error `out` is as it was. */
MUST_USE int dkim_begin(const struct dkim_plan *plan, struct dkim_fields *fields,
                        const uint8_t body_hash[CANON_HASH_SIZE], uint64_t time_s, struct text *out,
                        uint8_t ret_digest[DKIM_DIGEST_SIZE]);
/* Writes the signature behind what dkim_begin wrote. CHECKs that it has the size that the plan
 * says. */
void dkim_end(const struct dkim_plan *plan, struct span signature, struct text *out);

#endif
