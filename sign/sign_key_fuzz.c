/* Any octets as a key file. The first one says what the rest is: 0 text, 1 the DER of PKCS#8, 2
 * that of PKCS#1, put into PEM. What is refused leaves nothing behind; what is taken is the same
 * behind other words and with other words behind it, and whatever it signs verifies with its public
 * half alone (a key whose numbers do not fit signs nothing rather than give itself away). */
#include <errno.h>
#include <openssl/bytestring.h>
#include <openssl/curve25519.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "message/base64.h"
#include "sign/sign_batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PEM_LINE 48 /* octets, as base64 */

static void *memory(size_t size)
{
    void *result = aligned_alloc(SIGN_KEY_ALIGNMENT, (size + SIGN_KEY_ALIGNMENT - 1) /
                                                         SIGN_KEY_ALIGNMENT * SIGN_KEY_ALIGNMENT);

    CHECK(result != NULL);
    return result;
}

static void write_pem(const char *name, struct span der, struct text *out)
{
    text_add_format(out, "-----BEGIN %s-----\n", name);
    while (der.size > 0) {
        base64_encode(span_first(der, PEM_LINE), out);
        text_add_byte(out, '\n');
        der = span_skip(der, PEM_LINE);
    }
    text_add_format(out, "-----END %s-----\n", name);
}

/* BoringSSL's verdict, with nothing but the public half. */
static bool verifies(const struct sign_job *job)
{
    struct span public = sign_key_public(job->key);
    EVP_PKEY *pkey;
    bool good;
    CBS cbs;

    if (sign_key_algorithm(job->key) == SIGN_ED25519_SHA256)
        return ED25519_verify(job->digest, sizeof job->digest, job->signature, public.data) == 1;
    CBS_init(&cbs, public.data, public.size);
    pkey = EVP_parse_public_key(&cbs);
    CHECK(pkey != NULL);
    good = RSA_verify(NID_sha256, job->digest, sizeof job->digest, job->signature,
                      job->signature_size, EVP_PKEY_get0_RSA(pkey)) == 1;
    EVP_PKEY_free(pkey);
    return good;
}

static void check_signature(const struct sign_key *key)
{
    static void *work;
    struct sign_job job = {.key = key, .digest = {1, 2, 3}};
    struct sign_batch *batch;

    if (work == NULL)
        work = memory(sign_batch_memory_size());
    batch = sign_batch_open(work, sign_batch_best());
    if (sign_batch_run(batch, &job, 1) == 1) {
        CHECK(job.signature_size == sign_key_signature_size(key));
        CHECK(verifies(&job));
    } else {
        CHECK(job.result == -EIO);
        CHECK(job.signature_size == 0);
    }
    sign_batch_close(batch);
    ERR_clear_error();
}

static void check_facts(const struct sign_key *key)
{
    uint32_t bits = sign_key_bits(key);
    bool rsa = sign_key_algorithm(key) == SIGN_RSA_SHA256;
    struct sign_key_published published;

    CHECK(sign_key_public(key).size > 0);
    CHECK(sign_key_public(key).size <= SIGN_KEY_PUBLIC_MAX);
    if (!rsa)
        CHECK(bits == 256);
    else
        CHECK(bits >= SIGN_KEY_BITS_MIN);
    CHECK(bits <= SIGN_KEY_BITS_MAX);
    CHECK(bits % 128 == 0);
    sign_key_publish(key, &published);
    CHECK(sign_key_is_short(&published) == (rsa && bits < SIGN_KEY_BITS_SHORT));
    CHECK(span_equal(span_make(published.octets, published.size), sign_key_public(key)));
}

/* Words around it, as far as they fit, change nothing. */
static void check_again(const struct sign_key *key, struct span pem)
{
    static void *place;
    uint8_t buffer[SIGN_KEY_PEM_MAX];
    struct sign_key *again = NULL;
    const char *error = NULL;
    struct text text;

    if (place == NULL)
        place = memory(sign_key_memory_size());
    text_init(&text, buffer, sizeof(buffer));
    text_add_cstr(&text, "words\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    text_add(&text, pem);
    text_add_cstr(&text, "\n-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    if (text.overflow)
        return;
    CHECK(sign_key_open(place, text_span(&text), &again, &error) == 0);
    CHECK(span_equal(sign_key_public(again), sign_key_public(key)));
    sign_key_close(again);
}

static void check_wiped(const uint8_t *octets)
{
    for (size_t i = 0; i < sign_key_memory_size() - SIGN_KEY_ALIGNMENT; i++)
        CHECK(octets[i] == 0);
}

static void check(struct span pem)
{
    static void *place;
    struct sign_key *key = NULL;
    const char *error = NULL;
    int result;

    if (place == NULL)
        place = memory(sign_key_memory_size());
    memset(place, 0, sign_key_memory_size());
    result = sign_key_open(place, pem, &key, &error);
    CHECK(ERR_peek_error() == 0);
    CHECK((result == 0) == (key != NULL));
    CHECK((result == 0) == (error == NULL));
    if (result == 0) {
        check_facts(key);
        check_again(key, pem);
        check_signature(key);
        sign_key_close(key);
    }
    check_wiped(place);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {NULL, "PRIVATE KEY", "RSA PRIVATE KEY", NULL};
    struct span input = span_make(data, size), rest = span_skip(input, 1);
    static uint8_t buffer[2 * SIGN_KEY_PEM_MAX];
    struct text pem;

    if (size == 0)
        return 0;
    if (names[data[0] & 3] == NULL) {
        check(rest);
        return 0;
    }
    text_init(&pem, buffer, sizeof(buffer));
    write_pem(names[data[0] & 3], rest, &pem);
    if (!pem.overflow)
        check(text_span(&pem));
    return 0;
}
