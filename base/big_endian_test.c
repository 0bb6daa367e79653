#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/big_endian.h"

static void test_octets(void **state)
{
    static const struct {
        uint64_t number;
        uint32_t octets;
        uint8_t bytes[8];
        uint64_t back;
    } cases[] = {
        {0, 0, {0}, 0},
        {0x12, 1, {0x12}, 0x12},
        {0x1234, 2, {0x12, 0x34}, 0x1234},
        {0x1234, 4, {0, 0, 0x12, 0x34}, 0x1234},
        {0x123456, 2, {0x34, 0x56}, 0x3456}, /* too large: the low octets */
        {UINT64_MAX, 8, {255, 255, 255, 255, 255, 255, 255, 255}, UINT64_MAX},
        {UINT64_C(0x0102030405060708), 8, {1, 2, 3, 4, 5, 6, 7, 8}, UINT64_C(0x0102030405060708)},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t bytes[10] = {0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee};

        big_endian_put(bytes + 1, cases[i].number, cases[i].octets);
        assert_memory_equal(bytes + 1, cases[i].bytes, cases[i].octets);
        assert_int_equal(bytes[0], 0xee);
        assert_int_equal(bytes[1 + cases[i].octets], 0xee); /* not a byte more */
        assert_true(big_endian_get(bytes + 1, cases[i].octets) == cases[i].back);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_octets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
