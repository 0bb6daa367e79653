/* micro_queue_work.h - one round of `micro queue`: a store on a fresh spool, and what it costs.
 *
 * Knows nothing of options and output. Uses one shard on the store's own ring, so that the figures
 * are those of one core. */
#ifndef BENCH_MICRO_QUEUE_WORK_H
#define BENCH_MICRO_QUEUE_WORK_H

#include "bench/micro_queue_store.h"

/* Of one part of the work. */
struct micro_queue_cost {
    double wall_s;
    double cpu_s;
    uint64_t device_bytes; /* sent to it */
};

struct micro_queue_result {
    struct micro_queue_cost load;    /* until READY is durable */
    struct micro_queue_cost close;   /* with its checkpoint */
    struct micro_queue_cost open;    /* from that checkpoint */
    struct micro_queue_cost admit;   /* until every recipient can be claimed */
    struct micro_queue_cost settle;  /* all claimed and settled, in random order, durable */
    struct micro_queue_cost rebuild; /* opening without a checkpoint: everything is read */
    struct store_traffic load_traffic;
    struct store_traffic settle_traffic;
    uint64_t heap_bytes; /* anonymous memory that the open, admitted queue takes */
    uint64_t heap_settled_bytes;
    double claim_cpu_s;   /* of settle: finding and reading recipients */
    double verdict_cpu_s; /* of settle: journaling and marking them, in memory */
    double turn_max_ms;   /* the longest turn while settling */
};

/* 0; or -errno with words in *error. */
MUST_USE int micro_queue_work_round(const struct micro_queue_options *options, bool rebuild,
                                    struct micro_queue_result *ret, struct text *error);

/* One list after the other is loaded and settled in one store: so many recipients wait at a time,
 * as often as it takes to be measured. Fills settle.cpu_s, claim_cpu_s and verdict_cpu_s of all
 * lists but the first, with which memory is touched that was never used. */
MUST_USE int micro_queue_work_lists(const struct micro_queue_options *options,
                                    struct micro_queue_result *ret, struct text *error);

#endif
