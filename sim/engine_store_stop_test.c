/* Stops of domains over the lives of a spool: whatever becomes of the control journal, the last
 * word holds. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "engine/store.h"
#include "sim/sim_world.h"

#define DOMAINS 40
#define WAKE_TAG 1
#define STORE_TAG (UINT64_C(1) << 56)
#define SHARD_TAG (UINT64_C(2) << 56)

static struct io *io;
static struct arena arena;
static struct store *store;
static struct store_shard *shard;
static enum stop_kind expected[DOMAINS];

static int open_store(void)
{
    const struct store_options options = {
        .folder = "spool",
        .segment_size = (uint64_t)256 * 1024,
        .journal_size = (uint64_t)16 * 1024, /* is left for another now and then */
        .limits = {.recipients_max = 8,
                   .domains_max = STOPS_MAX * 2,
                   .campaigns_max = 2,
                   .segments_max = 4,
                   .runs_max = 4,
                   .flows_max = 4,
                   .shards_count = 1},
        .tag_base = STORE_TAG,
        .wake_index = STORE_NO_WAKE,
    };
    const struct io_options ring = {.wake_tag = WAKE_TAG};
    struct store_shard_options own = {.tag_base = SHARD_TAG, .wake_index = STORE_NO_WAKE};
    char words[256];
    struct text error;
    int result;

    text_init(&error, words, sizeof(words));
    assert_int_equal(io_open(&io, &ring, &error), 0);
    assert_int_equal(arena_open(&arena, store_cost(&options)), 0);
    result = store_open(&store, io, &arena, &options, &error);
    if (result < 0)
        return result;
    shard = store_shard(store, 0);
    own.io = io;
    store_shard_open(shard, &own);
    return 0;
}

static void turn(void)
{
    struct io_event events[16];
    uint32_t count = io_wait(io, io_now_ns(io) + NS_PER_MS, events, ARRAY_LEN(events));

    for (uint32_t i = 0; i < count; i++)
        assert_true(store_event(store, &events[i]) || store_shard_event(shard, &events[i]));
    store_tick(store);
    store_shard_tick(shard);
}

/* In good order; or the process dies, and the kernel keeps what it has. */
static void end_store(bool dies)
{
    if (!dies) {
        assert_int_equal(store_shard_close(shard), 0);
        assert_int_equal(store_close(store), 0);
        io_close(io);
    } else {
        sim_world_kill();
    }
    arena_close(&arena);
}

static int order(uint32_t domain, enum stop_kind kind)
{
    char name[32];
    struct text text;
    int result;

    text_init(&text, name, sizeof(name));
    text_add_format(&text, "d%u.test", domain);
    while ((result = store_set_stop(store, STOPS_EVERY, text_span(&text), kind)) == -EBUSY)
        turn();
    return result;
}

static void wait_durable(void)
{
    while (!store_stops_durable(store))
        turn();
}

static void check_stops(void)
{
    const struct queue *queue = store_queue(store);
    uint32_t count = 0;

    for (uint32_t i = 0; i < DOMAINS; i++) {
        char name[32];
        struct text text;
        uint32_t domain;

        text_init(&text, name, sizeof(name));
        text_add_format(&text, "d%u.test", i);
        domain = queue_find_domain(queue, text_span(&text));
        assert_int_equal(domain == QUEUE_NONE ? STOP_NONE
                                              : stops_kind(queue_stops(queue), STOPS_EVERY, domain),
                         expected[i]);
        count += expected[i] != STOP_NONE;
    }
    assert_int_equal(queue_stops(queue)->count, count);
}

static void test_the_last_word_holds(void **state)
{
    struct prng prng;

    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        sim_world_open(seed, NULL);
        prng_seed(&prng, seed);
        memset(expected, 0, sizeof(expected));
        assert_int_equal(open_store(), 0);
        for (uint32_t life = 0; life < 6; life++) {
            uint32_t orders = (uint32_t)prng_below(&prng, 500);

            for (uint32_t i = 0; i < orders; i++) {
                uint32_t domain = (uint32_t)prng_below(&prng, DOMAINS);
                enum stop_kind kind = prng_percent(&prng, 50) ? STOP_PAUSED : STOP_NONE;

                assert_int_equal(order(domain, kind), expected[domain] == kind ? -EALREADY : 0);
                expected[domain] = kind;
                if (prng_percent(&prng, 10))
                    turn();
            }
            wait_durable();
            end_store(prng_percent(&prng, 50));
            assert_int_equal(open_store(), 0);
            check_stops();
        }
        end_store(false);
        sim_world_close();
    }
}

/* As many as may be, twice: the first ones are lifted before the others come. */
static void test_as_many_as_there_may_be(void **state)
{
    (void)state;
    sim_world_open(7, NULL);
    assert_int_equal(open_store(), 0);
    for (uint32_t i = 0; i < STOPS_MAX; i++)
        assert_int_equal(order(i, STOP_PAUSED), 0);
    assert_int_equal(order(STOPS_MAX, STOP_PAUSED), -ENOSPC);
    for (uint32_t i = 0; i < STOPS_MAX; i++)
        assert_int_equal(order(i, STOP_NONE), 0);
    for (uint32_t i = STOPS_MAX - 1; i < 2 * STOPS_MAX - 1; i++)
        assert_int_equal(order(i, STOP_PAUSED), 0);
    wait_durable();
    for (uint32_t life = 0; life < 2; life++) {
        end_store(life == 1);
        assert_int_equal(open_store(), 0);
        assert_int_equal(queue_stops(store_queue(store))->count, STOPS_MAX);
    }
    end_store(false);
    sim_world_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_last_word_holds),
        cmocka_unit_test(test_as_many_as_there_may_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
