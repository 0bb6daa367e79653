#include <errno.h>
#include <openssl/nid.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/cycle.h"
#include "base/json_put.h"
#include "bench/micro_small.h"
#include "bench/run_clock.h"
#include "sign/rsa_batch.h"
#include "sign/sign_batch.h"
#include "sign/sign_key_parts.h"

/* Signatures on one core: BoringSSL one after the other, rsa_batch in every kind of lanes that the
 * processor has, and where its time goes. What others do on the machine comes and goes within a
 * second, so all are measured in turns and each key is the best of its turns. */

enum { TURNS = 12, PHASES = 4 };
#define TURN_S 0.04

struct sign_work {
    struct sign_key *rsa;
    struct sign_key *ed25519;
    RSA *object;                                    /* the same RSA key, BoringSSL's own */
    struct sign_batch *batches[SIGN_PATH_IFMA + 1]; /* NULL: not here */
    struct sign_job jobs[SIGN_BATCH_MAX];
    struct rsa_batch_work *lanes;
    uint8_t inputs[RSA_BATCH_LANES][RSA_BATCH_OCTETS];
};

static int make_key(enum sign_algorithm algorithm, struct sign_key **ret_key)
{
    uint8_t pem[4096];
    const char *error = NULL;
    struct text text;
    void *memory = aligned_alloc(SIGN_KEY_ALIGNMENT, sign_key_memory_size());
    int result;

    text_init(&text, pem, sizeof(pem));
    if (memory == NULL)
        return -ENOMEM;
    result = sign_key_make(algorithm, 2048, &text);
    if (result == 0)
        result = sign_key_open(memory, text_span(&text), ret_key, &error);
    if (result < 0)
        free(memory);
    return result;
}

static void close_work(struct sign_work *work)
{
    for (size_t path = 0; path < ARRAY_LEN(work->batches); path++) {
        sign_batch_close(work->batches[path]);
        free(work->batches[path]);
    }
    sign_key_close(work->rsa);
    sign_key_close(work->ed25519);
    RSA_free(work->object);
    free(work->rsa);
    free(work->ed25519);
    free(work->lanes);
    free(work);
}

static int open_work(struct sign_work *work)
{
    int result = make_key(SIGN_RSA_SHA256, &work->rsa);

    if (result == 0)
        result = make_key(SIGN_ED25519_SHA256, &work->ed25519);
    if (result == 0)
        work->object = sign_key_rsa_object(work->rsa);
    if (result == 0 && work->object == NULL)
        result = -ENOMEM;
    for (enum sign_path path = SIGN_PATH_BORINGSSL; path <= SIGN_PATH_IFMA && result == 0; path++) {
        void *memory;

        if (!sign_batch_has(path))
            continue;
        memory = aligned_alloc(SIGN_KEY_ALIGNMENT, sign_batch_memory_size());
        if (memory == NULL)
            return -ENOMEM;
        work->batches[path] = sign_batch_open(memory, path);
    }
    work->lanes = aligned_alloc(64, sizeof(*work->lanes));
    for (size_t i = 0; i < SIGN_BATCH_MAX; i++)
        memset(work->jobs[i].digest, (int)(i * 17 + 1), SIGN_DIGEST_SIZE);
    for (size_t lane = 0; lane < RSA_BATCH_LANES; lane++)
        memset(work->inputs[lane] + 1, (int)(lane + 1), RSA_BATCH_OCTETS - 1);
    return result < 0 || work->lanes == NULL ? -ENOMEM : 0;
}

struct best {
    double per_s;
    double cycles; /* a signature */
};

/* BoringSSL at its best: its own object lives on, with blinding and all that it keeps. */
static void sign_plainly(struct sign_work *work)
{
    for (size_t i = 0; i < SIGN_BATCH_MAX; i++) {
        struct sign_job *job = &work->jobs[i];
        unsigned size = 0;

        CHECK(RSA_sign(NID_sha256, job->digest, sizeof(job->digest), job->signature, &size,
                       work->object) == 1);
    }
}

static void sign_eight(struct sign_work *work, enum sign_path path, const struct sign_key *key)
{
    if (path == SIGN_PATH_BORINGSSL && key == work->rsa)
        sign_plainly(work);
    else
        CHECK(sign_batch_run(work->batches[path], work->jobs, SIGN_BATCH_MAX) == SIGN_BATCH_MAX);
}

/* Eight signatures, again and again for a turn; the quickest eight count for the cycles. */
static void take_turn(struct sign_work *work, enum sign_path path, const struct sign_key *key,
                      struct best *best)
{
    double started_s = run_clock_thread_s(), used_s = 0, rate;
    uint64_t count = 0;

