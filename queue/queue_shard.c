#include <errno.h>

#include "base/check.h"
#include "queue/queue.h"
#include "queue/queue_parts.h"

/* Flows of what is paused or cancelled that one call passes over. */
#define PASSED_OVER_MAX 1024

struct queue_shard *queue_shard(struct queue *queue, uint32_t shard_index)
{
    CHECK(shard_index < queue->limits.shards_count);
    return &queue->shards[shard_index];
}

static uint32_t run_of(struct queue_shard *shard, uint32_t record)
{
    const struct queue_run *run = &shard->queue->runs[shard->run_found];

    if (record < run->first || record - run->first >= run->count)
        shard->run_found = queue_parts_run(shard->queue, shard->runs_known, record);
    return shard->run_found;
}

static uint32_t campaign_of(struct queue_shard *shard, uint32_t record)
{
    return shard->queue->runs[run_of(shard, record)].campaign;
}

static struct entry *entry_of(const struct queue_shard *shard, uint32_t record)
{
    CHECK(record < shard->queue->limits.recipients_max);
    return entries_at(&shard->queue->entries, record);
}

/* --- flows and claims --- */

uint32_t queue_ready(struct queue_shard *shard)
{
    shard->ready_cut = false;
    for (uint32_t passed = 0; passed < PASSED_OVER_MAX; passed++) {
        uint32_t flow = due_ready(&shard->due);
        enum queue_fate fate;

        if (flow == DUE_NONE)
            return QUEUE_NONE;
        fate =
            queue_parts_fate(shard, shard->due.flows[flow].campaign, shard->due.flows[flow].domain);
        if (fate == QUEUE_FATE_GOES)
            return flow;
        if (fate == QUEUE_FATE_WAITS)
            due_park(&shard->due, flow);
        else
            due_drop(&shard->due, flow);
    }
    shard->ready_cut = true;
    return QUEUE_NONE;
}

bool queue_ready_cut(const struct queue_shard *shard)
{
    return shard->ready_cut;
}

void queue_flow(const struct queue_shard *shard, uint32_t flow_index, struct queue_flow *ret)
{
    const struct due_flow *flow = &shard->due.flows[flow_index];

    CHECK(flow_index < shard->due.flows_max);
    *ret = (struct queue_flow){
        .campaign_index = flow->campaign,
        .domain = flow->domain,
        .lane = shard->queue->campaigns[flow->campaign].campaign.descriptor.lane,
        .count = flow->count,
    };
}

/* Where an open entry is counted while nobody has it. */
static int64_t *open_count(struct campaign_counts *counts, const struct entry *entry)
{
    return entry->state == ENTRY_QUEUED ? &counts->queued : &counts->deferred;
}

void queue_parts_claim(struct queue_shard *shard, uint32_t campaign, uint32_t record)
{
    struct entry *entry = entry_of(shard, record);

    CHECK((entry->flags & ENTRY_CLAIMED) == 0);
    entry->flags |= ENTRY_CLAIMED;
    shard->claimed_count++;
    --*open_count(&shard->counts[campaign], entry);
    shard->counts[campaign].in_flight++;
}

uint32_t queue_claim(struct queue_shard *shard, uint32_t flow)
{
    uint32_t campaign = shard->due.flows[flow].campaign;
    enum queue_fate fate = queue_parts_fate(shard, campaign, shard->due.flows[flow].domain);
    uint32_t record;

    if (fate == QUEUE_FATE_WAITS && shard->due.flows[flow].count > 0) {
        due_park(&shard->due, flow);
        return QUEUE_NONE;
    }
    if (fate == QUEUE_FATE_ENDS) {
        due_drop(&shard->due, flow);
        return QUEUE_NONE;
    }
    record = due_pop(&shard->due, flow);
    if (record == DUE_NONE)
        return QUEUE_NONE;
    queue_parts_claim(shard, campaign, record);
    return record;
}

int queue_view(const struct queue_shard *shard, uint32_t record, struct queue_recipient *ret)
{
    const struct entry *entry = entry_of(shard, record);
    uint32_t run = queue_parts_run(shard->queue, shard->runs_known, record);
    int r;

    CHECK((entry->flags & ENTRY_CLAIMED) != 0);
    r = queue_parts_read(shard->queue, run, record, ret);
    if (r < 0)
        return r;
    ret->attempts = entry->attempts;
    ret->unsure = (entry->flags & ENTRY_UNSURE) != 0;
    return 0;
}

uint32_t queue_campaign_of(struct queue_shard *shard, uint32_t record)
{
    CHECK(record < shard->queue->limits.recipients_max);
    return campaign_of(shard, record);
}

