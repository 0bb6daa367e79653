#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "base/text.h"
#include "message/json_cursor.h"

static const struct {
    struct span in;
    const char *value; /* NULL: refused */
    enum json_cursor_kind kind;
} cases[] = {
    {SPAN_INIT("\"\""), "", JSON_CURSOR_STRING},
    {SPAN_INIT("\"a b\""), "a b", JSON_CURSOR_STRING},
    {SPAN_INIT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), "\"\\/\b\f\n\r\t", JSON_CURSOR_STRING},
    {SPAN_INIT("\"\\u0041\\u00fc\\u20AC\""), "A\xc3\xbc\xe2\x82\xac", JSON_CURSOR_STRING},
    {SPAN_INIT("\"\\uD83D\\uDE00\""), "\xf0\x9f\x98\x80", JSON_CURSOR_STRING},
    {SPAN_INIT("\"\xf0\x9f\x98\x80\""), "\xf0\x9f\x98\x80", JSON_CURSOR_STRING},
    {SPAN_INIT("0"), "0", JSON_CURSOR_NUMBER},
    {SPAN_INIT("-0"), "-0", JSON_CURSOR_NUMBER},
    {SPAN_INIT("-12.50e+07"), "-12.50e+07", JSON_CURSOR_NUMBER},
    {SPAN_INIT("1E-3"), "1E-3", JSON_CURSOR_NUMBER},
    {SPAN_INIT("1e999"), "1e999", JSON_CURSOR_NUMBER},
    {SPAN_INIT("true"), "true", JSON_CURSOR_BOOL},
    {SPAN_INIT("false"), "false", JSON_CURSOR_BOOL},
    {SPAN_INIT("null"), "null", JSON_CURSOR_NULL},
    {SPAN_INIT("[]"), "[]", JSON_CURSOR_NESTED},
    {SPAN_INIT("{}"), "{}", JSON_CURSOR_NESTED},
    {SPAN_INIT("[ 1 , \"\\u00fc\" , { \"a\" : [ ] } ]"), "[ 1 , \"\\u00fc\" , { \"a\" : [ ] } ]",
     JSON_CURSOR_NESTED},
    {SPAN_INIT("{\"a\":{\"b\":[{},[],null]},\"c\":1}"), "{\"a\":{\"b\":[{},[],null]},\"c\":1}",
     JSON_CURSOR_NESTED},

    {SPAN_INIT(""), NULL, JSON_CURSOR_NULL},
    {SPAN_INIT("\""), NULL, JSON_CURSOR_NULL},
    {SPAN_INIT("\"abc"), NULL, JSON_CURSOR_NULL},
    {SPAN_INIT("\"\\"), NULL, JSON_CURSOR_NULL},
    {SPAN_INIT("\"\\x\""), NULL, JSON_CURSOR_NULL},
    {SPAN_INIT("\"a\nb\""), NULL, JSON_CURSOR_NULL},
    {SPAN_INIT("\"\\u12\""), NULL, JSON_CURSOR_NULL},
    {SPAN_INIT("\"\\u123"), NULL, JSON_CURSOR_NULL},
    {SPAN_INIT("\"\\u12g4\""), NULL, JSON_CURSOR_NULL},
    {SPAN_INIT("\"\\u0000\""), NULL, JSON_CURSOR_NULL},
    {SPAN_INIT("\"\\ud83d\""), NULL, JSON_CURSOR_NULL},
    {SPAN_INIT("\"\\ud83dx\""), NULL, JSON_CURSOR_NULL},
    {SPAN_INIT("\"\\ud83d\\n\""), NULL, JSON_CURSOR_NULL},
    {SPAN_INIT("\"\\ud83d\\ud83d\""), NULL, JSON_CURSOR_NULL},
    {SPAN_INIT("\"\\ud83d\\u0041\""), NULL, JSON_CURSOR_NULL},
    {SPAN_INIT("\"\\ude00\\ude00\""), NULL, JSON_CURSOR_NULL},
    {SPAN_INIT("\"\\ude00\""), NULL, JSON_CURSOR_NULL},
    {SPAN_INIT("-"), NULL, JSON_CURSOR_NULL},
    {SPAN_INIT("+1"), NULL, JSON_CURSOR_NULL},
    {SPAN_INIT(".5"), NULL, JSON_CURSOR_NULL},
    {SPAN_INIT("1."), NULL, JSON_CURSOR_NULL},
    {SPAN_INIT("1e"), NULL, JSON_CURSOR_NULL},
    {SPAN_INIT("1e+"), NULL, JSON_CURSOR_NULL},
    {SPAN_INIT("tru"), NULL, JSON_CURSOR_NULL},
    {SPAN_INIT("nulL"), NULL, JSON_CURSOR_NULL},
    {SPAN_INIT("["), NULL, JSON_CURSOR_NULL},
    {SPAN_INIT("[1"), NULL, JSON_CURSOR_NULL},
    {SPAN_INIT("[1,"), NULL, JSON_CURSOR_NULL},
    {SPAN_INIT("[1,]"), NULL, JSON_CURSOR_NULL},
    {SPAN_INIT("[,1]"), NULL, JSON_CURSOR_NULL},
    {SPAN_INIT("[1}"), NULL, JSON_CURSOR_NULL},
    {SPAN_INIT("{]"), NULL, JSON_CURSOR_NULL},
    {SPAN_INIT("{\"a\"}"), NULL, JSON_CURSOR_NULL},
    {SPAN_INIT("{\"a\":}"), NULL, JSON_CURSOR_NULL},
    {SPAN_INIT("{\"a\":1,}"), NULL, JSON_CURSOR_NULL},
    {SPAN_INIT("{a:1}"), NULL, JSON_CURSOR_NULL},
    {SPAN_INIT("{1:1}"), NULL, JSON_CURSOR_NULL},
    {SPAN_INIT("[\"\\ud800\"]"), NULL, JSON_CURSOR_NULL},
};