    for (size_t i = 0; i < SIGN_BATCH_MAX; i++)
        work->jobs[i].key = key;
    while (used_s < TURN_S) {
        uint64_t from = cycle_count();

        sign_eight(work, path, key);
        from = cycle_count() - from;
        if (best->cycles == 0 || (double)from / SIGN_BATCH_MAX < best->cycles)
            best->cycles = (double)from / SIGN_BATCH_MAX;
        count += SIGN_BATCH_MAX;
        used_s = run_clock_thread_s() - started_s;
    }
    rate = (double)count / used_s;
    if (rate > best->per_s)
        best->per_s = rate;
}

/* Cycles of eight lanes together: reading, the halves, their joining, the verification. */
static void split_up(struct sign_work *work, const struct rsa_batch_limb *limb, uint64_t *best)
{
    const struct rsa_batch_key *key = &work->rsa->lanes;

    for (int round = 0; round < 60; round++) {
        uint64_t at[PHASES + 1];

        at[0] = cycle_count();
        rsa_batch_load(key, work->lanes, (const uint8_t(*)[RSA_BATCH_OCTETS])work->inputs, 8);
        at[1] = cycle_count();
        rsa_batch_halves(key, limb, work->lanes);
        at[2] = cycle_count();
        rsa_batch_join(key, limb, work->lanes);
        at[3] = cycle_count();
        CHECK(rsa_batch_verify(key, limb, work->lanes) == 0xff);
        at[4] = cycle_count();
        for (size_t i = 0; i < PHASES; i++)
            if (best[i] == 0 || at[i + 1] - at[i] < best[i])
                best[i] = at[i + 1] - at[i];
    }
}

static void put_number(struct text *out, const char *name, const char *unit, double number)
{
    char buffer[64];
    struct text key;

    text_init(&key, buffer, sizeof(buffer));
    text_add_format(&key, "%s_%s", name, unit);
    json_put_key_double(out, text_cstr_end(&key), number, 0);
}

static void put_split(struct text *out, const char *name, const uint64_t *split)
{
    static const char *const phases[PHASES] = {"load_cycles", "halves_cycles", "join_cycles",
                                               "verify_cycles"};

    for (size_t i = 0; i < PHASES; i++)
        put_number(out, name, phases[i], (double)split[i] / RSA_BATCH_LANES);
}

static void put_lanes(struct sign_work *work, const struct best *best, struct text *out)
{
    static const struct {
        enum sign_path path;
        enum rsa_batch_kind kind;
        const char *name, *missing;
    } kinds[] = {
        {SIGN_PATH_AVX512, RSA_BATCH_AVX512, "rsa_batch_avx512", "rsa_batch_avx512_skipped"},
        {SIGN_PATH_IFMA, RSA_BATCH_IFMA, "rsa_batch_ifma", "rsa_batch_ifma_skipped"},
    };

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        uint64_t split[PHASES] = {0};

        if (work->batches[kinds[i].path] == NULL) {
            json_put_key_cstr(out, kinds[i].missing, "this processor does not have it");
            continue;
        }
        micro_small_put(out, kinds[i].name, best[kinds[i].path].per_s);
        put_number(out, kinds[i].name, "cycles", best[kinds[i].path].cycles);
        split_up(work, rsa_batch_find(kinds[i].kind), split);
        put_split(out, kinds[i].name, split);
    }
}

static void measure(struct sign_work *work, struct text *out)
{
    struct best best[SIGN_PATH_IFMA + 1] = {{0}}, ed25519 = {0};
    enum sign_path quickest = sign_batch_best();

    for (uint32_t turn = 0; turn < TURNS; turn++) {
        for (enum sign_path path = SIGN_PATH_BORINGSSL; path <= SIGN_PATH_IFMA; path++)
            if (work->batches[path] != NULL)
                take_turn(work, path, work->rsa, &best[path]);
        take_turn(work, SIGN_PATH_BORINGSSL, work->ed25519, &ed25519);
    }
    json_put_key_u64(out, "bits", 2048);
    micro_small_put(out, "boringssl", best[SIGN_PATH_BORINGSSL].per_s);
    put_number(out, "boringssl", "cycles", best[SIGN_PATH_BORINGSSL].cycles);
    put_lanes(work, best, out);
    json_put_key_cstr(out, "rsa_batch_path", sign_batch_path_name(quickest));
    json_put_key_double(out, "rsa_batch_per_s", best[quickest].per_s, 0);
    json_put_key_double(out, "rsa_batch_times",
                        best[quickest].per_s / best[SIGN_PATH_BORINGSSL].per_s, 2);
    micro_small_put(out, "ed25519", ed25519.per_s);
    put_number(out, "ed25519", "cycles", ed25519.cycles);
}

int micro_small_sign(struct text *out)
{
    struct sign_work *work = calloc(1, sizeof(*work));
    int result;

    if (work == NULL)
        return -ENOMEM;
    result = open_work(work);
    if (result == 0)
        measure(work, out);
    close_work(work);
    return result;
}
