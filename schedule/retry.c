#include "schedule/retry.h"

#include "base/check.h"

/* Up to 10 % more or less. */
static uint64_t with_jitter(uint64_t step_ns, struct prng *prng)
{
    uint64_t reach = step_ns / 100 * RETRY_JITTER_PERCENT;

    return step_ns - reach + prng_below(prng, 2 * reach + 1);
}

static uint64_t add_cut(uint64_t a, uint64_t b)
{
    return b > UINT64_MAX - a ? UINT64_MAX : a + b;
}

struct retry_next retry_next(const struct retry_plan *plan, const struct retry_times *times,
                             struct prng *prng)
{
    uint64_t index = times->attempts_count > 0 ? times->attempts_count - 1 : 0;
    uint64_t end =
        plan->lifetime_ns == 0 ? UINT64_MAX : add_cut(times->first_wall_ns, plan->lifetime_ns);
    struct retry_next next = {false, 0};

    CHECK(plan->steps_count > 0);
    if (times->now_wall_ns >= end) {
        next.expired = true;
        return next;
    }
    index = min_u64(index, plan->steps_count - 1);
    next.due_wall_ns =
        min_u64(add_cut(times->now_wall_ns, with_jitter(plan->steps_ns[index], prng)), end);
    return next;
}
