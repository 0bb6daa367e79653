#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/prng.h"
#include "message/quoted.h"

struct decode_case {
    const char *in;
    const char *out;
};

static const struct decode_case decode_cases[] = {
    {"", ""},
    {"abc", "abc"},
    {"a\nb\r\nc\rd\n", "a\r\nb\r\nc\r\nd\r\n"},
    {"a=3Db", "a=b"},
    {"a=3db=C3=BC", "a=b\xc3\xbc"},
    {"soft=\nbreak", "softbreak"},
    {"soft= \t\r\nbreak", "softbreak"},
    {"blanks  \t\nend \t", "blanks\r\nend"},
    {"kept=20\n", "kept \r\n"},
    {"a=zz=4", "a=zz=4"},
    {"last=", "last"},
    {"a==\nb", "a=b"},
    {"{{na=\nme}}", "{{name}}"},
    {"=7B=7Bname=7D=7D", "{{name}}"},
};

static void test_decode(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(decode_cases); i++) {
        uint8_t data[64];
        struct text out;
        text_init(&out, data, sizeof(data));
        quoted_decode(span_cstr(decode_cases[i].in), &out);
        assert_memory_equal(data, decode_cases[i].out, strlen(decode_cases[i].out));
        assert_int_equal(out.size, strlen(decode_cases[i].out));
    }
}

static void test_source_places(void **state)
{
    struct span source = SPAN("ab=\n=41c \r\nlast");
    /* decoded: a b A c CR LF l a s t */
    static const size_t places[] = {0, 1, 4, 7, 8, 8, 11, 12, 13, 14};

    (void)state;
    for (size_t step = 1; step < 4; step++) {
        struct quoted_place place = {0};
        for (size_t i = 0; i < ARRAY_LEN(places); i += step) {
            if (i != 4 && i != 5) /* a line end is no octet of anybody's */
                assert_int_equal(quoted_source(&place, source, i), places[i]);
        }
    }
}

struct encode_case {
    const char *in;
    uint32_t column;
    bool html;
    const char *out;
};

static const struct encode_case encode_cases[] = {
    {"", 5, false, ""},
    {"plain text", 0, false, "plain text"},
    {"a=b", 0, false, "a=3Db"},
    {"\xc3\xbc", 0, false, "=C3=BC"},
    {"line\nnext\r\nand\rlast", 0, false, "line\r\nnext\r\nand\r\nlast"},
    {"end ", 0, false, "end=20"},
    {"end\t", 0, false, "end=09"},
    {"blank \nline", 0, false, "blank=20\r\nline"},
    {" \r\n", 0, false, "=20\r\n"},
    {".", 0, false, "=2E"},
    {".", 1, false, "."},
    {"..", 0, false, "=2E."},
    {"a\n.\n", 3, false, "a\r\n=2E\r\n"},
    {"--b", 0, false, "=2D-b"},
    {"\n--b", 9, false, "\r\n=2D-b"},
    {"a-.", 0, false, "a-."},
    {"\x7f\x01", 0, false, "=7F=01"},
    {"<&>\"'", 0, false, "<&>\"'"},
    {"<&>\"'", 0, true, "&lt;&amp;&gt;&quot;&#39;"},
    {"ab", 74, false, "a=\r\nb"},
    {"ab", 75, false, "=\r\nab"},
    {"\xff", 72, false, "=FF"},
    {"\xff", 73, false, "=\r\n=FF"},
    {".", 75, false, "=\r\n=2E"},
    {"-", 75, false, "=\r\n=2D"},
    {"&", 72, true, "&am=\r\np;"},
    {"\n", 75, false, "\r\n"},
};

static void test_encode(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(encode_cases); i++) {
        const struct encode_case *c = &encode_cases[i];
        uint8_t data[128];
        struct text out;
        size_t offset = 0;
        uint32_t column = c->column;
        text_init(&out, data, sizeof(data));
        assert_true(quoted_put(span_cstr(c->in), c->html, &offset, &column, &out));
        if (!span_equal(text_span(&out), span_cstr(c->out)))
            fail_msg("%s: %.*s", c->in, (int)out.size, (const char *)data);
    }
}

/* Any text, in pieces, at any column: comes back by decoding; lines are short. */
static void test_random_round_trip(void **state)
{
    struct prng prng;

    (void)state;
    prng_seed(&prng, 1);
    for (uint32_t round = 0; round < 3000; round++) {
        uint8_t in[300];
        uint8_t encoded[2000];
        uint8_t decoded[700];
        struct text out;
        struct text back;
        size_t offset = 0;
        uint32_t column = 0;
        size_t size = prng_below(&prng, sizeof(in));
        for (size_t i = 0; i < size; i++)
            in[i] = prng_below(&prng, 3) == 0 ? (uint8_t) ".- \t=x"[prng_below(&prng, 6)]
                                              : (uint8_t)(14 + prng_below(&prng, 242));
        text_init(&out, encoded, 40);
        while (!quoted_put(span_make(in, size), false, &offset, &column, &out))
            out.capacity += prng_below(&prng, 90);
        assert_false(out.overflow);
        text_init(&back, decoded, sizeof(decoded));
        quoted_decode(text_span(&out), &back);
        assert_int_equal(back.size, size);
        assert_memory_equal(decoded, in, size);
        for (struct span rest = text_span(&out); rest.size > 0;) {
            struct span line = span_split(&rest, '\n');
            assert_true(line.size <= 77); /* 76 and the CR */
            assert_true(line.data[0] != '.' && line.data[0] != '-');
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_source_places),
        cmocka_unit_test(test_encode),
        cmocka_unit_test(test_random_round_trip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
