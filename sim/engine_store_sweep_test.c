/* A campaign is cancelled: everybody who waits gets the verdict, woken by nothing but the store's
 * own events and deadlines, whatever becomes of the journal. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/store.h"
#include "sim/sim_world.h"

#define RECIPIENTS 2000
#define WAKE_TAG 1
#define STORE_TAG (UINT64_C(1) << 56)
#define SHARD_TAG (UINT64_C(2) << 56)

enum { STORE_RING = 0, SHARD_RING, RINGS };

static struct io *ios[RINGS];
static struct io_group *group;
static struct arena arena;
static struct store *store;
static struct store_shard *shard;
static uint64_t turns; /* of the shard */

static void open_store(enum store_durability durability)
{
    const struct store_options options = {
        .folder = "spool",
        .durability = durability,
        .segment_size = (uint64_t)1024 * 1024,
        .journal_size = (uint64_t)1024 * 1024,
        .claims_max = 8, /* little room for verdicts */
        .limits = {.recipients_max = RECIPIENTS,
                   .domains_max = 4,
                   .campaigns_max = 4,
                   .segments_max = 8,
                   .runs_max = 64,
                   .flows_max = 8,
                   .shards_count = 1},
        .tag_base = STORE_TAG,
        .wake_index = STORE_RING,
    };
    struct io_options ring = {.wake_tag = WAKE_TAG};
    struct store_shard_options own = {.tag_base = SHARD_TAG, .wake_index = SHARD_RING};
    char words[256];
    struct text error;

    sim_world_open(3, NULL);
    text_init(&error, words, sizeof(words));
    assert_int_equal(io_group_open(&group, RINGS), 0);
    ring.group = group;
    for (ring.index = 0; ring.index < RINGS; ring.index++)
        assert_int_equal(io_open(&ios[ring.index], &ring, &error), 0);
    assert_int_equal(arena_open(&arena, store_cost(&options)), 0);
    assert_int_equal(store_open(&store, ios[STORE_RING], &arena, &options, &error), 0);
    shard = store_shard(store, 0);
    own.io = ios[SHARD_RING];
    store_shard_open(shard, &own);
}

static void close_store(void)
{
    for (uint32_t i = 0; i < RINGS; i++)
        io_close(ios[i]);
    io_group_close(group);
    arena_close(&arena);
    sim_world_close();
}

/* True: somebody woke it, or its time has come. */
static bool wait_for(uint32_t ring, uint64_t deadline_ns)
{
    struct io_event events[16];
    uint64_t soon_ns = io_now_ns(ios[ring]) + NS_PER_MS;
    uint32_t count = io_wait(ios[ring], min_u64(deadline_ns, soon_ns), events, ARRAY_LEN(events));

    for (uint32_t i = 0; i < count; i++)
        assert_true(events[i].tag == WAKE_TAG || store_event(store, &events[i]) ||
                    store_shard_event(shard, &events[i]));
    return count > 0 || io_now_ns(ios[ring]) >= deadline_ns;
}

/* The shard turns only when it is woken, by its own ring. */
static void turn(void)
{
    uint64_t deadline_ns = store_shard_deadline_ns(shard);

    (void)wait_for(STORE_RING, store_deadline_ns(store));
    store_tick(store);
    if (!wait_for(SHARD_RING, deadline_ns))
        return;
    store_shard_tick(shard);
    turns++;
}

static uint32_t load(void)
{
    const struct campaign_descriptor descriptor = {
        .name = SPAN("may"), .sender = SPAN("s@example.org"), .lane = LANE_BULK};
    const struct store_recipient recipient = {.address = SPAN("u@a.test"),
                                              .domain = SPAN("a.test")};
    const uint8_t digest[CAMPAIGN_DIGEST_SIZE] = {1};
    struct store_load *loading;
    uint32_t index;

    assert_int_equal(store_load_begin(store, &descriptor, SPAN("Hi\n"), &loading), 0);
    for (uint32_t i = 0; i < RECIPIENTS; i++) {
        int result;

        while ((result = store_load_add(loading, &recipient)) == -EAGAIN)
            turn();
        assert_int_equal(result, 0);
    }
    store_load_commit(loading, digest);
    while (store_load_state(loading) == STORE_LOAD_COMMITTING)
        turn();
    assert_int_equal(store_load_state(loading), STORE_LOAD_READY);
    index = store_load_campaign(loading);
    store_load_end(loading);
    return index;
}

static bool is_open(uint32_t campaign)
{
    struct campaign_counts counts;

    store_counts(store, campaign, &counts);
    return counts.cancelled < RECIPIENTS;
}

static bool is_admitting(void)
{
    struct store_progress progress;

    store_progress(store, &progress);
    return progress.admitting;
}

static void test_everybody_gets_the_verdict(void **state)
{
    static const enum store_durability kinds[] = {STORE_DURABLE, STORE_OS, STORE_MEMORY};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        uint64_t end_ns;
        uint32_t campaign;

        open_store(kinds[i]);
        campaign = load();
        while (is_admitting())
            turn();
        turns = 0;
        end_ns = sim_world_now_ns() + 10 * NS_PER_S;
        assert_int_equal(store_set_state(store, campaign, CAMPAIGN_CANCELLED), 0);
        while (is_open(campaign) || is_admitting()) {
            assert_true(sim_world_now_ns() < end_ns);
            turn();
        }
        assert_in_range(turns, 1, 1000); /* it does not spin */
        for (uint32_t left = 1000; left > 0; left--)
            turn();
        assert_in_range(turns, 1, 1000);
        close_store();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_everybody_gets_the_verdict)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
