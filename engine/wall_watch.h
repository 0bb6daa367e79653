/* wall_watch.h - whether the time of day can be trusted to expire mail.
 *
 * A wall clock that jumps by more than an hour against the monotonic one (a dead battery, a bad
 * time server) would expire a whole queue at once. From then on nothing expires, until the clock
 * has been steady for an hour: then its time is the operator's will. A plain value; times are
 * arguments. */
#ifndef ENGINE_WALL_WATCH_H
#define ENGINE_WALL_WATCH_H

#include "base/base.h"

#define WALL_WATCH_JUMP_NS (60 * NS_PER_MINUTE)
#define WALL_WATCH_STEADY_NS (60 * NS_PER_MINUTE)
#define WALL_WATCH_STEP_NS NS_PER_MINUTE /* a change that is not steady */

struct wall_watch {
    uint64_t base_ns;  /* wall minus monotonic, when it was last taken as it is */
    uint64_t since_ns; /* monotonic: steady since then */
    bool jumped;
};

void wall_watch_init(struct wall_watch *watch, uint64_t wall_ns, uint64_t now_ns);
void wall_watch_see(struct wall_watch *watch, uint64_t wall_ns, uint64_t now_ns);

#endif
