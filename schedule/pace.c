#include "schedule/pace.h"

static uint64_t interval_of(struct pace_rate rate)
{
    if (rate.count == 0)
        return 0;
    return (rate.period_ns + rate.count - 1) / rate.count; /* up: never more than the rate */
}

static uint64_t tolerance_of(struct pace_rate rate, uint64_t interval_ns)
{
    uint64_t burst = rate.burst == 0 ? 1 : rate.burst;
    uint64_t product;

    if (__builtin_mul_overflow(burst - 1, interval_ns, &product))
        return UINT64_MAX / 4;
    return min_u64(product, UINT64_MAX / 4);
}

void pace_init(struct pace *pace, struct pace_rate rate)
{
    pace->full_ns = 0;
    pace_change(pace, rate);
}

void pace_change(struct pace *pace, struct pace_rate rate)
{
    pace->interval_ns = interval_of(rate);
    pace->tolerance_ns = tolerance_of(rate, pace->interval_ns);
}

uint64_t pace_ready_ns(const struct pace *pace, uint64_t now_ns)
{
    if (pace->interval_ns == 0 || pace->full_ns <= pace->tolerance_ns)
        return now_ns;
    return max_u64(pace->full_ns - pace->tolerance_ns, now_ns);
}

void pace_owe(struct pace *pace, uint64_t full_ns)
{
    pace->full_ns = full_ns;
}

void pace_take(struct pace *pace, uint64_t now_ns)
{
    uint64_t from = max_u64(pace->full_ns, now_ns);

    if (pace->interval_ns == 0)
        return;
    if (__builtin_add_overflow(from, pace->interval_ns, &pace->full_ns))
        pace->full_ns = UINT64_MAX;
}
