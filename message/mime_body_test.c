#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>
#include <string.h>

#include "message/mime_body.h"

static struct arena arena;
static struct charset *charset;

static int setup(void **state)
{
    (void)state;
    assert_int_equal(arena_open(&arena, charset_cost()), 0);
    charset = charset_open(&arena);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    charset_close(charset);
    arena_close(&arena);
    return 0;
}

static void test_octets(void **state)
{
    static const struct {
        enum mime_encoding encoding;
        const char *body, *expected;
    } cases[] = {
        {MIME_PLAIN, "as it=20is", "as it=20is"},
        {MIME_QUOTED, "a=20b\r\nc", "a b\nc"},
        {MIME_QUOTED, "soft=\r\nbreak", "softbreak"},
        {MIME_QUOTED, "soft= \t\nbreak", "softbreak"},
        {MIME_QUOTED, "blanks \t\nend  ", "blanks\nend"},
        {MIME_QUOTED, "=3D=3d=C3=BC", "==\xc3\xbc"},
        {MIME_QUOTED, "bad =zz =4", "bad =zz =4"},
        {MIME_QUOTED, "end=", "end"},
        {MIME_QUOTED, "", ""},
        {MIME_BASE64, "SGVsbG8=", "Hello"},
        {MIME_BASE64, "SGVs\r\nbG8=\r\n", "Hello"},
        {MIME_BASE64, "SGVsbG8", "Hello"},
        {MIME_BASE64, "S*G-V.s bG8=", "Hello"},
        {MIME_BASE64, "SGVsbG8=SGVsbG8=", "HelloHello"},
        {MIME_BASE64, "====", ""},
        {MIME_BASE64, "S", ""},
        {MIME_BASE64, "", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t buffer[64];
        struct text out;
        struct mime_part part = {.body = span_cstr(cases[i].body), .encoding = cases[i].encoding};
        struct span body;

        text_init(&out, buffer, sizeof(buffer));
        body = mime_body_octets(&part, &out);
        if (!span_equal(body, span_cstr(cases[i].expected)))
            fail_msg("%s: \"%.*s\"", cases[i].body, (int)body.size, (const char *)body.data);
    }
}

static void test_text(void **state)
{
    static const struct {
        const char *type;
        enum mime_encoding encoding;
        enum charset_id charset;
        const char *body, *expected;
    } cases[] = {
        {"text", MIME_PLAIN, CHARSET_ASCII, "plain \xfc", "plain \xfc"},
        {"text", MIME_QUOTED, CHARSET_WINDOWS_1252, "=FC", "\xc3\xbc"},
        {"TEXT", MIME_PLAIN, CHARSET_ISO_2022_JP, "\x1b$B$3\x1b(B", "\xe3\x81\x93"},
        {"text", MIME_PLAIN, CHARSET_UNKNOWN, "\xc3\xbc", "\xc3\xbc"},
        {"text", MIME_PLAIN, CHARSET_UNKNOWN, "\xfc", "\xc3\xbc"},
        {"image", MIME_BASE64, CHARSET_ISO_2022_JP, "SGVsbG8=", "Hello"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t first[64], second[64];
        struct text octets, out;
        struct mime_part part = {.type = span_cstr(cases[i].type),
                                 .body = span_cstr(cases[i].body),
                                 .encoding = cases[i].encoding,
                                 .charset = cases[i].charset};
        struct span body;

        text_init(&octets, first, sizeof(first));
        text_init(&out, second, sizeof(second));
        body = mime_body_text(&part, charset, &octets, &out);
        if (!span_equal(body, span_cstr(cases[i].expected)))
            fail_msg("%s: \"%.*s\"", cases[i].body, (int)body.size, (const char *)body.data);
    }
}

static void test_stops_when_full(void **state)
{
    static const enum mime_encoding encodings[] = {MIME_QUOTED, MIME_BASE64};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(encodings); i++) {
        uint8_t buffer[4];
        struct text out;
        struct mime_part part = {.body = SPAN("QUJDREVGRw\nQUJD"), .encoding = encodings[i]};

        text_init(&out, buffer, sizeof(buffer));
        assert_int_equal(mime_body_octets(&part, &out).size, 4);
        assert_int_equal(mime_body_octets(&part, &out).size, 0);
        assert_false(out.overflow);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_octets),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_stops_when_full),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
