/* dkim_fields.h - the header fields of one message that its DKIM signatures cover.
 *
 * Signed when present, and over-signed (named once more than they stand there, so that nobody can
 * add one: RFC 6376 8.15): From, To, Subject, Date, Message-ID, Reply-To, Cc, MIME-Version, every
 * Content-..., List-Unsubscribe, List-Unsubscribe-Post, Feedback-ID. Of the names above those that
 * are absent are named as well; of Content-... the Type and the Transfer-Encoding. Signed as they
 * are: Sender, In-Reply-To, References, the other List-..., CFBL-Address and CFBL-Feedback-ID (RFC
 * 9477 3.1.2). Trace fields, Return-Path, Bcc and DKIM-Signature never.
 * A name that stands there more than once is signed from the bottom up (RFC 6376 5.4.2).
 *
 * Knows nothing of keys and domains: the same fields serve every signature of the message. Borrows
 * the header from dkim_fields_add until the last signature has been begun. */
#ifndef SIGN_DKIM_FIELDS_H
#define SIGN_DKIM_FIELDS_H

#include "base/text.h"
#include "sign/canon.h"

/* Fields that are signed, in one message. */
#define DKIM_FIELDS_MAX 64

struct dkim_field {
    struct span name;
    struct span whole; /* name to last line end */
    uint8_t kind;      /* index in the table of names */
};

struct dkim_fields {
    struct dkim_field fields[DKIM_FIELDS_MAX]; /* in the order of the header, from the top */
    uint32_t count;
    bool hashed[2]; /* by enum canon_form: ... */
    SHA256_CTX hashes[2];
};

void dkim_fields_init(struct dkim_fields *fields);
/* Adds whole fields, from the top of the header down; as often as wanted. Stops at the blank line.
 * 0; -EBADMSG: a line is no field; -E2BIG: more than DKIM_FIELDS_MAX are to be signed. After an
 * error the fields are not complete: such a message cannot be signed. */
MUST_USE int dkim_fields_add(struct dkim_fields *fields, struct span header);
/* The value of h=: names with colons between, in the order in which they are hashed. Nothing is
 * folded: dkim.h does that. */
void dkim_fields_names(const struct dkim_fields *fields, struct text *out);
/* The state of the hash behind the last signed field: copied, then the DKIM-Signature field is
 * added. Computed once for each form. */
const SHA256_CTX *dkim_fields_hash(struct dkim_fields *fields, enum canon_form form);

#endif
