/* schedule.h - who goes next: which site deserves a session, which flow gives the next record.
 *
 * One per shard. A *flow* is one of the queue's lists, a (lane, campaign, domain), known by the
 * queue's index. A flow is attached to a *site*. At a site, the flows of one campaign and lane make
 * a *share*. The transactional lane goes first; within a lane shares are served by weight (deficit
 * round robin), within a share its flows take turns.
 *
 *   a site:  IDLE (no mail that needs another session)
 *            WANTING (in the rotation of schedule_wanting)
 *            PARKED (wants a session, but back-off, pace or ramp say not before a time)
 *
 * Knows nothing of records, domains, sockets or clocks. Owns its memory from the arena, nothing
 * grows. Sites and flows are indexes; they stay valid across turns. All calls that take an index
 * need one that is in use (a site claimed, a flow attached). */
#ifndef SCHEDULE_SCHEDULE_H
#define SCHEDULE_SCHEDULE_H

#include "schedule/ramp.h"
#include "schedule/share.h"
#include "schedule/site.h"

#define SCHEDULE_NONE UINT32_MAX
#define SCHEDULE_NEVER UINT64_MAX
#define SCHEDULE_WEIGHT_MAX SHARE_WEIGHT_MAX

struct schedule;

struct schedule_options {
    uint32_t flows_max; /* flow indexes are below this */
    uint32_t sites_max;
    uint32_t shares_max;        /* (site, lane, campaign) at once */
    uint32_t sessions_max;      /* of this shard */
    uint32_t sessions_reserved; /* of these, for the transactional lane alone */
    struct site_limits limits;  /* of a new site */
    uint64_t ramp_goal_ns; /* how soon bulk mail of a site should be gone (ramp.h); 0: at once */
    struct table_key key;  /* random: names come from outside */
    uint64_t seed;         /* jitter */
};

struct schedule_place {
    uint32_t site;
    uint32_t campaign; /* the queue's index */
    uint32_t weight;   /* 1..SCHEDULE_WEIGHT_MAX, cut to that; the share takes the latest */
    uint32_t needs;    /* bits, of no meaning here, that a session must have to take from it */
    enum lane lane;
};

/* A session that asks for mail. */
struct schedule_session {
    uint32_t site;
    uint32_t has; /* the bits that it has of what a flow may need */
};

size_t schedule_cost(const struct schedule_options *options);
struct schedule *schedule_open(struct arena *arena, const struct schedule_options *options,
                               uint64_t now_ns);

/* Finds the site of this name or claims one: its index, or -ENOSPC. When all are claimed, the one
 * with neither flows nor sessions for longest is given up, a healthy one before others. */
MUST_USE int schedule_site(struct schedule *schedule, struct span name);
/* Borrowed until the site is given up. */
const struct site *schedule_site_at(const struct schedule *schedule, uint32_t site);
/* Counts the lives of this index: a parallel table of the caller's is stale when it changed. */
uint32_t schedule_site_generation(const struct schedule *schedule, uint32_t site);
/* Whether a site has this index now; any index may be asked. */
MUST_USE bool schedule_site_claimed(const struct schedule *schedule, uint32_t site);
uint32_t schedule_sites_max(const struct schedule *schedule);
/* Sessions of all sites that have not asked for mail yet. */
uint32_t schedule_opening_count(const struct schedule *schedule);
void schedule_site_limits(struct schedule *schedule, uint32_t site,
                          const struct site_limits *limits);
void schedule_site_lease(struct schedule *schedule, uint32_t site, uint32_t connections);
/* What has been taken of the site's message rate, here or by others, is made up for at this time.
 */
void schedule_site_owes(struct schedule *schedule, uint32_t site, uint64_t full_ns);
/* Sessions that this site's mail would justify, whatever limits and health say: for lease.h. */
MUST_USE uint32_t schedule_site_demand(const struct schedule *schedule, uint32_t site);
/* Of these, those that have work now, or would have it, when so many sessions rest. */
MUST_USE uint32_t schedule_site_need(const struct schedule *schedule, uint32_t site,
                                     uint32_t resting_count);
