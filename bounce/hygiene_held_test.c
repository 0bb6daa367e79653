#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <time.h>

#include "base/prng.h"
#include "bounce/hygiene_held.h"

#define MANY 1000000 /* as many as there is room for */
#define SMALL 50

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

/* Of a full table: looking through it for each would take 500,000,000,000 steps. */
static void test_full_in_odd_orders(void **state)
{
    struct hygiene_held_item item = {.provider = 2, .until_s = 1};
    clock_t begin = clock();

    (void)state;
    open_with(2 * MANY);
    fill(MANY);
    item.cell = MANY;
    assert_false(hygiene_held_put(&held, &item));
    for (uint32_t i = 0; i < MANY; i++) { /* 999,983 is prime: each of them once */
        uint32_t cell = (uint32_t)((uint64_t)i * 999983 % MANY);

        assert_int_equal(hygiene_held_find(&held, cell)->until_s, cell + 7);
    }
    for (uint32_t i = 0; i < MANY; i++) { /* one goes, one comes: it stays full */
        hygiene_held_remove(&held,
                            hygiene_held_find(&held, (uint32_t)((uint64_t)i * 999983 % MANY)));
        item.cell = MANY + i;
        assert_true(hygiene_held_put(&held, &item));
        assert_int_equal(hygiene_held_ranked(&held, i)->cell < MANY, i < MANY / 2 ? 1 : 0);
    }
    for (uint32_t i = 0; i < MANY; i++) { /* the one that is shown goes */
        struct hygiene_held_item *first = hygiene_held_ranked(&held, 0);

        assert_int_equal(first->cell, MANY + i);
        hygiene_held_remove(&held, first);
    }
    assert_null(hygiene_held_ranked(&held, 0));
    assert_true(clock() - begin < 20 * CLOCKS_PER_SEC);
    arena_close(&arena);
}

/* The list as it ought to be, in an array. */
static uint32_t model[SMALL], model_count;

static void check_model(struct prng *prng)
{
    uint32_t rank = (uint32_t)prng_below(prng, SMALL + 1);
    struct hygiene_held_item *item = hygiene_held_ranked(&held, rank);
    uint32_t index = 0;

    assert_int_equal(held.count, model_count);
    assert_int_equal(item == NULL, rank >= model_count);
    if (item != NULL)
        assert_int_equal(item->cell, model[rank]);
    if (prng_below(prng, 8) == 0) {
        for (uint32_t i = 0; i < model_count; i++)
            assert_int_equal(hygiene_held_next(&held, &index)->cell, model[i]);
        assert_null(hygiene_held_next(&held, &index));
    }
}

static void test_agrees_with_a_list(void **state)
{
    struct prng prng;

    (void)state;
    open_with(SMALL);
    prng_seed(&prng, 21);
    for (uint32_t round = 0; round < 200000; round++) {
        struct hygiene_held_item item = {.cell = (uint32_t)prng_below(&prng, 3 * SMALL)};
        struct hygiene_held_item *found = hygiene_held_find(&held, item.cell);
        uint32_t at = 0;

        while (at < model_count && model[at] != item.cell)
            at++;
        assert_int_equal(found != NULL, at < model_count);
        if (found != NULL) {
            hygiene_held_remove(&held, found);
            for (model_count--; at < model_count; at++)
                model[at] = model[at + 1];
        } else if (hygiene_held_put(&held, &item)) {
            model[model_count++] = item.cell;
        } else {
            assert_int_equal(model_count, SMALL);
        }
        if (prng_below(&prng, 5000) == 0) {
            hygiene_held_clear(&held);
            model_count = 0;
        }
        check_model(&prng);
    }
    arena_close(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found_in_any_order),
        cmocka_unit_test(test_full_in_odd_orders),
        cmocka_unit_test(test_agrees_with_a_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
