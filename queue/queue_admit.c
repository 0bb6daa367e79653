/* queue_admit.c - what the store's thread tells a shard: states, stops, recipients that have come;
 * and whose time has come. */
#include "base/check.h"
#include "queue/queue.h"
#include "queue/queue_parts.h"

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
        (stop->campaign != STOPS_EVERY &&
         !campaign_is_alive((enum campaign_state)shard->states[stop->campaign])))
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
        !campaign_is_alive((enum campaign_state)shard->states[run->campaign]))
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
        campaign = queue_campaign_of(shard, record);
        entry = entries_at(&shard->queue->entries, record);
        if (queue_parts_fate(shard, campaign, entry->domain) != QUEUE_FATE_ENDS)
            place(shard, campaign, record, entry);
    }
    admit(shard, work_max - work);
    return work == work_max || shard->admissions_count > 0;
}

uint64_t queue_next_due_s(const struct queue_shard *shard)
{
    return due_next_s(&shard->due);
}
