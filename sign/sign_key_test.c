#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>
#include <errno.h>
#include <openssl/bytestring.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sign/sign_key.h"

/* RFC 8463 appendix A.2, Ed25519: the seed in the PKCS#8 form of RFC 8410 section 7. */
static const char ed25519_pem[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
    "-----END PRIVATE KEY-----\n";
/* The same appendix: what stands in the record's p=, decoded. */
static const uint8_t ed25519_public[32] = {
    0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a,
    0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a,
};

struct fixture {
    void *memory;
    uint8_t rsa_pem[4096];
    size_t rsa_pem_size;
};

static int setup(void **state)
{
    static struct fixture fixture;
    struct text text;

    fixture.memory = aligned_alloc(SIGN_KEY_ALIGNMENT, sign_key_memory_size());
    text_init(&text, fixture.rsa_pem, sizeof fixture.rsa_pem);
    if (fixture.memory == NULL || sign_key_make(SIGN_RSA_SHA256, 2048, &text) != 0)
        return -1;
    fixture.rsa_pem_size = text.size;
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    free(fixture->memory);
    return 0;
}

static void assert_wiped(const struct fixture *fixture)
{
    const uint8_t *octets = fixture->memory;
    for (size_t i = 0; i < sign_key_memory_size() - SIGN_KEY_ALIGNMENT; i++)
        assert_int_equal(octets[i], 0);
}

static bool is_short(const struct sign_key *key)
{
    struct sign_key_published published;

    sign_key_publish(key, &published);
    assert_int_equal(published.algorithm, sign_key_algorithm(key));
    assert_int_equal(published.bits, sign_key_bits(key));
    assert_true(span_equal(span_make(published.octets, published.size), sign_key_public(key)));
    return sign_key_is_short(&published);
}

static void test_ed25519_of_rfc_8463(void **state)
{
    struct fixture *fixture = *state;
    struct sign_key *key = NULL;
    const char *error = NULL;

    assert_int_equal(sign_key_open(fixture->memory, span_cstr(ed25519_pem), &key, &error), 0);
    assert_int_equal(sign_key_algorithm(key), SIGN_ED25519_SHA256);
    assert_int_equal(sign_key_bits(key), 256);
    assert_int_equal(sign_key_signature_size(key), 64);
    assert_false(is_short(key));
    assert_true(span_equal(sign_key_public(key), span_make(ed25519_public, 32)));
    sign_key_close(key);
    assert_wiped(fixture);
    sign_key_close(NULL);
}

/* The public half, read back by BoringSSL, is that of the PEM. */
static void test_rsa_public_is_the_private_keys(void **state)
{
    struct fixture *fixture = *state;
    struct sign_key *key = NULL;
    const char *error = NULL;
    BIO *bio = BIO_new_mem_buf(fixture->rsa_pem, (int)fixture->rsa_pem_size);
    EVP_PKEY *whole = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL), *public;
    struct span span;
    CBS cbs;

    assert_int_equal(sign_key_open(fixture->memory,
                                   span_make(fixture->rsa_pem, fixture->rsa_pem_size), &key,
                                   &error),
                     0);
    assert_int_equal(sign_key_algorithm(key), SIGN_RSA_SHA256);
    assert_int_equal(sign_key_bits(key), 2048);
    assert_int_equal(sign_key_signature_size(key), 256);
    assert_false(is_short(key));
    span = sign_key_public(key);
    CBS_init(&cbs, span.data, span.size);
    public = EVP_parse_public_key(&cbs);
    assert_non_null(public);
    assert_int_equal(CBS_len(&cbs), 0);
    assert_int_equal(EVP_PKEY_cmp(public, whole), 1);
    EVP_PKEY_free(public);
    EVP_PKEY_free(whole);
    BIO_free(bio);
    sign_key_close(key);
    assert_wiped(fixture);
}

/* Writes `rsa` as PEM, PKCS#1 or PKCS#8. */
static size_t write_rsa(RSA *rsa, bool pkcs1, char *into, size_t size)
{
    BIO *bio = BIO_new(BIO_s_mem());
    EVP_PKEY *pkey = EVP_PKEY_new();
    const uint8_t *data = NULL;
    size_t data_size = 0;

    assert_int_equal(EVP_PKEY_set1_RSA(pkey, rsa), 1);
    if (pkcs1)
        assert_int_equal(PEM_write_bio_RSAPrivateKey(bio, rsa, NULL, NULL, 0, NULL, NULL), 1);
    else
        assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL), 1);
    assert_int_equal(BIO_mem_contents(bio, &data, &data_size), 1);
    assert_true(data_size <= size);
    memcpy(into, data, data_size);
    EVP_PKEY_free(pkey);
    BIO_free(bio);
    return data_size;
}

