/* Homes: found again, made while there is room, given on when nobody lives in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/leasing_homes.h"

#define SHARDS 3
#define HOMES 4

static struct arena arena;
static struct leasing_homes homes;

static void begin(void)
{
    assert_int_equal(arena_open(&arena, leasing_homes_cost(SHARDS, HOMES)), 0);
    leasing_homes_init(&homes, &arena, SHARDS, HOMES);
    assert_int_equal(arena.used, arena.size); /* the cost is what it takes */
}

static void announce(struct leasing_home *home, uint32_t shard, struct lease_holder *holder,
                     uint32_t want)
{
    struct lease_announcement announcement;

    lease_holder_want(holder, want, want);
    assert_true(lease_holder_speak(holder, &announcement));
    lease_home_hear(&home->home, shard, &announcement);
}

static void leave(struct leasing_home *home, uint32_t shard, struct lease_holder *holder)
{
    struct lease_announcement announcement;

    lease_holder_end(holder, &announcement);
    lease_home_hear(&home->home, shard, &announcement);
}

static void test_found_again(void **state)
{
    struct leasing_home *first, *second;

    (void)state;
    begin();
    assert_true(leasing_homes_deadline_ns(&homes) == UINT64_MAX);
    first = leasing_homes_at(&homes, 7, 10);
    second = leasing_homes_at(&homes, 8, 20);
    assert_non_null(first);
    assert_non_null(second);
    assert_ptr_not_equal(first, second);
    assert_ptr_equal(leasing_homes_at(&homes, 7, 99), first);
    assert_int_equal(first->home.limit, 10); /* a change is the caller's to tell */
    assert_int_equal(second->home.limit, 20);
    assert_int_equal(first->home.places_count, SHARDS);
    assert_true(leasing_homes_deadline_ns(&homes) != UINT64_MAX);
    arena_close(&arena);
}

/* Who is held stays; who is left goes to another site, without what was known of the one before. */
static void test_given_on(void **state)
{
    struct lease_holder holders[HOMES] = {0};
    struct leasing_home *all[HOMES], *other;

    (void)state;
    begin();
    for (uint32_t i = 0; i < HOMES; i++) {
        all[i] = leasing_homes_at(&homes, 100 + i, 5);
        assert_non_null(all[i]);
        lease_holder_begin(&holders[i], i + 1);
        announce(all[i], i % SHARDS, &holders[i], 2);
    }
    assert_null(leasing_homes_at(&homes, 200, 5));
    leasing_homes_touch(&homes, all[2]);
    all[2]->paced_ns = 77;
    leave(all[2], 2, &holders[2]);
    other = leasing_homes_at(&homes, 200, 9);
    assert_ptr_equal(other, all[2]);
    assert_int_equal(other->paced_ns, 0);
    assert_int_equal(other->home.limit, 9);
    assert_false(list_linked(&other->node)); /* has nothing to say yet */
    for (uint32_t i = 0; i < HOMES; i++)
        if (i != 2)
            assert_ptr_equal(leasing_homes_at(&homes, 100 + i, 5), all[i]);
    /* 102 is not known any more; nobody lives in 200's, so that it is given on at once. */
    assert_ptr_equal(leasing_homes_at(&homes, 102, 5), all[2]);
    lease_holder_begin(&holders[2], 50);
    announce(all[2], 0, &holders[2], 1);
    assert_null(leasing_homes_at(&homes, 200, 9));
    arena_close(&arena);
}

static void test_rotate(void **state)
{
    struct leasing_home *home;

    (void)state;
    begin();
    home = leasing_homes_at(&homes, 1, 5);
    assert_non_null(home);
    leasing_homes_rotate(&homes, NS_PER_S);
    assert_true(leasing_homes_deadline_ns(&homes) == NS_PER_S + LEASING_HOMES_ROTATE_NS);
    assert_ptr_equal(list_pop_front(&homes.dirty), &home->node);
    leasing_homes_rotate(&homes, NS_PER_S + LEASING_HOMES_ROTATE_NS - 1); /* not yet */
    assert_true(list_empty(&homes.dirty));
    leasing_homes_rotate(&homes, NS_PER_S + LEASING_HOMES_ROTATE_NS);
    leasing_homes_touch(&homes, home); /* once is enough */
    assert_ptr_equal(list_pop_front(&homes.dirty), &home->node);
    assert_true(list_empty(&homes.dirty));
    arena_close(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found_again),
        cmocka_unit_test(test_given_on),
        cmocka_unit_test(test_rotate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
