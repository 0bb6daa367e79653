#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>
#include <string.h>

#include "base/config.h"
#include "base/config_unit.h"
#include "base/prng.h"

struct unit_case {
    const char *in;
    bool ok;
    uint64_t value;
};

static void test_durations(void **state)
{
    static const struct unit_case cases[] = {
        {"0", true, 0},
        {"0s", true, 0},
        {"300ms", true, 300 * NS_PER_MS},
        {"5m", true, 5 * NS_PER_MINUTE},
        {"4d", true, NS_PER_S * 86400 * 4},
        {"1w", true, NS_PER_S * 86400 * 7},
        {"1h30m", true, 90 * NS_PER_MINUTE},
        {"1d2h3m4s5ms6us7ns", true, UINT64_C(93784005006007)},
        {"18446744073s", true, UINT64_C(18446744073000000000)},
        {"18446744074s", false, 0},
        {"18446744073s999ms", false, 0},
        {"", false, 0},
        {"5", false, 0},
        {"m", false, 0},
        {"5x", false, 0},
        {"5 m", false, 0},
        {"-5m", false, 0},
        {"1.5h", false, 0},
        {"30m1h", false, 0},
        {"1m1m", false, 0},
        {"5M", false, 0},
        {"5m3", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t value = 7;

        assert_int_equal(config_parse_duration(span_cstr(cases[i].in), &value), cases[i].ok);
        assert_int_equal(value, cases[i].ok ? cases[i].value : 7);
    }
}

static void test_sizes(void **state)
{
    static const struct unit_case cases[] = {
        {"0", true, 0},
        {"512", true, 512},
        {"512B", true, 512},
        {"10MB", true, 10000000},
        {"64KiB", true, 65536},
        {"2kB", true, 2000},
        {"16TiB", true, UINT64_C(16) << 40},
        {"16777215TiB", true, UINT64_C(16777215) << 40},
        {"16777216TiB", false, 0},
        {"10mb", false, 0},
        {"10M", false, 0},
        {"10 MB", false, 0},
        {"MB", false, 0},
        {"", false, 0},
        {"1.5MB", false, 0},
        {"-1", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t value = 7;

        assert_int_equal(config_parse_size(span_cstr(cases[i].in), &value), cases[i].ok);
        assert_int_equal(value, cases[i].ok ? cases[i].value : 7);
    }
}

static void test_rates(void **state)
{
    static const struct unit_case cases[] = {
        {"0", true, 0},
        {"5", true, 18000},
        {"5/s", true, 18000},
        {"100/min", true, 6000},
        {"100/minute", true, 6000},
        {"2000/h", true, 2000},
        {"24/day", true, 1},
        {"47/d", true, 1},
        {"23/day", false, 0}, /* would become 0, which is no limit */
        {"0/day", true, 0},
        {"5/", false, 0},
        {"5/week", false, 0},
        {"5 / s", false, 0},
        {"/s", false, 0},
        {"5s", false, 0},
        {"5124095576030432", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t value = 7;

        assert_int_equal(config_parse_rate(span_cstr(cases[i].in), &value), cases[i].ok);
        assert_int_equal(value, cases[i].ok ? cases[i].value : 7);
    }
}

static void test_written(void **state)
{
    char buffer[64];
    struct text text;

    (void)state;
    text_init(&text, buffer, sizeof(buffer));
    config_unit_write_duration(&text, 90 * NS_PER_MINUTE);
    text_add_byte(&text, 0x20);
    config_unit_write_size(&text, 65536);
    text_add_byte(&text, 0x20);
    config_unit_write_size(&text, 10000000);
    text_add_byte(&text, 0x20);
    config_unit_write_rate(&text, 6000);
    assert_string_equal(text_cstr_end(&text), "90m 64KiB 10MB 100/min");
}

/* Whatever is written reads back as the same. */
static void test_round_trip(void **state)
{
    static const uint64_t factors[] = {1, 24, 60, 1000, 1024, 3600, 86400, 1000000, 1048576};
    struct prng prng;

    (void)state;
    prng_seed(&prng, 9);
    for (int i = 0; i < 20000; i++) {
        uint64_t number = prng_below(&prng, UINT64_C(1) << prng_below(&prng, 40)) *
                          factors[prng_below(&prng, ARRAY_LEN(factors))];
        uint64_t back = ~number;
        char buffer[64];
        struct text text;

        text_init(&text, buffer, sizeof(buffer));
        config_unit_write_duration(&text, number);
        assert_true(config_parse_duration(text_span(&text), &back) && back == number);
        text_reset(&text);
        config_unit_write_size(&text, number);
        assert_true(config_parse_size(text_span(&text), &back) && back == number);
        text_reset(&text);
        number %= UINT64_C(1) << 50;
        config_unit_write_rate(&text, number);
        assert_true(config_parse_rate(text_span(&text), &back) && back == number);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),  cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_rates),      cmocka_unit_test(test_written),
        cmocka_unit_test(test_round_trip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
