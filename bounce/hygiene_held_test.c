#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <time.h>

#include "bounce/hygiene_held.h"

#define MANY 100000

static struct arena arena;
static struct hygiene_held held;

static void open_with(uint32_t count)
{
    assert_int_equal(arena_open(&arena, hygiene_held_cost(count)), 0);
    hygiene_held_init(&held, &arena, count);
}

static void fill(uint32_t count)
{
    struct hygiene_held_item item = {.provider = 1};

    for (item.cell = 0; item.cell < count; item.cell++) {
        item.until_s = item.cell + 7;
        assert_true(hygiene_held_put(&held, &item));
    }
}

/* Whatever the order of looks and removals. */
static void test_found_in_any_order(void **state)
{
    struct hygiene_held_item more = {.cell = 99};
    static const uint32_t order[] = {0, 1, 2, 9, 0, 5, 4, 9, 9, 3, 3, 8};

    (void)state;
    open_with(10);
    assert_null(hygiene_held_find(&held, 0));
    fill(10);
    assert_false(hygiene_held_put(&held, &more));
    for (uint32_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
        assert_int_equal(hygiene_held_find(&held, order[i])->until_s, order[i] + 7);
    assert_null(hygiene_held_find(&held, 99));
    for (uint32_t cell = 0; cell < 10; cell++) {
        hygiene_held_remove(&held, hygiene_held_find(&held, (cell * 7 + 3) % 10));
        assert_null(hygiene_held_find(&held, (cell * 7 + 3) % 10));
        if (cell < 9)
            assert_int_equal(hygiene_held_find(&held, (cell * 7 + 10) % 10)->cell,
                             (cell * 7 + 10) % 10);
    }
    assert_int_equal(held.count, 0);
    arena_close(&arena);
}

/* One look each: looking through the list each time would take 5,000,000,000 steps. */
static void test_all_in_order(void **state)
{
    clock_t begin = clock();

    (void)state;
    open_with(MANY);
    fill(MANY);
    for (uint32_t cell = 0; cell < MANY; cell++)
        assert_true(hygiene_held_find(&held, cell) == &held.items[cell]);
    assert_true(clock() - begin < 2 * CLOCKS_PER_SEC);
    arena_close(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found_in_any_order),
        cmocka_unit_test(test_all_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
