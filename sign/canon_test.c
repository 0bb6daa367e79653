#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/curve25519.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/prng.h"
#include "message/base64.h"
#include "sign/canon.h"
#include "tests/canon_reference.h"

static void decode(const char *base64, struct text *out)
{
    assert_true(base64_decode(span_cstr(base64), out));
    assert_false(out->overflow);
}

static void assert_hash(const uint8_t *hash, struct span expected)
{
    uint8_t digest[CANON_HASH_SIZE];

    SHA256(expected.data, expected.size, digest);
    assert_memory_equal(hash, digest, sizeof(digest));
}

static void assert_hash_base64(const uint8_t *hash, const char *base64)
{
    uint8_t buffer[64];
    struct text expected;

    text_init(&expected, buffer, sizeof(buffer));
    decode(base64, &expected);
    assert_int_equal(expected.size, CANON_HASH_SIZE);
    assert_memory_equal(hash, buffer, CANON_HASH_SIZE);
}

static void test_bodies(void **state)
{
    static const struct {
        const char *label;
        struct span in, relaxed, simple;
    } cases[] = {
        {"RFC 6376 3.4.5", SPAN_INIT(" C \r\nD \t E\r\n\r\n\r\n"), SPAN_INIT(" C\r\nD E\r\n"),
         SPAN_INIT(" C \r\nD \t E\r\n")},
        {"nothing", SPAN_INIT(""), SPAN_INIT(""), SPAN_INIT("\r\n")},
        {"one empty line", SPAN_INIT("\r\n"), SPAN_INIT(""), SPAN_INIT("\r\n")},
        {"empty lines", SPAN_INIT("\r\n\r\n\r\n"), SPAN_INIT(""), SPAN_INIT("\r\n")},
        {"lines of blanks", SPAN_INIT(" \r\n\t\r\n"), SPAN_INIT(""), SPAN_INIT(" \r\n\t\r\n")},
        {"blanks, no end", SPAN_INIT(" \t"), SPAN_INIT(""), SPAN_INIT(" \t\r\n")},
        {"no end", SPAN_INIT("a"), SPAN_INIT("a\r\n"), SPAN_INIT("a\r\n")},
        {"no end, blanks", SPAN_INIT("a  "), SPAN_INIT("a\r\n"), SPAN_INIT("a  \r\n")},
        {"empty lines before", SPAN_INIT("\r\n \r\na\r\n"), SPAN_INIT("\r\n\r\na\r\n"),
         SPAN_INIT("\r\n \r\na\r\n")},
        {"many empty lines within", SPAN_INIT("a\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\nb"),
         SPAN_INIT("a\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\nb\r\n"),
         SPAN_INIT("a\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\nb\r\n")},
        {"LF and CR", SPAN_INIT("a \nb\rc\r\r\n\n"), SPAN_INIT("a\r\nb\r\nc\r\n"),
         SPAN_INIT("a \r\nb\r\nc\r\n")},
        {"LF CR are two", SPAN_INIT("a\n\rb"), SPAN_INIT("a\r\n\r\nb\r\n"),
         SPAN_INIT("a\r\n\r\nb\r\n")},
        {"dots stand alone", SPAN_INIT(".\r\n..\r\n"), SPAN_INIT(".\r\n..\r\n"),
         SPAN_INIT(".\r\n..\r\n")},
        {"other controls are text", SPAN_INIT("a\v \f\x00 b \x08\r\n"),
         SPAN_INIT("a\v \f\x00 b \x08\r\n"), SPAN_INIT("a\v \f\x00 b \x08\r\n")},
        {"no-break space is text", SPAN_INIT("a\xc2\xa0 \xa0\r\n"), SPAN_INIT("a\xc2\xa0 \xa0\r\n"),
         SPAN_INIT("a\xc2\xa0 \xa0\r\n")},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t hash[CANON_HASH_SIZE];

        print_message("%s\n", cases[i].label);
        canon_body_hash(CANON_RELAXED, cases[i].in, hash);
        assert_hash(hash, cases[i].relaxed);
        canon_body_hash(CANON_SIMPLE, cases[i].in, hash);
        assert_hash(hash, cases[i].simple);
    }
}

