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

/* DigestInfo of SHA-256, RFC 8017 section 9.2, note 1. */
static const uint8_t digest_info[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                      0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};

struct sign_batch {
    struct rsa_batch_work work;
    uint8_t inputs[SIGN_BATCH_MAX][RSA_BATCH_OCTETS];
    uint8_t results[SIGN_BATCH_MAX][RSA_BATCH_OCTETS];
    enum sign_path path;
    const struct rsa_batch_limb *limb; /* NULL: BoringSSL */
};

static_assert((int)SIGN_BATCH_MAX == (int)RSA_BATCH_LANES, "a batch is what the lanes take");
static_assert((int)SIGN_SIGNATURE_MAX == (int)RSA_BATCH_OCTETS, "a result fits");
static_assert(_Alignof(struct sign_batch) == SIGN_KEY_ALIGNMENT, "the caller aligns the memory");

size_t sign_batch_memory_size(void)
{
    return sizeof(struct sign_batch);
}

static const struct rsa_batch_limb *limb_of(enum sign_path path)
{
    switch (path) {
    case SIGN_PATH_BORINGSSL:
        return NULL;
    case SIGN_PATH_AVX512:
        return rsa_batch_find(RSA_BATCH_AVX512);
    case SIGN_PATH_IFMA:
        return rsa_batch_find(RSA_BATCH_IFMA);
    }
    UNREACHABLE("no such path");
}

struct sign_batch *sign_batch_open(void *memory, enum sign_path path)
{
    struct sign_batch *batch = memory;

    CHECK(sign_batch_has(path));
    batch->path = path;
    batch->limb = limb_of(path);
    return batch;
}

void sign_batch_close(struct sign_batch *batch)
{
    if (batch != NULL)
        OPENSSL_cleanse(batch, sizeof *batch);
}

bool sign_batch_has(enum sign_path path)
{
    return path == SIGN_PATH_BORINGSSL || limb_of(path) != NULL;
}

enum sign_path sign_batch_best(void)
{
    if (sign_batch_has(SIGN_PATH_IFMA))
        return SIGN_PATH_IFMA;
    return sign_batch_has(SIGN_PATH_AVX512) ? SIGN_PATH_AVX512 : SIGN_PATH_BORINGSSL;
}

const char *sign_batch_path_name(enum sign_path path)
{
    static const char *const names[] = {
        [SIGN_PATH_BORINGSSL] = "boringssl",
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

/* Of RFC 8017 section 9.2: 0x00 0x01 0xff .. 0xff 0x00 DigestInfo digest. */
static void pad(uint8_t *into, size_t size, const uint8_t *digest)
{
    size_t tail = sizeof digest_info + SIGN_DIGEST_SIZE;

    memset(into, 0xff, size);
    into[0] = 0;
    into[1] = 1;
    into[size - tail - 1] = 0;
    memcpy(into + size - tail, digest_info, sizeof digest_info);
    memcpy(into + size - SIGN_DIGEST_SIZE, digest, SIGN_DIGEST_SIZE);
}

static void sign_in_lanes(struct sign_batch *batch, const struct sign_key *key,
                          struct sign_job **lanes, uint32_t count)
{
    size_t size = key->lanes.octets;
    uint32_t good;

    for (uint32_t i = 0; i < count; i++)
        pad(batch->inputs[i], size, lanes[i]->digest);
    good = rsa_batch_run(&key->lanes, batch->limb, &batch->work,
                         (const uint8_t(*)[RSA_BATCH_OCTETS])batch->inputs, batch->results, count);
    for (uint32_t i = 0; i < count; i++) {
        bool verified = (good >> i & 1) != 0;
        if (verified)
            memcpy(lanes[i]->signature, batch->results[i], size);
        finish(lanes[i], verified ? 0 : -EIO);
    }
}

/* The key's object lives no longer than this. */
static void sign_one_by_one(const struct sign_key *key, struct sign_job **lanes, uint32_t count)
{
    RSA *rsa = sign_key_rsa_object(key);

    for (uint32_t i = 0; i < count; i++) {
        if (rsa == NULL)
            finish(lanes[i], -ENOMEM);
        else
            sign_rsa_alone(rsa, lanes[i]);
    }
    RSA_free(rsa); /* cleanses */
}

/* All jobs from `first` on that have its key. */
static void sign_rsa(struct sign_batch *batch, struct sign_job *jobs, uint32_t count,
                     uint32_t first, bool *done)
{
    const struct sign_key *key = jobs[first].key;
    struct sign_job *lanes[SIGN_BATCH_MAX];
    uint32_t lanes_count = 0;

    for (uint32_t i = first; i < count; i++) {
        if (jobs[i].key != key)
            continue;
        done[i] = true;
        lanes[lanes_count++] = &jobs[i];
    }
    if (batch->limb != NULL)
        sign_in_lanes(batch, key, lanes, lanes_count);
    else
        sign_one_by_one(key, lanes, lanes_count);
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

    CHECK(count <= SIGN_BATCH_MAX);
    for (uint32_t i = 0; i < count; i++) {
        if (done[i])
            continue;
        if (jobs[i].key->algorithm == SIGN_ED25519_SHA256)
            sign_ed25519(&jobs[i]);
        else
            sign_rsa(batch, jobs, count, i, done);
    }
    for (uint32_t i = 0; i < count; i++)
        good_count += jobs[i].result == 0;
    return good_count;
}
