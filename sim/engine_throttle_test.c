/* Campaign rates in a shard that is nothing but a schedule and the flows of a store. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/shard.h"
#include "engine/tag.h"
#include "sim/sim_world.h"

#define DOMAINS 40 /* a campaign: one flow each */
#define FLOWS 128
#define SITES 4

struct scene {
    struct arena arena;
    struct store *store;
    struct store_shard *parts;
    struct shard shard;
    uint32_t site;
};

static struct scene scene;

static const struct store_options options = {
    .folder = "spool",
    .segment_size = (uint64_t)64 * 1024,
    .journal_size = (uint64_t)64 * 1024,
    .claims_max = 32,
    .limits = {.recipients_max = 4000,
               .domains_max = 64,
               .campaigns_max = 8,
               .segments_max = 64,
               .runs_max = 256,
               .flows_max = FLOWS,
               .shards_count = 1},
    .tag_base = (uint64_t)TAG_STORE << 56,
    .wake_index = STORE_NO_WAKE,
};

static void turn(void)
{
    struct io_event events[16];
    uint32_t count =
        io_wait(scene.shard.io, io_now_ns(scene.shard.io) + NS_PER_MS, events, ARRAY_LEN(events));

    for (uint32_t i = 0; i < count; i++)
        if (!store_event(scene.store, &events[i]))
            assert_true(store_shard_event(scene.parts, &events[i]));
    store_tick(scene.store);
    store_shard_tick(scene.parts);
}

static void pass(uint64_t duration_ns)
{
    uint64_t until_ns = sim_world_now_ns() + duration_ns;

    while (sim_world_now_ns() < until_ns)
        turn();
}

static void open_scene(uint32_t shards_count)
{
    const struct io_options ring = {0};
    const struct store_shard_options parts = {.tag_base = ((uint64_t)TAG_STORE + 1) << 56,
                                              .wake_index = STORE_NO_WAKE};
    const struct schedule_options schedule = {.flows_max = FLOWS,
                                              .sites_max = SITES,
                                              .shares_max = FLOWS,
                                              .sessions_max = 10,
                                              .limits = {.connections_max = 5}};
    struct store_shard_options with_io = parts;
    struct shard *shard = &scene.shard;
    char words[256];
    struct text error;
    int site;

    sim_world_open(1, NULL);
    memset(&scene, 0, sizeof(scene));
    text_init(&error, words, sizeof(words));
    assert_int_equal(io_open(&shard->io, &ring, &error), 0);
    assert_int_equal(arena_open(&scene.arena, store_cost(&options) + 16 * MIB), 0);
    assert_int_equal(store_open(&scene.store, shard->io, &scene.arena, &options, &error), 0);
    scene.parts = store_shard(scene.store, 0);
    with_io.io = shard->io;
    store_shard_open(scene.parts, &with_io);
    shard->options.store = scene.store;
    shard->options.count = shards_count;
    shard->queue = store_shard_queue(scene.parts);
    shard->schedule = schedule_open(&scene.arena, &schedule, io_now_ns(shard->io));
    shard->routing.flows = arena_alloc(&scene.arena, FLOWS, sizeof(*shard->routing.flows));
    throttle_init(&shard->throttle, &scene.arena, options.limits.campaigns_max);
    site = schedule_site(shard->schedule, SPAN("mx.a"));
    assert_true(site >= 0);
    scene.site = (uint32_t)site;
}

static void close_scene(void)
{
    io_close(scene.shard.io);
    arena_close(&scene.arena);
    sim_world_close();
}

