#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/stats.h"

static struct stats shards[2];

static void test_sums(void **state)
{
    struct stats_sum sum;

    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        stats_count(&shards[i], OUTCOME_DELIVERED);
        stats_add(&shards[i], STATS_OCTETS_SENT, 10 + i);
        stats_set(&shards[i], STATS_SESSIONS, 3);
        stats_set(&shards[i], STATS_NEXT_DUE, 100 + i);
        stats_set(&shards[i], STATS_STOPPED, i);
        stats_set(&shards[i], STATS_POLICY, 7 - i);
        stats_set(&shards[i], STATS_BROKEN, i == 0 ? 28 : 0);
        stats_set(&shards[i], STATS_NO_SOCKET, 24);
    }
    stats_sum_init(&sum);
    stats_sum_add(&sum, &shards[0]);
    stats_sum_add(&sum, &shards[1]);
    assert_int_equal(sum.outcomes[OUTCOME_DELIVERED], 2);
    assert_int_equal(sum.counters[STATS_OCTETS_SENT], 21);
    assert_int_equal(sum.gauges[STATS_SESSIONS], 6);
    assert_int_equal(sum.gauges[STATS_NEXT_DUE], 100);
    assert_int_equal(sum.gauges[STATS_STOPPED], 0);
    assert_int_equal(sum.gauges[STATS_POLICY], 6); /* all have at least this generation */
    assert_int_equal(sum.gauges[STATS_BROKEN], 28);
    assert_int_equal(sum.gauges[STATS_NO_SOCKET], 24);
}

static void test_turns(void **state)
{
    static struct stats stats;
    struct stats_sum sum;

    (void)state;
    for (uint32_t i = 0; i < 99; i++)
        stats_turn(&stats, NS_PER_S, 3 * NS_PER_US); /* below 4 us */
    stats_turn(&stats, 1500 * NS_PER_US, 1500 * NS_PER_US);
    stats_sum_init(&sum);
    stats_sum_add(&sum, &stats);
    assert_int_equal(sum.turn_max_ns, NS_PER_S);
    assert_int_equal(sum.turn_cpu_max_ns, 1500 * NS_PER_US);
    assert_int_equal(stats_turn_percentile_ns(&sum, 500), 4 * NS_PER_US);
    assert_int_equal(stats_turn_percentile_ns(&sum, 990), 4 * NS_PER_US);
    assert_int_equal(stats_turn_percentile_ns(&sum, 1000), 2048 * NS_PER_US);
    stats_turn(&stats, UINT64_MAX, UINT64_MAX); /* the last bucket takes all that is longer */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sums), cmocka_unit_test(test_turns)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
