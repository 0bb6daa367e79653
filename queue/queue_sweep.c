/* queue_sweep.c - what is open and was cancelled is found, in steps of bounded work.
 *
 * The runs of a campaign are walked once after each cancel, of all of it or of one of its domains.
 * A record that somebody has is passed over then and comes by the list of the late when it is given
 * back. Links of flows and buckets are left as they are: what falls out of them was cancelled, and
 * is dropped. */
#include "base/check.h"
#include "queue/queue.h"
#include "queue/queue_parts.h"

size_t queue_parts_sweep_cost(const struct queue_limits *limits)
{
    return arena_cost(limits->campaigns_max, 1);
}

void queue_parts_sweep_init(struct queue_shard *shard, struct arena *arena)
{
    shard->sweep = (struct queue_sweep){.run = QUEUE_NONE, .late = QUEUE_NONE};
    shard->sweep.flags = arena_alloc(arena, shard->queue->limits.campaigns_max, 1);
}

void queue_parts_sweep_order(struct queue_shard *shard, uint32_t campaign, bool whole)
{
    struct queue_sweep *sweep = &shard->sweep;

    CHECK(campaign < shard->queue->limits.campaigns_max);
    if (whole && (sweep->flags[campaign] & QUEUE_SWEEP_WHOLE) != 0)
        return;
    if (whole)
        sweep->flags[campaign] |= QUEUE_SWEEP_WHOLE;
    if ((sweep->flags[campaign] & QUEUE_SWEEP_WAITS) != 0)
        return;
    sweep->flags[campaign] |= QUEUE_SWEEP_WAITS;
    sweep->open_count++;
}

/* Whether its cancel is durable. */
static bool is_cancelled(const struct queue_shard *shard, uint32_t campaign, uint32_t record)
{
    return (shard->sweep.flags[campaign] & QUEUE_SWEEP_WHOLE) != 0 ||
           stops_kind(&shard->stops, campaign,
                      entries_at(&shard->queue->entries, record)->domain) == STOP_CANCELLED;
}

void queue_parts_sweep_late(struct queue_shard *shard, uint32_t campaign, uint32_t record)
{
    if (!is_cancelled(shard, campaign, record))
        return; /* when it is, the walk finds the record */
    shard->queue->links[record] = shard->sweep.late;
    shard->sweep.late = record;
}

bool queue_sweeping(const struct queue_shard *shard)
{
    return shard->sweep.open_count > 0 || shard->sweep.late != QUEUE_NONE;
}

bool queue_is_stopped(struct queue_shard *shard, uint32_t record)
{
    return (shard->sweep.flags[queue_campaign_of(shard, record)] & QUEUE_SWEEP_WHOLE) == 0;
}

/* Whether the record is this shard's to end. */
static bool is_found(const struct queue_shard *shard, uint32_t campaign, uint32_t record)
{
    const struct entry *entry = entries_at(&shard->queue->entries, record);

    return shard->queue->dictionary.shards[entry->domain] == shard->index && entry_is_open(entry) &&
           (entry->flags & (ENTRY_CLAIMED | ENTRY_DAMAGED)) == 0 &&
           is_cancelled(shard, campaign, record);
}

static uint32_t next_late(struct queue_shard *shard, uint32_t *work)
{
    struct queue_sweep *sweep = &shard->sweep;

    while (sweep->late != QUEUE_NONE && *work > 0) {
        uint32_t record = sweep->late;

        sweep->late = shard->queue->links[record];
        --*work;
        /* Else the walk came by meanwhile, or will: the whole campaign is being cancelled. */
        if (is_found(shard, queue_campaign_of(shard, record), record))
            return record;
    }
    return QUEUE_NONE;
}

/* Goes on to the first run of the next campaign of which something was cancelled. */
static void next_campaign(struct queue_shard *shard, uint32_t *work)
{
    struct queue_sweep *sweep = &shard->sweep;

    --*work;
    sweep->campaign = (sweep->campaign + 1) % shard->queue->limits.campaigns_max;
    if ((sweep->flags[sweep->campaign] & QUEUE_SWEEP_WAITS) == 0)
        return;
    sweep->run = shard->queue->campaigns[sweep->campaign].run_first;
    sweep->position = 0;
    sweep->flags[sweep->campaign] &= (uint8_t)~QUEUE_SWEEP_WAITS;
    if (sweep->run == QUEUE_NONE)
        sweep->open_count--;
}

/* Looks on in the run; QUEUE_NONE: its end, or that of the work, was reached. */
static uint32_t next_in_run(struct queue_shard *shard, uint32_t *work)
{
    struct queue_sweep *sweep = &shard->sweep;
    const struct queue_run *run = &shard->queue->runs[sweep->run];

    while (sweep->position < run->count) {
        uint32_t record = run->first + sweep->position;

        if (*work == 0)
            return QUEUE_NONE;
        --*work;
        sweep->position++;
        if (is_found(shard, sweep->campaign, record))
            return record;
    }
    sweep->run = run->next;
    sweep->position = 0;
    if (sweep->run == QUEUE_NONE)
        sweep->open_count--;
    return QUEUE_NONE;
}

uint32_t queue_sweep(struct queue_shard *shard, uint32_t *work)
{
    struct queue_sweep *sweep = &shard->sweep;
    uint32_t record = next_late(shard, work);

    while (record == QUEUE_NONE && sweep->open_count > 0 && *work > 0) {
        if (sweep->run == QUEUE_NONE)
            next_campaign(shard, work);
        else
            record = next_in_run(shard, work);
    }
    if (record != QUEUE_NONE)
        queue_parts_claim(shard, queue_campaign_of(shard, record), record);
    return record;
}
