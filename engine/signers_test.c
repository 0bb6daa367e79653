/* Signers on threads of their own, asked by two others as shards ask: every answer is the right
 * one, no wake is lost, and keys may go as soon as the last answer is there. Runs under
 * ThreadSanitizer too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "base/prng.h"
#include "engine/signers.h"
#include "engine/tag.h"

#define SHARDS 2
#define SIGNERS 3
#define FRONT SHARDS
#define DIGESTS 16
#define GENERATIONS 3
#define BATCHES 40 /* of each shard in each generation */
#define STALL_NS (10 * NS_PER_S)

/* What is under way between one shard and one signer, in the order of the asking. */
struct flight {
    uint32_t key;
    uint32_t count;
    uint32_t first; /* digests first, first + 1, ... */
};

struct asker {
    pthread_t thread;
    uint32_t index;
    struct prng prng;
    struct io *io;
    struct flight flights[SIGNERS][SIGNER_UNDER_WAY_MAX];
    uint32_t under_way[SIGNERS];
    uint32_t under_way_count;
    uint32_t signatures_count;
    uint32_t wrong_count;
    uint32_t stalled_count;
};

static struct arena arena;
static struct io_group *group;
static struct signers signers;
static struct policy policy;
static pthread_barrier_t barrier;
static char pems[2][4096];
static struct sign_job expected[2][DIGESTS];
static struct asker askers[SHARDS];
static char words[512];

static struct io *open_ring(uint32_t index)
{
    struct io_options options = {
        .group = group,
        .index = index,
        .entries = 64,
        .handles_max = 8,
        .buffers_count = 8,
        .buffer_size = 256,
        .wake_tag = tag_of(TAG_WAKE, 0),
    };
    struct text error;
    struct io *io = NULL;

    text_init(&error, words, sizeof(words));
    return io_open(&io, &options, &error) == 0 ? io : NULL;
}

static struct signing_keys *open_keys(void)
{
    static const char *const domains[] = {"rsa.test", "ed.test"};
    struct signing_keys *keys;
    struct text error;

    policy_init(&policy);
    policy.dkim.count = 2;
    text_init(&error, words, sizeof(words));
    assert_int_equal(signing_keys_open(&keys, &policy, SHARDS + SIGNERS, &error), 0);
    for (uint32_t i = 0; i < 2; i++) {
        struct policy_dkim *item = &policy.dkim_items[i];

        memcpy(item->domain, domains[i], strlen(domains[i]) + 1);
        memcpy(item->selector, "s", 2);
        assert_int_equal(signing_keys_add(keys, item, span_cstr(pems[i]), &error), 0);
    }
    return keys;
}

static const struct sign_key *secret_of(const struct signing_keys *keys, uint32_t key)
{
    const struct signing_key *found[SIGNING_KEYS_USED_MAX];
    uint32_t count = signing_keys_for(keys, key == 0 ? SPAN("rsa.test") : SPAN("ed.test"), found);

    return count == 1 ? found[0]->secret : NULL;
}

/* Both kinds of signature are a function of the digest. */
static void expect_signatures(void)
{
    struct signing_keys *keys = open_keys();

    for (uint32_t key = 0; key < 2; key++) {
        for (uint32_t i = 0; i < DIGESTS; i++) {
            expected[key][i].key = secret_of(keys, key);
            memset(expected[key][i].digest, (int)(16 * key + i + 1), SIGN_DIGEST_SIZE);
        }
        for (uint32_t i = 0; i < DIGESTS; i += SIGN_BATCH_MAX)
            assert_int_equal(
                sign_batch_run(signing_keys_batch(keys, 0), &expected[key][i], SIGN_BATCH_MAX),
                SIGN_BATCH_MAX);
    }
    signing_keys_close(keys);
}

static void ask(struct asker *asker, const struct signing_keys *keys, uint32_t signer)
{
    struct flight flight = {
        .key = (uint32_t)prng_below(&asker->prng, 2),
        .count = 1 + (uint32_t)prng_below(&asker->prng, SIGN_BATCH_MAX),
        .first = (uint32_t)prng_below(&asker->prng, DIGESTS),
    };
    struct signer_request request = {
        .keys = keys,
        .key = secret_of(keys, flight.key),
        .batch = {.index = flight.first, .generation = flight.count},
        .count = flight.count,
    };

    for (uint32_t i = 0; i < flight.count; i++)
        memcpy(request.digests[i], expected[flight.key][(flight.first + i) % DIGESTS].digest,
               SIGN_DIGEST_SIZE);
    signer_ask(signers_links(&signers), asker->io, asker->index, signer, &request);
    asker->flights[signer][asker->under_way[signer]++] = flight;
    asker->under_way_count++;
}

static void compare(struct asker *asker, const struct flight *flight,
                    const struct signer_answer *answer)
{
    asker->wrong_count += answer->count != flight->count || answer->batch.index != flight->first ||
                          answer->batch.generation != flight->count;
    for (uint32_t i = 0; i < flight->count && i < answer->count; i++) {
        const struct sign_job *good = &expected[flight->key][(flight->first + i) % DIGESTS];
        const struct sign_job *job = &answer->jobs[i];

        asker->signatures_count++;
        asker->wrong_count += job->result != 0 || job->signature_size != good->signature_size ||
                              memcmp(job->signature, good->signature, good->signature_size) != 0;
    }
}

