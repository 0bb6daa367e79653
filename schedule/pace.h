/* pace.h - one rate limit: so many events a period, with a bounded burst (a token bucket, kept as
 * the time at which the bucket would be full: GCRA).
 *
 * Knows nothing of what is limited; time is an argument. A plain value. */
#ifndef SCHEDULE_PACE_H
#define SCHEDULE_PACE_H

#include "base/base.h"

struct pace_rate {
    uint64_t count; /* events a period; 0: no limit */
    uint64_t period_ns;
    uint32_t burst; /* events at once after a rest; 0 counts as 1 */
};

struct pace {
    uint64_t interval_ns;  /* between two events; 0: no limit */
    uint64_t tolerance_ns; /* how far ahead of the interval a burst may run */
    uint64_t full_ns;      /* when the bucket is full again */
};

void pace_init(struct pace *pace, struct pace_rate rate);
/* Another rate from now on; what was taken stays taken. */
void pace_change(struct pace *pace, struct pace_rate rate);
/* The time from which one event may happen; at or before `now`: now. */
MUST_USE uint64_t pace_ready_ns(const struct pace *pace, uint64_t now_ns);
/* The bucket is full at this time and not before: what was taken is known from elsewhere. */
void pace_owe(struct pace *pace, uint64_t full_ns);
/* One event happens. May be called ahead of its time: the next ones wait longer. */
void pace_take(struct pace *pace, uint64_t now_ns);

#endif
