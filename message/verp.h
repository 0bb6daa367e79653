/* verp.h - the signed return path that says for whom a bounce is (variable envelope return path).
 *
 *   <tag>@return-domain; the tag is 40 characters of base32 (RFC 4648, lower case, no padding) over
 *
 *   octet 0      version (high 4 bits, 1) and key id (low 4 bits)
 *         1-8    campaign, big endian
 *         9-12   ordinal, big endian
 *         13-14  day of the attempt, days since 1970-01-01, big endian
 *         15-24  the first 80 bits of HMAC-SHA-256 (RFC 2104) under the key over octets 0-14
 *
 * The identity comes first, so that the tags of one recipient under one key share their first 20
 * characters (and all but the last bit of the 21st) whatever the day. No tag, no trust: without
 * VERP_VALID nothing is concluded from a report. Knows nothing of files, clocks or bounces: the
 * text of the key file and the day are arguments. Owns the keys' hash states; they never leave the
 * struct. */
#ifndef MESSAGE_VERP_H
#define MESSAGE_VERP_H

#include <openssl/sha.h>

#include "base/text.h"
#include "message/envelope.h"

#ifndef OPENSSL_IS_BORINGSSL
#error "these are OpenSSL's headers; BoringSSL's folder must come first"
#endif

#define VERP_TAG_SIZE 40
#define VERP_KEYS_MAX 8
#define VERP_KEY_SIZE 32
#define VERP_KEY_ID_MAX 15
#define VERP_OLD_KEY_DAYS 30

/* A key as hash states behind their first block, so that a tag costs two blocks and no more. */
struct verp_key {
    SHA256_CTX inner;
    SHA256_CTX outer;
    uint8_t id;
};

/* The first key signs; all are tried by id when reading. Zero is the empty set. */
struct verp_keys {
    struct verp_key keys[VERP_KEYS_MAX];
    uint32_t count;
};

enum verp_verdict {
    VERP_VALID = 0,
    VERP_ABSENT,      /* no tag: another length or alphabet */
    VERP_VERSION,     /* a tag of a format that this program does not know */
    VERP_UNKNOWN_KEY, /* no key of that id (any more) */
    VERP_FORGED,      /* the code does not fit */
    VERP_EXPIRED,     /* made under an old key for an attempt more than 30 days ago */
    VERP_VERDICT_COUNT
};

/* -EEXIST: the id is taken; -ENOSPC: eight keys are in; -EINVAL: id over 15. */
MUST_USE int verp_add_key(struct verp_keys *keys, uint8_t id, const uint8_t secret[VERP_KEY_SIZE]);
/* Adds the keys of a key file: lines of "id hex", id 0-15, 64 hexadecimal digits, or the digits
 * alone, which have id 0; '#' begins a comment. The first key of the first file signs. -EINVAL:
 * *error says what, with the line number, never with a digit of the key; then `keys` is as it was.
 */
MUST_USE int verp_add_file(struct verp_keys *keys, struct span text, struct text *error);
/* The text of a new key file. */
void verp_write_key(struct text *out, uint8_t id, const uint8_t secret[VERP_KEY_SIZE]);
/* Wipes the keys. */
void verp_forget(struct verp_keys *keys);

/* Writes tag@domain under the first key. `day`: days since 1970, at most 65535. */
void verp_write(struct text *out, const struct verp_keys *keys, const struct identity *identity,
                uint16_t day, struct span domain);
/* Reads a tag, or an address whose local part is one (the domain is the caller's to look at; upper
 * case is accepted). The results are set when VERP_VALID or VERP_EXPIRED. The codes are compared in
 * constant time. */
MUST_USE enum verp_verdict verp_read(struct span address, const struct verp_keys *keys,
                                     uint16_t today, struct identity *ret_identity,
                                     uint16_t *ret_day);
/* What a tag says of itself, without any proof: for comparing one's own books, never for a report.
 */
MUST_USE bool verp_claim(struct span address, struct identity *ret_identity, uint16_t *ret_day);
const char *verp_verdict_name(enum verp_verdict verdict);

#endif
