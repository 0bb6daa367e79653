#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utc.h"

static void test_known_moments(void **state)
{
    static const struct {
        uint64_t seconds;
        const char *text;
    } table[] = {
        {0, "1970-01-01T00:00:00Z"},          {951782400, "2000-02-29T00:00:00Z"},
        {951868799, "2000-02-29T23:59:59Z"},  {1798761599, "2026-12-31T23:59:59Z"},
        {4107542400, "2100-03-01T00:00:00Z"}, {UTC_MAX_S, "9999-12-31T23:59:59Z"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        char buffer[UTC_SIZE + 1];
        struct text text;
        uint64_t seconds;

        text_init(&text, buffer, sizeof(buffer));
        utc_write(&text, table[i].seconds);
        assert_string_equal(text_cstr_end(&text), table[i].text);
        assert_true(utc_read(span_cstr(table[i].text), &seconds));
        assert_true(seconds == table[i].seconds);
    }
}

static void test_round_trip(void **state)
{
    (void)state;
    for (uint64_t seconds = 0; seconds < UTC_MAX_S; seconds += UINT64_C(86399 * 37)) {
        char buffer[UTC_SIZE + 1];
        struct text text;
        uint64_t got;

        text_init(&text, buffer, sizeof(buffer));
        utc_write(&text, seconds);
        assert_int_equal(text.size, UTC_SIZE);
        assert_true(utc_read(text_span(&text), &got));
        assert_true(got == seconds);
    }
}

static void test_other_forms(void **state)
{
    static const char *const bad[] = {"",
                                      "x",
                                      "2026-02-29",
                                      "2026-13-01",
                                      "2026-00-01",
                                      "1969-12-31",
                                      "2026-1-01",
                                      "2026-11-21T24:00:00Z",
                                      "2026-11-21T12:00:00",
                                      "2026-11-21 12:00:00Z",
                                      "2026-11-21T12:60:00Z",
                                      "2026-11-21T12:00:00+"};
    uint64_t seconds;

    (void)state;
    assert_true(utc_read(SPAN("2026-11-21"), &seconds));
    assert_true(seconds == 1795219200);
    assert_true(utc_read(SPAN("12345"), &seconds));
    assert_true(seconds == 12345);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (utc_read(span_cstr(bad[i]), &seconds))
            fail_msg("\"%s\"", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_moments),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_other_forms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
