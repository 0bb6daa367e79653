#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/prng.h"
#include "message/verp.h"

#define DOMAIN "bounces.example.com"
#define HEX64 "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F"

static void draw_key(struct verp_keys *keys, uint8_t id)
{
    uint8_t secret[VERP_KEY_SIZE];

    memset(secret, id + 1, sizeof(secret));
    assert_int_equal(verp_add_key(keys, id, secret), 0);
}

static struct span write_address(const struct verp_keys *keys, uint64_t campaign, uint32_t ordinal,
                                 uint16_t day, uint8_t *buffer, size_t capacity)
{
    struct identity identity = {.campaign = campaign, .ordinal = ordinal};
    struct text out;

    text_init(&out, buffer, capacity);
    verp_write(&out, keys, &identity, day, SPAN(DOMAIN));
    assert_false(out.overflow);
    return text_span(&out);
}

/* The octets by another way: the standard HMAC call and a base32 of its own. */
static void test_against_hmac(void **state)
{
    static const uint8_t signed_part[15] = {0x13, 1, 2,  3,  4,  5,    6,   7,
                                            8,    9, 10, 11, 12, 0x4e, 0x20};
    uint8_t secret[VERP_KEY_SIZE];
    uint8_t raw[25];
    uint8_t digest[EVP_MAX_MD_SIZE];
    uint8_t buffer[128];
    unsigned digest_size;
    struct verp_keys keys = {.count = 0};
    struct span address;

    (void)state;
    memset(secret, 4, sizeof(secret));
    draw_key(&keys, 3);
    assert_non_null(HMAC(EVP_sha256(), secret, sizeof(secret), signed_part, sizeof(signed_part),
                         digest, &digest_size));
    memcpy(raw, signed_part, 15);
    memcpy(raw + 15, digest, 10);
    address = write_address(&keys, UINT64_C(0x0102030405060708), 0x090a0b0c, 20000, buffer,
                            sizeof(buffer));
    assert_int_equal(address.size, VERP_TAG_SIZE + 1 + strlen(DOMAIN));
    for (size_t bit = 0; bit < 200; bit += 5) {
        uint32_t value = 0;

        for (size_t i = bit; i < bit + 5; i++)
            value = value << 1 | ((uint32_t)raw[i / 8] >> (7 - i % 8) & 1u);
        assert_int_equal(address.data[bit / 5], "abcdefghijklmnopqrstuvwxyz234567"[value]);
    }
    assert_memory_equal(address.data + VERP_TAG_SIZE, "@" DOMAIN, strlen(DOMAIN) + 1);
}

static void test_round_trip(void **state)
{
    struct verp_keys keys = {.count = 0};
    struct prng prng;

    (void)state;
    prng_seed(&prng, 7);
    draw_key(&keys, 15);
    for (uint32_t round = 0; round < 20000; round++) {
        uint64_t campaign = prng_next(&prng);
        uint32_t ordinal = (uint32_t)prng_next(&prng);
        uint16_t day = (uint16_t)prng_next(&prng);
        uint8_t buffer[128];
        struct span address = write_address(&keys, campaign, ordinal, day, buffer, sizeof(buffer));
        struct identity identity;
        uint16_t ret_day;

        for (size_t i = 0; i < VERP_TAG_SIZE; i++)
            if (prng_percent(&prng, 30))
                buffer[i] = (uint8_t)toupper(buffer[i]);
        assert_int_equal(verp_read(address, &keys, 20000, &identity, &ret_day), VERP_VALID);
        assert_int_equal(identity.campaign, campaign);
        assert_int_equal(identity.ordinal, ordinal);
        assert_int_equal(ret_day, day);
        assert_int_equal(
            verp_read(span_first(address, VERP_TAG_SIZE), &keys, 20000, &identity, &ret_day),
            VERP_VALID);
    }
}