/* RFC 6376 3.4.3 and 3.4.4 print these (SHA-256). */
static void test_empty_bodies(void **state)
{
    uint8_t hash[CANON_HASH_SIZE];

    (void)state;
    canon_body_hash(CANON_SIMPLE, SPAN(""), hash);
    assert_hash_base64(hash, "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=");
    canon_body_hash(CANON_RELAXED, SPAN(""), hash);
    assert_hash_base64(hash, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
}

static void test_fields(void **state)
{
    static const struct {
        const char *label;
        struct span in, relaxed, simple;
    } cases[] = {
        {"RFC 6376 3.4.5, A", SPAN_INIT("A: X\r\n"), SPAN_INIT("a:X"), SPAN_INIT("A: X")},
        {"RFC 6376 3.4.5, B", SPAN_INIT("B : Y\t\r\n\tZ  \r\n"), SPAN_INIT("b:Y Z"),
         SPAN_INIT("B : Y\t\r\n\tZ  ")},
        {"no line end", SPAN_INIT("A: X"), SPAN_INIT("a:X"), SPAN_INIT("A: X")},
        {"LF", SPAN_INIT("A: X\n\tY\n"), SPAN_INIT("a:X Y"), SPAN_INIT("A: X\r\n\tY")},
        {"empty", SPAN_INIT("Subject:\r\n"), SPAN_INIT("subject:"), SPAN_INIT("Subject:")},
        {"blanks only", SPAN_INIT("Subject: \r\n\t \r\n"), SPAN_INIT("subject:"),
         SPAN_INIT("Subject: \r\n\t ")},
        {"folded at once", SPAN_INIT("To:\r\n a,\r\n\tb\r\n"), SPAN_INIT("to:a, b"),
         SPAN_INIT("To:\r\n a,\r\n\tb")},
        {"colons", SPAN_INIT("X-A : b : c\r\n"), SPAN_INIT("x-a:b : c"), SPAN_INIT("X-A : b : c")},
        {"octets", SPAN_INIT("S: \xc3\x89  \xff\r\n"), SPAN_INIT("s:\xc3\x89 \xff"),
         SPAN_INIT("S: \xc3\x89  \xff")},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (int simple = 0; simple < 2; simple++) {
            uint8_t hash[CANON_HASH_SIZE];
            SHA256_CTX context;

            print_message("%s\n", cases[i].label);
            SHA256_Init(&context);
            canon_field_last(simple ? CANON_SIMPLE : CANON_RELAXED, cases[i].in, &context);
            SHA256_Final(hash, &context);
            assert_hash(hash, simple ? cases[i].simple : cases[i].relaxed);
        }
}

/* Octets that mean something, far more often than chance. */
static size_t make_body(struct prng *prng, uint8_t *body, size_t size_max)
{
    static const uint8_t interesting[] = "  \t\r\n\r\n.ab\x0b\x80";
    static const char *const words[] = {"\r\n", " \r\n", "word ", "longer words in a row", "\t "};
    size_t size = (size_t)prng_below(prng, size_max);
    struct text text;

    text_init(&text, body, size);
    while (text_room(&text) > 0 && !text.overflow) {
        if (prng_below(prng, 2) == 0)
            text_add_byte(&text, interesting[(size_t)prng_below(prng, sizeof(interesting) - 1)]);
        else
            text_add_cstr(&text, words[(size_t)prng_below(prng, ARRAY_LEN(words))]);
    }
    return text.size;
}

static void test_pieces_and_copies(void **state)
{
    struct prng prng;
    uint8_t body[400];

    (void)state;
    prng_seed(&prng, 6376);
    for (int round = 0; round < 3000; round++) {
        struct span source = span_make(body, make_body(&prng, body, sizeof(body)));
        enum canon_form form = round % 2 == 0 ? CANON_RELAXED : CANON_SIMPLE;
        struct text expected = canon_reference_body(source, form == CANON_SIMPLE);
        size_t cut = (size_t)prng_below(&prng, source.size + 1);
        struct canon_body prefix;

        canon_body_begin(&prefix, form);
        canon_body_add(&prefix, span_first(source, cut));
        for (size_t step = 1; step < 20; step += 3) {
            struct canon_body copy = prefix;
            uint8_t hash[CANON_HASH_SIZE];

            for (struct span rest = span_skip(source, cut); rest.size > 0;
                 rest = span_skip(rest, step))
                canon_body_add(&copy, span_first(rest, step));
            assert_true(copy.hashed_size <= expected.size);
            canon_body_end(&copy, hash);
            assert_hash(hash, text_span(&expected));
        }
        free(expected.data);
    }
}

static const char rfc_body[] = "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";
static const char rfc_body_hash[] = "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=";

#define FROM "From: Joe SixPack <joe@football.example.com>\r\n"
#define TO "To: Suzie Q <suzie@shopping.example.net>\r\n"
#define SUBJECT "Subject: Is dinner ready?\r\n"
#define DATE "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
#define MESSAGE_ID "Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"

/* Fields in the order of h=, then the signature's own with b= emptied. */
static void digest_of(enum canon_form form, const char *const *fields, const char *signature,
                      uint8_t ret_digest[CANON_HASH_SIZE])
{
    SHA256_CTX hash;

    SHA256_Init(&hash);
    for (; *fields != NULL; fields++)
        canon_field(form, span_cstr(*fields), &hash);
    canon_field_last(form, span_cstr(signature), &hash);
    SHA256_Final(ret_digest, &hash);
}

static bool rsa_verifies(const char *public_key, const char *signature, const uint8_t *digest)
{
    uint8_t buffers[2][512];
    struct text key, bytes;
    const uint8_t *at = buffers[0];

    text_init(&key, buffers[0], sizeof(buffers[0]));
    text_init(&bytes, buffers[1], sizeof(buffers[1]));
    decode(public_key, &key);
    decode(signature, &bytes);
    EVP_PKEY *parsed = d2i_PUBKEY(NULL, &at, (long)key.size);
    assert_non_null(parsed);
    int result = RSA_verify(NID_sha256, digest, CANON_HASH_SIZE, bytes.data, bytes.size,
                            EVP_PKEY_get0_RSA(parsed));
    EVP_PKEY_free(parsed);
    return result == 1;
}

/* RFC 8463 appendix A: one message, both algorithms. */
static void test_rfc_8463_example(void **state)
{
    static const char *const fields[] = {FROM, TO, SUBJECT, DATE, MESSAGE_ID, NULL};
    uint8_t digest[CANON_HASH_SIZE], hash[CANON_HASH_SIZE];
    uint8_t seed[32], public_key[32], private_key[64], made[64], expected[64];
    struct text out;

    (void)state;
    canon_body_hash(CANON_RELAXED, span_cstr(rfc_body), hash);
    assert_hash_base64(hash, rfc_body_hash);
    digest_of(CANON_RELAXED, fields,
              "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
              " d=football.example.com; i=@football.example.com;\r\n"
              " q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
              " subject : date : message-id : from : subject : date;\r\n"
              " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n b=",
              digest);
    text_init(&out, seed, sizeof(seed));
    decode("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=", &out);
    ED25519_keypair_from_seed(public_key, private_key, seed);
    assert_int_equal(ED25519_sign(made, digest, sizeof(digest), private_key), 1);
    text_init(&out, expected, sizeof(expected));
    decode("/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1"
           "Dw==",
           &out);
    assert_memory_equal(made, expected, sizeof(made));

    digest_of(CANON_RELAXED, fields,
              "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n"
              " d=football.example.com; i=@football.example.com;\r\n"
              " q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n"
              " date : message-id : from : subject : date;\r\n"
              " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n b=",
              digest);
    assert_true(rsa_verifies(
        "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQi"
        "Y/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZy"
        "VYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB",
        "F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tF"
        "OeS9mPYQTnGdaSGsgeefOsk2JzdA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=",
        digest));
}

/* RFC 6376 appendix A.2 with the key of appendix C, simple/simple. */
static void test_rfc_6376_example(void **state)
{
    static const char received[] = "Received: from client1.football.example.com  [192.0.2.1]\r\n"
                                   "      by submitserver.example.com with SUBMISSION;\r\n"
                                   "      Fri, 11 Jul 2003 21:01:54 -0700 (PDT)\r\n";
    static const char *const fields[] = {received, FROM, TO, SUBJECT, DATE, MESSAGE_ID, NULL};
    static const char public_key[] =
        "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYtIxN2SnFC"
        "jxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9"
        "tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB";
    static const char signature[] =
        "AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1Ir"
        "E+NahM6L/LbvaHutKVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV4bmp/YzhwvcubU4=";
    uint8_t digest[CANON_HASH_SIZE], hash[CANON_HASH_SIZE];

    (void)state;
    canon_body_hash(CANON_SIMPLE,
                    SPAN("Hi.\r\n\r\nWe lost the game. Are you hungry yet?\r\n\r\nJoe.\r\n"), hash);
    assert_hash_base64(hash, rfc_body_hash);
    digest_of(CANON_SIMPLE, fields,
              "DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;\r\n"
              "      c=simple/simple; q=dns/txt; i=joe@football.example.com;\r\n"
              "      h=Received : From : To : Subject : Date : Message-ID;\r\n"
              "      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
              "      b=;",
              digest);
    assert_true(rsa_verifies(public_key, signature, digest));
    digest_of(CANON_RELAXED, fields, "DKIM-Signature: v=1; b=", digest);
    assert_false(rsa_verifies(public_key, signature, digest));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies),           cmocka_unit_test(test_empty_bodies),
        cmocka_unit_test(test_fields),           cmocka_unit_test(test_pieces_and_copies),
        cmocka_unit_test(test_rfc_8463_example), cmocka_unit_test(test_rfc_6376_example),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
