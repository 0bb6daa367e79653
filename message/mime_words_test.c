#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>
#include <string.h>

#include "message/mime_words.h"

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

static void test_words(void **state)
{
    static const struct {
        const char *body, *expected;
    } cases[] = {
        {"plain text", "plain text"},
        {" plain\r\n text ", "plain text"},
        {"=?utf-8?q?M=C3=BCller?=", "M\xc3\xbcller"},
        {"=?UTF-8?B?TcO8bGxlcg==?= <a@b>", "M\xc3\xbcller <a@b>"},
        {"=?iso-8859-1?Q?M=FCller_und?= Co", "M\xc3\xbcller und Co"},
        {"a =?utf-8?q?b?= =?utf-8?q?c?= d", "a bc d"},
        {"a =?utf-8?q?b?=\r\n\t=?utf-8?q?c?= d", "a bc d"},
        /* A character cut in two by a careless writer. */
        {"=?utf-8?q?=C3?= =?utf-8?q?=BC?=", "\xc3\xbc"},
        {"=?iso-2022-jp?B?GyRCJDMbKEI=?=", "\xe3\x81\x93"},
        {"=?utf-8*en?q?x?=", "x"},
        {"=?utf-7?Q?Fr+APY-sche?=", "Fr\xc3\xb6sche"},
        {"=?utf-8?q?a?==?iso-8859-1?q?=FC?=", "a\xc3\xbc"},
        {"x=?utf-8?q?a?=y", "xay"},
        /* What is none stays. */
        {"=?utf-8?x?a?=", "=?utf-8?x?a?="},
        {"=?utf-8?q?a", "=?utf-8?q?a"},
        {"=??q?a?=", "=??q?a?="},
        {"=?utf-8?q?a\r\n b?=", "=?utf-8?q?a b?="},
        {"=?=?=?=?", "=?=?=?=?"},
        {"=?", "=?"},
        {"", ""},
        {"=?../../x?q?=FC?=", "\xc3\xbc"},
        {"=?utf-8?q?=?=", "="},
        {"=?utf-8?b?!!!?=", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t buffer[256];
        struct text out;
        struct span text;

        text_init(&out, buffer, sizeof(buffer));
        text = mime_words_decode(span_cstr(cases[i].body), charset, &out);
        if (!span_equal(text, span_cstr(cases[i].expected)))
            fail_msg("%s: \"%.*s\"", cases[i].body, (int)text.size, (const char *)text.data);
    }
}

static void test_no_room_no_overflow(void **state)
{
    uint8_t buffer[4];
    struct text out;
    struct span text;

    (void)state;
    text_init(&out, buffer, sizeof(buffer));
    text = mime_words_decode(SPAN("ab =?utf-8?q?cdef?= gh"), charset, &out);
    assert_true(span_equal(text, SPAN("ab c")));
    assert_false(out.overflow);
}

static void test_a_long_row_is_cut(void **state)
{
    static uint8_t body[40000], buffer[40000];
    struct text in, out;
    struct span text;

    (void)state;
    text_init(&in, body, sizeof(body));
    for (int i = 0; i < 500; i++)
        text_add_cstr(&in, "=?utf-8?q?0123456789012345678901234567890123456789?=\r\n ");
    text_init(&out, buffer, sizeof(buffer));
    text = mime_words_decode(text_span(&in), charset, &out);
    assert_int_equal(text.size, MIME_WORDS_ROW_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_no_room_no_overflow),
        cmocka_unit_test(test_a_long_row_is_cut),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
