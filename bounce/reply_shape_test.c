#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bounce/reply_shape.h"

static void test_what_varies_is_a_star(void **state)
{
    static const struct {
        const char *text;
        const char *want;
    } table[] = {
        {"", ""},
        {"User  <a@example.com> Unknown", "user * unknown"},
        {"id 0123abcd 77f88e99 done", "id * done"},
        {"see https://support.google.com/mail/?p=NoSuchUser now", "see * now"},
        {"[192.0.2.1] 5.1 x", "* 5.1 x"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        uint8_t into[REPLY_SHAPE_MAX];
        size_t size = reply_shape(span_cstr(table[i].text), into, sizeof(into));

        assert_int_equal(size, strlen(table[i].want));
        assert_memory_equal(into, table[i].want, size);
    }
}

static void test_is_cut_at_a_word(void **state)
{
    uint8_t into[REPLY_SHAPE_MAX], text[4000];

    (void)state;
    assert_int_equal(reply_shape(SPAN("abc def"), into, 6), 3);
    assert_int_equal(reply_shape(SPAN("abc def"), into, 7), 7);
    assert_int_equal(reply_shape(SPAN("abc"), into, 0), 0);
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = i % 5 == 4 ? ' ' : 'a';
    assert_int_equal(reply_shape(span_make(text, sizeof(text)), into, sizeof(into)), 159);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_varies_is_a_star),
        cmocka_unit_test(test_is_cut_at_a_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
