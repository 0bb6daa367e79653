#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>
#include <string.h>

#include "base/crc.h"
#include "base/prng.h"

/* RFC 3720 appendix B.4, and the usual check value. */
static void test_known_answers(void **state)
{
    uint8_t bytes[32];

    (void)state;
    assert_int_equal(crc_add(0, (struct span){0}), 0);
    assert_int_equal(crc_add(0, SPAN("123456789")), 0xe3069283);
    memset(bytes, 0, sizeof(bytes));
    assert_int_equal(crc_add(0, span_make(bytes, 32)), 0x8a9136aa);
    memset(bytes, 0xff, sizeof(bytes));
    assert_int_equal(crc_add(0, span_make(bytes, 32)), 0x62a8ab43);
    for (uint8_t i = 0; i < 32; i++)
        bytes[i] = i;
    assert_int_equal(crc_add(0, span_make(bytes, 32)), 0x46dd794e);
    assert_int_equal(crc_add_portable(0, span_make(bytes, 32)), 0x46dd794e);
}

/* Instructions and table agree at every size and alignment around the lanes. */
static void test_both_ways(void **state)
{
    static uint8_t bytes[20000];
    struct prng prng;

    (void)state;
    prng_seed(&prng, 1);
    prng_fill(&prng, bytes, sizeof(bytes));
    for (size_t i = 0; i < 3000; i++) {
        size_t from = (size_t)prng_below(&prng, 16);
        size_t lanes = (size_t)prng_below(&prng, 7) * 3072;
        size_t size = lanes + (size_t)prng_below(&prng, 40);
        uint32_t start = (uint32_t)prng_next(&prng);
        struct span span = span_make(bytes + from, size);

        assert_int_equal(crc_add(start, span), crc_add_portable(start, span));
    }
}

static void test_in_parts(void **state)
{
    static uint8_t bytes[8000];
    uint32_t whole;
    struct prng prng;

    (void)state;
    prng_seed(&prng, 2);
    prng_fill(&prng, bytes, sizeof(bytes));
    whole = crc_add(0, span_make(bytes, sizeof(bytes)));
    for (size_t cut = 0; cut <= sizeof(bytes); cut += 13) {
        uint32_t first = crc_add(0, span_make(bytes, cut));

        assert_int_equal(crc_add(first, span_make(bytes + cut, sizeof(bytes) - cut)), whole);
    }
}

static void test_finds_damage(void **state)
{
    static uint8_t bytes[3100];
    uint32_t good;

    (void)state;
    good = crc_add(crc_seed(1, 2), span_make(bytes, sizeof(bytes)));
    assert_int_not_equal(crc_add(crc_seed(2, 1), span_make(bytes, sizeof(bytes))), good);
    assert_int_not_equal(crc_add(crc_seed(1, 3), span_make(bytes, sizeof(bytes))), good);
    for (size_t bit = 0; bit < sizeof(bytes) * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_not_equal(crc_add(crc_seed(1, 2), span_make(bytes, sizeof(bytes))), good);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),
        cmocka_unit_test(test_both_ways),
        cmocka_unit_test(test_in_parts),
        cmocka_unit_test(test_finds_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