static void hear(struct asker *asker, uint32_t signer)
{
    struct signer_answer answer;

    while (signer_hear(signers_links(&signers), asker->index, signer, &answer)) {
        asker->wrong_count += asker->under_way[signer] == 0;
        compare(asker, &asker->flights[signer][0], &answer);
        memmove(&asker->flights[signer][0], &asker->flights[signer][1],
                (SIGNER_UNDER_WAY_MAX - 1) * sizeof(struct flight));
        asker->under_way[signer]--;
        asker->under_way_count--;
    }
}

static void work(struct asker *asker, const struct signing_keys *keys)
{
    uint32_t left_count = BATCHES;

    while (left_count > 0 || asker->under_way_count > 0) {
        uint32_t signer = (uint32_t)prng_below(&asker->prng, SIGNERS);
        struct io_event events[4];
        uint64_t deadline_ns = io_now_ns(asker->io) + STALL_NS;

        if (left_count > 0 && asker->under_way[signer] < SIGNER_UNDER_WAY_MAX) {
            ask(asker, keys, signer);
            left_count--;
            deadline_ns = 0;
        }
        asker->stalled_count +=
            io_wait(asker->io, deadline_ns, events, ARRAY_LEN(events)) == 0 && deadline_ns > 0;
        for (uint32_t i = 0; i < SIGNERS; i++)
            hear(asker, i);
    }
}

static const struct signing_keys *shared_keys;

static void *run_asker(void *argument)
{
    struct asker *asker = argument;

    asker->io = open_ring(asker->index);
    (void)pthread_barrier_wait(&barrier);
    for (uint32_t i = 0; i < GENERATIONS; i++) {
        (void)pthread_barrier_wait(&barrier); /* the keys are there */
        if (asker->io != NULL)
            work(asker, shared_keys);
        (void)pthread_barrier_wait(&barrier); /* and are not needed any more */
    }
    io_close(asker->io);
    return NULL;
}

static int open_all(void **state)
{
    struct text error, pem;

    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        text_init(&pem, pems[i], sizeof(pems[i]));
        assert_int_equal(sign_key_make(i == 0 ? SIGN_RSA_SHA256 : SIGN_ED25519_SHA256, 1024, &pem),
                         0);
        (void)text_cstr_end(&pem);
    }
    expect_signatures();
    assert_int_equal(arena_open(&arena, signers_cost(SHARDS, SIGNERS)), 0);
    signers_init(&signers, &arena, SHARDS, SIGNERS);
    assert_int_equal(arena.used, arena.size);
    assert_int_equal(io_group_open(&group, SHARDS + 1 + SIGNERS), 0);
    text_init(&error, words, sizeof(words));
    assert_int_equal(signers_start(&signers, group, &error), 0);
    return 0;
}

/* As the engine does, on the front. */
static void stop_all(void)
{
    struct io *io = open_ring(FRONT);
    struct io_event events[4];
    uint32_t waits_count = 0;

    assert_non_null(io);
    assert_false(signers_stopped(&signers));
    signers_order_stop(&signers, io);
    while (!signers_stopped(&signers) && waits_count++ < 10000)
        assert_int_equal(io_wait(io, io_now_ns(io) + NS_PER_MS, events, ARRAY_LEN(events)), 0);
    assert_true(signers_stopped(&signers));
    signers_join(&signers);
    signers_join(&signers); /* once is enough */
    io_close(io);
}

static int close_all(void **state)
{
    (void)state;
    io_group_close(group);
    arena_close(&arena);
    return 0;
}

static void test_every_answer(void **state)
{
    (void)state;
    assert_int_equal(pthread_barrier_init(&barrier, NULL, SHARDS + 1), 0);
    memset(askers, 0, sizeof(askers));
    for (uint32_t i = 0; i < SHARDS; i++) {
        askers[i].index = i;
        prng_seed(&askers[i].prng, i + 1);
        assert_int_equal(pthread_create(&askers[i].thread, NULL, run_asker, &askers[i]), 0);
    }
    (void)pthread_barrier_wait(&barrier);
    for (uint32_t i = 0; i < GENERATIONS; i++) {
        struct signing_keys *keys = open_keys();

        shared_keys = keys;
        (void)pthread_barrier_wait(&barrier);
        (void)pthread_barrier_wait(&barrier);
        signing_keys_close(keys); /* wiped and unmapped: whoever still used them would crash */
    }
    for (uint32_t i = 0; i < SHARDS; i++) {
        assert_int_equal(pthread_join(askers[i].thread, NULL), 0);
        assert_true(askers[i].signatures_count >= GENERATIONS * BATCHES);
        assert_int_equal(askers[i].wrong_count, 0);
        assert_int_equal(askers[i].stalled_count, 0);
    }
    stop_all();
    (void)pthread_barrier_destroy(&barrier);
}

static void test_stop_without_work(void **state)
{
    (void)state;
    stop_all();
}

static void test_none(void **state)
{
    struct signers none;
    struct text error;

    (void)state;
    assert_int_equal(signers_cost(SHARDS, 0), 0);
    signers_init(&none, NULL, SHARDS, 0);
    assert_null(signers_links(&none));
    text_init(&error, words, sizeof(words));
    assert_int_equal(signers_start(&none, NULL, &error), 0);
    signers_order_stop(&none, NULL);
    assert_true(signers_stopped(&none));
    signers_join(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_answer, open_all, close_all),
        cmocka_unit_test_setup_teardown(test_stop_without_work, open_all, close_all),
        cmocka_unit_test(test_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