/* A campaign with so many an hour (0: any), its flows ready in the schedule. Returns how many. */
static uint32_t campaign(const char *name, uint64_t per_hour, uint32_t *flows)
{
    const uint8_t digest[CAMPAIGN_DIGEST_SIZE] = {1};
    struct campaign_descriptor descriptor = {.name = span_cstr(name),
                                             .tenant = SPAN("t"),
                                             .sender = SPAN("s@example.org"),
                                             .lane = LANE_BULK,
                                             .rate = per_hour};
    struct store_load *load;
    uint32_t count = 0;

    assert_int_equal(store_load_begin(scene.store, &descriptor, SPAN("Subject: x\n\nHi\n"), &load),
                     0);
    for (uint32_t i = 0; i < DOMAINS * 2; i++) {
        char domain[32] = "", address[64] = "";
        struct store_recipient recipient = {0};
        int r;

        (void)snprintf(domain, sizeof(domain), "d%u.example", i % DOMAINS);
        (void)snprintf(address, sizeof(address), "u%u@%s", i, domain);
        recipient.address = span_cstr(address);
        recipient.domain = span_cstr(domain);
        while ((r = store_load_add(load, &recipient)) == -EAGAIN)
            turn();
        assert_int_equal(r, 0);
    }
    store_load_commit(load, digest);
    while (store_load_state(load) == STORE_LOAD_COMMITTING)
        turn();
    assert_int_equal(store_load_state(load), STORE_LOAD_READY);
    store_load_end(load);
    for (uint32_t i = 0; i < 1000 && count < DOMAINS; i++) {
        uint32_t flow = queue_ready(scene.shard.queue);
        struct schedule_place place = {.site = scene.site, .weight = 1, .lane = LANE_BULK};

        turn();
        if (flow == QUEUE_NONE)
            continue;
        flows[count++] = flow;
        assert_int_equal(schedule_flow_attach(scene.shard.schedule, flow, &place), 0);
        schedule_flow_ready(scene.shard.schedule, flow, 2);
    }
    assert_int_equal(count, DOMAINS);
    return count;
}

static uint32_t ready_count(const uint32_t *flows, uint32_t count)
{
    uint32_t ready = 0;

    for (uint32_t i = 0; i < count; i++)
        ready += schedule_flow_ready_count(scene.shard.schedule, flows[i]) > 0;
    return ready;
}

/* As many as may go now: each flow in turn. */
static uint32_t pass_all(const uint32_t *flows, uint32_t count)
{
    uint32_t passed = 0;

    for (uint32_t i = 0; i < count; i++)
        if (schedule_flow_ready_count(scene.shard.schedule, flows[i]) > 0)
            passed += throttle_pass(&scene.shard, flows[i]);
    return passed;
}

static void test_without_rate(void **state)
{
    uint32_t flows[DOMAINS];

    (void)state;
    open_scene(1);
    (void)campaign("free", 0, flows);
    for (uint32_t i = 0; i < 1000; i++)
        assert_true(throttle_pass(&scene.shard, flows[i % DOMAINS]));
    assert_true(throttle_deadline_ns(&scene.shard) == UINT64_MAX);
    assert_int_equal(ready_count(flows, DOMAINS), DOMAINS);
    close_scene();
}

/* So many an hour, never more, and hardly less; each of two shards has half. */
static void test_rate(void **state)
{
    static const struct {
        uint32_t shards;
        uint64_t per_hour, seconds, least, most;
    } cases[] = {
        {1, 3600, 60, 60, 62},    {2, 3600, 60, 30, 31},      {4, 3600, 60, 15, 16},
        {1, 36000, 60, 600, 611}, {1, 720000, 5, 1000, 1201}, {1, 60, 180, 3, 4},
        {3, 60, 360, 2, 3},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint32_t flows[DOMAINS], passed = 0;
        uint64_t until_ns;

        open_scene(cases[i].shards);
        (void)campaign("paced", cases[i].per_hour, flows);
        until_ns = sim_world_now_ns() + cases[i].seconds * NS_PER_S;
        while (sim_world_now_ns() < until_ns) {
            throttle_turn(&scene.shard);
            passed += pass_all(flows, DOMAINS);
            pass(NS_PER_MS);
        }
        if (passed < cases[i].least || passed > cases[i].most)
            fail_msg("%u an hour, %u shards: %u in %u s", (unsigned)cases[i].per_hour,
                     cases[i].shards, passed, (unsigned)cases[i].seconds);
        close_scene();
    }
}

