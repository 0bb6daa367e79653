#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>
#include <string.h>

#include "base/check.h"
#include "base/slab.h"
#include "tests/expect_abort.h"

#define SLOTS 5
#define SLOT_SIZE 20

static struct arena arena;
static struct slab slab;

static int set_up(void **state)
{
    (void)state;
    if (arena_open(&arena, slab_cost(SLOTS, SLOT_SIZE)) != 0)
        return -1;
    slab_init(&slab, &arena, SLOTS, SLOT_SIZE);
    /* What slab_cost promised was taken, no more and no less. */
    return arena.used == arena.size ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

static void test_claim_all(void **state)
{
    uint8_t *slots[SLOTS];

    (void)state;
    for (uint32_t i = 0; i < SLOTS; i++) {
        assert_null(slab_at(&slab, i));
        slots[i] = slab_claim(&slab);
        assert_non_null(slots[i]);
        assert_int_equal((uintptr_t)slots[i] % 16, 0);
        assert_ptr_equal(slab_at(&slab, i), slots[i]);
        memset(slots[i], 0xff, SLOT_SIZE);
        for (uint32_t j = 0; j < i; j++)
            assert_ptr_not_equal(slots[i], slots[j]);
    }
    assert_int_equal(slab.claimed_count, SLOTS);
    assert_null(slab_claim(&slab));
    slab_release(&slab, slots[3]);
    assert_null(slab_at(&slab, 3));
    assert_ptr_equal(slab_claim(&slab), slots[3]);
    for (size_t i = 0; i < SLOT_SIZE; i++)
        assert_int_equal(slots[3][i], 0);
    for (uint32_t i = 0; i < SLOTS; i++)
        slab_release(&slab, slots[i]);
    assert_int_equal(slab.claimed_count, 0);
}

static void test_stale_handles(void **state)
{
    void *slot = slab_claim(&slab);
    struct slab_handle handle = slab_handle_of(&slab, slot);
    struct slab_handle again;

    (void)state;
    assert_int_not_equal(handle.generation, 0);
    assert_ptr_equal(slab_get(&slab, handle), slot);
    slab_release(&slab, slot);
    assert_null(slab_get(&slab, handle));
    assert_ptr_equal(slab_claim(&slab), slot);
    assert_null(slab_get(&slab, handle));
    again = slab_handle_of(&slab, slot);
    assert_int_equal(again.index, handle.index);
    assert_int_not_equal(again.generation, handle.generation);
    assert_ptr_equal(slab_get(&slab, again), slot);
}

static void test_hostile_handles(void **state)
{
    void *slot = slab_claim(&slab);
    struct slab_handle handle = slab_handle_of(&slab, slot);

    (void)state;
    assert_null(slab_get(&slab, (struct slab_handle){SLOTS, 1}));
    assert_null(slab_get(&slab, (struct slab_handle){SLAB_NONE, 1}));
    assert_null(slab_get(&slab, (struct slab_handle){handle.index, 0}));
    assert_null(slab_get(&slab, (struct slab_handle){1, 1})); /* free */
    assert_null(slab_get(&slab, (struct slab_handle){handle.index, handle.generation + 1}));
    assert_null(slab_at(&slab, SLOTS));
    assert_null(slab_at(&slab, SLAB_NONE));
}

/* 24 bits wrap, and 0 is left out. */
static void test_generation_wraps(void **state)
{
    struct slab_handle handle;
    void *slot;

    (void)state;
    slab.generations[slab.free_head] = (UINT32_C(1) << 24) - 1;
    slot = slab_claim(&slab);
    assert_int_equal(slab_handle_of(&slab, slot).generation, (1 << 24) - 1);
    slab_release(&slab, slot);
    slot = slab_claim(&slab);
    handle = slab_handle_of(&slab, slot);
    assert_int_equal(handle.generation, 1);
    assert_ptr_equal(slab_get(&slab, handle), slot);
}

static void release_twice(void *slot)
{
    slab_release(&slab, slot);
    slab_release(&slab, slot);
}

static void release_inside(void *slot)
{
    slab_release(&slab, (uint8_t *)slot + 1);
}

static void release_outside(void *slot)
{
    (void)slot;
    slab_release(&slab, slab.slots + slab.slot_size * SLOTS);
}

static void test_checks(void **state)
{
    void *slot = slab_claim(&slab);

    (void)state;
    assert_true(expect_abort(release_twice, slot));
    assert_true(expect_abort(release_inside, slot));
    assert_true(expect_abort(release_outside, slot));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_claim_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stale_handles, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hostile_handles, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_generation_wraps, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_checks, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
