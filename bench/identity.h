/* identity.h - a certificate made on the spot, for measurements: a root and a server's below it.
 *
 * Nothing is kept or shipped; keys are new in every run. As PEM, because that is what tls/ takes.
 */
#ifndef BENCH_IDENTITY_H
#define BENCH_IDENTITY_H

#include "base/text.h"

#define IDENTITY_PEM_MAX 8192

enum identity_kind { IDENTITY_RSA_2048, IDENTITY_ECDSA_P256 };

struct identity_pem {
    struct span root_pem;
    struct span certificate_pem; /* the server's, the root behind it */
    struct span key_pem;
    uint8_t root[IDENTITY_PEM_MAX];
    uint8_t certificate[IDENTITY_PEM_MAX];
    uint8_t key[IDENTITY_PEM_MAX];
};

/* Valid from a day before `now_s` for a year, for the DNS name `host`. 0 or -ENOMEM. */
MUST_USE int identity_make(struct identity_pem *identity, enum identity_kind kind, const char *host,
                           uint64_t now_s);

#endif