/* Every change of one character, and every cut, is seen. */
static void test_forgery(void **state)
{
    struct verp_keys keys = {.count = 0};
    uint8_t buffer[128];
    struct identity identity = {.campaign = 1};
    uint16_t day = 1;
    struct span address;

    (void)state;
    draw_key(&keys, 0);
    address = write_address(&keys, 77, 88, 20000, buffer, sizeof(buffer));
    for (size_t at = 0; at < VERP_TAG_SIZE; at++) {
        uint8_t before = buffer[at];

        for (uint32_t byte = 0; byte < 256; byte++) {
            enum verp_verdict verdict;

            if (span_lower_byte((uint8_t)byte) == before)
                continue;
            buffer[at] = (uint8_t)byte;
            verdict = verp_read(address, &keys, 20000, &identity, &day);
            assert_int_not_equal(verdict, VERP_VALID);
            assert_int_not_equal(verdict, VERP_EXPIRED);
        }
        buffer[at] = before;
    }
    for (size_t size = 0; size < VERP_TAG_SIZE; size++)
        assert_int_equal(verp_read(span_first(address, size), &keys, 20000, &identity, &day),
                         VERP_ABSENT);
    assert_int_equal(identity.campaign, 1);
    assert_int_equal(day, 1);
}

static void test_verdicts(void **state)
{
    static const struct {
        const char *in;
        enum verp_verdict verdict;
    } cases[] = {
        {"", VERP_ABSENT},
        {"@", VERP_ABSENT},
        {"someone@" DOMAIN, VERP_ABSENT},
        {"ceaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1@x", VERP_ABSENT},
        {"caaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@x", VERP_ABSENT},
        {"caaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@x", VERP_FORGED},
        {"cmaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@x", VERP_UNKNOWN_KEY},
        {"eaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@x", VERP_VERSION},
        {"caaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=@x", VERP_ABSENT},
    };
    struct verp_keys keys = {.count = 0};

    (void)state;
    draw_key(&keys, 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct identity identity;
        uint16_t day;

        print_message("%s\n", cases[i].in);
        assert_string_equal(
            verp_verdict_name(verp_read(span_cstr(cases[i].in), &keys, 1, &identity, &day)),
            verp_verdict_name(cases[i].verdict));
    }
}

/* The key that signs is not limited; an old one is good for 30 days from the attempt. */
static void test_old_keys(void **state)
{
    struct verp_keys old = {.count = 0};
    struct verp_keys now = {.count = 0};
    uint8_t buffer[128];
    struct identity identity;
    uint16_t day;
    struct span address;

    (void)state;
    draw_key(&old, 1);
    address = write_address(&old, 5, 6, 20000, buffer, sizeof(buffer));
    assert_int_equal(verp_read(address, &old, 30000, &identity, &day), VERP_VALID);
    draw_key(&now, 2);
    assert_int_equal(verp_read(address, &now, 20000, &identity, &day), VERP_UNKNOWN_KEY);
    draw_key(&now, 1);
    assert_int_equal(verp_read(address, &now, 20000, &identity, &day), VERP_VALID);
    assert_int_equal(verp_read(address, &now, 20030, &identity, &day), VERP_VALID);
    assert_int_equal(verp_read(address, &now, 20031, &identity, &day), VERP_EXPIRED);
    assert_int_equal(identity.ordinal, 6);
    assert_int_equal(verp_read(address, &now, 19990, &identity, &day), VERP_VALID);
    verp_forget(&now);
    assert_int_equal(now.count, 0);
}

#define HEX63 "123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define NO_KEY                                                                                     \
    "no key in the file: it takes a line of 64 hexadecimal digits (openssl rand -hex 32), a key "  \
    "id from 0 to 15 before them if it is not 0"
#define NO_ID                                                                                      \
    "a key id from 0 to 15 and 64 hexadecimal digits are expected, or such digits alone (openssl " \
    "rand -hex 32): key id 0"
