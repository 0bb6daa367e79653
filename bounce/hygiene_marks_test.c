#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <stdio.h>

#include "bounce/hygiene_marks.h"

#define COUNT 50000

static struct arena arena;
static struct hygiene_marks marks;

static int begin(void **state)
{
    struct table_key seed = {{3, 5}};

    (void)state;
    if (arena_open(&arena, hygiene_marks_cost(COUNT)) != 0)
        return -1;
    hygiene_marks_init(&marks, &arena, COUNT, &seed);
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

static struct span name_of(uint32_t number, char into[32])
{
    (void)snprintf(into, 32, "user%u@example.com", number);
    return span_cstr(into);
}

static uint32_t find(uint32_t number)
{
    char text[32];
    struct span name = name_of(number, text);

    return hygiene_marks_find(&marks, hygiene_marks_hash(&marks, name), name);
}

static void fill(void)
{
    char text[32];

    for (uint32_t i = 0; i < COUNT; i++) {
        struct span name = name_of(i, text);
        uint32_t cell = hygiene_marks_add(&marks, hygiene_marks_hash(&marks, name), name);

        assert_int_not_equal(cell, HYGIENE_MARKS_NONE);
        hygiene_marks_set_until(&marks, cell, i + 1);
    }
}

static void test_full_to_the_brim(void **state)
{
    (void)state;
    fill();
    assert_int_equal(hygiene_marks_count(&marks), COUNT);
    assert_int_equal(hygiene_marks_add(&marks, 1, SPAN("more")), HYGIENE_MARKS_NONE);
    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t cell = find(i);

        assert_int_not_equal(cell, HYGIENE_MARKS_NONE);
        assert_int_equal(hygiene_marks_number(&marks, cell), i);
        assert_int_equal(hygiene_marks_until(&marks, cell), i + 1);
        assert_int_equal(find(COUNT + i), HYGIENE_MARKS_NONE);
    }
    hygiene_marks_clear(&marks);
    assert_int_equal(hygiene_marks_count(&marks), 0);
    assert_int_equal(find(7), HYGIENE_MARKS_NONE);
}

static void test_flags_leave_numbers_alone(void **state)
{
    uint32_t cell;

    (void)state;
    fill();
    cell = find(COUNT - 1);
    for (uint32_t flag = 0; flag < 2; flag++) {
        assert_false(hygiene_marks_flag(&marks, cell, flag));
        hygiene_marks_set_flag(&marks, cell, flag, true);
        assert_true(hygiene_marks_flag(&marks, cell, flag));
        assert_int_equal(hygiene_marks_number(&marks, cell), COUNT - 1);
    }
    hygiene_marks_set_flag(&marks, cell, 0, false);
    assert_true(!hygiene_marks_flag(&marks, cell, 0) && hygiene_marks_flag(&marks, cell, 1));
}

/* Two names with one hash: the second hash tells them apart. */
static void test_one_hash_two_names(void **state)
{
    uint32_t first, second;

    (void)state;
    first = hygiene_marks_add(&marks, 99, SPAN("one"));
    assert_int_equal(hygiene_marks_find(&marks, 99, SPAN("two")), HYGIENE_MARKS_NONE);
    second = hygiene_marks_add(&marks, 99, SPAN("two"));
    hygiene_marks_set_until(&marks, second, 5);
    assert_int_equal(hygiene_marks_find(&marks, 99, SPAN("one")), first);
    assert_int_equal(hygiene_marks_find(&marks, 99, SPAN("two")), second);
    assert_int_equal(hygiene_marks_until(&marks, first), 0);
    assert_int_equal(hygiene_marks_until(&marks, second), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_full_to_the_brim, begin, end),
        cmocka_unit_test_setup_teardown(test_flags_leave_numbers_alone, begin, end),
        cmocka_unit_test_setup_teardown(test_one_hash_two_names, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
