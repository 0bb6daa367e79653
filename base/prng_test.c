#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>
#include <string.h>

#include "base/prng.h"

/* Known answers of xoshiro256** by its authors: state 1, 2, 3, 4. */
static void test_known_answers(void **state)
{
    static const uint64_t wanted[] = {
        UINT64_C(11520),
        UINT64_C(0),
        UINT64_C(1509978240),
        UINT64_C(1215971899390074240),
        UINT64_C(1216172134540287360),
        UINT64_C(607988272756665600),
    };
    struct prng prng = {{1, 2, 3, 4}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        assert_true(prng_next(&prng) == wanted[i]);
}

static void test_seed(void **state)
{
    struct prng a, b;

    (void)state;
    prng_seed(&a, 0);
    /* splitmix64 from 0, by its author. */
    assert_true(a.state[0] == UINT64_C(0xe220a8397b1dcdaf));
    assert_true(a.state[1] == UINT64_C(0x6e789e6aa1b965f4));
    prng_seed(&b, 0);
    assert_true(prng_next(&a) == prng_next(&b));
    prng_seed(&b, 1);
    assert_false(prng_next(&a) == prng_next(&b));
}

static void test_below(void **state)
{
    uint64_t counts[10] = {0};
    struct prng prng;

    (void)state;
    prng_seed(&prng, 3);
    assert_int_equal(prng_below(&prng, 0), 0);
    assert_int_equal(prng_below(&prng, 1), 0);
    for (int i = 0; i < 100000; i++)
        counts[prng_below(&prng, ARRAY_LEN(counts))]++;
    /* Nine standard deviations: a fixed seed, so this never fails by chance. */
    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        assert_in_range(counts[i], 9150, 10850);
    for (int i = 0; i < 1000; i++)
        assert_true(prng_below(&prng, (UINT64_C(1) << 63) + 1) <= UINT64_C(1) << 63);
}

static void test_percent(void **state)
{
    struct prng prng;
    int hits = 0;

    (void)state;
    prng_seed(&prng, 4);
    for (int i = 0; i < 10000; i++) {
        assert_false(prng_percent(&prng, 0));
        assert_true(prng_percent(&prng, 100));
        hits += prng_percent(&prng, 25);
    }
    assert_in_range(hits, 2200, 2800);
}

static void test_fill(void **state)
{
    uint8_t bytes[32];
    struct prng prng;

    (void)state;
    for (size_t size = 0; size <= 24; size++) {
        memset(bytes, 0, sizeof(bytes));
        prng_seed(&prng, 5);
        prng_fill(&prng, bytes + 1, size);
        assert_int_equal(bytes[0], 0);
        for (size_t i = size + 1; i < sizeof(bytes); i++)
            assert_int_equal(bytes[i], 0);
        if (size >= 8) {
            struct prng again;
            uint64_t word;

            prng_seed(&again, 5);
            word = prng_next(&again);
            assert_memory_equal(bytes + 1, &word, sizeof(word));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers), cmocka_unit_test(test_seed),
        cmocka_unit_test(test_below),         cmocka_unit_test(test_percent),
        cmocka_unit_test(test_fill),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
