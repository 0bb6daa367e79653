/* ramp.h - how many sessions the bulk mail of one site is worth: by need.
 *
 * A connection costs both sides as much as several messages, so mail that the open sessions will
 * have taken within the goal (a second, say) is worth no more of them. How long a message
 * takes a session is measured: session time by round trips, where opening a session counts as
 * RAMP_OPENING of them. So a far receiver gets many sessions soon (the time that passes without
 * answers counts already), and a near one few.
 *
 *   worth = messages that wait * time of one / goal, at least 1
 *
 * Sessions that will carry as many messages as a connection is for cost nothing extra, so as many
 * as that are worth it in any case.
 *
 * Knows nothing of sites or mail; time is an argument. A plain value, zeroed before use. */
#ifndef SCHEDULE_RAMP_H
#define SCHEDULE_RAMP_H

#include "base/base.h"

#define RAMP_OPENING 4 /* connect, greeting, EHLO, envelope */

struct ramp_rule {
    uint64_t goal_ns; /* mail should be gone so soon; 0: no ramp */
    uint64_t full;    /* messages that fill a session; at least 1 */
};

struct ramp {
    uint64_t spent_ns; /* time of all sessions together */
    uint64_t trips;    /* messages that ended in it, and openings */
    uint64_t seen_ns;  /* up to here it is counted; 0: no mail waits, nothing is counted */
};

/* A session is added to `sessions_count` open ones, or goes away from them. */
void ramp_opened(struct ramp *ramp, uint32_t sessions_count, uint64_t now_ns);
void ramp_closed(struct ramp *ramp, uint32_t sessions_count, uint64_t now_ns);
/* A transaction ended. */
void ramp_ended(struct ramp *ramp, uint32_t sessions_count, uint64_t now_ns);
/* No mail waits any more: sessions that rest say nothing. */
void ramp_rest(struct ramp *ramp, uint32_t sessions_count, uint64_t now_ns);
/* The time from which `waiting` messages are worth more than `sessions_count` sessions, if no
 * message ends before: at or before `now` means now. */
MUST_USE uint64_t ramp_ready_ns(struct ramp *ramp, const struct ramp_rule *rule, uint64_t waiting,
                                uint32_t sessions_count, uint64_t now_ns);
/* Sessions that `waiting` messages are worth by what is known, at least 1 if any wait. */
MUST_USE uint64_t ramp_worth(const struct ramp *ramp, const struct ramp_rule *rule,
                             uint64_t waiting);

#endif
