/* schedule_parts.h - what the files of schedule.h share: its structs, and how a site changes lists.
 *
 * Private to schedule_*.c. */
#ifndef SCHEDULE_SCHEDULE_PARTS_H
#define SCHEDULE_SCHEDULE_PARTS_H

#include "base/check.h"
#include "base/list.h"
#include "base/wheel.h"
#include "schedule/schedule.h"

#define RAMP_FULL_MAX 50 /* messages of a session, next to which opening it costs little */

enum whereabouts {
    IDLE = 0,      /* has flows or sessions, needs no session more */
    WANTING_FIRST, /* in wanting[LANE_TRANSACTIONAL] */
    WANTING_BULK,  /* in wanting[LANE_BULK] */
    PARKED,        /* wants a session, but not before the timer */
    UNUSED         /* in unused: neither flows nor sessions */
};

struct entry {
    struct site site;
    enum whereabouts where;
    struct ramp ramp;
    bool ramping; /* parked by the ramp alone, which is for bulk mail */
    struct share_ring ring;
    struct list_node node;    /* in schedule->wanting[] or schedule->unused */
    struct wheel_timer timer; /* armed: parked */
    uint64_t hash;            /* the table's */
    uint64_t second_hash;     /* 128 bits of keyed hash are taken for the name */
    uint32_t generation;      /* 0: never claimed */
    uint32_t flows_count;
    uint32_t opening_count; /* sessions that have not asked for mail yet */
};

struct schedule {
    struct schedule_options options;
    struct entry *entries;
    struct table names;
    struct share_pool pool;
    struct list wanting[LANES_COUNT]; /* sites that want a session: for which lane */
    struct list unused;               /* claimed, neither flows nor sessions; oldest first */
    struct wheel wheel;
    struct prng prng;
    uint32_t entries_count; /* claimed at least once */
    uint32_t sessions_count;
    uint32_t opening_count; /* of these: have not asked for mail yet */
};

static inline struct entry *schedule_parts_at(const struct schedule *schedule, uint32_t site)
{
    CHECK(site < schedule->entries_count);
    return &schedule->entries[site];
}

/* Bulk sessions that the site may want at most, whatever ramp.h finds. */
static inline uint64_t schedule_parts_bulk(const struct entry *entry)
{
    uint64_t per_session = entry->site.limits.messages_per_session;

    return (entry->ring.ready_count[LANE_BULK] + per_session - 1) / per_session;
}

/* Into the list where it belongs now. */
void schedule_parts_refresh(struct schedule *schedule, struct entry *entry);
/* After a change of health or limits: parked sites are looked at again. */
void schedule_parts_reconsider(struct schedule *schedule, struct entry *entry);
struct ramp_rule schedule_parts_ramp(const struct schedule *schedule, const struct entry *entry);

#endif
