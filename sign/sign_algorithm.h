/* sign_algorithm.h - how mail is signed: the algorithm of a key, of a signature and of a record.
 *
 * Knows nothing of keys and of DKIM's texts beyond the names. Owns nothing. */
#ifndef SIGN_SIGN_ALGORITHM_H
#define SIGN_SIGN_ALGORITHM_H

enum sign_algorithm {
    SIGN_RSA_SHA256 = 0, /* RFC 6376 3.3.1, RFC 8301: PKCS #1 v1.5 over the SHA-256 digest */
    SIGN_ED25519_SHA256  /* RFC 8463 3: Ed25519 of the SHA-256 digest, 32 octets as the message */
};

/* As in a=: "rsa-sha256", "ed25519-sha256". */
const char *sign_algorithm_name(enum sign_algorithm algorithm);
/* The sort of key, as in k=: "rsa", "ed25519". */
const char *sign_algorithm_key(enum sign_algorithm algorithm);
/* The same for people: "RSA", "Ed25519". */
const char *sign_algorithm_words(enum sign_algorithm algorithm);

#endif
