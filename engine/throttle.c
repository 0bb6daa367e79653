#include "engine/throttle.h"

#include "base/check.h"
#include "engine/shard.h"

#define CAMPAIGNS_MAX 64 /* looked at a turn */
#define FLOWS_MAX 16     /* of one campaign that come back a turn */

size_t throttle_cost(uint32_t campaigns_max)
{
    return arena_cost(campaigns_max, sizeof(struct throttle_campaign));
}

void throttle_init(struct throttle *throttle, struct arena *arena, uint32_t campaigns_max)
{
    throttle->campaigns = arena_alloc(arena, campaigns_max, sizeof(struct throttle_campaign));
    throttle->campaigns_max = campaigns_max;
    list_init(&throttle->waiting);
}

static struct throttle_campaign *campaign_of(struct shard *shard, uint32_t flow)
{
    struct queue_flow info;
    struct throttle_campaign *item;
    uint64_t rate;

    queue_flow(shard->queue, flow, &info);
    CHECK(info.campaign_index < shard->throttle.campaigns_max);
    item = &shard->throttle.campaigns[info.campaign_index];
    if (item->known)
        return item;
    rate = queue_campaign(store_queue(shard->options.store), info.campaign_index)->descriptor.rate;
    item->known = true;
    item->limited = rate > 0;
    list_init(&item->flows);
    if (item->limited) /* all shards together: not even a small rate is exceeded */
        pace_init(&item->pace,
                  (struct pace_rate){
                      .count = rate,
                      .period_ns = 60 * NS_PER_MINUTE * shard->options.count,
                      .burst = (uint32_t)min_u64(1 + rate / shard->options.count / 3600, 1000)});
    return item;
}

bool throttle_pass(struct shard *shard, uint32_t flow)
{
    struct throttle_campaign *campaign = campaign_of(shard, flow);
    uint64_t now_ns = shard_now_ns(shard);

    if (!campaign->limited)
        return true;
    if (pace_ready_ns(&campaign->pace, now_ns) <= now_ns) {
        pace_take(&campaign->pace, now_ns);
        return true;
    }
    schedule_flow_empty(shard->schedule, flow);
    if (!list_linked(&shard->routing.flows[flow].throttle_node))
        list_push_back(&campaign->flows, &shard->routing.flows[flow].throttle_node);
    if (!list_linked(&campaign->node))
        list_push_back(&shard->throttle.waiting, &campaign->node);
    return false;
}

void throttle_forget(struct shard *shard, uint32_t flow)
{
    struct list_node *node = &shard->routing.flows[flow].throttle_node;

    if (list_linked(node))
        list_remove(node); /* the campaign leaves its list in the next turn */
}

/* Lets flows back while the campaign may send; those that take nothing leave the pace to the next.
 */
static void let_back(struct shard *shard, struct throttle_campaign *campaign)
{
    for (uint32_t i = 0; i < FLOWS_MAX && !list_empty(&campaign->flows); i++) {
        struct list_node *node = list_pop_front(&campaign->flows);
        uint32_t flow = (uint32_t)(CONTAINER_OF(node, struct routing_flow, throttle_node) -
                                   shard->routing.flows);
        struct queue_flow info;

        queue_flow(shard->queue, flow, &info);
        if (schedule_flow_site(shard->schedule, flow) != SCHEDULE_NONE)
            schedule_flow_ready(shard->schedule, flow, info.count > 0 ? info.count : 1);
    }
}

void throttle_turn(struct shard *shard)
{
    struct list *waiting = &shard->throttle.waiting;
    struct list_node *last = waiting->head.prev, *node = NULL;
    uint64_t now_ns = shard_now_ns(shard);

    /* Each at most once: who still waits goes to the end. */
    for (uint32_t i = 0; i < CAMPAIGNS_MAX && node != last && !list_empty(waiting); i++) {
        struct throttle_campaign *campaign;

        node = list_pop_front(waiting);
        campaign = CONTAINER_OF(node, struct throttle_campaign, node);
        if (pace_ready_ns(&campaign->pace, now_ns) <= now_ns)
            let_back(shard, campaign);
        if (!list_empty(&campaign->flows))
            list_push_back(waiting, node);
    }
}

uint64_t throttle_deadline_ns(const struct shard *shard)
{
    uint64_t deadline_ns = UINT64_MAX, now_ns = shard_now_ns(shard);
    uint32_t bound = CAMPAIGNS_MAX;

    list_for_each(node, &shard->throttle.waiting) {
        const struct throttle_campaign *campaign =
            CONTAINER_OF_CONST(node, struct throttle_campaign, node);

        if (bound-- == 0)
            return min_u64(deadline_ns, now_ns + NS_PER_MS);
        deadline_ns = min_u64(deadline_ns, pace_ready_ns(&campaign->pace, now_ns));
    }
    return deadline_ns;
}
