#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>
#include <string.h>

#include "base/nearest.h"

static void test_steps(void **state)
{
    static const struct {
        const char *a, *b;
        uint32_t steps;
    } cases[] = {
        {"", "", 0},
        {"a", "", 1},
        {"", "abc", 3},
        {"port", "port", 0},
        {"prot", "port", 1},
        {"pot", "port", 1},
        {"portt", "port", 1},
        {"pxrt", "port", 1},
        {"kitten", "sitting", 3},
        {"ca", "abc", 3},
        {"connections", "conections", 1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span a = span_cstr(cases[i].a), b = span_cstr(cases[i].b);

        assert_int_equal(nearest_steps(a, b), cases[i].steps);
        assert_int_equal(nearest_steps(b, a), cases[i].steps);
    }
}

static void test_found(void **state)
{
    static const char *const names[] = {"send", "queue", "bounce", "suppress", "resolve"};
    static const char *const cases[][2] = {
        {"sedn", "send"},
        {"quue", "queue"},
        {"supress", "suppress"},
        {"reslove", "resolve"},
        {"x", ""},
        {"help", ""},
        {"", ""},
        {"sendmail", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct nearest nearest;

        nearest_init(&nearest, span_cstr(cases[i][0]));
        for (size_t j = 0; j < ARRAY_LEN(names); j++)
            nearest_offer(&nearest, span_cstr(names[j]));
        assert_true(span_equal(nearest_found(&nearest), span_cstr(cases[i][1])));
    }
}

static void test_oversized(void **state)
{
    static char name[NEAREST_SIZE_MAX + 2];
    struct nearest nearest;

    (void)state;
    memset(name, 0x61, sizeof(name) - 1);
    assert_int_equal(nearest_steps(span_cstr(name), SPAN("a")), UINT32_MAX);
    assert_int_equal(nearest_steps(span_cstr(name + 1), span_cstr(name + 1)), 0);
    nearest_init(&nearest, span_cstr(name));
    nearest_offer(&nearest, span_cstr(name));
    assert_int_equal(nearest_found(&nearest).size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_found),
        cmocka_unit_test(test_oversized),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
