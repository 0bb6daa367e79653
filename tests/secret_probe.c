/* Signs with a key whose secret numbers count as uninitialised memory: under clang's
 * MemorySanitizer a branch or an address that depends on one of them ends the program.
 * secret_test.py builds it. With an argument it breaks the rule itself, to see that it is found. */
#include <fenv.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "sign/sign_key_parts.h"

/* BoringSSL is not watched and would leave what it writes uninitialised: its memory counts as known
 * from the start. */
EXPORTED void *OPENSSL_memory_alloc(size_t size);
EXPORTED void OPENSSL_memory_free(void *pointer);
EXPORTED size_t OPENSSL_memory_get_size(void *pointer);

void *OPENSSL_memory_alloc(size_t size)
{
    size_t *block = calloc(1, size + 16);

    if (block == NULL)
        return NULL;
    block[0] = size;
    return block + 2;
}

void OPENSSL_memory_free(void *pointer)
{
    if (pointer != NULL)
        free((size_t *)pointer - 2);
}

size_t OPENSSL_memory_get_size(void *pointer)
{
    return pointer == NULL ? 0 : ((size_t *)pointer)[-2];
}

static void *aligned(size_t size)
{
    void *memory = aligned_alloc(64, (size + 63) / 64 * 64);

    if (memory == NULL)
        abort();
    return memory;
}

static void hide(struct rsa_batch_key *key)
{
    secret_mark(&key->p, sizeof key->p);
    secret_mark(&key->q, sizeof key->q);
    secret_mark(key->q_inverse, sizeof key->q_inverse);
    secret_mark(key->p_windows, sizeof key->p_windows);
    secret_mark(key->q_windows, sizeof key->q_windows);
}

/* Each of these is what the check is for. */
static int leak(const char *how, const struct rsa_batch_key *key)
{
    static const char table[32] = {1};

    if (strcmp(how, "branch") == 0)
        return key->p.words[0] % 3 == 0 ? puts("branch") : 0;
    return table[key->p_windows[0]] == 1 ? 1 : 0;
}

/* What BoringSSL, which is not watched, has written counts as known. */
static struct sign_key *make_key(uint32_t bits, RSA **ret_rsa)
{
    static uint8_t pem[8192];
    const char *error = NULL;
    struct sign_key *key = NULL;
    struct text text;

    secret_tell(pem, sizeof pem);
    text_init(&text, pem, sizeof pem);
    if (sign_key_make(SIGN_RSA_SHA256, bits, &text) < 0)
        abort();
    secret_tell(&text, sizeof text);
    if (sign_key_open(aligned(sign_key_memory_size()), text_span(&text), &key, &error) < 0)
        abort();
    secret_tell(&key, sizeof key);
    secret_tell(key, sign_key_memory_size());
    *ret_rsa = sign_key_rsa_object(key);
    return key;
}

static int try(const struct rsa_batch_limb *limb, uint32_t bits, const char *how)
{
    static uint8_t inputs[8][RSA_BATCH_OCTETS], results[8][RSA_BATCH_OCTETS];
    struct rsa_batch_work *work = aligned(sizeof *work);
    uint8_t wanted[RSA_BATCH_OCTETS];
    size_t size = 0;
    RSA *rsa = NULL;
    struct sign_key *key = make_key(bits, &rsa);
    uint32_t good;

    for (size_t lane = 0; lane < 8; lane++)
        for (size_t i = 1; i < bits / 8; i++)
            inputs[lane][i] = (uint8_t)(i * 29 + lane * 7);
    hide(&key->lanes);
    if (how != NULL)
        return leak(how, &key->lanes);
    good = rsa_batch_run(&key->lanes, limb, work, (const uint8_t(*)[RSA_BATCH_OCTETS])inputs,
                         results, 8);
    for (size_t lane = 0; lane < 8; lane++) {
        if (RSA_sign_raw(rsa, &size, wanted, sizeof wanted, inputs[lane], bits / 8,
                         RSA_NO_PADDING) != 1)
            return 1;
        secret_tell(wanted, sizeof wanted);
        if (memcmp(wanted, results[lane], bits / 8) != 0)
            good = 0;
    }
    (void)printf("%s, %u bits: %s\n", limb->name, bits, good == 0xff ? "no leak" : "wrong results");
    (void)fflush(stdout);
    RSA_free(rsa);
    free(key);
    free(work);
    return good == 0xff ? 0 : 1;
}

int main(int count, char **arguments)
{
    static const enum rsa_batch_kind kinds[] = {RSA_BATCH_MODEL, RSA_BATCH_AVX512, RSA_BATCH_IFMA};
    int failed = 0;

    if (!SECRET_IS_WATCHED || fesetround(FE_TOWARDZERO) != 0)
        return 3;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const struct rsa_batch_limb *limb = rsa_batch_find(kinds[i]);

        if (limb == NULL)
            continue;
        failed += try(limb, 1024, count > 1 ? arguments[1] : NULL);
        if (kinds[i] != RSA_BATCH_MODEL)
            failed += try(limb, 2048, NULL);
    }
    return failed;
}
