/* dictionary: one number a name, whatever its case; full tables refuse. */
#include "queue/dictionary.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena arena;
static struct dictionary dictionary;

static int setup(void **state)
{
    (void)state;
    assert_int_equal(arena_open(&arena, dictionary_cost(4)), 0);
    dictionary_init(&dictionary, &arena, 4, 3, (struct table_key){{1, 2}});
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

static void test_numbers(void **state)
{
    uint32_t first, second, again;

    (void)state;
    assert_int_equal(dictionary_add(&dictionary, SPAN("Example.ORG"), &first), 0);
    assert_int_equal(dictionary_add(&dictionary, SPAN("example.com"), &second), 0);
    assert_int_equal(dictionary_add(&dictionary, SPAN("EXAMPLE.org"), &again), 0);
    assert_int_equal(first, 0);
    assert_int_equal(second, 1);
    assert_int_equal(again, 0);
    assert_int_equal(dictionary_find(&dictionary, SPAN("example.COM")), 1);
    assert_int_equal(dictionary_find(&dictionary, SPAN("example.net")), TABLE_NONE);
    assert_true(span_equal(dictionary_name(&dictionary, 0), SPAN("example.org")));
    dictionary_clear(&dictionary);
    assert_int_equal(dictionary_find(&dictionary, SPAN("example.COM")), TABLE_NONE);
}

static void test_limits(void **state)
{
    static const uint8_t long_name[DICTIONARY_NAME_MAX + 1] = {'a'};
    uint32_t domain;

    (void)state;
    assert_int_equal(dictionary_add(&dictionary, (struct span){0}, &domain), -EINVAL);
    assert_int_equal(dictionary_add(&dictionary, span_make(long_name, sizeof(long_name)), &domain),
                     -EINVAL);
    assert_int_equal(dictionary_find(&dictionary, span_make(long_name, sizeof(long_name))),
                     TABLE_NONE);
    assert_int_equal(dictionary_add(&dictionary, SPAN("a"), &domain), 0);
    assert_int_equal(dictionary_add(&dictionary, SPAN("b"), &domain), 0);
    assert_int_equal(dictionary_add(&dictionary, SPAN("c"), &domain), 0);
    assert_int_equal(dictionary_add(&dictionary, SPAN("d"), &domain), 0);
    assert_int_equal(dictionary_add(&dictionary, SPAN("e"), &domain), -ENOSPC);
    assert_int_equal(dictionary_add(&dictionary, SPAN("b"), &domain), 0);
    assert_int_equal(domain, 1);
}

/* The shard of a name never changes: queues of other processes depend on it only through memory,
 * but events of one shard must not move while it runs; other keys must not matter. */
static void test_shard_is_stable(void **state)
{
    struct arena other_arena;
    struct dictionary other;
    uint32_t domain;

    (void)state;
    assert_int_equal(arena_open(&other_arena, dictionary_cost(4)), 0);
    dictionary_init(&other, &other_arena, 4, 3, (struct table_key){{99, 98}});
    assert_int_equal(dictionary_add(&other, SPAN("x.example"), &domain), 0);
    assert_int_equal(dictionary_add(&other, SPAN("gmail.com"), &domain), 0);
    assert_int_equal(dictionary_add(&dictionary, SPAN("gmail.com"), &domain), 0);
    assert_int_equal(dictionary.shards[0], other.shards[1]);
    assert_true(dictionary.shards[0] < 3);
    arena_close(&other_arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_numbers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shard_is_stable, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
