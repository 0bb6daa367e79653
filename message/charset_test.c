#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>
#include <string.h>

#include "message/charset.h"

static struct arena arena;
static struct charset *charset;

static int setup(void **state)
{
    (void)state;
    assert_int_equal(arena_open(&arena, charset_cost()), 0);
    charset = charset_open(&arena);
    arena_seal(&arena);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    charset_close(charset);
    arena_close(&arena);
    return 0;
}

static void assert_converted(enum charset_id id, const char *source, const char *expected)
{
    uint8_t buffer[256];
    struct text out;

    text_init(&out, buffer, sizeof(buffer));
    charset_convert(charset, id, span_cstr(source), &out);
    text_add_byte(&out, 0);
    assert_string_equal((const char *)buffer, expected);
}

static void test_names(void **state)
{
    static const struct {
        const char *name;
        enum charset_id id;
    } cases[] = {
        {"UTF-8", CHARSET_UTF8},
        {"utf8", CHARSET_UTF8},
        {"us-ascii", CHARSET_ASCII},
        {"ISO_8859-1", CHARSET_WINDOWS_1252},
        {"Windows-1252", CHARSET_WINDOWS_1252},
        {"iso-8859-15", CHARSET_ISO_8859_15},
        {"iso-2022-jp", CHARSET_ISO_2022_JP},
        {"Shift_JIS", CHARSET_SHIFT_JIS},
        {"gb2312", CHARSET_GB18030},
        {"unicode-1-1-utf-7", CHARSET_UTF_7},
        {"", CHARSET_UNKNOWN},
        {"x-unknown", CHARSET_UNKNOWN},
        /* Names that must never reach iconv. */
        {"../../../../tmp/x", CHARSET_UNKNOWN},
        {"ISO-2022-CN-EXT", CHARSET_UNKNOWN},
        {"UTF-8//TRANSLIT", CHARSET_UNKNOWN},
        {"INTERNAL", CHARSET_UNKNOWN},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", CHARSET_UNKNOWN},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(charset_find(span_cstr(cases[i].name)), cases[i].id);
}

static void test_each_converter_is_there(void **state)
{
    static const struct {
        enum charset_id id;
        const char *source;
        const char *expected;
    } cases[] = {
        {CHARSET_UTF8, "J\xc4\x81nis", "J\xc4\x81nis"},
        {CHARSET_WINDOWS_1252, "M\xfcller \x80", "M\xc3\xbcller \xe2\x82\xac"},
        {CHARSET_UNKNOWN, "M\xfcller", "M\xc3\xbcller"},
        {CHARSET_ISO_8859_2, "\xb1", "\xc4\x85"},
        {CHARSET_ISO_8859_4, "\xe0", "\xc4\x81"},
        {CHARSET_ISO_8859_5, "\xd0", "\xd0\xb0"},
        {CHARSET_ISO_8859_7, "\xe1", "\xce\xb1"},
        {CHARSET_ISO_8859_9, "\xfe", "\xc5\x9f"},
        {CHARSET_ISO_8859_13, "\xe2", "\xc4\x81"},
        {CHARSET_ISO_8859_15, "\xa4", "\xe2\x82\xac"},
        {CHARSET_WINDOWS_1250, "\xb9", "\xc4\x85"},
        {CHARSET_WINDOWS_1251, "\xe0", "\xd0\xb0"},
        {CHARSET_WINDOWS_1253, "\xe1", "\xce\xb1"},
        {CHARSET_WINDOWS_1254, "\xfe", "\xc5\x9f"},
        {CHARSET_WINDOWS_1255, "\xe0", "\xd7\x90"},
        {CHARSET_WINDOWS_1256, "\xc7", "\xd8\xa7"},
        {CHARSET_WINDOWS_1257, "\xe2", "\xc4\x81"},
        {CHARSET_KOI8_R, "\xc1", "\xd0\xb0"},
        {CHARSET_KOI8_U, "\xa4", "\xd1\x94"},
        {CHARSET_ISO_2022_JP, "\x1b$B$3$l\x1b(B@", "\xe3\x81\x93\xe3\x82\x8c@"},
        {CHARSET_SHIFT_JIS, "\x82\xb1", "\xe3\x81\x93"},
        {CHARSET_EUC_JP, "\xa4\xb3", "\xe3\x81\x93"},
        {CHARSET_GB18030, "\xd3\xca\xbc\xfe", "\xe9\x82\xae\xe4\xbb\xb6"},
        {CHARSET_BIG5, "\xb6l", "\xe9\x83\xb5"},
        {CHARSET_EUC_KR, "\xb8\xde", "\xeb\xa9\x94"},
        {CHARSET_UTF_7, "Fr+APY-sche", "Fr\xc3\xb6sche"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_converted(cases[i].id, cases[i].source, cases[i].expected);
}

static void test_bytes_without_meaning(void **state)
{
    uint8_t buffer[4];
    struct text out;

    (void)state;
    assert_converted(CHARSET_ISO_2022_JP,
                     "a\xff"
                     "b",
                     "a\xef\xbf\xbd"
                     "b");
    assert_converted(CHARSET_SHIFT_JIS, "a\x82", "a\xef\xbf\xbd"); /* cut off */
    assert_converted(CHARSET_EUC_JP, "\xff\xff", "\xef\xbf\xbd\xef\xbf\xbd");
    /* The state of one text does not reach into the next. */
    assert_converted(CHARSET_ISO_2022_JP, "\x1b$B$3", "\xe3\x81\x93");
    assert_converted(CHARSET_ISO_2022_JP, "$3", "$3");
    text_init(&out, buffer, sizeof(buffer)); /* nor from one that did not fit */
    charset_convert(charset, CHARSET_ISO_2022_JP, SPAN("\x1b$B$3$3$3"), &out);
    assert_converted(CHARSET_ISO_2022_JP, "$3", "$3");
}

static void test_a_text_in_another_charset(void **state)
{
    static uint8_t source[3000], buffer[16000];
    struct text out;

    (void)state;
    for (size_t i = 0; i < sizeof(source); i++)
        source[i] = 0xfc;
    text_init(&out, buffer, sizeof(buffer));
    charset_convert(charset, CHARSET_ISO_2022_JP, span_make(source, sizeof(source)), &out);
    assert_int_equal(out.size, 1000 * 3 + 2000 * 2);
}

static void test_what_does_not_fit_is_left_out(void **state)
{
    uint8_t buffer[5];
    struct text out;
    static const enum charset_id ids[] = {CHARSET_WINDOWS_1252, CHARSET_ISO_8859_2,
                                          CHARSET_ISO_2022_JP, CHARSET_UTF8};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        text_init(&out, buffer, sizeof(buffer));
        charset_convert(charset, ids[i], SPAN("abcdefgh"), &out);
        assert_int_equal(out.size, 5);
        assert_false(out.overflow);
    }
    text_init(&out, buffer, sizeof(buffer));
    charset_convert(charset, CHARSET_WINDOWS_1252, SPAN("\xfc\xfc\xfc"), &out);
    assert_int_equal(out.size, 4); /* no half a character */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_each_converter_is_there),
        cmocka_unit_test(test_bytes_without_meaning),
        cmocka_unit_test(test_a_text_in_another_charset),
        cmocka_unit_test(test_what_does_not_fit_is_left_out),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
