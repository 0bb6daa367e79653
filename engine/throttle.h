/* throttle.h - campaigns with a rate of their own: flows that must wait for it.
 *
 * Each shard keeps its part of the rate (the rate divided by the number of shards; a campaign whose
 * domains all belong to one shard gets only that part). A flow whose campaign may not send yet is
 * taken out of the schedule and comes back when the pace allows, in the order of its waiting: one
 * campaign never stands in another's way. Borrows the arena. */
#ifndef ENGINE_THROTTLE_H
#define ENGINE_THROTTLE_H

#include "base/arena.h"
#include "base/list.h"
#include "schedule/pace.h"

struct shard;

struct throttle_campaign {
    bool known;
    bool limited;
    struct pace pace;
    struct list flows;     /* that wait: throttle_node of routing's flows */
    struct list_node node; /* in throttle.waiting while flows wait */
};

struct throttle {
    struct throttle_campaign *campaigns;
    uint32_t campaigns_max;
    struct list waiting; /* campaigns */
};

MUST_USE size_t throttle_cost(uint32_t campaigns_max);
void throttle_init(struct throttle *throttle, struct arena *arena, uint32_t campaigns_max);
/* Whether a message of this flow may go now (then it is counted); if not, the flow waits. */
MUST_USE bool throttle_pass(struct shard *shard, uint32_t flow);
/* The flow is void: it no longer waits. */
void throttle_forget(struct shard *shard, uint32_t flow);
/* Once a turn: flows whose campaigns may send again. */
void throttle_turn(struct shard *shard);
MUST_USE uint64_t throttle_deadline_ns(const struct shard *shard);

#endif
