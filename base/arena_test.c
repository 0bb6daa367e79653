#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>
#include <errno.h>

#include "base/arena.h"
#include "base/check.h"
#include "tests/expect_abort.h"

static void test_alignment_and_zero(void **state)
{
    static const size_t sizes[] = {1, 63, 64, 65, 0, 4096, 3};
    struct arena arena;

    (void)state;
    assert_int_equal(arena_open(&arena, 8192), 0);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        size_t used = arena.used;
        uint8_t *memory = arena_alloc(&arena, 1, sizes[i]);

        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % 64, 0);
        assert_int_equal(arena.used - used, arena_cost(1, sizes[i]));
        for (size_t j = 0; j < sizes[i]; j++) {
            assert_int_equal(memory[j], 0);
            memory[j] = 0xff;
        }
    }
    arena_close(&arena);
    assert_null(arena.data);
    arena_close(&arena);
    arena_close(NULL);
}

static void test_exact_fit(void **state)
{
    struct arena arena;

    (void)state;
    assert_int_equal(arena_open(&arena, arena_cost(3, 100) + arena_cost(1, 1)), 0);
    (void)arena_alloc(&arena, 3, 100);
    (void)arena_alloc(&arena, 1, 1);
    assert_int_equal(arena.used, arena.size);
    arena_close(&arena);
}

static void test_too_large(void **state)
{
    struct arena arena;

    (void)state;
    assert_int_equal(arena_open(&arena, SIZE_MAX), -ENOMEM);
    arena_close(&arena);
}

static void alloc_too_much(void *context)
{
    (void)arena_alloc(context, 2, 64);
}

static void alloc_overflowing(void *context)
{
    (void)arena_alloc(context, SIZE_MAX / 2, 3);
}

static void alloc_sealed(void *context)
{
    arena_seal(context);
    (void)arena_alloc(context, 1, 1);
}

static void alloc_fitting(void *context)
{
    (void)arena_alloc(context, 1, 64);
}

static void test_checks(void **state)
{
    struct arena arena;

    (void)state;
    assert_int_equal(arena_open(&arena, 64), 0);
    assert_true(expect_abort(alloc_too_much, &arena));
    assert_true(expect_abort(alloc_overflowing, &arena));
    assert_true(expect_abort(alloc_sealed, &arena));
    assert_false(expect_abort(alloc_fitting, &arena));
    arena_close(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alignment_and_zero),
        cmocka_unit_test(test_exact_fit),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_checks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
