#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "message/roster.h"

static struct arena arena;

static int open_roster(void **state)
{
    static struct roster roster;

    assert_int_equal(arena_open(&arena, roster_cost()), 0);
    roster_init(&roster, &arena);
    assert_int_equal(arena.used, roster_cost());
    *state = &roster;
    return 0;
}

static int close_roster(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

/* What is fed comes out in order, however the window is moved; never more is taken than fits. */
static void test_window(void **state)
{
    struct roster *roster = *state;
    uint8_t data[1000];
    uint32_t fed = 0;
    uint32_t read = 0;

    for (uint32_t round = 0; round < 20000; round++) {
        struct span block = span_make(data, 1 + round % sizeof(data));
        size_t size = block.size;

        for (size_t i = 0; i < size; i++)
            data[i] = (uint8_t)((fed + i) * 31 >> 3);
        roster_feed(roster, &block);
        fed += (uint32_t)(size - block.size);
        assert_true(roster->end <= ROSTER_WINDOW);
        while (roster->end - roster->begin > ROSTER_ROW_MAX / 2 + round % 7) {
            assert_int_equal(roster->window[roster->begin], (uint8_t)(read * 31 >> 3));
            roster->begin++;
            read++;
        }
    }
    assert_true(fed > 4 * ROSTER_WINDOW);
}

static void test_full_window_takes_nothing(void **state)
{
    static uint8_t data[ROSTER_WINDOW + 5];
    struct roster *roster = *state;
    struct span block = span_make(data, sizeof(data));

    roster_feed(roster, &block);
    assert_int_equal(block.size, 5);
    roster_feed(roster, &block);
    assert_int_equal(block.size, 5);
    roster->begin = 3;
    roster_feed(roster, &block);
    assert_int_equal(block.size, 2);
    roster_finish(roster);
    assert_true(roster->finished);
}

static void test_names(void **state)
{
    static uint8_t long_name[ROSTER_NAMES_MAX];
    struct roster *roster = *state;

    memset(long_name, 'x', sizeof(long_name));
    assert_int_equal(roster_column(roster, SPAN("a")), ROSTER_COLUMN_NONE);
    assert_int_equal(roster_add_name(roster, SPAN("a")), 0);
    assert_int_equal(roster_add_name(roster, SPAN("b")), 0);
    assert_int_equal(roster_add_name(roster, span_make(long_name, sizeof(long_name) - 1)), -ENOSPC);
    assert_int_equal(roster_column(roster, SPAN("b")), 1);
    assert_int_equal(roster->names_count, 2);
}

static void test_problem(void **state)
{
    static uint8_t long_text[4 * ROSTER_WHAT_MAX];
    struct roster *roster = *state;
    uint8_t buffer[1024];
    struct text out;

    assert_int_equal(roster_add_name(roster, SPAN("a\033\xff")), 0);
    roster->row_line = 12;
    roster->row = 11;
    text_init(&out, buffer, sizeof(buffer));
    assert_int_equal(roster_fail(roster, 1, SPAN("bad\n")), ROSTER_FAILED);
    roster_problem_write(roster, "list", &out);
    assert_string_equal(text_cstr_end(&out), "list:12: row 11, column 1 (a\\x1b\\xff): bad\\x0a");
    text_reset(&out);
    assert_int_equal(roster_fail(roster, 0, SPAN("bad")), ROSTER_FAILED);
    roster_problem_write(roster, "list", &out);
    assert_string_equal(text_cstr_end(&out), "list:12: row 11: bad");
    text_reset(&out);
    assert_int_equal(roster_fail_file(roster, SPAN("bad")), ROSTER_FAILED);
    roster_problem_write(roster, "list", &out);
    assert_string_equal(text_cstr_end(&out), "list: bad");
    assert_int_equal(roster_fail(roster, 0, span_make(long_text, sizeof(long_text))),
                     ROSTER_FAILED);
    assert_true(roster->problem.what_size <= ROSTER_WHAT_MAX);
    assert_true(roster->failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_window, open_roster, close_roster),
        cmocka_unit_test_setup_teardown(test_full_window_takes_nothing, open_roster, close_roster),
        cmocka_unit_test_setup_teardown(test_names, open_roster, close_roster),
        cmocka_unit_test_setup_teardown(test_problem, open_roster, close_roster),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
