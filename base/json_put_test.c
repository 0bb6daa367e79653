#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json_put.h"
#include "base/prng.h"

static char buffer[4096];

static struct text fresh(void)
{
    struct text text;

    text_init(&text, buffer, sizeof(buffer));
    return text;
}

static void test_commas(void **state)
{
    struct text text = fresh();

    (void)state;
    json_put_open(&text, 0x7b);
    json_put_key_u64(&text, "a", 1);
    json_put_key_string(&text, "b", SPAN("x"));
    json_put_key(&text, "c");
    json_put_open(&text, 0x5b);
    json_put_u64(&text, 1);
    json_put_i64(&text, INT64_MIN);
    json_put_bool(&text, true);
    json_put_null(&text);
    json_put_string(&text, SPAN("ends in ["));
    json_put_string(&text, SPAN("s"));
    json_put_open(&text, 0x5b);
    json_put_close(&text, 0x5d);
    json_put_open(&text, 0x7b);
    json_put_close(&text, 0x7d);
    json_put_double(&text, -0.5, 2);
    json_put_raw(&text, SPAN(" {\"k\":[]} "));
    json_put_close(&text, 0x5d);
    json_put_key_cstr(&text, "d", NULL);
    json_put_key_bool(&text, "e", false);
    json_put_key_double(&text, "f", 1, 0);
    json_put_close(&text, 0x7d);
    text_add_byte(&text, 0x0a);
    json_put_open(&text, 0x7b);
    json_put_close(&text, 0x7d);
    assert_string_equal(text_cstr_end(&text),
                        "{\"a\":1,\"b\":\"x\",\"c\":[1,-9223372036854775808,true,null,"
                        "\"ends in [\",\"s\",[],{},-0.50,{\"k\":[]}],\"d\":null,\"e\":false,"
                        "\"f\":1}\n{}");
}

static void test_strings(void **state)
{
    static const struct {
        struct span in;
        const char *out;
    } cases[] = {
        {SPAN_INIT(""), "\"\""},
        {{NULL, 0}, "\"\""},
        {SPAN_INIT("a\"b\\c"), "\"a\\\"b\\\\c\""},
        {SPAN_INIT("\r\n\t\0\x1f"), "\"\\u000d\\u000a\\u0009\\u0000\\u001f\""},
        {SPAN_INIT("\x7f"), "\"\\u007f\""},
        {SPAN_INIT("k\xc3\xb6ln \xf0\x9f\x93\xac"), "\"k\xc3\xb6ln \xf0\x9f\x93\xac\""},
        {SPAN_INIT("\xc2\x80\xc2\x9f\xc2\xa0"), "\"\\u0080\\u009f\xc2\xa0\""},
        {SPAN_INIT("\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xa9\xef\xbb\xbf"),
         "\"\xe2\x80\xa7\\u2028\\u2029\\ufeff\""},
        {SPAN_INIT("\xff"), "\"\xef\xbf\xbd\""},
        {SPAN_INIT("a\xc3"), "\"a\xef\xbf\xbd\""},
        {SPAN_INIT("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct text text = fresh();

        json_put_string(&text, cases[i].in);
        assert_string_equal(text_cstr_end(&text), cases[i].out);
    }
}

static void test_doubles(void **state)
{
    static const struct {
        double in;
        uint32_t decimals;
        const char *out;
    } cases[] = {
        {0, 0, "0"},
        {0, 3, "0.000"},
        {1.5, 0, "2"},
        {1.25, 1, "1.3"},
        {-1.25, 2, "-1.25"},
        {-0.001, 1, "0.0"},
        {999.999, 2, "1000.00"},
        {0.0625, 4, "0.0625"},
        {1e12, 1, "1000000000000.0"},
        {(double)NAN, 1, "null"},
        {(double)INFINITY, 1, "null"},
        {123456789.123456, 6, "123456789.123456"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct text text = fresh();

        json_put_double(&text, cases[i].in, cases[i].decimals);
        assert_string_equal(text_cstr_end(&text), cases[i].out);
    }
}

/* Any bytes give JSON that another library reads. */
static void test_any_bytes(void **state)
{
    struct prng prng;

    (void)state;
    prng_seed(&prng, 1);
    for (int i = 0; i < 2000; i++) {
        uint8_t bytes[40];
        struct text text = fresh();
        size_t size = (size_t)prng_below(&prng, sizeof(bytes) + 1);
        json_t *root;

        prng_fill(&prng, bytes, size);
        json_put_open(&text, 0x5b);
        json_put_string(&text, span_make(bytes, size));
        json_put_close(&text, 0x5d);
        root = json_loadb(buffer, text.size, JSON_ALLOW_NUL, NULL);
        assert_non_null(root);
        json_decref(root);
    }
}

static void test_overflow(void **state)
{
    (void)state;
    for (size_t capacity = 0; capacity < 16; capacity++) {
        struct text text;

        text_init(&text, buffer, capacity);
        json_put_open(&text, 0x7b);
        json_put_key_string(&text, "key", SPAN("a\"\xff value"));
        json_put_close(&text, 0x7d);
        assert_true(text.overflow);
        assert_true(text.size <= capacity);
    }
}

/* Strings are looked at eight bytes at a time: an odd byte at each place of each length. */
static void test_every_place(void **state)
{
    static const struct {
        char byte;
        const char *written;
    } cases[] = {{'"', "\\\""},     {'\\', "\\\\"}, {0, "\\u0000"}, {0x1f, "\\u001f"},
                 {0x7f, "\\u007f"}, {' ', " "},     {'~', "~"},     {'!', "!"}};

    (void)state;
    for (size_t c = 0; c < ARRAY_LEN(cases); c++)
        for (size_t size = 1; size < 40; size++)
            for (size_t at = 0; at < size; at++) {
                char in[40], expected[128];
                struct text text = fresh();

                memset(in, 'a', size);
                in[at] = cases[c].byte;
                json_put_string(&text, span_make(in, size));
                (void)snprintf(expected, sizeof(expected), "\"%.*s%s%.*s\"", (int)at,
                               "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", cases[c].written,
                               (int)(size - at - 1), "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
                assert_string_equal(text_cstr_end(&text), expected);
            }
}

static void test_exact_room(void **state)
{
    struct text text;

    (void)state;
    text_init(&text, buffer, 12);
    json_put_string(&text, SPAN("0123456789"));
    assert_false(text.overflow);
    assert_int_equal(text.size, 12);
    text_init(&text, buffer, 11);
    json_put_string(&text, SPAN("0123456789"));
    assert_true(text.overflow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commas),      cmocka_unit_test(test_strings),
        cmocka_unit_test(test_every_place), cmocka_unit_test(test_exact_room),
        cmocka_unit_test(test_doubles),     cmocka_unit_test(test_any_bytes),
        cmocka_unit_test(test_overflow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
