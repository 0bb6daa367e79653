#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>
#include <string.h>

#include "base/check.h"
#include "base/config_row.h"
#include "tests/expect_abort.h"

#define ROW(row_name, row_type)                                                                    \
    {                                                                                              \
        .name = (row_name), .type = (row_type), .max = 9, .doc = "x"                               \
    }

static const struct config_row good_rows[] = {
    ROW("top", CONFIG_U32),       ROW("a.one", CONFIG_U32),  ROW("a.b.two", CONFIG_U32),
    ROW("a.b.three", CONFIG_U32), ROW("a.four", CONFIG_U32), ROW("ab", CONFIG_U32),
};
static const struct config_schema good = {good_rows, ARRAY_LEN(good_rows)};

static void test_find(void **state)
{
    static const struct {
        const char *section, *key;
        bool found, is_section;
        uint32_t index;
    } cases[] = {
        {"", "top", true, false, 0},    {"", "a", true, true, 1},
        {"a.", "b", true, true, 2},     {"a.b.", "three", true, false, 3},
        {"a.", "four", true, false, 4}, {"", "ab", true, false, 5},
        {"", "b", false, false, 0},     {"a.", "top", false, false, 0},
        {"", "a.one", false, false, 0}, {"", "", false, false, 0},
        {"", "to", false, false, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct config_row_match match =
            config_row_find(&good, span_cstr(cases[i].section), span_cstr(cases[i].key));

        assert_int_equal(match.found, cases[i].found);
        assert_int_equal(match.is_section, cases[i].is_section);
        assert_int_equal(match.index, cases[i].index);
    }
}

static void test_parts(void **state)
{
    (void)state;
    assert_int_equal(config_row_depth("a.b.c"), 2);
    assert_true(span_equal(config_row_part("a.b.c", 1), SPAN("b")));
    assert_int_equal(config_row_shared("a.b.c", "a.b.d"), 2);
    assert_int_equal(config_row_shared("a.b.c", "a.x.c"), 1);
    assert_int_equal(config_row_shared("a.b", "a.b.c"), 1);
    assert_int_equal(config_row_shared(NULL, "a.b"), 0);
}

static void check_it(void *context)
{
    config_row_check(context);
}

static void test_unsound_tables(void **state)
{
    static const char *const names[] = {"x", NULL};
    static const struct config_row double_name[] = {ROW("a", CONFIG_U32), ROW("a", CONFIG_U32)};
    static const struct config_row both[] = {ROW("a", CONFIG_U32), ROW("a.b", CONFIG_U32)};
    static const struct config_row torn[] = {ROW("a.b", CONFIG_U32), ROW("c", CONFIG_U32),
                                             ROW("a.d", CONFIG_U32)};
    static const struct config_row empty_part[] = {ROW("a..b", CONFIG_U32)};
    static const struct config_row no_names[] = {ROW("a", CONFIG_ENUM)};
    static const struct config_row no_subtree[] = {ROW("a", CONFIG_SUBTREE)};
    static const struct config_row no_doc[] = {{.name = "a", .type = CONFIG_ENUM, .names = names}};
    static const struct config_row no_size[] = {{.name = "a", .type = CONFIG_STRING, .doc = "x"}};
    static const struct config_row turned[] = {
        {.name = "a", .type = CONFIG_U32, .min = 5, .max = 4, .doc = "x"}};
    static const struct config_schema bad[] = {
        {double_name, 2}, {both, 2},   {torn, 3},    {empty_part, 1}, {no_names, 1},
        {no_subtree, 1},  {no_doc, 1}, {no_size, 1}, {turned, 1},
    };
    struct config_schema schema = good;

    (void)state;
    assert_false(expect_abort(check_it, &schema));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        schema = bad[i];
        if (!expect_abort(check_it, &schema))
            fail_msg("table %zu passed", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_unsound_tables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
