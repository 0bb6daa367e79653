#include "queue/queue_append.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "queue/queue_parts.h"
#include "queue/segment.h"

int queue_append_segment(struct queue *queue, uint64_t file, struct span image, uint32_t part,
                         uint32_t *ret_slot)
{
    if (queue->segments_count == queue->limits.segments_max)
        return -ENOSPC;
    queue->segments[queue->segments_count] =
        (struct queue_segment){.file = file, .image = image, .part = part};
    *ret_slot = queue->segments_count++;
    return 0;
}

int queue_append_campaign(struct queue *queue, const struct campaign_descriptor *descriptor,
                          uint32_t *ret_campaign)
{
    uint32_t index = queue_find_campaign_id(queue, descriptor->id);

    if (index != QUEUE_NONE) {
        *ret_campaign = index;
        return -EEXIST;
    }
    if (queue->campaigns_count == queue->limits.campaigns_max)
        return -ENOSPC;
    index = queue->campaigns_count;
    queue->campaigns[index] = (struct queue_campaign){
        .campaign = {.descriptor = *descriptor, .state = CAMPAIGN_LOADING},
        .place = {.segment = QUEUE_NONE},
        .run_first = QUEUE_NONE,
        .run_last = QUEUE_NONE,
        .run_found = QUEUE_NONE,
    };
    queue->id_max = max_u64(queue->id_max, descriptor->id);
    if (table_insert(&queue->campaign_ids, queue_parts_hash(descriptor->id), index) != 0)
        return -ENOSPC;
    queue->campaigns_count++;
    *ret_campaign = index;
    return 0;
}

static int read_descriptor(struct span image, uint64_t offset, struct campaign_descriptor *ret)
{
    struct record record;

    if (record_read(image, offset, &record) != 0 || record.type != RECORD_CAMPAIGN)
        return -EBADMSG;
    return segment_read_campaign(record.payload, ret);
}

static int read_content(struct span image, uint64_t offset, uint64_t id, struct span *ret)
{
    struct record record;
    uint64_t campaign;

    if (record_read(image, offset, &record) != 0 || record.type != RECORD_CONTENT ||
        segment_read_content(record.payload, &campaign, ret) != 0 || campaign != id)
        return -EBADMSG;
    return 0;
}

int queue_append_place(struct queue *queue, uint32_t campaign_index, uint32_t segment,
                       uint64_t descriptor_offset, uint64_t content_offset)
{
    struct queue_campaign *campaign = &queue->campaigns[campaign_index];
    struct campaign_descriptor descriptor;
    struct span content = {0}, image;
    int r;

    if (segment >= queue->segments_count)
        return -EBADMSG;
    image = queue->segments[segment].image;
    r = read_descriptor(image, descriptor_offset, &descriptor);
    if (r == 0 && descriptor.id != campaign->campaign.descriptor.id)
        r = -EBADMSG;
    if (r == 0 && content_offset != 0)
        r = read_content(image, content_offset, descriptor.id, &content);
    if (r < 0)
        return r;
    campaign->campaign.descriptor = descriptor;
    campaign->campaign.content = content;
    campaign->place = (struct queue_place){segment, descriptor_offset, content_offset};
    return 0;
}

int queue_append_domain(struct queue *queue, struct span name, uint32_t *ret_domain)
{
    return dictionary_add(&queue->dictionary, name, ret_domain);
}

/* The run that the next recipient extends, or a new one. */
static struct queue_run *run_for(struct queue *queue, const struct queue_new_recipient *recipient)
{
    struct queue_campaign *campaign = &queue->campaigns[recipient->campaign];
    struct queue_run *run;
    uint32_t index = queue->runs_count;

    if (index > 0) {
        run = &queue->runs[index - 1];
        if (run->campaign == recipient->campaign && run->segment == recipient->segment &&
            (uint64_t)run->ordinal_first + run->count == recipient->ordinal)
            return run;
    }
    if (index == queue->limits.runs_max)
        return NULL;
    run = &queue->runs[index];
    *run = (struct queue_run){
        .campaign = recipient->campaign,
        .segment = recipient->segment,
        .ordinal_first = recipient->ordinal,
        .first = queue->entries.count,
        .next = QUEUE_NONE,
    };
    queue->runs_count++;
    if (campaign->run_last == QUEUE_NONE)
        campaign->run_first = index;
    else
        queue->runs[campaign->run_last].next = index;
    campaign->run_last = index;
    return run;
}

