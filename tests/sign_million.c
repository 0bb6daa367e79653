/* sign_million.c - rsa_batch on a million random numbers under a hundred keys.
 *
 *   sign_million [COUNT]
 *
 * BoringSSL raises each result to the public exponent: a result that gives the input back is the
 * one right answer. One in a hundred is compared with BoringSSL's own, byte for byte. Uses the
 * quickest lanes that the processor has; with the model alone it takes a hundredth of the count and
 * says so. */
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/prng.h"
#include "sign/sign_key_parts.h"

enum { KEYS = 100, LONG_KEYS = 10 }; /* the first ten of 2048 bits, the rest of 1024 */

struct million {
    const struct rsa_batch_limb *limb;
    struct rsa_batch_work *work;
    struct sign_key *key;
    RSA *rsa;
    struct prng prng;
    uint8_t inputs[RSA_BATCH_LANES][RSA_BATCH_OCTETS];
    uint8_t results[RSA_BATCH_LANES][RSA_BATCH_OCTETS];
    uint64_t verified_count, compared_count;
};

static void *aligned(size_t size)
{
    void *memory = aligned_alloc(64, (size + 63) / 64 * 64);

    CHECK(memory != NULL);
    return memory;
}

static void open_key(struct million *million, uint32_t bits)
{
    uint8_t pem[8192];
    const char *error = NULL;
    struct text text;

    text_init(&text, pem, sizeof(pem));
    CHECK(sign_key_make(SIGN_RSA_SHA256, bits, &text) == 0);
    CHECK(sign_key_open(aligned(sign_key_memory_size()), text_span(&text), &million->key, &error) ==
          0);
    million->rsa = sign_key_rsa_object(million->key);
    CHECK(million->rsa != NULL);
}

static void check_lane(struct million *million, uint32_t lane, bool whole)
{
    size_t octets = million->key->lanes.octets, size = 0;
    uint8_t back[RSA_BATCH_OCTETS];

    CHECK(RSA_verify_raw(million->rsa, &size, back, sizeof(back), million->results[lane], octets,
                         RSA_NO_PADDING) == 1);
    CHECK(size == octets && memcmp(back, million->inputs[lane], octets) == 0);
    million->verified_count++;
    if (!whole)
        return;
    CHECK(RSA_sign_raw(million->rsa, &size, back, sizeof(back), million->inputs[lane], octets,
                       RSA_NO_PADDING) == 1);
    CHECK(memcmp(back, million->results[lane], octets) == 0);
    million->compared_count++;
}

static void run_batch(struct million *million, uint64_t number)
{
    size_t octets = million->key->lanes.octets;
    uint32_t count = 1 + (uint32_t)prng_below(&million->prng, 8);

    count = number % 4 == 0 ? count : RSA_BATCH_LANES;
    for (uint32_t lane = 0; lane < count; lane++) {
        prng_fill(&million->prng, million->inputs[lane], octets);
        if (memcmp(million->inputs[lane], million->key->rsa.n, octets) >= 0)
            million->inputs[lane][0] = 0;
    }
    CHECK(rsa_batch_run(&million->key->lanes, million->limb, million->work,
                        (const uint8_t(*)[RSA_BATCH_OCTETS])million->inputs, million->results,
                        count) == (1U << count) - 1);
    for (uint32_t lane = 0; lane < count; lane++)
        check_lane(million, lane, (number * 8 + lane) % 100 == 0);
}

int main(int count, char **arguments)
{
    static struct million million;
    uint64_t wanted = count > 1 ? strtoull(arguments[1], NULL, 10) : 1000000;

    million.limb = rsa_batch_find(RSA_BATCH_IFMA);
    if (million.limb == NULL)
        million.limb = rsa_batch_find(RSA_BATCH_AVX512);
    if (million.limb == NULL) {
        million.limb = rsa_batch_find(RSA_BATCH_MODEL);
        wanted /= 100;
    }
    million.work = aligned(sizeof(*million.work));
    prng_seed(&million.prng, 20);
    for (uint32_t key = 0; key < KEYS; key++) {
        uint64_t number = 0;

        open_key(&million, key < LONG_KEYS ? 2048 : 1024);
        while (million.verified_count < wanted * (key + 1) / KEYS)
            run_batch(&million, number++);
        RSA_free(million.rsa);
        sign_key_close(million.key);
        free(million.key);
    }
    (void)printf("%s lanes, %d keys: %llu results verified, %llu of them compared byte for byte\n",
                 million.limb->name, KEYS, (unsigned long long)million.verified_count,
                 (unsigned long long)million.compared_count);
    free(million.work);
    return 0;
}
