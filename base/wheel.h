/* wheel.h - a hierarchical timing wheel; time is an argument.
 *
 * Resolution 1 ms (a timer never fires early, at most a millisecond late), four levels of 256 slots
 * (49 days; later ones wait in the last level and are placed again). Timers are embedded in their
 * owner's struct; arm, cancel and expiry are O(1). Owns nothing. */
#ifndef BASE_WHEEL_H
#define BASE_WHEEL_H

#include "base/list.h"

#define WHEEL_LEVELS 4
#define WHEEL_SLOTS 256

struct wheel_timer {
    struct list_node node;
    uint64_t due_ns; /* as armed */
};

struct wheel {
    struct list slots[WHEEL_LEVELS][WHEEL_SLOTS];
    struct list expired;
    uint64_t occupied[WHEEL_LEVELS][WHEEL_SLOTS / 64];
    uint64_t tick; /* the last millisecond handled */
    uint32_t armed_count;
};

void wheel_init(struct wheel *wheel, uint64_t now_ns);
/* Arms, or moves an armed timer. */
void wheel_arm(struct wheel *wheel, struct wheel_timer *timer, uint64_t due_ns);
void wheel_cancel(struct wheel *wheel, struct wheel_timer *timer); /* no-op when not armed */
MUST_USE bool wheel_armed(const struct wheel_timer *timer);
/* The next timer due at or before now, disarmed, or NULL. Call until NULL or until the turn's
 * bound. */
MUST_USE struct wheel_timer *wheel_expire(struct wheel *wheel, uint64_t now_ns);
/* A time at or before the next timer's expiry at which to look again, or UINT64_MAX when none is
 * armed. */
MUST_USE uint64_t wheel_next_ns(const struct wheel *wheel);

#endif
