#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>

#include "base/line_start.h"
#include "base/prng.h"

static void test_of_lines(void **state)
{
    static const struct {
        const char *text;
        size_t from, found;
    } cases[] = {
        {"", 0, 0},         {"-", 0, 1},     {"\n", 0, 1},     {"\n-", 0, 1},    {"a\r\n-b", 0, 3},
        {"a\n-b\n-", 2, 5}, {"a\n-b", 2, 4}, {"a\n\n-", 0, 3}, {"a-\nb-", 0, 5}, {"\n-", 7, 2},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(line_start_find(span_cstr(cases[i].text), cases[i].from, '-'),
                         cases[i].found);
}

static void test_the_machine_agrees(void **state)
{
    struct prng prng;

    (void)state;
    prng_seed(&prng, 3);
    for (uint32_t round = 0; round < 20000; round++) {
        uint8_t bytes[200];
        struct span text = span_make(bytes, prng_below(&prng, sizeof(bytes)));
        size_t from = prng_below(&prng, 150);

        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = (uint8_t) "ab\n-"[prng_below(&prng, round % 50 == 0 ? 4 : 3)];
        if (round % 3 == 0)
            bytes[prng_below(&prng, sizeof(bytes))] = '-';
        assert_int_equal(line_start_find(text, from, '-'), line_start_find_plain(text, from, '-'));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of_lines),
        cmocka_unit_test(test_the_machine_agrees),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
