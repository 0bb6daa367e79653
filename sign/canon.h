/* canon.h - the canonical forms of header fields and bodies (RFC 6376 3.4), straight into a hash.
 *
 * What is hashed is the message as it goes out: line ends may be CRLF, LF or CR and count as CRLF
 * (RFC 6376 5.3; body.h sends them so). Octets are given before dot-stuffing, without the final
 * dot, in pieces cut anywhere: no border between two pieces shows.
 *
 * A struct canon_body is a plain value: hashed up to the first octet that differs between messages,
 * it is the start of each of them - copy it and go on.
 * Knows nothing of DKIM's tags, of which fields are signed, of lines that are too long (what breaks
 * them comes before: body.h). Owns nothing. */
#ifndef SIGN_CANON_H
#define SIGN_CANON_H

#include <openssl/sha.h>

#include "base/span.h"

#ifndef OPENSSL_IS_BORINGSSL
#error "these are OpenSSL's headers; BoringSSL's folder must come first"
#endif

#define CANON_HASH_SIZE 32 /* SHA-256 */

enum canon_form {
    CANON_RELAXED = 0, /* RFC 6376 3.4.2 and 3.4.4 */
    CANON_SIMPLE       /* 3.4.1 and 3.4.3 */
};

struct canon_body {
    SHA256_CTX hash;
    uint64_t line_ends;   /* read, not hashed: at the end of the body they do not count */
    uint64_t hashed_size; /* octets of the canonical form so far */
    bool simple;
    bool open;     /* the last line has an octet that counts and no end yet */
    bool blank;    /* relaxed: white space was read, not hashed */
    bool after_cr; /* the last octet was a CR: an LF would belong to it */
};

void canon_body_begin(struct canon_body *body, enum canon_form form);
void canon_body_add(struct canon_body *body, struct span piece);
/* The hash is spent then. */
void canon_body_end(struct canon_body *body, uint8_t ret_hash[CANON_HASH_SIZE]);
/* All at once. */
void canon_body_hash(enum canon_form form, struct span body, uint8_t ret_hash[CANON_HASH_SIZE]);

/* Hashes one field, from its name to its last line end (which may be missing), with the CRLF after
 * it. A "field" without a colon is hashed as if it had no body. */
void canon_field(enum canon_form form, struct span field, SHA256_CTX *hash);
/* The same without the CRLF: the DKIM-Signature field itself (RFC 6376 3.7). */
void canon_field_last(enum canon_form form, struct span field, SHA256_CTX *hash);

#endif
