#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "message/utf8.h"

/* Every character there is goes out and comes back; the surrogates do not come in. */
static void test_every_character(void **state)
{
    uint8_t bytes[4];
    uint32_t back;

    (void)state;
    for (uint32_t rune = 0; rune <= 0x10ffff; rune++) {
        uint32_t size;

        if (rune >= 0xd800 && rune <= 0xdfff)
            continue;
        size = utf8_put(rune, bytes);
        assert_int_equal(utf8_take(span_make(bytes, size), &back), size);
        assert_int_equal(back, rune);
        assert_true(span_is_utf8(span_make(bytes, size)));
        for (uint32_t cut = 0; cut < size; cut++)
            assert_int_equal(utf8_take(span_make(bytes, cut), &back), 0);
    }
}

/* For every pair of first bytes with two fixed ones behind, the same opinion as span_is_utf8. */
static void test_agrees_with_span_is_utf8(void **state)
{
    static const uint8_t tails[][2] = {{0x80, 0x80}, {0xbf, 0xbf}, {'a', 'b'}, {0x80, 'a'}};

    (void)state;
    for (uint32_t pair = 0; pair < 65536; pair++) {
        for (size_t t = 0; t < ARRAY_LEN(tails); t++) {
            uint8_t bytes[4] = {(uint8_t)(pair >> 8), (uint8_t)pair, tails[t][0], tails[t][1]};
            uint32_t rune;
            uint32_t size = utf8_take(span_make(bytes, 4), &rune);
            bool valid = false;

            for (uint32_t n = 1; n <= 4 && !valid; n++)
                if (span_is_utf8(span_make(bytes, n))) {
                    valid = true;
                    assert_int_equal(size, n);
                }
            if (!valid)
                assert_int_equal(size, 0);
        }
    }
}

static void test_controls(void **state)
{
    static const uint32_t bad[] = {0,      0x1b,   0x1f,   0x7f,   0x80,   0x9b,  0x9f,
                                   0x2028, 0x2029, 0x202a, 0x202e, 0x2066, 0x2069};
    static const uint32_t good[] = {' ', '~', 0xa0, 0xe4, 0x2027, 0x202f, 0x2065, 0x206a, 0x1f600};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_true(utf8_is_control(bad[i]));
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_false(utf8_is_control(good[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_character),
        cmocka_unit_test(test_agrees_with_span_is_utf8),
        cmocka_unit_test(test_controls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
