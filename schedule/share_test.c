#include "schedule/share.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "base/prng.h"

#define FLOWS 1000
#define SHARES 64

struct scene {
    struct arena arena;
    struct share_pool pool;
    struct share_ring ring;
};

static int scene_open(void **state)
{
    static struct scene scene;
    static const struct table_key key = {{1, 2}};

    assert_int_equal(arena_open(&scene.arena, share_pool_cost(FLOWS, SHARES)), 0);
    share_pool_init(&scene.pool, &scene.arena, FLOWS, SHARES, &key);
    arena_seal(&scene.arena);
    share_ring_init(&scene.ring);
    *state = &scene;
    return 0;
}

static int scene_close(void **state)
{
    struct scene *scene = *state;

    arena_close(&scene->arena);
    return 0;
}

static void add_flow(struct scene *scene, uint32_t flow, enum lane lane, uint32_t campaign,
                     uint32_t weight, uint32_t count)
{
    struct share_place place = {.campaign = campaign, .weight = weight, .lane = lane};

    assert_int_equal(share_attach(&scene->pool, flow, &place), 0);
    share_set_ready(&scene->pool, &scene->ring, flow, count);
}

static uint32_t campaign_of(const struct scene *scene, uint32_t flow)
{
    return share_place_of(&scene->pool, flow)->campaign;
}

static void test_weights(void **state)
{
    struct scene *scene = *state;
    uint32_t taken[3] = {0};

    for (uint32_t flow = 0; flow < 500; flow++)
        add_flow(scene, flow, LANE_BULK, 0, 1, 1000); /* 500 flows of campaign 0 */
    add_flow(scene, 500, LANE_BULK, 1, 1, 100000);    /* one of campaign 1 */
    add_flow(scene, 501, LANE_BULK, 2, 3, 100000); /* one of campaign 2, three times the weight */
    for (uint32_t i = 0; i < 10000; i++)
        taken[campaign_of(scene, share_take(&scene->pool, &scene->ring, 0))]++;
    assert_int_equal(taken[0], 2000);
    assert_int_equal(taken[1], 2000);
    assert_int_equal(taken[2], 6000);
}

static void test_flows_of_a_share_take_turns(void **state)
{
    struct scene *scene = *state;
    uint32_t taken[10] = {0};

    for (uint32_t flow = 0; flow < 10; flow++)
        add_flow(scene, flow, LANE_BULK, 0, 5, 100);
    for (uint32_t i = 0; i < 250; i++)
        taken[share_take(&scene->pool, &scene->ring, 0)]++;
    for (uint32_t flow = 0; flow < 10; flow++)
        assert_int_equal(taken[flow], 25);
}

static void test_transactional_first(void **state)
{
    struct scene *scene = *state;

    add_flow(scene, 0, LANE_BULK, 0, SHARE_WEIGHT_MAX, 1000);
    add_flow(scene, 1, LANE_TRANSACTIONAL, 0, 1, 3);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(share_take(&scene->pool, &scene->ring, 0), 1);
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(share_take(&scene->pool, &scene->ring, 0), 0);
    share_set_ready(&scene->pool, &scene->ring, 1, 1); /* in the middle of a bulk turn */
    assert_int_equal(share_take(&scene->pool, &scene->ring, 0), 1);
    assert_int_equal(share_take(&scene->pool, &scene->ring, 0), 0);
}

static void test_runs_dry(void **state)
{
    struct scene *scene = *state;

    assert_int_equal(share_take(&scene->pool, &scene->ring, 0), SHARE_NONE);
    add_flow(scene, 7, LANE_BULK, 0, 1, 2);
    assert_int_equal(share_take(&scene->pool, &scene->ring, 0), 7);
    assert_int_equal(share_ready_count(&scene->pool, 7), 1);
    assert_int_equal(share_take(&scene->pool, &scene->ring, 0), 7);
    assert_int_equal(share_take(&scene->pool, &scene->ring, 0), SHARE_NONE);
    assert_int_equal(scene->ring.ready_count[LANE_BULK], 0);
    share_set_ready(&scene->pool, &scene->ring, 7, 1);
    assert_int_equal(share_take(&scene->pool, &scene->ring, 0), 7);
}

