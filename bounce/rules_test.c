#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <string.h>

#include "bounce/phrases.h"
#include "bounce/rules.h"

static void test_builtin_rules_are_sorted_by_step(void **state)
{
    const struct rules *rules = rules_builtin();

    (void)state;
    assert_in_range(rules->count, 1, RULES_MAX);
    for (uint32_t i = 1; i < rules->count; i++)
        assert_true(rules->list[i - 1].step <= rules->list[i].step);
}

static void test_builtin_phrases_are_sound(void **state)
{
    const struct rules *rules = rules_builtin();
    uint32_t bad;

    (void)state;
    assert_in_range(rules->phrases_count, 100, RULES_PHRASES_MAX);
    if (!phrases_check(rules->phrases, rules->phrases_count, &bad))
        fail_msg("phrase \"%s\"", rules->phrases[bad]);
}

static void test_builtin_ids_are_unique(void **state)
{
    const struct rules *rules = rules_builtin();

    (void)state;
    for (uint32_t i = 0; i < rules->count; i++) {
        assert_in_range(strlen(rules->list[i].id), 1, RULES_ID_MAX);
        for (uint32_t k = 0; k < i; k++)
            assert_string_not_equal(rules->list[i].id, rules->list[k].id);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_builtin_rules_are_sorted_by_step),
        cmocka_unit_test(test_builtin_phrases_are_sound),
        cmocka_unit_test(test_builtin_ids_are_unique),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
