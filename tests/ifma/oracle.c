/* Writes what guest.c is to compute: keys, inputs and BoringSSL's results. ifma_oracle FILE */
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/prng.h"
#include "sign/sign_key_parts.h"

typedef uint8_t lane_octets[RSA_BATCH_LANES][RSA_BATCH_OCTETS];

static void write_vector(FILE *file, uint32_t bits, struct prng *prng)
{
    static lane_octets inputs, results;
    static uint8_t pem[8192];
    size_t octets = bits / 8, size;
    void *memory = aligned_alloc(SIGN_KEY_ALIGNMENT, sign_key_memory_size());
    struct sign_key *key = NULL;
    const char *error = NULL;
    struct text text;
    RSA *rsa;

    text_init(&text, pem, sizeof(pem));
    CHECK(memory != NULL && sign_key_make(SIGN_RSA_SHA256, bits, &text) == 0);
    CHECK(sign_key_open(memory, text_span(&text), &key, &error) == 0);
    rsa = sign_key_rsa_object(key);
    CHECK(rsa != NULL);
    memset(results, 0, sizeof(results));
    memset(inputs, 0, sizeof(inputs));
    for (size_t lane = 0; lane < RSA_BATCH_LANES; lane++) {
        prng_fill(prng, inputs[lane] + 1, octets - 1);
        if (lane == 6)
            memset(inputs[lane], 0, octets - 1); /* small */
        if (lane == 7) {
            memcpy(inputs[lane], key->rsa.n, octets); /* n - 1 */
            inputs[lane][octets - 1] ^= 1;
        }
        CHECK(RSA_sign_raw(rsa, &size, results[lane], octets, inputs[lane], octets,
                           RSA_NO_PADDING) == 1);
    }
    CHECK(fwrite(&key->lanes, sizeof(key->lanes), 1, file) == 1);
    CHECK(fwrite(inputs, sizeof(inputs), 1, file) == 1);
    CHECK(fwrite(results, sizeof(results), 1, file) == 1);
    RSA_free(rsa);
    free(memory);
}

int main(int count, char **arguments)
{
    FILE *file = count == 2 ? fopen(arguments[1], "we") : NULL;
    struct prng prng;

    CHECK(file != NULL);
    prng_seed(&prng, 52);
    for (uint32_t bits = 1024; bits <= 3072; bits += 1024)
        write_vector(file, bits, &prng);
    return fclose(file) == 0 ? 0 : 1;
}
