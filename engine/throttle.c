#include "engine/throttle.h"

#include "base/check.h"
#include "engine/shard.h"

#define LOOK_MAX 64 /* waiting flows looked at a turn */

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
    if (item->limited) {
        uint64_t share = max_u64(rate / shard->options.count, 1);

        pace_init(&item->pace,
                  (struct pace_rate){.count = share,
                                     .period_ns = 60 * NS_PER_MINUTE,
                                     .burst = (uint32_t)min_u64(1 + share / 3600, 1000)});
    }
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
        list_push_back(&shard->throttle.waiting, &shard->routing.flows[flow].throttle_node);
    return false;
}

void throttle_forget(struct shard *shard, uint32_t flow)
{
    struct list_node *node = &shard->routing.flows[flow].throttle_node;

    if (list_linked(node))
        list_remove(node);
}

void throttle_turn(struct shard *shard)
{
    uint32_t bound = LOOK_MAX;

    list_for_each_safe(node, after, &shard->throttle.waiting) {
        struct routing_flow *item = CONTAINER_OF(node, struct routing_flow, throttle_node);
        uint32_t flow = (uint32_t)(item - shard->routing.flows);
        struct queue_flow info;

        if (bound-- == 0)
            return;
        if (pace_ready_ns(&campaign_of(shard, flow)->pace, shard_now_ns(shard)) >
            shard_now_ns(shard))
            continue;
        list_remove(node);
        queue_flow(shard->queue, flow, &info);
        if (schedule_flow_site(shard->schedule, flow) != SCHEDULE_NONE)
            schedule_flow_ready(shard->schedule, flow, info.count > 0 ? info.count : 1);
    }
}

uint64_t throttle_deadline_ns(const struct shard *shard)
{
    uint64_t deadline_ns = UINT64_MAX;
    uint32_t bound = LOOK_MAX;

    list_for_each(node, &shard->throttle.waiting) {
        const struct routing_flow *item =
            CONTAINER_OF_CONST(node, struct routing_flow, throttle_node);
        uint32_t flow = (uint32_t)(item - shard->routing.flows);
        struct queue_flow info;

        if (bound-- == 0)
            break;
        queue_flow(shard->queue, flow, &info);
        deadline_ns =
            min_u64(deadline_ns, pace_ready_ns(&shard->throttle.campaigns[info.campaign_index].pace,
                                               shard_now_ns(shard)));
    }
    return deadline_ns;
}
