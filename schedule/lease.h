/* lease.h - one limit shared by several holders (shards, later nodes) without locks.
 *
 * The home shard of a site keeps the ledger (struct lease_home) of one limit, say connections;
 * every shard with mail for the site has a struct lease_holder. Two messages travel over FIFO
 * channels that may be slow: an announcement {need, want, held, sequence} and a grant {granted,
 * sequence}. The home has at most one unacknowledged grant a holder; until the acknowledgement it
 * reckons with the largest figure the holder may have. So the sum over the holders of what each may
 * have or uses never exceeds the limit, whatever the delays:
 *
 *   reserved = max(granted, held as last announced)
 *   a grant rises only within limit - sum of reserved; it may fall at any time (revocation)
 *
 * Shares are max-min fair, first by need, then what is left by want: what one holder keeps for
 * later (a connection that rests) goes to another that has work for it, and stays where nobody has.
 * With more needing holders than the limit, `limit` of them have 1 each, in rotation
 * (lease_home_rotate).
 *
 * A holder that is given up and begins anew (its site's slot was used for another meanwhile) takes
 * a new life number: grants of an earlier life are not heard, and the home starts its place over.
 *
 * Knows nothing of channels, sites or time. Plain structs; the home borrows its array of places. */
#ifndef SCHEDULE_LEASE_H
#define SCHEDULE_LEASE_H

#include "base/base.h"

struct lease_announcement {
    uint32_t need;     /* for how many the holder has work now; at most want */
    uint32_t want;     /* how many it could use */
    uint32_t held;     /* the most it has or may take: max(granted, used) */
    uint32_t sequence; /* of the last grant that was heard: its acknowledgement */
    uint32_t life;     /* of the holder; 0: there is none */
};

struct lease_grant {
    uint32_t granted;
    uint32_t sequence;
    uint32_t life; /* for which it is */
};

/* The home's view of one holder. */
struct lease_place {
    uint32_t need;
    uint32_t want;
    uint32_t held;
    uint32_t granted;
    uint32_t sequence; /* of the last grant; 0: none yet */
    uint32_t life;     /* of the holder that spoke last */
    uint32_t target;   /* the fair share as last divided */
    bool waiting;      /* the grant is unacknowledged */
};

struct lease_home {
    struct lease_place *places;
    uint32_t places_count;
    uint32_t limit;
    uint32_t turn; /* where the rotation begins */
    bool divided;  /* targets are up to date */
};

struct lease_holder {
    uint32_t need;
    uint32_t want;
    uint32_t used;
    uint32_t granted;
    uint32_t sequence;
    uint32_t life;
    struct lease_announcement said; /* last */
};

void lease_home_init(struct lease_home *home, struct lease_place *places, uint32_t places_count,
                     uint32_t limit);
void lease_home_change_limit(struct lease_home *home, uint32_t limit);
void lease_home_hear(struct lease_home *home, uint32_t place,
                     const struct lease_announcement *announcement);
/* Now and then, say each second: lets others have a turn when the limit is smaller than the number
 * of holders that need. No-op otherwise. */
void lease_home_rotate(struct lease_home *home);
/* True when a grant is to be sent to *ret_place; call until false. */
MUST_USE bool lease_home_speak(struct lease_home *home, uint32_t *ret_place,
                               struct lease_grant *ret_grant);
/* Sum of what the holders may have or use. */
MUST_USE uint32_t lease_home_reserved(const struct lease_home *home);

void lease_holder_init(struct lease_holder *holder);
/* Instead of _init where holders come and go: `life` is above 0 and differs from all lives that
 * this place has had at its home (one counter a shard will do). */
void lease_holder_begin(struct lease_holder *holder, uint32_t life);
/* The last words of a holder that uses nothing any more: the home gets its permits back. */
void lease_holder_end(struct lease_holder *holder, struct lease_announcement *ret_announcement);
void lease_holder_want(struct lease_holder *holder, uint32_t need, uint32_t want);
MUST_USE bool lease_holder_may_take(const struct lease_holder *holder);
/* More is used than granted: give some back (close a session). */
MUST_USE bool lease_holder_over(const struct lease_holder *holder);
void lease_holder_take(struct lease_holder *holder);
void lease_holder_give(struct lease_holder *holder);
void lease_holder_hear(struct lease_holder *holder, const struct lease_grant *grant);
/* True when the home must be told something. */
MUST_USE bool lease_holder_speak(struct lease_holder *holder,
                                 struct lease_announcement *ret_announcement);

#endif