static void add_needy(struct scene *scene, uint32_t flow, uint32_t campaign, uint32_t needs,
                      uint32_t count)
{
    struct share_place place = {
        .campaign = campaign, .weight = 1, .needs = needs, .lane = LANE_BULK};

    assert_int_equal(share_attach(&scene->pool, flow, &place), 0);
    share_set_ready(&scene->pool, &scene->ring, flow, count);
}

static void test_needs_are_met_or_nothing_is_taken(void **state)
{
    struct scene *scene = *state;
    static const uint32_t both[] = {1, 2};
    static const uint32_t all[] = {3};

    add_needy(scene, 0, 0, 3, 2);
    add_needy(scene, 1, 0, 1, 2); /* the same campaign */
    add_needy(scene, 2, 1, 0, 2);
    assert_int_equal(scene->ring.needy_count, 2);
    assert_int_equal(share_unmet(&scene->pool, &scene->ring, both, 1), 0);
    assert_int_equal(share_unmet(&scene->pool, &scene->ring, both, 2),
                     0); /* not of two by halves */
    assert_int_equal(share_unmet(&scene->pool, &scene->ring, all, 1), SHARE_NONE);
    assert_int_equal(share_unmet(&scene->pool, &scene->ring, NULL, 0), 0);
    assert_int_equal(share_gained(&scene->pool, &scene->ring, 0, 1), 1);
    assert_int_equal(share_gained(&scene->pool, &scene->ring, 1, 3), 0);
    assert_int_equal(share_gained(&scene->pool, &scene->ring, 2, 1), 1);
    assert_int_equal(share_gained(&scene->pool, &scene->ring, 0, 2), SHARE_NONE);
    assert_int_equal(share_gained(&scene->pool, &scene->ring, 3, 3), SHARE_NONE);
    assert_int_equal(share_take(&scene->pool, &scene->ring, 0), 2);
    assert_int_equal(share_take(&scene->pool, &scene->ring, 2), 2);
    assert_false(share_serves(&scene->pool, &scene->ring, 2));
    assert_int_equal(share_take(&scene->pool, &scene->ring, 2), SHARE_NONE);
    assert_int_equal(share_take(&scene->pool, &scene->ring, 1), 1);
    assert_int_equal(share_take(&scene->pool, &scene->ring, 1), 1);
    assert_int_equal(share_take(&scene->pool, &scene->ring, 1), SHARE_NONE);
    assert_true(share_serves(&scene->pool, &scene->ring, 3));
    assert_int_equal(share_take(&scene->pool, &scene->ring, 7), 0);
    assert_int_equal(share_take(&scene->pool, &scene->ring, 7), 0);
    assert_int_equal(share_take(&scene->pool, &scene->ring, UINT32_MAX), SHARE_NONE);
    assert_int_equal(scene->ring.needy_count, 0);
}

/* Sessions that may take everything are as fair as ever, also beside one that may not. */
static void test_the_needy_keep_their_weight(void **state)
{
    struct scene *scene = *state;
    uint32_t taken[3] = {0};

    add_needy(scene, 0, 0, 1, 100000);
    add_needy(scene, 1, 1, 0, 100000);
    add_needy(scene, 2, 2, 0, 100000);
    for (uint32_t i = 0; i < 3000; i++)
        taken[campaign_of(scene, share_take(&scene->pool, &scene->ring, 1))]++;
    assert_int_equal(taken[0], 1000);
    assert_int_equal(taken[1], 1000);
    for (uint32_t i = 0; i < 3000; i++)
        taken[campaign_of(scene, share_take(&scene->pool, &scene->ring, 0))]++;
    assert_int_equal(taken[0], 1000);
    assert_int_equal(taken[1], 2500);
    assert_int_equal(taken[2], 2500);
}

