/* timeline.h - virtual time: what happens when, in one total order.
 *
 * A heap of tasks ordered by (due, sequence): two tasks due at the same moment run in the order in
 * which they were added, so that a run is a function of its seed alone. Time moves only when a task
 * runs or timeline_advance is called. Knows nothing of what the tasks do. Owns the heap (malloc).
 */
#ifndef SIM_TIMELINE_H
#define SIM_TIMELINE_H

#include "base/base.h"

/* `argument` is mostly the generation of `object`, so that a task of an earlier life is a no-op. */
typedef void timeline_run(void *object, uint64_t argument);

struct timeline_task {
    uint64_t due_ns;
    uint64_t sequence;
    timeline_run *run;
    void *object;
    uint64_t argument;
};

struct timeline {
    struct timeline_task *tasks; /* a heap of four children a node */
    size_t tasks_count;
    size_t tasks_max;
    uint64_t now_ns;
    uint64_t sequence;
    uint64_t run_count;
};

void timeline_open(struct timeline *timeline, uint64_t now_ns);
void timeline_close(struct timeline *timeline);
/* Runs `run` after `delay_ns` of virtual time. */
void timeline_add(struct timeline *timeline, uint64_t delay_ns, timeline_run *run, void *object,
                  uint64_t argument);
/* When the next task is due, or UINT64_MAX. */
MUST_USE uint64_t timeline_next_ns(const struct timeline *timeline);
/* Moves the clock to the next task and runs it. CHECKs that there is one. */
void timeline_run_next(struct timeline *timeline);
/* Moves the clock forward to `now_ns` (never back). CHECKs that no task is due before. */
void timeline_advance(struct timeline *timeline, uint64_t now_ns);

#endif
