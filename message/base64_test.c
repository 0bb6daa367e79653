#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "message/base64.h"

struct pair {
    const char *plain;
    const char *encoded;
};

/* RFC 4648 10. */
static const struct pair pairs[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xff\xfe\xfb\xef", "//777w=="},
};

static void test_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        uint8_t data[32];
        struct text out;
        text_init(&out, data, sizeof(data));
        base64_encode(span_cstr(pairs[i].plain), &out);
        assert_true(span_equal(text_span(&out), span_cstr(pairs[i].encoded)));
        assert_int_equal(out.size, base64_size(span_cstr(pairs[i].plain).size));
        text_reset(&out);
        assert_true(base64_decode(span_cstr(pairs[i].encoded), &out));
        assert_true(span_equal(text_span(&out), span_cstr(pairs[i].plain)));
    }
}

static void test_reads_what_is_there(void **state)
{
    static const struct {
        const char *in;
        const char *out;
        bool clean;
    } cases[] = {
        {" Zm9v\r\n\tYmFy\n", "foobar", true},
        {"Zm9v*YmFy", "foobar", false},
        {"Zm9v=YmFy", "foo", true},
        {"Z", "", true},
        {"Zm9vYg", "foob", true},
        {"\x80Zm8", "fo", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t data[32];
        struct text out;
        text_init(&out, data, sizeof(data));
        assert_int_equal(base64_decode(span_cstr(cases[i].in), &out), cases[i].clean);
        assert_true(span_equal(text_span(&out), span_cstr(cases[i].out)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_reads_what_is_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
