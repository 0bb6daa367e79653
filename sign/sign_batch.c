#include "sign/sign_batch.h"

#include <errno.h>
#include <openssl/curve25519.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/rsa.h>
#include <string.h>

#include "base/check.h"
#include "sign/sign_key_parts.h"

struct sign_batch {
    enum sign_path path;
};

size_t sign_batch_memory_size(void)
{
    return SIGN_KEY_ALIGNMENT;
}

struct sign_batch *sign_batch_open(void *memory, enum sign_path path)
{
    struct sign_batch *batch = memory;

    CHECK(sign_batch_has(path));
    *batch = (struct sign_batch){.path = path};
    return batch;
}

void sign_batch_close(struct sign_batch *batch)
{
    if (batch != NULL)
        OPENSSL_cleanse(batch, sign_batch_memory_size());
}

bool sign_batch_has(enum sign_path path)
{
    return path == SIGN_PATH_BORINGSSL;
}

enum sign_path sign_batch_best(void)
{
    return SIGN_PATH_BORINGSSL;
}

const char *sign_batch_path_name(enum sign_path path)
{
    static const char *const names[] = {
        [SIGN_PATH_BORINGSSL] = "boringssl",
        [SIGN_PATH_AVX2] = "avx2",
        [SIGN_PATH_AVX512] = "avx512",
        [SIGN_PATH_IFMA] = "ifma",
    };
    return names[path];
}

static void finish(struct sign_job *job, int result)
{
    job->result = result;
    job->signature_size = result == 0 ? (uint32_t)sign_key_signature_size(job->key) : 0;
    if (result != 0)
        OPENSSL_cleanse(job->signature, sizeof job->signature);
}

/* BoringSSL itself verifies what it signs by CRT. */
static void sign_rsa_alone(RSA *rsa, struct sign_job *job)
{
    unsigned size = 0;
    bool signed_it =
        RSA_sign(NID_sha256, job->digest, sizeof job->digest, job->signature, &size, rsa) == 1;

    ERR_clear_error();
    finish(job, signed_it ? 0 : -EIO);
}

/* All jobs from `first` on that have its key; the object lives no longer than this. */
static void sign_rsa(struct sign_job *jobs, uint32_t count, uint32_t first, bool *done)
{
    const struct sign_key *key = jobs[first].key;
    RSA *rsa = sign_key_rsa_object(key);

    for (uint32_t i = first; i < count; i++) {
        if (jobs[i].key != key)
            continue;
        done[i] = true;
        if (rsa == NULL)
            finish(&jobs[i], -ENOMEM);
        else
            sign_rsa_alone(rsa, &jobs[i]);
    }
    RSA_free(rsa); /* cleanses */
}

static void sign_ed25519(struct sign_job *job)
{
    bool signed_it =
        ED25519_sign(job->signature, job->digest, sizeof job->digest, job->key->ed25519) == 1;
    finish(job, signed_it ? 0 : -ENOMEM);
}

uint32_t sign_batch_run(struct sign_batch *batch, struct sign_job *jobs, uint32_t count)
{
    bool done[SIGN_BATCH_MAX] = {false};
    uint32_t good_count = 0;

    (void)batch;
    CHECK(count <= SIGN_BATCH_MAX);
    for (uint32_t i = 0; i < count; i++) {
        if (done[i])
            continue;
        if (jobs[i].key->algorithm == SIGN_ED25519_SHA256)
            sign_ed25519(&jobs[i]);
        else
            sign_rsa(jobs, count, i, done);
    }
    for (uint32_t i = 0; i < count; i++)
        good_count += jobs[i].result == 0;
    return good_count;
}
