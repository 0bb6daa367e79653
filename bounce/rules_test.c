#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "bounce/rules.h"

static void test_builtin_rules_are_sorted_by_step(void **state)
{
    const struct rules *rules = rules_builtin();

    (void)state;
    assert_in_range(rules->count, 1, RULES_MAX);
    for (uint32_t i = 1; i < rules->count; i++)
        assert_true(rules->list[i - 1].step <= rules->list[i].step);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_builtin_rules_are_sorted_by_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