#define NO_DIGITS "64 hexadecimal digits are expected behind the key id, or alone"
#define TAKEN                                                                                      \
    "this key id is taken (digits alone have 0): give the new key another, \"1 \" and its digits"

static const struct {
    const char *text;
    const char *error; /* NULL: accepted */
    uint32_t count;
} file_cases[] = {
    {"1 " HEX64 "\n", NULL, 1},
    {"1 " HEX64, NULL, 1},
    {"# keys\n\n 1\t" HEX64 " # now\r\n15 " HEX64 "\n", NULL, 2},
    {HEX64 "\n", NULL, 1},
    {"# new\n1 " HEX64 "\n" HEX64 " # old\n", NULL, 2},
    {"", NO_KEY, 0},
    {"# nothing\n", NO_KEY, 0},
    {"\n16 " HEX64 "\n", "line 2: " NO_ID, 0},
    {"-1 " HEX64 "\n", "line 1: " NO_ID, 0},
    {HEX64 "0\n", "line 1: " NO_ID, 0},
    {"x" HEX63 "\n", "line 1: " NO_DIGITS, 0},
    {HEX64 " 1\n", "line 1: " NO_DIGITS, 0},
    {HEX64 "\n" HEX64 "\n", "line 2: " TAKEN, 0},
    {"1\n", "line 1: " NO_DIGITS, 0},
    {"1 abc\n", "line 1: " NO_DIGITS, 0},
    {"1 " HEX64 "0\n", "line 1: " NO_DIGITS, 0},
    {"1 x" HEX64 "\n", "line 1: " NO_DIGITS, 0},
    {"1 " HEX64 " 2\n", "line 1: " NO_DIGITS, 0},
    {"1 " HEX64 "\n1 " HEX64 "\n", "line 2: " TAKEN, 0},
    {"0 " HEX64 "\n1 " HEX64 "\n2 " HEX64 "\n3 " HEX64 "\n4 " HEX64 "\n5 " HEX64 "\n6 " HEX64
     "\n7 " HEX64 "\n8 " HEX64 "\n",
     "line 9: more than 8 keys", 0},
};

static void test_key_file(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(file_cases); i++) {
        struct verp_keys keys = {.count = 0};
        uint8_t buffer[256];
        struct text error;
        int result;

        text_init(&error, buffer, sizeof(buffer));
        result = verp_add_file(&keys, span_cstr(file_cases[i].text), &error);
        assert_int_equal(result, file_cases[i].error == NULL ? 0 : -EINVAL);
        assert_int_equal(keys.count, file_cases[i].count);
        assert_string_equal(text_cstr_end(&error),
                            file_cases[i].error == NULL ? "" : file_cases[i].error);
    }
}

/* What verp_write_key writes gives the same tags as the key itself. */
static void test_write_key(void **state)
{
    uint8_t secret[VERP_KEY_SIZE];
    struct verp_keys direct = {.count = 0};
    struct verp_keys read = {.count = 0};
    uint8_t file_buffer[256];
    uint8_t a[128];
    uint8_t b[128];
    struct text file;

    (void)state;
    memset(secret, 0xa5, sizeof(secret));
    secret[0] = 0x0f;
    assert_int_equal(verp_add_key(&direct, 9, secret), 0);
    assert_int_equal(verp_add_key(&direct, 9, secret), -EEXIST);
    assert_int_equal(verp_add_key(&direct, 16, secret), -EINVAL);
    text_init(&file, file_buffer, sizeof(file_buffer));
    verp_write_key(&file, 9, secret);
    assert_false(file.overflow);
    assert_int_equal(verp_add_file(&read, text_span(&file), &file), 0);
    assert_true(span_equal(write_address(&direct, 1, 2, 3, a, sizeof(a)),
                           write_address(&read, 1, 2, 3, b, sizeof(b))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_hmac), cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_forgery),      cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_old_keys),     cmocka_unit_test(test_key_file),
        cmocka_unit_test(test_write_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