static RSA *make_rsa(int bits, uint64_t exponent)
{
    RSA *rsa = RSA_new();
    BIGNUM *e = BN_new();

    assert_int_equal(BN_set_u64(e, exponent), 1);
    assert_int_equal(RSA_generate_key_ex(rsa, bits, e, NULL), 1);
    BN_free(e);
    return rsa;
}

static void test_sizes_and_forms(void **state)
{
    static const struct {
        int bits;
        uint64_t e;
        bool pkcs1;
        int result;
    } cases[] = {
        {512, RSA_F4, true, -ENOTSUP}, {1024, RSA_F4, true, 0}, {1024, 3, false, 0},
        {1280, RSA_F4, false, 0},      {2048, 3, true, 0},      {2048, RSA_F4, false, 0},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        RSA *rsa = make_rsa(cases[i].bits, cases[i].e);
        struct sign_key *key = NULL;
        const char *error = NULL;
        char pem[4096];
        size_t size = write_rsa(rsa, cases[i].pkcs1, pem, sizeof pem);

        assert_int_equal(sign_key_open(fixture->memory, span_make(pem, size), &key, &error),
                         cases[i].result);
        assert_int_equal(key == NULL, error != NULL);
        if (key == NULL) {
            assert_wiped(fixture);
        } else {
            assert_int_equal(sign_key_bits(key), cases[i].bits);
            assert_int_equal(is_short(key), cases[i].bits < 2048);
            sign_key_close(key);
        }
        RSA_free(rsa);
    }
}

/* A key whose numbers do not belong together would give wrong signatures, and itself away. */
static void test_numbers_that_do_not_fit(void **state)
{
    struct fixture *fixture = *state;

    for (int which = 0; which < 5; which++) {
        RSA *rsa = make_rsa(1024, RSA_F4);
        BIGNUM *n = BN_dup(RSA_get0_n(rsa)), *e = BN_dup(RSA_get0_e(rsa));
        BIGNUM *d = BN_dup(RSA_get0_d(rsa)), *p = BN_dup(RSA_get0_p(rsa));
        BIGNUM *q = BN_dup(RSA_get0_q(rsa)), *dp = BN_dup(RSA_get0_dmp1(rsa));
        BIGNUM *dq = BN_dup(RSA_get0_dmq1(rsa)), *inverse = BN_dup(RSA_get0_iqmp(rsa));
        BIGNUM *changed[] = {n, d, dp, dq, inverse};
        RSA *wrong = RSA_new();
        struct sign_key *key = NULL;
        const char *error = NULL;
        char pem[4096];
        size_t size;

        assert_int_equal(BN_add_word(changed[which], 2), 1);
        assert_int_equal(RSA_set0_key(wrong, n, e, d), 1);
        assert_int_equal(RSA_set0_factors(wrong, p, q), 1);
        assert_int_equal(RSA_set0_crt_params(wrong, dp, dq, inverse), 1);
        size = write_rsa(wrong, true, pem, sizeof pem);
        assert_int_equal(sign_key_open(fixture->memory, span_make(pem, size), &key, &error),
                         -EINVAL);
        assert_non_null(error);
        assert_wiped(fixture);
        RSA_free(wrong);
        RSA_free(rsa);
    }
}

static void test_what_is_no_key(void **state)
{
    static const struct {
        const char *label, *pem;
        int result;
    } cases[] = {
        {"empty", "", -EINVAL},
        {"text", "hello\n", -EINVAL},
        {"a public key",
         "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapi"
         "MlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n",
         -EINVAL},
        {"an EC key",
         "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg"
         "evZzL1gdAFr88hb2\nOF/2NxApJCzGCEDdfSp6VQO30hyhRANCAAQRWz+jn65BtOMvdyHKcvjBeBSD"
         "ZH2r\n1RTwjmYSi9R/zpBnuQ4EiMnCqfMPWiZqB4QdbAd0E7oH50VpuZ1P087G\n"
         "-----END PRIVATE KEY-----\n",
         -ENOTSUP},
        {"encrypted",
         "-----BEGIN ENCRYPTED PRIVATE "
         "KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END "
         "ENCRYPTED PRIVATE KEY-----\n",
         -ENOTSUP},
        {"encrypted, old form",
         "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: "
         "AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\nMC4CAQAw\n"
         "-----END RSA PRIVATE KEY-----\n",
         -ENOTSUP},
        {"no end", "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v\n", -EINVAL},
        {"octets behind",
         "-----BEGIN PRIVATE "
         "KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9gAA==\n-----END "
         "PRIVATE KEY-----\n",
         -EINVAL},
        {"not base64", "-----BEGIN PRIVATE KEY-----\n!!!!\n-----END PRIVATE KEY-----\n", -EINVAL},
    };
    struct fixture *fixture = *state;
    static char big[SIGN_KEY_PEM_MAX + 1];
    struct sign_key *key = NULL;
    const char *error = NULL;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        error = NULL;
        assert_int_equal(sign_key_open(fixture->memory, span_cstr(cases[i].pem), &key, &error),
                         cases[i].result);
        assert_non_null(error);
        assert_null(key);
        assert_int_equal(ERR_peek_error(), 0);
    }
    memset(big, 'A', sizeof big);
    assert_int_equal(sign_key_open(fixture->memory, span_make(big, sizeof big), &key, &error),
                     -EFBIG);
}