int queue_append_recipient(struct queue *queue, const struct queue_new_recipient *recipient)
{
    struct entry entry = {
        .place = (uint32_t)(recipient->offset / RECORD_ALIGN),
        .domain = recipient->domain,
        .due_s = (uint32_t)min_u64(recipient->due_s, UINT32_MAX),
    };
    struct queue_run *run;
    uint32_t index;

    CHECK(recipient->offset / RECORD_ALIGN <= UINT32_MAX);
    CHECK(recipient->domain < queue->dictionary.count);
    CHECK(recipient->campaign < queue->campaigns_count);
    if (queue->entries.count == queue->entries.count_max)
        return -ENOSPC;
    run = run_for(queue, recipient);
    if (run == NULL)
        return -ENOSPC;
    if (entries_add(&queue->entries, entry, &index) != 0)
        return -ENOSPC;
    if (index % QUEUE_PARTS_HINT == 0)
        queue->run_hints[index / QUEUE_PARTS_HINT] = (uint32_t)(run - queue->runs);
    run->count++;
    queue->campaigns[recipient->campaign].loaded_count++;
    return 0;
}

/* LOADING has not: of its states, which come in any order, READY may be still to be read. */
static bool has_ended(enum campaign_state state)
{
    return state != CAMPAIGN_LOADING && !campaign_is_alive(state);
}

bool queue_append_state(struct queue *queue, uint32_t campaign_index,
                        const struct journal_state *state)
{
    struct campaign *campaign = &queue->campaigns[campaign_index].campaign;

    if (state->sequence <= campaign->state_sequence)
        return false;
    campaign->state = state->state;
    if (has_ended(state->state))
        stops_forget(&queue->stops, campaign_index);
    campaign->state_sequence = state->sequence;
    campaign->state_time_s = state->time_s;
    campaign->recipients_count = state->recipients_count;
    memcpy(campaign->list_digest, state->list_digest, CAMPAIGN_DIGEST_SIZE);
    return true;
}

struct journal_state queue_append_next_state(const struct queue *queue, uint32_t campaign_index,
                                             enum campaign_state state, uint64_t time_s)
{
    const struct campaign *campaign = &queue->campaigns[campaign_index].campaign;
    struct journal_state next = {
        .campaign = campaign->descriptor.id,
        .sequence = campaign->state_sequence + 1,
        .state = state,
        .time_s = time_s,
        .recipients_count = campaign->recipients_count,
    };

    CHECK(campaign_may_become(campaign->state, state));
    memcpy(next.list_digest, campaign->list_digest, CAMPAIGN_DIGEST_SIZE);
    return next;
}

int queue_append_stop(struct queue *queue, const struct stop *stop, uint64_t sequence)
{
    CHECK(stop->domain < queue->dictionary.count);
    if (sequence <= queue->stop_sequence)
        return 0;
    queue->stop_sequence = sequence;
    if (stop->campaign != STOPS_EVERY) {
        CHECK(stop->campaign < queue->campaigns_count);
        if (has_ended(queue->campaigns[stop->campaign].campaign.state))
            return 0;
    }
    return stops_set(&queue->stops, stop);
}

uint64_t queue_append_next_stop(const struct queue *queue)
{
    return queue->stop_sequence + 1;
}

void queue_append_counts(struct queue *queue, uint32_t campaign_index)
{
    struct queue_campaign *campaign = &queue->campaigns[campaign_index];

    campaign->base = (struct campaign_counts){.queued = campaign->loaded_count};
}

uint32_t queue_append_loaded(const struct queue *queue, uint32_t campaign_index)
{
    return queue->campaigns[campaign_index].loaded_count;
}

uint32_t queue_append_runs_count(const struct queue *queue)
{
    return queue->runs_count;
}

void queue_append_covered(struct queue *queue, uint32_t segment, uint64_t offset)
{
    CHECK(segment < queue->segments_count);
    queue->segments[segment].covered = offset;
}

struct span queue_append_image(const struct queue *queue, uint32_t segment, uint64_t *ret_file,
                               uint64_t *ret_covered)
{
    CHECK(segment < queue->segments_count);
    *ret_file = queue->segments[segment].file;
    *ret_covered = queue->segments[segment].covered;
    return queue->segments[segment].image;
}
