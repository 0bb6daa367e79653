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

static enum campaign_state state_of(const struct queue_shard *shard, uint32_t campaign)
{
    return (enum campaign_state)shard->states[campaign];
}

/* What an operator has made of a campaign's mail to a domain. */
enum fate {
    FATE_GOES,  /* it can be claimed */
    FATE_WAITS, /* not now */
    FATE_ENDS,  /* its recipients are kept in no list: they have ended, or are about to */
};

static enum fate fate_of(const struct queue_shard *shard, uint32_t campaign, uint32_t domain)
{
    enum campaign_state state = state_of(shard, campaign);
    enum stop_kind stop = stops_kind(&shard->stops, campaign, domain);

    if (!campaign_is_alive(state) || stop == STOP_CANCELLED)
        return FATE_ENDS;
    return state == CAMPAIGN_PAUSED || stop == STOP_PAUSED ? FATE_WAITS : FATE_GOES;
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

/* --- notices, admission, due --- */

bool queue_can_notice(const struct queue_shard *shard)
{
    return shard->admissions_count < QUEUE_PARTS_ADMISSIONS;
}

static void take_state(struct queue_shard *shard, uint32_t campaign, enum campaign_state state)
{
    shard->states[campaign] = (uint8_t)state;
    if (!campaign_is_alive(state))
        stops_forget(&shard->stops, campaign);
    if (state != CAMPAIGN_PAUSED)
        due_unpark(&shard->due, campaign); /* cancelled ones are passed over, and so dropped */
}

/* What waits for something else too is parked again when it is passed over. */
static void take_stop(struct queue_shard *shard, const struct stop *stop)
{
    CHECK(stop->domain < shard->queue->limits.domains_max);
    if (shard->queue->dictionary.shards[stop->domain] != shard->index ||
        (stop->campaign != STOPS_EVERY && !campaign_is_alive(state_of(shard, stop->campaign))))
        return;
    CHECK(stops_set(&shard->stops, stop) == 0); /* the store's table holds them all */
    if (stop->kind == STOP_PAUSED)
        return;
    if (stop->campaign != STOPS_EVERY)
        due_unpark(&shard->due, stop->campaign);
    else
        for (uint32_t i = 0; i < shard->queue->limits.campaigns_max; i++)
            due_unpark(&shard->due, i);
    if (stop->kind == STOP_CANCELLED)
        queue_parts_sweep_order(shard, stop->campaign, false);
}

void queue_notice(struct queue_shard *shard, const struct queue_notice *notice)
{
    struct queue_admission *admission;

    CHECK(notice->runs_count <= shard->queue->limits.runs_max);
    shard->runs_known = notice->runs_count;
    if (notice->kind == QUEUE_NOTICE_STOP) {
        take_stop(shard, &notice->stop);
        return;
    }
    if (notice->campaign_index != QUEUE_NONE)
        take_state(shard, notice->campaign_index, notice->state);
    if (notice->kind == QUEUE_NOTICE_SWEEP)
        queue_parts_sweep_order(shard, notice->campaign_index, true);
    if (notice->kind != QUEUE_NOTICE_RECIPIENTS)
        return;
    CHECK(queue_can_notice(shard));
    admission = &shard->admissions[(shard->admissions_first + shard->admissions_count) %
                                   QUEUE_PARTS_ADMISSIONS];
    *admission = (struct queue_admission){
        .campaign = notice->campaign_index,
        .run = notice->run_first,
        .runs_end = notice->runs_count,
    };
    shard->admissions_count++;
}

bool queue_admitting(const struct queue_shard *shard)
{
    return shard->admissions_count > 0 || queue_sweeping(shard);
}

/* Into its flow when its time has come, else into its bucket. */
static void place(struct queue_shard *shard, uint32_t campaign, uint32_t record,
                  const struct entry *entry)
{
    if (entry->due_s > shard->now_s)
        due_sleep(&shard->due, record, entry->due_s);
    else if (!due_push(&shard->due, campaign, entry->domain, record, false))
        due_sleep(&shard->due, record, shard->now_s + 1); /* all flows are taken: later */
}

/* Admits up to DUE_NEAR_MAX recipients that follow each other. */
static void admit_group(struct queue_shard *shard, uint32_t campaign, uint32_t first,
                        uint32_t count)
{
    const struct queue *queue = shard->queue;
    uint32_t records[DUE_NEAR_MAX], domains[DUE_NEAR_MAX], found = 0;

    for (uint32_t i = 0; i < count; i++) {
        const struct entry *entry = entries_at(&queue->entries, first + i);

        if (queue->dictionary.shards[entry->domain] != shard->index || !entry_is_open(entry) ||
            stops_kind(&shard->stops, campaign, entry->domain) == STOP_CANCELLED)
            continue;
        records[found] = first + i;
        domains[found++] = entry->domain;
    }
    due_near(&shard->due, campaign, domains, found);
    for (uint32_t i = 0; i < found; i++)
        place(shard, campaign, records[i], entries_at(&queue->entries, records[i]));
}

/* Admits recipients of one run; returns how many were looked at. */
static uint32_t admit_run(struct queue_shard *shard, struct queue_admission *admission,
                          uint32_t work_max)
{
    const struct queue_run *run = &shard->queue->runs[admission->run];
    uint32_t work = 0;

    if ((admission->campaign != QUEUE_NONE && run->campaign != admission->campaign) ||
        !campaign_is_alive(state_of(shard, run->campaign)))
        admission->position = run->count;
    while (admission->position < run->count && work < work_max) {
        uint32_t left = run->count - admission->position;
        uint32_t count = (uint32_t)min_u64(min_u64(left, work_max - work), DUE_NEAR_MAX);

        admit_group(shard, run->campaign, run->first + admission->position, count);
        admission->position += count;
        work += count;
    }
    if (admission->position == run->count) {
        admission->run++;
        admission->position = 0;
    }
    return work + 1;
}

static void admit(struct queue_shard *shard, uint32_t work_max)
{
    uint32_t work = 0;

    while (shard->admissions_count > 0 && work < work_max) {
        struct queue_admission *admission = &shard->admissions[shard->admissions_first];

        if (admission->run < admission->runs_end) {
            work += admit_run(shard, admission, work_max - work);
            continue;
        }
        shard->admissions_first = (shard->admissions_first + 1) % QUEUE_PARTS_ADMISSIONS;
        shard->admissions_count--;
    }
}

bool queue_due(struct queue_shard *shard, uint64_t now_s, uint32_t work_max)
{
    uint32_t work = 0;

    shard->now_s = now_s;
    while (work < work_max) {
        uint32_t record = due_wake(&shard->due, now_s);
        const struct entry *entry;
        uint32_t campaign;

        if (record == DUE_NONE)
            break;
        work++;
        campaign = campaign_of(shard, record);
        entry = entry_of(shard, record);
        if (fate_of(shard, campaign, entry->domain) != FATE_ENDS)
            place(shard, campaign, record, entry);
    }
    admit(shard, work_max - work);
    return work == work_max || shard->admissions_count > 0;
}

uint64_t queue_next_due_s(const struct queue_shard *shard)
{
    return due_next_s(&shard->due);
}

/* --- flows and claims --- */

uint32_t queue_ready(struct queue_shard *shard)
{
    shard->ready_cut = false;
    for (uint32_t passed = 0; passed < PASSED_OVER_MAX; passed++) {
        uint32_t flow = due_ready(&shard->due);
        enum fate fate;

        if (flow == DUE_NONE)
            return QUEUE_NONE;
        fate = fate_of(shard, shard->due.flows[flow].campaign, shard->due.flows[flow].domain);
        if (fate == FATE_GOES)
            return flow;
        if (fate == FATE_WAITS)
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
    enum fate fate = fate_of(shard, campaign, shard->due.flows[flow].domain);
    uint32_t record;

    if (fate == FATE_WAITS && shard->due.flows[flow].count > 0) {
        due_park(&shard->due, flow);
        return QUEUE_NONE;
    }
    if (fate == FATE_ENDS) {
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
    if (fate_of(shard, campaign, entry->domain) != FATE_ENDS)
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
    if (fate_of(shard, campaign, entry->domain) == FATE_ENDS)
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