struct identity queue_identity(struct queue_shard *shard, uint32_t record)
{
    const struct queue_run *run = &shard->queue->runs[run_of(shard, record)];

    return (struct identity){
        .campaign = shard->queue->campaigns[run->campaign].campaign.descriptor.id,
        .ordinal = run->ordinal_first + (record - run->first),
    };
}

/* --- the ways out of a claim --- */

static struct entry *end_claim(struct queue_shard *shard, uint32_t record,
                               struct campaign_counts **ret_counts)
{
    struct entry *entry = entry_of(shard, record);

    CHECK((entry->flags & ENTRY_CLAIMED) != 0);
    CHECK(shard->claimed_count > 0);
    entry->flags &= (uint8_t)~ENTRY_CLAIMED;
    shard->claimed_count--;
    *ret_counts = &shard->counts[campaign_of(shard, record)];
    (*ret_counts)->in_flight--;
    return entry;
}

static int64_t *final_count(struct campaign_counts *counts, enum entry_state state)
{
    switch (state) {
    case ENTRY_DELIVERED:
        return &counts->delivered;
    case ENTRY_FAILED:
        return &counts->failed;
    case ENTRY_EXPIRED:
        return &counts->expired;
    case ENTRY_SUPPRESSED:
        return &counts->suppressed;
    case ENTRY_CANCELLED:
        return &counts->cancelled;
    case ENTRY_QUEUED:
        return &counts->queued;
    case ENTRY_DEFERRED:
        return &counts->deferred;
    case ENTRY_STATE_COUNT:
        break;
    }
    UNREACHABLE("entry state");
}

void queue_near(const struct queue_shard *shard, uint32_t record)
{
    __builtin_prefetch(entry_of(shard, record), 1);
}

uint32_t queue_attempt_number(const struct queue_shard *shard, uint32_t record,
                              const struct attempt *attempt)
{
    uint32_t attempts = entry_of(shard, record)->attempts;

    return attempt->counted && attempts < UINT16_MAX ? attempts + 1 : attempts;
}

void queue_settle(struct queue_shard *shard, uint32_t record, const struct attempt *attempt)
{
    uint32_t number = queue_attempt_number(shard, record, attempt);
    uint32_t campaign = campaign_of(shard, record);
    struct campaign_counts *counts;
    struct entry *entry = end_claim(shard, record, &counts);
    uint64_t due_s =
        attempt->next_due_ns / NS_PER_S + (attempt->next_due_ns % NS_PER_S != 0 ? 1 : 0);

    entry->attempts = (uint16_t)number;
    entry->state = (uint8_t)entries_state_of(attempt->outcome.kind);
    ++*final_count(counts, (enum entry_state)entry->state);
    if (outcome_is_unsure(&attempt->outcome) && (entry->flags & ENTRY_UNSURE) == 0) {
        entry->flags |= ENTRY_UNSURE;
        counts->unsure++;
    }
    if (entry->state != ENTRY_DEFERRED)
        return;
    entry->due_s = (uint32_t)min_u64(due_s, UINT32_MAX);
    if (queue_parts_fate(shard, campaign, entry->domain) != QUEUE_FATE_ENDS)
        due_sleep(&shard->due, record, entry->due_s);
    else
        queue_parts_sweep_late(shard, campaign, record);
}

void queue_release(struct queue_shard *shard, uint32_t record)
{
    uint32_t campaign = campaign_of(shard, record);
    struct campaign_counts *counts;
    struct entry *entry = end_claim(shard, record, &counts);

    ++*open_count(counts, entry);
    if (queue_parts_fate(shard, campaign, entry->domain) == QUEUE_FATE_ENDS)
        queue_parts_sweep_late(shard, campaign, record);
    else if (!due_push(&shard->due, campaign, entry->domain, record, true))
        due_sleep(&shard->due, record, shard->now_s + 1);
}

void queue_damaged(struct queue_shard *shard, uint32_t record)
{
    struct campaign_counts *counts;
    struct entry *entry = end_claim(shard, record, &counts);

    entry->flags |= ENTRY_DAMAGED;
    counts->damaged++;
}

const struct campaign_counts *queue_counts(const struct queue_shard *shard, uint32_t campaign_index)
{
    CHECK(campaign_index < shard->queue->limits.campaigns_max);
    return &shard->counts[campaign_index];
}

uint32_t queue_claimed_count(const struct queue_shard *shard)
{
    return shard->claimed_count;
}

uint32_t queue_waiting_count(const struct queue_shard *shard)
{
    return shard->due.waiting_count;
}
