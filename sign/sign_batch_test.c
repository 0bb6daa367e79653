#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>
#include <openssl/bytestring.h>
#include <openssl/curve25519.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "sign/sign_batch.h"

enum { KEYS_COUNT = 3 };

struct fixture {
    struct sign_key *keys[KEYS_COUNT]; /* RSA-2048, RSA-1024, Ed25519 */
    void *memory[KEYS_COUNT];
    void *batch_memory;
};

static int setup(void **state)
{
    static const uint32_t bits[KEYS_COUNT] = {2048, 1024, 0};
    static struct fixture fixture;

    for (int i = 0; i < KEYS_COUNT; i++) {
        const char *error = NULL;
        uint8_t pem[4096];
        struct text text;

        text_init(&text, pem, sizeof pem);
        fixture.memory[i] = aligned_alloc(SIGN_KEY_ALIGNMENT, sign_key_memory_size());
        if (sign_key_make(bits[i] == 0 ? SIGN_ED25519_SHA256 : SIGN_RSA_SHA256, bits[i], &text) <
                0 ||
            sign_key_open(fixture.memory[i], text_span(&text), &fixture.keys[i], &error) < 0)
            return -1;
    }
    fixture.batch_memory = aligned_alloc(SIGN_KEY_ALIGNMENT, sign_batch_memory_size());
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < KEYS_COUNT; i++)
        free(fixture->memory[i]);
    free(fixture->batch_memory);
    return 0;
}

/* BoringSSL's verdict, with nothing but the public half. */
static bool verifies(const struct sign_job *job)
{
    struct span public = sign_key_public(job->key);
    bool good;

    if (sign_key_algorithm(job->key) == SIGN_ED25519_SHA256)
        return ED25519_verify(job->digest, sizeof job->digest, job->signature, public.data) == 1;
    CBS cbs;
    CBS_init(&cbs, public.data, public.size);
    EVP_PKEY *pkey = EVP_parse_public_key(&cbs);
    good = RSA_verify(NID_sha256, job->digest, sizeof job->digest, job->signature,
                      job->signature_size, EVP_PKEY_get0_RSA(pkey)) == 1;
    EVP_PKEY_free(pkey);
    return good;
}

/* Keys mixed, every number of jobs, on every path that this machine has. */
static void test_every_mixture_verifies(void **state)
{
    struct fixture *fixture = *state;

    for (enum sign_path path = SIGN_PATH_BORINGSSL; path <= SIGN_PATH_IFMA; path++) {
        struct sign_batch *batch;

        if (!sign_batch_has(path)) {
            print_message("no %s here\n", sign_batch_path_name(path));
            continue;
        }
        batch = sign_batch_open(fixture->batch_memory, path);
        for (uint32_t count = 0; count <= SIGN_BATCH_MAX; count++) {
            for (uint32_t mixture = 0; mixture < 5; mixture++) {
                struct sign_job jobs[SIGN_BATCH_MAX];

                memset(jobs, 0xaa, sizeof jobs);
                for (uint32_t i = 0; i < count; i++) {
                    jobs[i].key = fixture->keys[(mixture < 3 ? mixture : i * mixture) % KEYS_COUNT];
                    memset(jobs[i].digest, (int)(count * 40 + i * 5 + mixture), SIGN_DIGEST_SIZE);
                }
                assert_int_equal(sign_batch_run(batch, jobs, count), count);
                for (uint32_t i = 0; i < count; i++) {
                    assert_int_equal(jobs[i].result, 0);
                    assert_int_equal(jobs[i].signature_size, sign_key_signature_size(jobs[i].key));
                    assert_true(verifies(&jobs[i]));
                    jobs[i].digest[31] ^= 1;
                    assert_false(verifies(&jobs[i]));
                }
            }
        }
        sign_batch_close(batch);
    }
    sign_batch_close(NULL);
}

static void test_the_best_path_is_had(void **state)
{
    (void)state;
    assert_true(sign_batch_has(SIGN_PATH_BORINGSSL));
    assert_true(sign_batch_has(sign_batch_best()));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_mixture_verifies),
        cmocka_unit_test(test_the_best_path_is_had),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
