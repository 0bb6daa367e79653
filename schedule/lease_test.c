#include "schedule/lease.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "base/prng.h"

#define HOLDERS_MAX 8
#define QUEUE_MAX 64

/* Two FIFO channels of unknown delay between the home and each holder. */
struct link {
    struct lease_announcement up[QUEUE_MAX];
    struct lease_grant down[QUEUE_MAX];
    uint32_t up_from, up_to, down_from, down_to;
};

struct world {
    struct lease_home home;
    struct lease_place places[HOLDERS_MAX];
    struct lease_holder holders[HOLDERS_MAX];
    struct link links[HOLDERS_MAX];
    uint32_t count;
    uint32_t lives;
    uint32_t limit;     /* the home's */
    uint32_t sum_limit; /* what the sum may be now: the limit, or what it was cut from */
    struct prng prng;
};

static void world_init(struct world *world, uint32_t count, uint32_t limit, uint64_t seed)
{
    memset(world, 0, sizeof(*world));
    world->count = count;
    world->limit = world->sum_limit = limit;
    lease_home_init(&world->home, world->places, count, limit);
    for (uint32_t i = 0; i < count; i++)
        lease_holder_init(&world->holders[i]);
    prng_seed(&world->prng, seed);
}

/* The rule: what all holders have or use, whatever is on its way. */
static void check_sum(const struct world *world)
{
    uint32_t used = 0, may = 0;

    for (uint32_t i = 0; i < world->count; i++) {
        const struct lease_holder *holder = &world->holders[i];

        used += holder->used;
        may += holder->used > holder->granted ? holder->used : holder->granted;
    }
    assert_true(used <= world->sum_limit);
    assert_true(may <= world->sum_limit);
    assert_true(may <= lease_home_reserved(&world->home));
}

static void home_speaks(struct world *world)
{
    uint32_t place = 0;
    struct lease_grant grant = {0, 0, 0};

    while (lease_home_speak(&world->home, &place, &grant)) {
        struct link *link = &world->links[place];

        assert_true(link->down_to - link->down_from < QUEUE_MAX);
        link->down[link->down_to++ % QUEUE_MAX] = grant;
    }
}

static void holder_speaks(struct world *world, uint32_t i)
{
    struct link *link = &world->links[i];

    if (link->up_to - link->up_from < QUEUE_MAX &&
        lease_holder_speak(&world->holders[i], &link->up[link->up_to % QUEUE_MAX]))
        link->up_to++;
}

static bool deliver_up(struct world *world, uint32_t i)
{
    struct link *link = &world->links[i];

    if (link->up_from == link->up_to)
        return false;
    lease_home_hear(&world->home, i, &link->up[link->up_from++ % QUEUE_MAX]);
    return true;
}

static bool deliver_down(struct world *world, uint32_t i)
{
    struct link *link = &world->links[i];

    if (link->down_from == link->down_to)
        return false;
    lease_holder_hear(&world->holders[i], &link->down[link->down_from++ % QUEUE_MAX]);
    return true;
}

/* The holder goes, with or without a word, and another comes in its place. */
static void begin_anew(struct world *world, uint32_t i)
{
    struct link *link = &world->links[i];

    if (world->holders[i].used > 0 || link->up_to - link->up_from == QUEUE_MAX)
        return;
    if (prng_percent(&world->prng, 50))
        lease_holder_end(&world->holders[i], &link->up[link->up_to++ % QUEUE_MAX]);
    lease_holder_begin(&world->holders[i], ++world->lives);
}

/* One thing happens, anywhere. */
static void act(struct world *world)
{
    uint32_t i = (uint32_t)prng_below(&world->prng, world->count);
    struct lease_holder *holder = &world->holders[i];

    switch (prng_below(&world->prng, 9)) {
    case 8:
        begin_anew(world, i);
        break;
    case 0:
        lease_holder_want(holder, (uint32_t)prng_below(&world->prng, world->limit + 2),
                          (uint32_t)prng_below(&world->prng, 2 * world->limit + 2));
        break;
    case 1:
        lease_holder_want(holder, 0, 0);
        break;
    case 2:
    case 3:
        if (lease_holder_may_take(holder))
            lease_holder_take(holder);
        break;
    case 4:
        if (holder->used > 0)
            lease_holder_give(holder);
        break;
    case 5:
        (void)deliver_up(world, i);
        break;
    case 6:
        (void)deliver_down(world, i);
        break;
    case 7:
        if (prng_percent(&world->prng, 20))
            lease_home_rotate(&world->home);
        home_speaks(world);
        break;
    default:
        break;
    }
    holder_speaks(world, i);
    check_sum(world);
}

/* Everything is delivered and said until nothing more is. */
static void settle(struct world *world)
{
    bool moved = true;

    for (uint32_t rounds = 0; moved; rounds++) {
        assert_true(rounds < 1000);
        moved = false;
        home_speaks(world);
        for (uint32_t i = 0; i < world->count; i++) {
            while (deliver_down(world, i))
                moved = true;
            holder_speaks(world, i);
            while (deliver_up(world, i))
                moved = true;
            check_sum(world);
        }
    }
}