static void test_room(void **state)
{
    struct scene *scene = *state;
    struct share_place place = {.weight = 1, .lane = LANE_BULK};

    for (uint32_t flow = 0; flow < SHARES; flow++)
        add_flow(scene, flow, LANE_BULK, flow, 1, 0);
    place.campaign = SHARES;
    assert_int_equal(share_attach(&scene->pool, SHARES, &place), -ENOSPC);
    assert_null(share_place_of(&scene->pool, SHARES));
    share_detach(&scene->pool, &scene->ring, 5);
    assert_int_equal(share_attach(&scene->pool, SHARES, &place), 0);
    place.campaign = 0; /* another flow of a share that is there needs no room */
    assert_int_equal(share_attach(&scene->pool, SHARES + 1, &place), 0);
}

/* Anything in any order: the counts agree with a plain model, everything is taken in the end. */
static void test_against_a_model(void **state)
{
    struct scene *scene = *state;
    uint32_t counts[100] = {0};
    uint32_t needs[100] = {0};
    bool attached[100] = {false};
    struct share_place place = {.site = 0};
    uint64_t total = 0;
    struct prng prng;

    prng_seed(&prng, 3);
    for (uint32_t i = 0; i < 200000; i++) {
        uint32_t flow = (uint32_t)prng_below(&prng, 100);
        uint32_t taken, has;
        bool served = false;

        switch (prng_below(&prng, 8)) {
        case 0:
            if (attached[flow])
                share_detach(&scene->pool, &scene->ring, flow);
            total -= counts[flow];
            counts[flow] = 0;
            attached[flow] = false;
            break;
        case 1:
            if (attached[flow])
                break;
            needs[flow] = (uint32_t)prng_below(&prng, 4);
            place.needs = needs[flow];
            place.lane = flow % 10 == 0 ? LANE_TRANSACTIONAL : LANE_BULK;
            place.campaign = flow % 3;
            place.weight = flow % 5;
            assert_int_equal(share_attach(&scene->pool, flow, &place), 0);
            attached[flow] = true;
            break;
        case 2:
            if (!attached[flow])
                break;
            total -= counts[flow];
            counts[flow] = (uint32_t)prng_below(&prng, 5);
            total += counts[flow];
            share_set_ready(&scene->pool, &scene->ring, flow, counts[flow]);
            break;
        default:
            has = (uint32_t)prng_below(&prng, 4);
            for (uint32_t other = 0; other < ARRAY_LEN(counts); other++)
                served = served || (counts[other] > 0 && (needs[other] & ~has) == 0);
            assert_int_equal(share_serves(&scene->pool, &scene->ring, has), served);
            taken = share_take(&scene->pool, &scene->ring, has);
            assert_int_equal(taken != SHARE_NONE, served);
            if (taken == SHARE_NONE)
                break;
            assert_int_equal(needs[taken] & ~has, 0);
            assert_true(counts[taken] > 0);
            counts[taken]--;
            total--;
            break;
        }
        assert_int_equal(scene->ring.ready_count[0] + scene->ring.ready_count[1], total);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_weights, scene_open, scene_close),
        cmocka_unit_test_setup_teardown(test_flows_of_a_share_take_turns, scene_open, scene_close),
        cmocka_unit_test_setup_teardown(test_transactional_first, scene_open, scene_close),
        cmocka_unit_test_setup_teardown(test_runs_dry, scene_open, scene_close),
        cmocka_unit_test_setup_teardown(test_needs_are_met_or_nothing_is_taken, scene_open,
                                        scene_close),
        cmocka_unit_test_setup_teardown(test_the_needy_keep_their_weight, scene_open, scene_close),
        cmocka_unit_test_setup_teardown(test_room, scene_open, scene_close),
        cmocka_unit_test_setup_teardown(test_against_a_model, scene_open, scene_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
