/* retry.h - when a deferred recipient is tried again, and when it has expired.
 *
 * Knows nothing of queues or clocks; wall time in nanoseconds is an argument. */
#ifndef SCHEDULE_RETRY_H
#define SCHEDULE_RETRY_H

#include "base/prng.h"

#define RETRY_JITTER_PERCENT 10

struct retry_plan {
    const uint64_t *steps_ns; /* after the first, second, ... attempt; the last step repeats */
    uint32_t steps_count;     /* at least 1 */
    uint64_t lifetime_ns;     /* from the first attempt or acceptance; 0: no limit */
};

struct retry_times {
    uint32_t attempts_count; /* made so far, at least 1 */
    uint64_t first_wall_ns;  /* start of the lifetime */
    uint64_t now_wall_ns;
};

struct retry_next {
    bool expired;
    uint64_t due_wall_ns; /* when not expired */
};

/* The step for this attempt, changed by up to 10 % either way. A step that would end after the
 * lifetime is cut to the lifetime's end, so that the last attempt comes there; at or after that
 * end: expired. A clock set back (now before first) counts as no time passed. */
struct retry_next retry_next(const struct retry_plan *plan, const struct retry_times *times,
                             struct prng *prng);

#endif