static void test_sum_never_exceeds_the_limit(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct world world;

        world_init(&world, 1 + (uint32_t)(seed % HOLDERS_MAX), 1 + (uint32_t)(seed * 7 % 25), seed);
        for (uint32_t i = 0; i < 3000; i++)
            act(&world);
    }
}

/* A changed limit: once everybody has given back, the sum obeys it. */
static void test_changed_limit(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct world world;

        world_init(&world, 4, 20, seed);
        for (uint32_t i = 0; i < 1000; i++)
            act(&world);
        world.limit = 5 + (uint32_t)(seed % 30);
        world.sum_limit = world.limit > 20 ? world.limit : 20;
        lease_home_change_limit(&world.home, world.limit);
        for (uint32_t i = 0; i < 1000; i++)
            act(&world);
        for (uint32_t i = 0; i < 4; i++) {
            while (world.holders[i].used > 0)
                lease_holder_give(&world.holders[i]);
        }
        settle(&world);
        world.sum_limit = world.limit;
        for (uint32_t i = 0; i < 1000; i++)
            act(&world);
    }
}

static void expect_grants(const struct world *world, const uint32_t *expected)
{
    for (uint32_t i = 0; i < world->count; i++)
        assert_int_equal(world->holders[i].granted, expected[i]);
}

static void test_fair_split(void **state)
{
    static const struct {
        uint32_t limit, want[4], granted[4];
    } rows[] = {
        {20, {100, 100, 100, 100}, {5, 5, 5, 5}}, {20, {100, 0, 0, 0}, {20, 0, 0, 0}},
        {20, {2, 100, 0, 100}, {2, 9, 0, 9}},     {20, {1, 2, 3, 4}, {1, 2, 3, 4}},
        {20, {1, 4, 100, 9}, {1, 4, 8, 7}},       {3, {9, 9, 9, 0}, {1, 1, 1, 0}},
        {7, {9, 9, 0, 9}, {3, 2, 0, 2}},          {20, {0, 0, 0, 0}, {0, 0, 0, 0}},
    };

    (void)state;
    for (size_t row = 0; row < ARRAY_LEN(rows); row++) {
        struct world world;

        world_init(&world, 4, rows[row].limit, 1);
        for (uint32_t i = 0; i < 4; i++)
            lease_holder_want(&world.holders[i], rows[row].want[i], rows[row].want[i]);
        settle(&world); /* in whatever order the wants came */
        settle(&world);
        expect_grants(&world, rows[row].granted);
    }
}

/* Need comes before want: what rests with one holder goes where there is work, and stays where
 * there is none. */
static void test_need_first(void **state)
{
    static const struct {
        uint32_t limit, need[4], want[4], granted[4];
    } rows[] = {
        {3, {0, 0, 0, 3}, {3, 3, 3, 3}, {0, 0, 0, 3}},
        {3, {1, 0, 0, 1}, {3, 3, 0, 3}, {2, 0, 0, 1}},
        {3, {0, 0, 0, 0}, {3, 3, 3, 3}, {1, 1, 1, 0}},
        {20, {1, 1, 0, 0}, {5, 2, 3, 0}, {5, 2, 3, 0}},
        {6, {1, 9, 0, 0}, {5, 9, 3, 0}, {1, 5, 0, 0}},
        {4, {9, 0, 0, 0}, {2, 4, 0, 0}, {2, 2, 0, 0}}, /* need is at most want */
    };

    (void)state;
    for (size_t row = 0; row < ARRAY_LEN(rows); row++) {
        struct world world;

        world_init(&world, 4, rows[row].limit, 1);
        for (uint32_t i = 0; i < 4; i++)
            lease_holder_want(&world.holders[i], rows[row].need[i], rows[row].want[i]);
        settle(&world);
        settle(&world);
        expect_grants(&world, rows[row].granted);
    }
}

/* A newcomer gets its part as the others give back. */
static void test_revocation_waits(void **state)
{
    static const uint32_t whole[4] = {10, 0}, half[4] = {5, 5}; /* of two holders */
    struct world world;

    (void)state;
    world_init(&world, 2, 10, 1);
    lease_holder_want(&world.holders[0], 50, 50);
    settle(&world);
    expect_grants(&world, whole);
    for (uint32_t i = 0; i < 10; i++)
        lease_holder_take(&world.holders[0]);
    lease_holder_want(&world.holders[1], 50, 50);
    settle(&world);
    assert_int_equal(world.holders[0].granted, 5);
    assert_true(lease_holder_over(&world.holders[0]));
    assert_int_equal(world.holders[1].granted, 0);
    for (uint32_t i = 1; i <= 5; i++) {
        lease_holder_give(&world.holders[0]);
        settle(&world);
        assert_int_equal(world.holders[1].granted, i);
    }
    assert_false(lease_holder_over(&world.holders[0]));
    expect_grants(&world, half);
}

