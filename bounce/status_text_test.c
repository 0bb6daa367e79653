#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>
#include <string.h>

#include "base/base.h"
#include "bounce/status_text.h"

static void test_enhanced(void **state)
{
    static const struct {
        const char *text;
        uint16_t status[3]; /* 0: none */
    } cases[] = {
        {"5.1.1", {5, 1, 1}},
        {"550 5.1.1 no", {5, 1, 1}},
        {"550-5.7.26 no", {5, 7, 26}},
        {"(#4.4.1)", {4, 4, 1}},
        {"said: <5.2.2>", {5, 2, 2}},
        {"2.0.0 (ok)", {2, 0, 0}},
        {"5.1.1.", {5, 1, 1}},
        {"3.1.1", {0}},
        {"5.1", {0}},
        {"5..1", {0}},
        {"version 15.1.1", {0}},
        {"host 5.1.1.7 said", {0}},
        {"a5.1.1", {0}},
        {"1.5.1.1", {0}},
        {"5.1.1111", {0}},
        {"", {0}},
        {"10.5.1.1 then 5.1.2", {5, 1, 2}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint16_t status[3] = {0, 0, 0};
        bool found = status_text_enhanced(span_cstr(cases[i].text), status);

        if (found != (cases[i].status[0] != 0) ||
            memcmp(status, cases[i].status, sizeof(status)) != 0)
            fail_msg("%s: %u.%u.%u", cases[i].text, status[0], status[1], status[2]);
    }
}

static void test_reply(void **state)
{
    static const struct {
        const char *text;
        uint16_t code; /* 0: none */
        size_t at;
    } cases[] = {
        {"550 no", 550, 0},
        {"550-5.1.1 no", 550, 0},
        {"said: 452 4.2.2 full", 452, 6},
        {"<<< 554", 554, 4},
        {"550: no", 550, 0},
        {"550 #5.1.1", 550, 0},
        {"250 ok then 550 no", 550, 12},
        {"a550 no", 0, 0},
        {"5500 no", 0, 0},
        {"10.0.0.550 x", 0, 0},
        {"x-550 y", 0, 0},
        {"580 x", 0, 0},
        {"550x", 0, 0},
        {"550--", 0, 0},
        {"55", 0, 0},
        {"", 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint16_t code = 0;
        size_t at = 0;
        bool found = status_text_reply(span_cstr(cases[i].text), &code, &at);

        if (found != (cases[i].code != 0) || code != cases[i].code || at != cases[i].at)
            fail_msg("%s: %u at %zu", cases[i].text, code, at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_enhanced),
        cmocka_unit_test(test_reply),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
