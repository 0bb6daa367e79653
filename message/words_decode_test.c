#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "message/words_decode.h"

struct decode_case {
    const char *in;
    const char *out;
    bool known;
};

static const struct decode_case decode_cases[] = {
    {"", "", true},
    {"  a \t b  ", "a b", true},
    {"=?utf-8?q?Gr=C3=BC=C3=9Fe?= x",
     "Gr\xc3\xbc\xc3\x9f"
     "e x",
     true},
    {"=?UTF-8?Q?a?= =?UTF-8?B?Yg==?=", "ab", true},
    {"=?utf-8*de?q?a_b?=", "a b", true},
    {"=?us-ascii?q?a?= b", "a b", true},
    {"=?iso-8859-1?q?=FC?=", "\xc3\xbc", true},
    {"=?iso-8859-1?b?/A==?=", "\xc3\xbc", true},
    {"=?koi8-r?q?x?= y", "=?koi8-r?q?x?= y", false},
    {"=?utf-8?x?x?=", "=?utf-8?x?x?=", true},
    {"=?utf-8?q?a?b?=", "=?utf-8?q?a?b?=", true},
    {"=?utf-8?q?a=zz=4?=", "a=zz=4", true},
    {"=?", "=?", true},
    {"=?=", "=?=", true},
    {"=?utf-8?q?=7B=7Bname=7D=7D?=", "{{name}}", true},
};

static void test_decode(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(decode_cases); i++) {
        const struct decode_case *c = &decode_cases[i];
        uint8_t data[128];
        uint32_t places[128];
        struct text out;
        text_init(&out, data, sizeof(data));
        assert_int_equal(words_decode(span_cstr(c->in), &out, places), c->known);
        if (!span_equal(text_span(&out), span_cstr(c->out)))
            fail_msg("%s: %.*s", c->in, (int)out.size, (const char *)data);
        for (size_t k = 0; k < out.size; k++)
            assert_true(places[k] < strlen(c->in));
    }
}

/* Longer than an encoded word may be; no escape or group is cut in two. */
static void test_long_words(void **state)
{
    (void)state;
    for (size_t shift = 0; shift < 3; shift++) {
        char in[400];
        uint8_t data[800];
        uint32_t places[800];
        struct text text;
        struct text out;
        text_init(&text, in, sizeof(in));
        text_init(&out, data, sizeof(data));
        text_add_cstr(&text, "=?utf-8?q?");
        text_add_fill(&text, 'x', shift);
        for (uint32_t i = 0; i < 60; i++)
            text_add_cstr(&text, "=C3=BC");
        text_add_cstr(&text, "?=");
        assert_true(words_decode(text_span(&text), &out, places));
        assert_int_equal(out.size, shift + 120);
        assert_true(span_is_utf8(text_span(&out)));
    }
}

/* Raw octets in ISO-8859-1 grow. */
static void test_latin1_grows(void **state)
{
    uint8_t data[64];
    uint32_t places[64];
    struct text out;

    (void)state;
    text_init(&out, data, sizeof(data));
    assert_true(words_decode(SPAN("=?iso-8859-1?q?\xfc\xfc\xfc\xfc\xfc\xfc\xfc\xfc\xfc\xfc?="),
                             &out, places));
    assert_int_equal(out.size, 20);
    assert_false(out.overflow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_long_words),
        cmocka_unit_test(test_latin1_grows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
