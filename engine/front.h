/* front.h - the thread that is not a shard: the store's half, events, control socket, signals, the
 * end.
 *
 * Runs an engine until a goal is reached or somebody says stop. The owner is called back once a
 * turn with a picture of how things stand, for a progress line; it may say stop.
 *
 *   RUNNING -- goal, signal, owner --> STOPPING (shards finish)
 *   STOPPING -- all closed --> DRAINING (the last events are exported) --> CLOSING (nothing of the
 *   front's may be in flight when its memory goes) --> DONE
 *   start failed --> CLOSING */
#ifndef ENGINE_FRONT_H
#define ENGINE_FRONT_H

#include "engine/control.h"
#include "engine/engine.h"
#include "engine/exporter.h"
#include "engine/listener.h"
#include "engine/policy.h"
#include "engine/tls_reporting.h"

enum front_goal {
    FRONT_UNTIL_IDLE, /* only mail that waits for a later retry is left; a campaign that was paused
                         before the start is not waited for */
    FRONT_UNTIL_DONE, /* every recipient has its final outcome, but for those of held campaigns */
    FRONT_FOREVER,    /* a service */
};

enum front_state { FRONT_RUNNING, FRONT_STOPPING, FRONT_DRAINING, FRONT_CLOSING, FRONT_DONE };

struct front_picture {
    struct stats_sum stats;
    struct store_progress progress;
    uint64_t open_count;     /* recipients without a final outcome, all campaigns but held ones */
    uint64_t deferred_count; /* of these, those that wait for another attempt */
    bool paused_now;         /* a campaign was paused since the start */
    bool paused_before;      /* ...or before it; or it is held (content.h) */
    uint64_t now_ns;
    uint64_t wall_ns;
    const struct summary *summary;
    int event_error;  /* -errno while events cannot be exported */
    int listen_error; /* -errno: bounces.listen[listen_index] cannot be listened on */
    uint32_t listen_index;
    int control_error; /* -errno: nobody can ask or order through the control socket */
    enum front_state state;
};

struct front;

/* Called about ten times a second. True: stop. */
typedef bool front_look(void *context, const struct front_picture *picture);

/* SIGHUP came: another policy, checked, of the next generation; or NULL (the owner has complained).
 */
typedef const struct policy *front_reload(void *context);
/* No shard uses this policy any more. */
typedef void front_retire(void *context, const struct policy *policy);

struct front_options {
    struct engine *engine; /* prepared, not started */
    struct io *io;
    const struct policy *policy;
    struct listener *listener;       /* opened, not begun; closed by its owner; NULL: none */
    struct tls_reporting *reporting; /* opened, closed by its owner; NULL: none */
    enum front_goal goal;
    uint64_t duration_ns; /* stop after this long; 0: no limit */
    uint32_t uid;
    front_look *look;
    front_reload *reload; /* NULL: SIGHUP is ignored */
    front_retire *retire;
    void *look_context; /* of all three */
};

/* Starts the engine, runs, stops it. 0 when the goal was reached, -EINTR when stopped by a signal
 * or the owner, -ETIME after duration_ns, else the first error (*error in words). The engine stays
 * to be looked at (store_counts) and closed. */
MUST_USE int front_run(const struct front_options *options, struct summary *ret_summary,
                       struct text *error);

#endif