/* A copy exactly as large as the text, so that a sanitizer sees a step past its end. */
static struct json_cursor open_copy(struct span in)
{
    struct json_cursor cursor = {.data = malloc(in.size + 1), .size = in.size};

    assert_non_null(cursor.data);
    cursor.data = realloc(cursor.data, in.size > 0 ? in.size : 1);
    assert_non_null(cursor.data);
    memcpy(cursor.data, in.data, in.size);
    return cursor;
}

static void test_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct json_cursor cursor = open_copy(cases[i].in);
        enum json_cursor_kind kind = JSON_CURSOR_NULL;
        struct span value = {NULL, 0};
        bool ok = json_cursor_value(&cursor, &value, &kind);

        print_message("%.*s: %s\n", (int)cases[i].in.size, (const char *)cases[i].in.data,
                      ok ? "ok" : cursor.what);
        assert_int_equal(ok, cases[i].value != NULL);
        if (ok) {
            assert_int_equal(kind, cases[i].kind);
            assert_int_equal(cursor.at, cursor.size);
            assert_true(span_equal(value, span_cstr(cases[i].value)));
        } else {
            assert_non_null(cursor.what);
        }
        free(cursor.data);
    }
}

static void test_depth(void **state)
{
    uint8_t text[2 * JSON_CURSOR_DEPTH_MAX + 2];

    (void)state;
    for (uint32_t depth = JSON_CURSOR_DEPTH_MAX; depth <= JSON_CURSOR_DEPTH_MAX + 1; depth++) {
        struct json_cursor cursor = {.data = text, .size = 2 * (size_t)depth};
        enum json_cursor_kind kind;
        struct span value;

        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        assert_int_equal(json_cursor_value(&cursor, &value, &kind), depth <= JSON_CURSOR_DEPTH_MAX);
    }
    assert_int_equal(JSON_CURSOR_DEPTH_MAX, 32);
}

/* The same opinion as jansson on drawn texts, and the same strings. */
static void test_against_jansson(void **state)
{
    static const char *const pieces[] = {"{",     "}",           "[",
                                         "]",     ",",           ":",
                                         "\"a\"", "\"\\u00fc\"", "\"\\ud83d\\ude00\"",
                                         "1",     "-",           "0.5",
                                         "e3",    "true",        "null",
                                         " ",     "\"",          "\\",
                                         "\\u",   "d800",        "{\"k\":",
                                         "[1,",   "\"b\":2",     "\xc3\xbc",
                                         "\n",    "false"};
    struct prng prng;
    uint32_t accepted = 0;

    (void)state;
    prng_seed(&prng, 99);
    for (uint32_t round = 0; round < 200000; round++) {
        char buffer[128];
        struct text text;
        uint64_t count = 1 + prng_below(&prng, 7);
        struct json_cursor cursor;
        enum json_cursor_kind kind;
        struct span value;
        json_error_t error;
        json_t *tree;
        bool ok;

        text_init(&text, buffer, sizeof(buffer));
        for (uint64_t i = 0; i < count; i++)
            text_add_cstr(&text, pieces[prng_below(&prng, ARRAY_LEN(pieces))]);
        cursor = open_copy(text_span(&text));
        json_cursor_skip_blank(&cursor);
        ok = json_cursor_value(&cursor, &value, &kind);
        if (ok) {
            json_cursor_skip_blank(&cursor);
            ok = cursor.at == cursor.size;
        }
        tree = json_loadb(buffer, text.size, JSON_DECODE_ANY, &error);
        if (tree == NULL && json_error_code(&error) == json_error_numeric_overflow) {
            free(cursor.data); /* jansson evaluates numbers, and then sees no further */
            continue;
        }
        if (ok != (tree != NULL))
            print_error("%s\n", text_cstr_end(&text));
        assert_int_equal(ok, tree != NULL);
        accepted += ok;
        if (json_is_string(tree)) {
            assert_int_equal(kind, JSON_CURSOR_STRING);
            assert_true(
                span_equal(value, span_make(json_string_value(tree), json_string_length(tree))));
        }
        json_decref(tree);
        free(cursor.data);
    }
    assert_true(accepted > 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_against_jansson),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
