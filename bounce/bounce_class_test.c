#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "bounce/bounce_class.h"

static void test_names_go_both_ways(void **state)
{
    (void)state;
    for (unsigned i = 0; i < BOUNCE_CLASS_COUNT; i++) {
        enum bounce_class found = BOUNCE_CLASS_COUNT;

        assert_true(
            bounce_class_from_name(span_cstr(bounce_class_name((enum bounce_class)i)), &found));
        assert_int_equal(found, i);
        assert_true(bounce_class_meaning((enum bounce_class)i)[0] != '\0');
    }
    assert_int_equal(BOUNCE_CLASS_COUNT, 32);
}

static void test_unknown_names_are_refused(void **state)
{
    static const char *const names[] = {"", "No-User", "no-use", "no-user ", "no-userx"};
    enum bounce_class found;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_false(bounce_class_from_name(span_cstr(names[i]), &found));
}

static void test_senders_fault_never_counts(void **state)
{
    (void)state;
    for (unsigned i = 0; i < BOUNCE_CLASS_COUNT; i++) {
        enum bounce_class what = (enum bounce_class)i;
        struct bounce_action action = bounce_class_action(what);

        if (bounce_class_is_senders(what)) {
            assert_int_equal(bounce_class_learns(what), BOUNCE_LEARNS_NOTHING);
            assert_int_equal(action.weight, 0);
            assert_int_equal(action.limit, 0);
        }
        if (bounce_class_learns(what) == BOUNCE_LEARNS_COUNT) {
            assert_int_equal(action.hygiene, BOUNCE_HYGIENE_COUNT);
            assert_true(action.weight > 0);
            assert_int_equal(bounce_class_severity(what), BOUNCE_SEVERITY_SOFT);
        }
        if (bounce_class_learns(what) == BOUNCE_LEARNS_SUPPRESS)
            assert_int_equal(bounce_class_severity(what), BOUNCE_SEVERITY_HARD);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_go_both_ways),
        cmocka_unit_test(test_unknown_names_are_refused),
        cmocka_unit_test(test_senders_fault_never_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
