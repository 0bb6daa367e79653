/* sign_batch.h - up to eight digests signed at once.
 *
 * Jobs of one RSA key share the lanes of rsa_batch where the processor has a path for it; one job
 * then costs as much as eight. Other RSA jobs, and Ed25519, go through BoringSSL one after the
 * other. Every RSA result is verified with the public exponent before it leaves: one that does not
 * verify (a fault of the processor or of memory would give the key away) is not handed out.
 *
 * Knows nothing of mail, time and keys' files. Borrows its memory (secrets pass through it, so lend
 * it from where keys lie) and the keys for the call. BoringSSL allocates within a call and gives
 * all back before it returns; rsa_batch allocates nothing. One batch a thread. */
#ifndef SIGN_SIGN_BATCH_H
#define SIGN_SIGN_BATCH_H

#include "sign/sign_key.h"

enum {
    SIGN_BATCH_MAX = 8,
    SIGN_DIGEST_SIZE = 32,
    SIGN_SIGNATURE_MAX = 512,
};

enum sign_path {
    SIGN_PATH_BORINGSSL, /* one after the other */
    SIGN_PATH_AVX512,    /* eight lanes: AVX-512 F and DQ, products by floating point */
    SIGN_PATH_IFMA,      /* eight lanes: AVX-512 IFMA */
};

struct sign_job {
    const struct sign_key *key;       /* in */
    uint8_t digest[SIGN_DIGEST_SIZE]; /* in: SHA-256; the same for both algorithms (RFC 8463 3) */
    uint8_t signature[SIGN_SIGNATURE_MAX]; /* out: the first signature_size octets */
    uint32_t signature_size;               /* out: 0 when result is not 0 */
    int result; /* out: 0; -ENOMEM; -EIO the signature did not verify and was thrown away */
};

struct sign_batch; /* opaque, in lent memory */

/* Octets of memory, aligned to SIGN_KEY_ALIGNMENT. */
size_t sign_batch_memory_size(void);
/* `path` must be one that sign_batch_has; usually sign_batch_best(). */
struct sign_batch *sign_batch_open(void *memory, enum sign_path path);
/* Wipes the memory; NULL does nothing. */
void sign_batch_close(struct sign_batch *batch);

/* Whether this processor (and the kernel: the registers must be saved) can do it. */
MUST_USE bool sign_batch_has(enum sign_path path);
enum sign_path sign_batch_best(void);
/* "boringssl", "avx512", "ifma" */
const char *sign_batch_path_name(enum sign_path path);

/* Signs jobs[0 .. count), count at most SIGN_BATCH_MAX; keys may differ. Returns how many have
 * result 0. */
uint32_t sign_batch_run(struct sign_batch *batch, struct sign_job *jobs, uint32_t count);

#endif
