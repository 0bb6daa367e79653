#include "engine/wall_watch.h"

void wall_watch_init(struct wall_watch *watch, uint64_t wall_ns, uint64_t now_ns)
{
    *watch = (struct wall_watch){.base_ns = wall_ns - now_ns, .since_ns = now_ns};
}

void wall_watch_see(struct wall_watch *watch, uint64_t wall_ns, uint64_t now_ns)
{
    uint64_t ahead_ns = wall_ns - now_ns - watch->base_ns; /* modulo 2^64 */
    uint64_t change_ns = min_u64(ahead_ns, 0 - ahead_ns);

    if (change_ns > (watch->jumped ? WALL_WATCH_STEP_NS : WALL_WATCH_JUMP_NS)) {
        wall_watch_init(watch, wall_ns, now_ns);
        watch->jumped = true;
    } else if (watch->jumped && now_ns - watch->since_ns >= WALL_WATCH_STEADY_NS) {
        watch->jumped = false;
    }
}
