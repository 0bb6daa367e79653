#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "bounce/hygiene_filter.h"

static void test_members_are_found_and_strangers_seldom(void **state)
{
    enum { COUNT = 200000 };
    struct hygiene_filter filter;
    struct arena arena;
    struct prng prng;
    uint32_t wrong = 0;

    (void)state;
    assert_int_equal(arena_open(&arena, hygiene_filter_cost(COUNT)), 0);
    hygiene_filter_init(&filter, &arena, COUNT);
    prng_seed(&prng, 1);
    for (uint32_t i = 0; i < COUNT; i++) {
        uint64_t hash = prng_next(&prng);

        hygiene_filter_add(&filter, hash);
        assert_true(hygiene_filter_has(&filter, hash));
    }
    prng_seed(&prng, 1);
    for (uint32_t i = 0; i < COUNT; i++)
        assert_true(hygiene_filter_has(&filter, prng_next(&prng)));
    for (uint32_t i = 0; i < COUNT; i++)
        wrong += hygiene_filter_has(&filter, prng_next(&prng));
    assert_in_range(wrong, 1, COUNT / 500); /* one of a thousand; none at all would be no filter */
    arena_close(&arena);
}

static void test_fifty_millions_fit_into_128_mib(void **state)
{
    (void)state;
    assert_true(hygiene_filter_size(50000000) <= 128 * MIB);
    assert_true(hygiene_filter_size(0) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members_are_found_and_strangers_seldom),
        cmocka_unit_test(test_fifty_millions_fit_into_128_mib),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
