#include "queue/stops.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct arena arena;
static struct stops stops;

static int open_stops(void **state)
{
    (void)state;
    assert_int_equal(arena_open(&arena, stops_cost()), 0);
    stops_init(&stops, &arena);
    return 0;
}

static int close_stops(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

static int set(uint32_t campaign, uint32_t domain, enum stop_kind kind)
{
    const struct stop stop = {campaign, domain, kind, 1, false};

    return stops_set(&stops, &stop);
}

/* What holds for campaign 1 and domain 5 after orders, in turn. */
static void test_the_stronger_holds(void **state)
{
    static const struct {
        struct stop orders[4];
        uint32_t orders_count;
        enum stop_kind kind;
        uint32_t left_count;
    } cases[] = {
        {{{0}}, 0, STOP_NONE, 0},
        {{{1, 5, STOP_PAUSED, 1, false}}, 1, STOP_PAUSED, 1},
        {{{STOPS_EVERY, 5, STOP_PAUSED, 1, false}}, 1, STOP_PAUSED, 1},
        {{{1, 6, STOP_PAUSED, 1, false},
          {2, 5, STOP_CANCELLED, 1, false},
          {STOPS_EVERY, 6, STOP_PAUSED, 1, false}},
         3,
         STOP_NONE,
         3},
        {{{1, 5, STOP_PAUSED, 1, false}, {1, 5, STOP_NONE, 2, false}}, 2, STOP_NONE, 0},
        {{{1, 5, STOP_PAUSED, 1, false},
          {STOPS_EVERY, 5, STOP_PAUSED, 1, false},
          {1, 5, STOP_NONE, 2, false}},
         3,
         STOP_PAUSED,
         1},
        {{{STOPS_EVERY, 5, STOP_PAUSED, 1, false}, {1, 5, STOP_CANCELLED, 1, false}},
         2,
         STOP_CANCELLED,
         2},
        {{{1, 5, STOP_CANCELLED, 1, false}, {1, 5, STOP_NONE, 2, false}}, 2, STOP_CANCELLED, 1},
        {{{1, 5, STOP_CANCELLED, 1, false}, {1, 5, STOP_PAUSED, 2, false}}, 2, STOP_CANCELLED, 1},
        {{{1, 5, STOP_PAUSED, 1, false}, {1, 5, STOP_CANCELLED, 2, false}}, 2, STOP_CANCELLED, 1},
        {{{1, 5, STOP_NONE, 1, false}}, 1, STOP_NONE, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        stops_clear(&stops);
        for (uint32_t k = 0; k < cases[i].orders_count; k++)
            assert_int_equal(stops_set(&stops, &cases[i].orders[k]), 0);
        assert_int_equal(stops_kind(&stops, 1, 5), cases[i].kind);
        assert_int_equal(stops.count, cases[i].left_count);
    }
}

/* Against a plain array, in a drawn order. */
static void test_as_a_plain_table(void **state)
{
    enum stop_kind known[8][8] = {{STOP_NONE}};
    uint32_t draw = 12345, count = 0;

    (void)state;
    for (uint32_t step = 0; step < 20000; step++) {
        uint32_t campaign, domain;
        enum stop_kind kind;

        draw = draw * 1664525 + 1013904223;
        campaign = draw >> 28 & 7;
        domain = draw >> 24 & 7;
        kind = (enum stop_kind)((draw >> 16) % STOP_KIND_COUNT);
        if (draw >> 8 & 1) {
            if (known[campaign][domain] != STOP_CANCELLED)
                known[campaign][domain] = kind;
            assert_int_equal(set(campaign, domain, kind), 0);
        } else if ((draw >> 9 & 31) == 0) {
            for (uint32_t i = 0; i < 8; i++)
                known[campaign][i] = STOP_NONE;
            stops_forget(&stops, campaign);
        }
        count = 0;
        for (uint32_t i = 0; i < 64; i++) {
            const struct stop *found = stops_find(&stops, i / 8, i % 8);

            assert_int_equal(found == NULL ? STOP_NONE : found->kind, known[i / 8][i % 8]);
            count += found != NULL;
        }
        assert_int_equal(stops.count, count);
    }
    assert_int_not_equal(count, 0);
}

static void test_full(void **state)
{
    (void)state;
    stops_clear(&stops);
    for (uint32_t i = 0; i < STOPS_MAX; i++)
        assert_int_equal(set(1, i, STOP_PAUSED), 0);
    assert_int_equal(set(1, STOPS_MAX, STOP_PAUSED), -ENOSPC);
    assert_int_equal(set(1, 17, STOP_CANCELLED), 0); /* takes no place */
    assert_int_equal(set(1, 18, STOP_NONE), 0);
    assert_int_equal(set(1, STOPS_MAX, STOP_PAUSED), 0);
    assert_int_equal(stops_kind(&stops, 1, 17), STOP_CANCELLED);
    assert_int_equal(stops_kind(&stops, 1, 18), STOP_NONE);
    stops_forget(&stops, 1);
    assert_int_equal(stops.count, 0);
    assert_int_equal(stops_kind(&stops, 1, 17), STOP_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_stronger_holds, open_stops, close_stops),
        cmocka_unit_test_setup_teardown(test_as_a_plain_table, open_stops, close_stops),
        cmocka_unit_test_setup_teardown(test_full, open_stops, close_stops),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
