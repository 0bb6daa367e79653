#include "engine/stats.h"

#include <string.h>

#include "base/check.h"

static uint64_t load(const _Atomic uint64_t *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

/* One writer: a plain add in two halves is enough and cheaper than a locked one. */
static void bump(_Atomic uint64_t *value, uint64_t amount)
{
    atomic_store_explicit(value, load(value) + amount, memory_order_relaxed);
}

void stats_add(struct stats *stats, enum stats_counter counter, uint64_t amount)
{
    CHECK(counter < STATS_COUNTER_COUNT);
    bump(&stats->counters[counter], amount);
}

void stats_count(struct stats *stats, enum outcome_kind kind)
{
    CHECK(kind < OUTCOME_KIND_COUNT);
    bump(&stats->outcomes[kind], 1);
}

void stats_set(struct stats *stats, enum stats_gauge gauge, uint64_t value)
{
    CHECK(gauge < STATS_GAUGE_COUNT);
    atomic_store_explicit(&stats->gauges[gauge], value, memory_order_release);
}

static void raise_to(_Atomic uint64_t *max, uint64_t value)
{
    if (value > load(max))
        atomic_store_explicit(max, value, memory_order_relaxed);
}

void stats_turn(struct stats *stats, uint64_t turn_ns, uint64_t cpu_ns)
{
    uint64_t us = cpu_ns / NS_PER_US;
    uint32_t bucket = 0;

    while (us > 0 && bucket + 1 < STATS_TURN_BUCKETS) {
        us >>= 1;
        bucket++;
    }
    bump(&stats->turns[bucket], 1);
    raise_to(&stats->turn_max_ns, turn_ns);
    raise_to(&stats->turn_cpu_max_ns, cpu_ns);
}

void stats_sum_init(struct stats_sum *sum)
{
    memset(sum, 0, sizeof(*sum));
    sum->gauges[STATS_NEXT_DUE] = UINT64_MAX;
    sum->gauges[STATS_STOPPED] = 1;
    sum->gauges[STATS_POLICY] = UINT64_MAX;
}

void stats_sum_add(struct stats_sum *sum, const struct stats *stats)
{
    for (uint32_t i = 0; i < OUTCOME_KIND_COUNT; i++)
        sum->outcomes[i] += load(&stats->outcomes[i]);
    for (uint32_t i = 0; i < STATS_COUNTER_COUNT; i++)
        sum->counters[i] += load(&stats->counters[i]);
    for (uint32_t i = 0; i < STATS_TURN_BUCKETS; i++)
        sum->turns[i] += load(&stats->turns[i]);
    for (uint32_t i = 0; i < STATS_GAUGE_COUNT; i++) {
        uint64_t value = atomic_load_explicit(&stats->gauges[i], memory_order_acquire);

        if (i == STATS_NEXT_DUE || i == STATS_STOPPED || i == STATS_POLICY)
            sum->gauges[i] = min_u64(sum->gauges[i], value);
        else if (i == STATS_BROKEN || i == STATS_NO_SOCKET)
            sum->gauges[i] = max_u64(sum->gauges[i], value);
        else
            sum->gauges[i] += value;
    }
    sum->turn_max_ns = max_u64(sum->turn_max_ns, load(&stats->turn_max_ns));
    sum->turn_cpu_max_ns = max_u64(sum->turn_cpu_max_ns, load(&stats->turn_cpu_max_ns));
}

uint64_t stats_turn_percentile_ns(const struct stats_sum *sum, uint32_t per_mille)
{
    uint64_t total = 0, seen = 0;

    CHECK(per_mille <= 1000);
    for (uint32_t i = 0; i < STATS_TURN_BUCKETS; i++)
        total += sum->turns[i];
    for (uint32_t i = 0; i < STATS_TURN_BUCKETS; i++) {
        seen += sum->turns[i];
        if (seen * 1000 >= total * per_mille)
            return (UINT64_C(1) << i) * NS_PER_US;
    }
    return sum->turn_cpu_max_ns;
}
