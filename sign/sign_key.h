/* sign_key.h - a key that signs mail: RSA or Ed25519, from PEM to the DNS record's octets.
 *
 * Knows nothing of files, DNS and DKIM's header. The caller lends the memory: locked, left out of
 * core dumps and of children (engine/: io_vault). At rest the secret lies nowhere else: what
 * BoringSSL allocates while it reads a key is cleansed and given back before the function returns.
 * Those allocations go through the program's OPENSSL_memory_* hooks, where it has any, so they are
 * counted with the rest of the library's.
 *
 * RSA: 1024 to 4096 bits, a multiple of 128, two primes of half the size, public exponent odd, 3 to
 * 2^32 - 1 (RFC 8301 section 3.2: signers use at least 1024 bits and should use at least 2048:
 * sign_key_is_short tells). Ed25519: RFC 8463. PKCS#1 and PKCS#8, PEM, not encrypted. */
#ifndef SIGN_SIGN_KEY_H
#define SIGN_SIGN_KEY_H

#include "base/span.h"
#include "base/text.h"
#include "sign/sign_algorithm.h"

enum {
    SIGN_KEY_BITS_MIN = 1024,
    SIGN_KEY_BITS_SHORT = 2048, /* below, a warning is due */
    SIGN_KEY_BITS_MAX = 4096,
    SIGN_KEY_PEM_MAX = 16384,  /* octets of a key file */
    SIGN_KEY_PUBLIC_MAX = 600, /* octets of sign_key_public */
    SIGN_KEY_ALIGNMENT = 64,   /* of the lent memory */
};

struct sign_key; /* opaque, in lent memory */

/* Octets of memory that one key needs, whatever its kind. */
size_t sign_key_memory_size(void);

/* Reads the first private key in `pem` into `memory` (sign_key_memory_size octets, aligned).
 * Errors, with *ret_error a sentence for people (static): -EINVAL what cannot be read or is not a
 * sound key, -ENOTSUP another algorithm, size or encrypted, -EFBIG more than SIGN_KEY_PEM_MAX,
 * -ENOMEM. On failure nothing of the key is left in `memory`. */
MUST_USE int sign_key_open(void *memory, struct span pem, struct sign_key **ret_key,
                           const char **ret_error);
/* Wipes the memory; NULL does nothing. */
void sign_key_close(struct sign_key *key);

enum sign_algorithm sign_key_algorithm(const struct sign_key *key);
/* Of the modulus; 256 for Ed25519. */
uint32_t sign_key_bits(const struct sign_key *key);
/* Octets of a signature: bits / 8, or 64. */
size_t sign_key_signature_size(const struct sign_key *key);
/* What goes, in base64, into the record's p= tag: the SubjectPublicKeyInfo in DER for RSA (RFC 6376
 * section 3.6.1), the 32 octets for Ed25519 (RFC 8463 section 4.2). Lives as long as the key. */
struct span sign_key_public(const struct sign_key *key);

/* What everybody may know of a key, and what remains of one that is only looked at. */
struct sign_key_published {
    enum sign_algorithm algorithm;
    uint32_t bits;
    uint32_t size;
    uint8_t octets[SIGN_KEY_PUBLIC_MAX]; /* of sign_key_public */
};

void sign_key_publish(const struct sign_key *key, struct sign_key_published *ret);
/* RSA of less than 2048 bits. */
MUST_USE bool sign_key_is_short(const struct sign_key_published *key);

/* What is wrong with the access rights of a key file (st_mode), or NULL: it must be a regular file
 * that nobody but its owner reads or writes, or its group reads (0600, 0640, and less). */
MUST_USE const char *sign_key_mode_fault(uint32_t mode);

/* Makes a key and adds it to `pem` as PKCS#8. `bits`: 1024, 2048, 3072 or 4096 for RSA, ignored for
 * Ed25519. Not for the hot path: it takes up to seconds and draws on BoringSSL's entropy.
 * -EINVAL other bits, -ENOMEM, -ENOSPC does not fit. The caller wipes what `pem` lies in. */
MUST_USE int sign_key_make(enum sign_algorithm algorithm, uint32_t bits, struct text *pem);

#endif
