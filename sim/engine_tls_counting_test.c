/* The day of TLS reports ends, however much is counted at midnight. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/shard.h"
#include "engine/tag.h"
#include "sim/sim_world.h"

#define DAY_S UINT64_C(86400)
#define NOON_NS ((UINT64_C(20000) * DAY_S + DAY_S / 2) * NS_PER_S)

static struct shard shard;
static struct policy policy;
static struct arena arena;

static void add_session(void)
{
    tlsrpt_table_add(&shard.tls_counting.table,
                     &(struct tlsrpt_session){.domain = SPAN("a.example"), .policy = TLSRPT_STS});
}

static void turn(void)
{
    struct io_event events[4];
    uint32_t count = io_wait(shard.io, io_now_ns(shard.io) + NS_PER_MS, events, ARRAY_LEN(events));

    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(tag_op_of(events[i].tag), TAG_SNAPSHOT);
        tls_counting_event(&shard, &events[i]);
    }
    add_session(); /* each turn: the table is never what was saved */
    tls_counting_turn(&shard);
}

static void test_midnight_on_a_busy_shard(void **state)
{
    const struct io_options io_options = {0};
    struct io_mapping mapping;
    struct text error;
    char message[256];
    uint64_t first_day_s;

    (void)state;
    sim_world_open(1, &(struct sim_world_options){.wall_ns = NOON_NS});
    text_init(&error, message, sizeof(message));
    assert_int_equal(io_open(&shard.io, &io_options, &error), 0);
    assert_int_equal(io_folder(shard.io, "spool"), 0);
    assert_int_equal(io_folder(shard.io, "spool/tls"), 0);
    policy_init(&policy);
    memcpy(policy.spool, "spool", sizeof("spool"));
    policy.durability = DURABILITY_DURABLE;
    shard.policy = &policy;
    shard.has_sts = true;
    assert_int_equal(arena_open(&arena, tls_counting_cost()), 0);
    tls_counting_open(&shard, &arena);
    assert_true(shard.tls_counting.on);
    first_day_s = shard.tls_counting.day_s;
    for (uint32_t i = 0; i < 10; i++)
        turn();
    assert_int_equal(shard.tls_counting.day_s, first_day_s);
    sim_world_shift_wall((int64_t)(DAY_S / 2 * NS_PER_S));
    for (uint32_t i = 0; i < 200; i++)
        turn();
    assert_int_equal(shard.tls_counting.day_s, first_day_s + DAY_S);
    assert_true(shard.tls_counting.table.sessions < 210);
    assert_int_equal(io_map(shard.io, "spool/tls/rpt.20000.0", IO_MAP_READ, &mapping), 0);
    assert_true(mapping.size > 0);
    io_unmap(shard.io, &mapping);
    while (!tls_counting_stop(&shard)) {
        struct io_event event;

        if (io_wait(shard.io, UINT64_MAX, &event, 1) == 1)
            tls_counting_event(&shard, &event);
    }
    arena_close(&arena);
    io_close(shard.io);
    sim_world_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_midnight_on_a_busy_shard)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