MUST_USE uint64_t schedule_site_ready_count(const struct schedule *schedule, uint32_t site);

/* 0 or -ENOSPC (no share left). A flow is at one site; attach again to move it: its ready count
 * goes with it. On -ENOSPC it is not attached. */
MUST_USE int schedule_flow_attach(struct schedule *schedule, uint32_t flow,
                                  const struct schedule_place *place);
/* No-op when not attached. */
void schedule_flow_detach(struct schedule *schedule, uint32_t flow);
/* The site, or SCHEDULE_NONE when not attached. */
MUST_USE uint32_t schedule_flow_site(const struct schedule *schedule, uint32_t flow);
uint32_t schedule_flow_ready_count(const struct schedule *schedule, uint32_t flow);
/* `count` records of the flow can be claimed now (replaces the last count; 0 is _empty).
 * schedule_next counts down; at zero the flow is passed over until announced again. */
void schedule_flow_ready(struct schedule *schedule, uint32_t flow, uint32_t count);
static inline void schedule_flow_empty(struct schedule *schedule, uint32_t flow)
{
    schedule_flow_ready(schedule, flow, 0);
}

/* The flow to take one record from for this session, or SCHEDULE_NONE and in *ret_until_ns when to
 * ask again (SCHEDULE_NEVER: when mail is announced). Takes one off the message pace. */
MUST_USE uint32_t schedule_next(struct schedule *schedule, struct schedule_session session,
                                uint64_t now_ns, uint64_t *ret_until_ns);
/* Whether there is mail for a session at this site that has these bits, whatever the pace says. */
MUST_USE bool schedule_serves(const struct schedule *schedule, uint32_t site, uint32_t has);
/* A flow with mail whose needs no session with any of these would meet, or SCHEDULE_NONE. */
MUST_USE uint32_t schedule_unmet(const struct schedule *schedule, uint32_t site,
                                 const uint32_t *has, uint32_t has_count);
/* A flow with mail that a session with `has` may carry and one with `less` may not, or
 * SCHEDULE_NONE. */
MUST_USE uint32_t schedule_gained(const struct schedule *schedule, uint32_t site, uint32_t less,
                                  uint32_t has);
/* What the flow needs; it must be attached. */
MUST_USE uint32_t schedule_flow_needs(const struct schedule *schedule, uint32_t flow);
/* The site that deserves one more session now, or SCHEDULE_NONE and when to ask again. The site
 * goes to the end of the rotation. The caller offers mail to idle sessions first, and opens the
 * session (schedule_session_opened) before it asks again. A session is deserved by each
 * transactional record that waits with no session on its way to it, and by every
 * limits.messages_per_session bulk records as far as ramp.h finds them worth it. */
MUST_USE uint32_t schedule_wanting(struct schedule *schedule, uint64_t now_ns,
                                   uint64_t *ret_until_ns);

/* Whether a site wants a session and has none only because as many are open as may be. */
MUST_USE bool schedule_starving(const struct schedule *schedule);
/* From the decision to connect on to the end of the connection. _ready once a session, when it
 * first asks for mail (or, if it never does, before _closed): until then it stands for one
 * transactional record that waits. */
void schedule_session_opened(struct schedule *schedule, uint32_t site, uint64_t now_ns);
void schedule_session_ready(struct schedule *schedule, uint32_t site);
void schedule_session_closed(struct schedule *schedule, uint32_t site, uint64_t now_ns);
/* More sessions are open than may be (a lease was cut, the window halved, everything is refused):
 * the asking session takes no more mail and closes. */
MUST_USE bool schedule_session_excess(const struct schedule *schedule, uint32_t site);
/* Every outcome of a transaction, and of a session that ended otherwise than in peace. */
enum site_change schedule_feedback(struct schedule *schedule, uint32_t site,
                                   const struct outcome *outcome, uint64_t now_ns);

#endif
