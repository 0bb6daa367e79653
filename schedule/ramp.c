#include "schedule/ramp.h"

#define TRIPS_MAX 256                    /* what was long ago counts for less and less */
#define SPENT_MAX_NS (NS_PER_S * 100000) /* products stay below 64 bits */
#define ASK_MIN_NS NS_PER_MS
#define ASK_MAX_NS NS_PER_S
#define WAITING_MAX 100000

static void count(struct ramp *ramp, uint32_t sessions_count, uint64_t now_ns)
{
    if (ramp->seen_ns != 0 && now_ns > ramp->seen_ns)
        ramp->spent_ns += (now_ns - ramp->seen_ns) * sessions_count;
    ramp->seen_ns = now_ns;
    if (ramp->trips >= TRIPS_MAX || ramp->spent_ns > SPENT_MAX_NS) {
        ramp->trips -= ramp->trips / 2;
        ramp->spent_ns /= 2;
    }
}

void ramp_opened(struct ramp *ramp, uint32_t sessions_count, uint64_t now_ns)
{
    count(ramp, sessions_count, now_ns);
    ramp->trips += RAMP_OPENING;
}

void ramp_closed(struct ramp *ramp, uint32_t sessions_count, uint64_t now_ns)
{
    count(ramp, sessions_count, now_ns);
}

void ramp_ended(struct ramp *ramp, uint32_t sessions_count, uint64_t now_ns)
{
    if (ramp->seen_ns != 0)
        count(ramp, sessions_count, now_ns);
    ramp->trips++;
}

void ramp_rest(struct ramp *ramp, uint32_t sessions_count, uint64_t now_ns)
{
    if (ramp->seen_ns != 0)
        count(ramp, sessions_count, now_ns);
    ramp->seen_ns = 0;
}

uint64_t ramp_worth(const struct ramp *ramp, const struct ramp_rule *rule, uint64_t waiting)
{
    uint64_t one_ns = ramp->trips > 0 ? ramp->spent_ns / ramp->trips : 0;
    uint64_t needed;

    if (rule->goal_ns == 0 || waiting == 0)
        return waiting;
    needed = min_u64(waiting, WAITING_MAX) * one_ns / rule->goal_ns;
    needed = max_u64(needed, (waiting + rule->full - 1) / rule->full);
    return min_u64(waiting, needed);
}

uint64_t ramp_ready_ns(struct ramp *ramp, const struct ramp_rule *rule, uint64_t waiting,
                       uint32_t sessions_count, uint64_t now_ns)
{
    uint64_t needed_ns;

    if (rule->goal_ns == 0 || sessions_count == 0)
        return now_ns;
    count(ramp, sessions_count, now_ns);
    if (ramp_worth(ramp, rule, waiting) > sessions_count)
        return now_ns;
    /* How much session time would have to pass without an end. */
    needed_ns = (rule->goal_ns * (sessions_count + 1) / max_u64(1, waiting) + 1) * ramp->trips;
    needed_ns = needed_ns > ramp->spent_ns ? needed_ns - ramp->spent_ns : 0;
    return now_ns + max_u64(ASK_MIN_NS, min_u64(needed_ns / sessions_count + 1, ASK_MAX_NS));
}