/* A flow that waits is out of the schedule; it comes back in its turn, at the time announced. */
static void test_waits_in_order(void **state)
{
    uint32_t flows[DOMAINS];
    uint64_t deadline_ns;

    (void)state;
    open_scene(1);
    (void)campaign("paced", 60, flows);
    assert_true(throttle_pass(&scene.shard, flows[0]));
    for (uint32_t i = 0; i < DOMAINS; i++)
        assert_false(throttle_pass(&scene.shard, flows[i]));
    assert_int_equal(ready_count(flows, DOMAINS), 0);
    deadline_ns = throttle_deadline_ns(&scene.shard);
    assert_in_range(deadline_ns - sim_world_now_ns(), 55 * NS_PER_S, 60 * NS_PER_S);
    throttle_turn(&scene.shard);
    assert_int_equal(ready_count(flows, DOMAINS), 0); /* never early */
    pass(deadline_ns - sim_world_now_ns());
    throttle_turn(&scene.shard);
    assert_int_equal(ready_count(flows, DOMAINS), 16); /* bounded: those that waited longest */
    assert_int_equal(ready_count(flows, 16), 16);
    assert_true(throttle_pass(&scene.shard, flows[0]));
    for (uint32_t i = 1; i < 16; i++)
        assert_false(throttle_pass(&scene.shard, flows[i]));
    pass(throttle_deadline_ns(&scene.shard) - sim_world_now_ns());
    throttle_turn(&scene.shard);
    assert_int_equal(ready_count(flows, 16), 1); /* flows[0], which has not asked again */
    assert_int_equal(ready_count(flows + 16, 16), 16);
    close_scene();
}

/* One campaign's wait is nobody else's. */
static void test_apart(void **state)
{
    uint32_t slow[DOMAINS], fast[DOMAINS], free_flows[DOMAINS];

    (void)state;
    open_scene(1);
    (void)campaign("slow", 1, slow);
    (void)campaign("fast", 3600, fast);
    (void)campaign("free", 0, free_flows);
    assert_int_equal(pass_all(slow, DOMAINS), 1);
    assert_int_equal(pass_all(fast, DOMAINS), 2);
    assert_int_equal(pass_all(free_flows, DOMAINS), DOMAINS);
    assert_in_range(throttle_deadline_ns(&scene.shard) - sim_world_now_ns(), 0, NS_PER_S);
    pass(NS_PER_S);
    throttle_turn(&scene.shard);
    assert_int_equal(ready_count(slow, DOMAINS), 1); /* the one that passed */
    assert_true(ready_count(fast, DOMAINS) >= 3);
    close_scene();
}

/* Who is void waits no more; when all are, nothing is waited for. */
static void test_forgotten(void **state)
{
    uint32_t flows[DOMAINS];

    (void)state;
    open_scene(1);
    (void)campaign("paced", 60, flows);
    assert_int_equal(pass_all(flows, 3), 1);
    throttle_forget(&scene.shard, flows[0]); /* does not wait */
    throttle_forget(&scene.shard, flows[1]);
    throttle_forget(&scene.shard, flows[1]);
    pass(61 * NS_PER_S);
    throttle_turn(&scene.shard);
    assert_int_equal(ready_count(flows + 1, 2), 1); /* flows[2] */
    throttle_turn(&scene.shard);
    assert_true(throttle_deadline_ns(&scene.shard) == UINT64_MAX);
    /* Without a site it is not announced. */
    assert_true(throttle_pass(&scene.shard, flows[2]));
    assert_false(throttle_pass(&scene.shard, flows[2]));
    schedule_flow_detach(scene.shard.schedule, flows[2]);
    pass(61 * NS_PER_S);
    throttle_turn(&scene.shard);
    assert_int_equal(schedule_flow_site(scene.shard.schedule, flows[2]), SCHEDULE_NONE);
    assert_true(throttle_deadline_ns(&scene.shard) == UINT64_MAX);
    close_scene();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_rate),   cmocka_unit_test(test_rate),
        cmocka_unit_test(test_waits_in_order), cmocka_unit_test(test_apart),
        cmocka_unit_test(test_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
