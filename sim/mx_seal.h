/* mx_seal.h - what a simulated receiver makes of a message's signature, on its own account.
 *
 * Takes the octets as they come in, unstuffed; at the end the first field of the header must be a
 * DKIM-Signature (RFC 6376) by the key of RFC 8463's example over what was received. Shares the
 * canonical forms with the sender, nothing else: which fields are hashed is read from h=. */
#ifndef SIM_MX_SEAL_H
#define SIM_MX_SEAL_H

#include "base/span.h"
#include "sign/canon.h"

#define MX_SEAL_HEADER_MAX 8192
#define MX_SEAL_DOMAIN "send.test"

struct mx_seal {
    uint8_t header[MX_SEAL_HEADER_MAX];
    uint32_t header_size;
    bool header_is_cut;
    uint8_t staged[256]; /* of the body, not hashed yet */
    uint32_t staged_size;
    struct canon_body body;
    uint64_t content_hash; /* of all octets */
};

/* The secret key, in PEM. */
struct span mx_seal_key(void);
void mx_seal_begin(struct mx_seal *seal);
void mx_seal_take(struct mx_seal *seal, bool in_body, uint8_t byte);
/* NULL: it stands; else what is wrong. The seal is spent. */
const char *mx_seal_judge(struct mx_seal *seal);

#endif
