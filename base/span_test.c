#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>
#include <string.h>

#include "base/span.h"

static void test_slices(void **state)
{
    static const struct {
        const char *in;
        size_t from;
        size_t size;
        const char *out;
    } cases[] = {
        {"abcdef", 0, 6, "abcdef"},
        {"abcdef", 2, 2, "cd"},
        {"abcdef", 5, 9, "f"},
        {"abcdef", 6, 1, ""},
        {"abcdef", 7, 1, ""},
        {"", 0, 0, ""},
        {"abcdef", SIZE_MAX, 1, ""},
        {"abcdef", 1, SIZE_MAX, "bcdef"},
        {"abcdef", SIZE_MAX, SIZE_MAX, ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span part = span_slice(span_cstr(cases[i].in), cases[i].from, cases[i].size);

        assert_true(span_equal(part, span_cstr(cases[i].out)));
    }
    assert_int_equal(span_skip((struct span){0}, 3).size, 0);
    assert_int_equal(span_first((struct span){0}, 3).size, 0);
    assert_int_equal(span_trim((struct span){0}).size, 0);
}

static void test_trim(void **state)
{
    static const char *const cases[][2] = {
        {"", ""}, {" ", ""}, {"a", "a"}, {" \t a b\r\n", "a b"}, {"\r\n", ""}, {"\va", "\va"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_true(span_equal(span_trim(span_cstr(cases[i][0])), span_cstr(cases[i][1])));
}

static void test_comparisons(void **state)
{
    static const struct {
        struct span a, b;
        bool equal, nocase, starts, starts_nocase, ends_nocase;
        int order;
    } cases[] = {
        {SPAN_INIT(""), SPAN_INIT(""), true, true, true, true, true, 0},
        {{NULL, 0}, SPAN_INIT(""), true, true, true, true, true, 0},
        {SPAN_INIT("abc"), {NULL, 0}, false, false, true, true, true, 1},
        {SPAN_INIT("abc"), SPAN_INIT("abc"), true, true, true, true, true, 0},
        {SPAN_INIT("abc"), SPAN_INIT("ABC"), false, true, false, true, true, 1},
        {SPAN_INIT("abc"), SPAN_INIT("AB"), false, false, false, true, false, 1},
        {SPAN_INIT("abc"), SPAN_INIT("ab"), false, false, true, true, false, 1},
        {SPAN_INIT("abc"), SPAN_INIT("Bc"), false, false, false, false, true, 1},
        {SPAN_INIT("ab"), SPAN_INIT("abc"), false, false, false, false, false, -1},
        {SPAN_INIT("a\0b"), SPAN_INIT("a\0c"), false, false, false, false, false, -1},
        {SPAN_INIT("\xff"), SPAN_INIT("a"), false, false, false, false, false, 1},
        /* Only ASCII letters fold: not @ and `, not [ and {, not the letters of Latin-1. */
        {SPAN_INIT("@["), SPAN_INIT("`{"), false, false, false, false, false, -1},
        {SPAN_INIT("\xc4"), SPAN_INIT("\xe4"), false, false, false, false, false, -1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span a = cases[i].a, b = cases[i].b;
        int order = span_compare(a, b);

        assert_int_equal(span_equal(a, b), cases[i].equal);
        assert_int_equal(span_equal_nocase(a, b), cases[i].nocase);
        assert_int_equal(span_starts(a, b), cases[i].starts);
        assert_int_equal(span_starts_nocase(a, b), cases[i].starts_nocase);
        assert_int_equal(span_ends_nocase(a, b), cases[i].ends_nocase);
        assert_int_equal((order > 0) - (order < 0), cases[i].order);
        order = span_compare(b, a);
        assert_int_equal((order > 0) - (order < 0), -cases[i].order);
    }
}

static void test_find(void **state)
{
    (void)state;
    assert_int_equal(span_find_byte(SPAN("a\0b"), 0), 1);
    assert_int_equal(span_find_byte(SPAN("abc"), 0), SPAN_NOT_FOUND);
    assert_int_equal(span_find_byte((struct span){0}, 0), SPAN_NOT_FOUND);
    assert_int_equal(span_find(SPAN("ab\r\n.\r\n"), SPAN("\r\n.\r\n")), 2);
    assert_int_equal(span_find(SPAN("ababc"), SPAN("abc")), 2);
    assert_int_equal(span_find(SPAN("ab"), SPAN("abc")), SPAN_NOT_FOUND);
    assert_int_equal(span_find(SPAN("ab"), SPAN("")), 0);
    assert_int_equal(span_find((struct span){0}, (struct span){0}), 0);
    assert_int_equal(span_find(SPAN("a\0\0b"), SPAN("\0b")), 2);
}

static void test_split(void **state)
{
    struct span rest = SPAN("a,,b");

    (void)state;
    assert_true(span_equal(span_split(&rest, 0x2c), SPAN("a")));
    assert_true(span_equal(span_split(&rest, 0x2c), SPAN("")));
    assert_int_equal(rest.size, 1);
    assert_true(span_equal(span_split(&rest, 0x2c), SPAN("b")));
    assert_int_equal(rest.size, 0);
    assert_int_equal(span_split(&rest, 0x2c).size, 0);
    rest = SPAN("a,");
    assert_true(span_equal(span_split(&rest, 0x2c), SPAN("a")));
    assert_int_equal(rest.size, 0);
}

static void test_words(void **state)
{
    struct span rest = SPAN("  MAIL \tFROM:<>\t ");

    (void)state;
    assert_true(span_equal(span_word(&rest), SPAN("MAIL")));
    assert_true(span_equal(span_word(&rest), SPAN("FROM:<>")));
    assert_int_equal(span_word(&rest).size, 0);
    assert_int_equal(rest.size, 0);
}

static void test_numbers(void **state)
{
    static const struct {
        const char *in;
        uint64_t max;
        bool ok;
        uint64_t number;
    } cases[] = {
        {"0", 0, true, 0},
        {"1", 0, false, 0},
        {"007", 7, true, 7},
        {"65535", 65535, true, 65535},
        {"65536", 65535, false, 0},
        {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, false, 0},
        {"99999999999999999999999", UINT64_MAX, false, 0},
        {"9", 5, false, 0},
        {"15", 14, false, 0},
        {"14", 14, true, 14},
        {"", 9, false, 0},
        {"+1", 9, false, 0},
        {"-1", 9, false, 0},
        {" 1", 9, false, 0},
        {"1 ", 9, false, 0},
        {"1a", 99, false, 0},
        {"/", 99, false, 0},
        {":", 99, false, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t number = 77;

        assert_int_equal(span_number(span_cstr(cases[i].in), cases[i].max, &number), cases[i].ok);
        assert_int_equal(number, cases[i].ok ? cases[i].number : 77);
    }
}

static void test_encodings(void **state)
{
    static const struct {
        const char *in;
        bool utf8;
    } cases[] = {
        {"", true},
        {"plain", true},
        {"\xc2\x80", true},
        {"\xc3\xa4", true},
        {"\xe2\x82\xac", true},
        {"\xed\x9f\xbf", true},
        {"\xee\x80\x80", true},
        {"\xef\xbf\xbf", true},
        {"\xf0\x90\x80\x80", true},
        {"\xf4\x8f\xbf\xbf", true},
        {"\x80", false},
        {"\xbf", false},
        {"\xc0\x80", false},
        {"\xc1\xbf", false},
        {"\xc3", false},
        {"\xc3\x28", false},
        {"\xe0\x9f\xbf", false},
        {"\xe2\x82", false},
        {"\xe2\x28\xa1", false},
        {"\xe2\x82\x28", false},
        {"\xed\xa0\x80", false},
        {"\xed\xbf\xbf", false},
        {"\xf0\x8f\xbf\xbf", false},
        {"\xf0\x9f\x92", false},
        {"\xf0\x9f\x92\x28", false},
        {"\xf4\x90\x80\x80", false},
        {"\xf5\x80\x80\x80", false},
        {"\xff", false},
        {"a\xe2\x82\xac\xff", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(span_is_utf8(span_cstr(cases[i].in)), cases[i].utf8);
    assert_true(span_is_utf8(SPAN("a\0b")));
    assert_true(span_has_control(SPAN("a\0")));
    assert_true(span_has_control(SPAN("\x7f")));
    assert_true(span_has_control(SPAN("a\x1f b")));
    assert_false(span_has_control(SPAN(" ~\x80")));
    assert_true(span_is_ascii(SPAN("a\0\x7f")));
    assert_false(span_is_ascii(SPAN("a\x80")));
    assert_int_equal(span_utf8_size((struct span){0}), 0);
    assert_int_equal(span_utf8_size(SPAN("\xe2\x82\xac-")), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slices),  cmocka_unit_test(test_trim),
        cmocka_unit_test(test_find),    cmocka_unit_test(test_comparisons),
        cmocka_unit_test(test_split),   cmocka_unit_test(test_words),
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_encodings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