/* With fewer permits than holders everybody has one now and then. */
static void test_rotation(void **state)
{
    for (uint32_t limit = 1; limit < 6; limit++) {
        uint32_t turns[6] = {0};
        struct world world;

        (void)state;
        world_init(&world, 6, limit, 1);
        for (uint32_t i = 0; i < 6; i++)
            lease_holder_want(&world.holders[i], 9, 9);
        for (uint32_t round = 0; round < 60; round++) {
            uint32_t granted = 0;

            settle(&world);
            for (uint32_t i = 0; i < 6; i++) {
                struct lease_holder *holder = &world.holders[i];

                granted += holder->granted;
                turns[i] += holder->granted > 0;
                if (lease_holder_may_take(holder))
                    lease_holder_take(holder); /* a session, closed when the lease is gone */
                else if (lease_holder_over(holder))
                    lease_holder_give(holder);
            }
            assert_true(granted <= limit);
            lease_home_rotate(&world.home);
            settle(&world);
            for (uint32_t i = 0; i < 6; i++) {
                while (lease_holder_over(&world.holders[i]))
                    lease_holder_give(&world.holders[i]);
            }
            settle(&world);
        }
        for (uint32_t i = 0; i < 6; i++)
            assert_true(turns[i] >= 60 * limit / 6 / 2);
    }
}

/* After any disorder, once things are quiet everybody with mail has its share. */
static void test_everybody_is_served_in_the_end(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct world world;
        uint32_t left;

        world_init(&world, 5, 12, seed);
        for (uint32_t i = 0; i < 2000; i++)
            act(&world);
        for (uint32_t i = 0; i < 5; i++) {
            lease_holder_want(&world.holders[i], 40, 40);
            holder_speaks(&world, i);
        }
        settle(&world);
        for (uint32_t i = 0; i < 5; i++) {
            while (lease_holder_over(&world.holders[i]))
                lease_holder_give(&world.holders[i]);
        }
        settle(&world);
        left = 12;
        for (uint32_t i = 0; i < 5; i++) {
            assert_in_range(world.holders[i].granted, 2, 3);
            left -= world.holders[i].granted;
        }
        assert_int_equal(left, 0);
    }
}

/* The case that a ledger without acknowledgements gets wrong: an announcement that was under way
 * before the grant says nothing about the grant. */
static void test_old_announcement_acknowledges_nothing(void **state)
{
    struct world world;
    struct lease_announcement old;

    (void)state;
    world_init(&world, 2, 10, 1);
    lease_holder_want(&world.holders[0], 5, 5);
    assert_true(lease_holder_speak(&world.holders[0], &old));
    lease_home_hear(&world.home, 0, &old);
    home_speaks(&world); /* 5 for holder 0, on their way */
    old.want = 0;        /* said before it heard of them */
    lease_home_hear(&world.home, 0, &old);
    lease_holder_want(&world.holders[1], 10, 10);
    holder_speaks(&world, 1);
    (void)deliver_up(&world, 1);
    home_speaks(&world);
    (void)deliver_down(&world, 0);
    (void)deliver_down(&world, 1);
    check_sum(&world);
    assert_int_equal(world.holders[0].granted, 5);
    assert_int_equal(world.holders[1].granted, 5);
}

/* A grant under way to a holder that is gone is nobody's; the new one is served from the start. */
static void test_grant_to_an_earlier_life(void **state)
{
    struct world world;
    struct lease_announcement last;

    (void)state;
    world_init(&world, 2, 10, 1);
    lease_holder_begin(&world.holders[0], 1);
    lease_holder_begin(&world.holders[1], 2);
    lease_holder_want(&world.holders[0], 10, 10);
    settle(&world);
    assert_int_equal(world.holders[0].granted, 10);
    lease_holder_want(&world.holders[0], 4, 4);
    holder_speaks(&world, 0);
    (void)deliver_up(&world, 0);
    home_speaks(&world); /* 4, never heard */
    lease_holder_begin(&world.holders[0], 3);
    lease_holder_want(&world.holders[0], 6, 6);
    settle(&world);
    assert_int_equal(world.holders[0].granted, 6);
    lease_holder_end(&world.holders[0], &last);
    lease_home_hear(&world.home, 0, &last);
    lease_holder_want(&world.holders[1], 10, 10);
    settle(&world);
    assert_int_equal(world.holders[1].granted, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sum_never_exceeds_the_limit),
        cmocka_unit_test(test_changed_limit),
        cmocka_unit_test(test_fair_split),
        cmocka_unit_test(test_need_first),
        cmocka_unit_test(test_revocation_waits),
        cmocka_unit_test(test_rotation),
        cmocka_unit_test(test_everybody_is_served_in_the_end),
        cmocka_unit_test(test_old_announcement_acknowledges_nothing),
        cmocka_unit_test(test_grant_to_an_earlier_life),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
