/* run_work.h - the measured part of `ringpost-bench run`: queue, engine and front in this process.
 *
 *   open -> load -> drain -> close; close may come at any time */
#ifndef BENCH_RUN_WORK_H
#define BENCH_RUN_WORK_H

#include "bench/run_options.h"
#include "engine/engine.h"
#include "engine/front.h"

struct run_work {
    const struct run_options *options;
    struct policy *policy;
    struct io_group *group;
    struct io *io;
    struct verp_keys verp;
    struct engine *engine;
    uint32_t campaign_index;
};

struct run_figures {
    double enqueue_s; /* until READY is durable */
    double enqueue_cpu_s;
    double drain_s; /* from the start of the engine to the last outcome */
    double run_s;   /* ... to the last exported event */
    double sender_cpu_s;
    uint64_t queued_heap_bytes; /* anonymous memory that the load added */
    uint64_t recipients_done;
    struct stats_sum stats;
    struct campaign_counts counts;
};

/* Opens a spool in `folder` with a route to the sink at `port`. 0 or -errno and *error. */
MUST_USE int run_work_open(struct run_work *work, const struct run_options *options,
                           const char *folder, uint16_t port, struct text *error);
MUST_USE int run_work_load(struct run_work *work, struct run_figures *figures, struct text *error);
/* -EINTR: a signal came. */
MUST_USE int run_work_drain(struct run_work *work, struct run_figures *figures, struct text *error);
/* The first error of closing, or 0. */
int run_work_close(struct run_work *work);

#endif
