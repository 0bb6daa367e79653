#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/prng.h"
#include "base/table.h"

#define COUNT_MAX 50

static struct arena arena;
static struct table table;
static uint32_t keys[COUNT_MAX]; /* the key of each value */

static bool match(const void *context, uint32_t value, const void *key)
{
    return ((const uint32_t *)context)[value] == *(const uint32_t *)key;
}

static uint32_t find(uint64_t hash, uint32_t key)
{
    return table_find(&table, hash, match, keys, &key);
}

static int set_up(void **state)
{
    (void)state;
    if (arena_open(&arena, table_cost(COUNT_MAX)) != 0)
        return -1;
    table_init(&table, &arena, COUNT_MAX);
    return arena.used == arena.size ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

static void test_fill_up(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < COUNT_MAX; i++) {
        keys[i] = i * 3;
        assert_int_equal(find(i, i * 3), TABLE_NONE);
        assert_int_equal(table_insert(&table, i, i), 0);
    }
    assert_int_equal(table_insert(&table, 99, 1), -ENOSPC);
    assert_int_equal(table.count, COUNT_MAX);
    for (uint32_t i = 0; i < COUNT_MAX; i++) {
        assert_int_equal(find(i, i * 3), i);
        assert_int_equal(find(i, 1), TABLE_NONE);
    }
    assert_false(table_remove(&table, 7, 8));
    assert_true(table_remove(&table, 7, 7));
    assert_false(table_remove(&table, 7, 7));
    assert_int_equal(table_insert(&table, 99, 7), 0);
    table_clear(&table);
    assert_int_equal(table.count, 0);
    assert_int_equal(find(3, 9), TABLE_NONE);
}

/* The hash of a key in the model: few different ones, so that runs are long, touch and wrap. */
static uint64_t bad_hash(uint32_t key, uint32_t spread)
{
    return UINT64_MAX - 2 + key % spread;
}

/* A guess is a value that is in and has that hash; none only when there is none. */
static void check_guess(const bool *present, uint32_t value, uint32_t spread)
{
    uint64_t hash = bad_hash(keys[value], spread);
    uint32_t guess = table_guess(&table, hash);

    table_prefetch(&table, hash);
    if (guess == TABLE_NONE) {
        assert_false(present[value]);
        return;
    }
    assert_true(present[guess]);
    assert_true(bad_hash(keys[guess], spread) == hash);
}

static void check_model(const bool *present, uint32_t spread)
{
    for (uint32_t value = 0; value < COUNT_MAX; value++) {
        assert_int_equal(find(bad_hash(keys[value], spread), keys[value]),
                         present[value] ? value : TABLE_NONE);
        check_guess(present, value, spread);
    }
}

/* Random inserts and removals against an array that says what is in. */
static void test_against_model(void **state)
{
    bool present[COUNT_MAX] = {0};
    struct prng prng;

    (void)state;
    prng_seed(&prng, 42);
    for (uint32_t i = 0; i < COUNT_MAX; i++)
        keys[i] = i;
    for (uint32_t spread = 1; spread < 200; spread = spread * 2 + 1) {
        table_clear(&table);
        memset(present, 0, sizeof(present));
        for (int step = 0; step < 1500; step++) {
            uint32_t value = (uint32_t)prng_below(&prng, COUNT_MAX);
            uint64_t hash = bad_hash(value, spread);

            if (present[value])
                assert_true(table_remove(&table, hash, value));
            else
                assert_int_equal(table_insert(&table, hash, value), 0);
            present[value] = !present[value];
            check_model(present, spread);
        }
    }
}

static void test_hash(void **state)
{
    /* The key and an answer of the SipHash paper, appendix A. */
    static const struct table_key key = {
        {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)}};
    static const uint8_t input[15] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14};
    struct table_key other = key;

    (void)state;
    assert_true(table_hash(&key, span_make(input, sizeof(input))) == UINT64_C(0xa129ca6149be45e5));
    other.words[1] ^= 1;
    assert_false(table_hash(&other, span_make(input, sizeof(input))) ==
                 UINT64_C(0xa129ca6149be45e5));
    assert_true(table_hash(&key, (struct span){0}) == table_hash(&key, SPAN("")));
}

static void test_sizes(void **state)
{
    (void)state;
    assert_int_equal(table_cost(0), arena_cost(2, sizeof(struct table_entry)));
    assert_int_equal(table_cost(1), arena_cost(2, sizeof(struct table_entry)));
    assert_int_equal(table_cost(64), arena_cost(128, sizeof(struct table_entry)));
    assert_int_equal(table_cost(65), arena_cost(256, sizeof(struct table_entry)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_fill_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_against_model, set_up, tear_down),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