/* What stands before the key, certificates for one, is passed over. */
static void test_the_first_key_counts(void **state)
{
    struct fixture *fixture = *state;
    struct sign_key *key = NULL;
    const char *error = NULL;
    char pem[1024];
    struct text text;

    text_init(&text, pem, sizeof pem);
    text_add_cstr(&text, "words\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    text_add_cstr(&text, ed25519_pem);
    text_add_cstr(&text, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    assert_int_equal(sign_key_open(fixture->memory, text_span(&text), &key, &error), 0);
    assert_true(span_equal(sign_key_public(key), span_make(ed25519_public, 32)));
    sign_key_close(key);
}

static void test_every_truncation_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct sign_key *key = NULL;
    const char *error = NULL;
    size_t size = strlen(ed25519_pem);

    /* The last line may lack its end. */
    for (size_t cut = 0; cut < size - 1; cut++)
        assert_int_not_equal(
            sign_key_open(fixture->memory, span_make(ed25519_pem, cut), &key, &error), 0);
    for (size_t cut = 0; cut < fixture->rsa_pem_size - 1; cut += 13)
        assert_int_not_equal(
            sign_key_open(fixture->memory, span_make(fixture->rsa_pem, cut), &key, &error), 0);
    assert_null(key);
}

static void test_modes(void **state)
{
    static const struct {
        uint32_t mode;
        bool fine;
    } cases[] = {
        {S_IFREG | 0600, true},  {S_IFREG | 0400, true},  {S_IFREG | 0640, true},
        {S_IFREG | 0440, true},  {S_IFREG | 0644, false}, {S_IFREG | 0604, false},
        {S_IFREG | 0602, false}, {S_IFREG | 0601, false}, {S_IFREG | 0660, false},
        {S_IFREG | 0777, false}, {S_IFDIR | 0700, false}, {S_IFIFO | 0600, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(sign_key_mode_fault(cases[i].mode) == NULL, cases[i].fine);
}

static void test_making(void **state)
{
    struct fixture *fixture = *state;
    struct sign_key *key = NULL;
    const char *error = NULL;
    uint8_t one[4096], other[4096], small[16];
    struct text text, second;

    text_init(&text, one, sizeof one);
    text_init(&second, other, sizeof other);
    assert_int_equal(sign_key_make(SIGN_ED25519_SHA256, 0, &text), 0);
    assert_int_equal(sign_key_make(SIGN_ED25519_SHA256, 0, &second), 0);
    assert_false(span_equal(text_span(&text), text_span(&second)));
    assert_int_equal(sign_key_open(fixture->memory, text_span(&text), &key, &error), 0);
    assert_int_equal(sign_key_algorithm(key), SIGN_ED25519_SHA256);
    sign_key_close(key);
    text_reset(&text);
    assert_int_equal(sign_key_make(SIGN_RSA_SHA256, 1024, &text), 0);
    assert_int_equal(sign_key_open(fixture->memory, text_span(&text), &key, &error), 0);
    assert_int_equal(sign_key_bits(key), 1024);
    sign_key_close(key);
    assert_int_equal(sign_key_make(SIGN_RSA_SHA256, 512, &text), -EINVAL);
    assert_int_equal(sign_key_make(SIGN_RSA_SHA256, 2047, &text), -EINVAL);
    text_init(&text, small, sizeof small);
    assert_int_equal(sign_key_make(SIGN_ED25519_SHA256, 0, &text), -ENOSPC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ed25519_of_rfc_8463),
        cmocka_unit_test(test_rsa_public_is_the_private_keys),
        cmocka_unit_test(test_sizes_and_forms),
        cmocka_unit_test(test_numbers_that_do_not_fit),
        cmocka_unit_test(test_what_is_no_key),
        cmocka_unit_test(test_the_first_key_counts),
        cmocka_unit_test(test_every_truncation_is_refused),
        cmocka_unit_test(test_modes),
        cmocka_unit_test(test_making),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
