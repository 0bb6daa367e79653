#include "queue/queue_recover.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "queue/journal.h"
#include "queue/queue_append.h"
#include "queue/queue_parts.h"
#include "queue/segment.h"

void queue_recover_reset(struct queue *queue)
{
    dictionary_clear(&queue->dictionary);
    queue->entries.count = 0;
    queue->campaigns_count = queue->runs_count = 0;
    stops_clear(&queue->stops);
    queue->stop_sequence = 0;
    table_clear(&queue->campaign_ids);
    for (uint32_t i = 0; i < queue->segments_count; i++)
        queue->segments[i].covered = 0;
}

/* A walk over one segment. */
struct walk {
    struct queue *queue;
    uint32_t segment;
    uint64_t from;
    struct queue_recovered *found;
};

uint32_t queue_recover_slot(const struct queue *queue, uint64_t file)
{
    for (uint32_t i = 0; i < queue->segments_count; i++)
        if (queue->segments[i].file == file)
            return i;
    return QUEUE_NONE;
}

static int take_campaign(struct walk *walk, const struct record *record)
{
    struct campaign_descriptor descriptor;
    struct queue_campaign *campaign;
    uint32_t index;
    int r;

    if (segment_read_campaign(record->payload, &descriptor) != 0) {
        walk->found->strangers_count++;
        return 0;
    }
    r = queue_append_campaign(walk->queue, &descriptor, &index);
    if (r == -EEXIST)
        r = 0;
    if (r < 0)
        return r;
    campaign = &walk->queue->campaigns[index];
    if (campaign->place.content_offset == 0)
        campaign->place = (struct queue_place){walk->segment, record->offset, 0};
    return 0;
}

static void take_content(struct walk *walk, const struct record *record)
{
    struct queue_campaign *campaign;
    struct span content;
    uint32_t index = QUEUE_NONE;
    uint64_t id;

    if (segment_read_content(record->payload, &id, &content) == 0)
        index = queue_find_campaign_id(walk->queue, id);
    if (index == QUEUE_NONE) {
        walk->found->strangers_count++;
        return;
    }
    campaign = &walk->queue->campaigns[index];
    if (campaign->place.segment != walk->segment || campaign->place.content_offset != 0)
        return; /* a copy: the first one that was whole is used */
    if (queue_append_place(walk->queue, index, walk->segment, campaign->place.descriptor_offset,
                           record->offset) != 0)
        walk->found->strangers_count++;
}

static int take_domain(struct walk *walk, const struct record *record)
{
    uint32_t number, domain;
    struct span name;
    int r;

    if (segment_read_domain(record->payload, &number, &name) != 0 ||
        number >= walk->queue->limits.domains_max) {
        walk->found->strangers_count++;
        return 0;
    }
    r = queue_append_domain(walk->queue, name, &domain);
    if (r == 0)
        walk->queue->numbers[number] = domain;
    return r;
}

/* The domain by its number in this segment; by the address when the number's record is lost. */
static int find_domain(struct walk *walk, const struct segment_recipient *recipient,
                       uint32_t *ret_domain)
{
    struct span name = recipient->address;

    if (recipient->domain < walk->queue->limits.domains_max &&
        walk->queue->numbers[recipient->domain] != QUEUE_NONE) {
        *ret_domain = walk->queue->numbers[recipient->domain];
        return 0;
    }
    for (;;) {
        size_t at = span_find_byte(name, '@');

        if (at == SPAN_NOT_FOUND)
            break;
        name = span_skip(name, at + 1);
    }
    return queue_append_domain(walk->queue, name, ret_domain);
}

static int take_recipient(struct walk *walk, const struct record *record)
{
    struct segment_recipient recipient;
    struct queue_new_recipient added = {.segment = walk->segment, .offset = record->offset};
    int r;

    if (record->offset < walk->from)
        return 0;
    added.campaign = QUEUE_NONE;
    if (segment_read_recipient(record->payload, &recipient) == 0)
        added.campaign = queue_find_campaign_id(walk->queue, recipient.identity.campaign);
    if (added.campaign == QUEUE_NONE || record->offset / RECORD_ALIGN > UINT32_MAX) {
        walk->found->strangers_count++;
        return 0;
    }
    r = find_domain(walk, &recipient, &added.domain);
    if (r == -EINVAL) {
        walk->found->strangers_count++;
        return 0;
    }
    if (r < 0)
        return r;
    added.ordinal = recipient.identity.ordinal;
    added.due_s = walk->queue->campaigns[added.campaign].campaign.descriptor.not_before_s;
    return queue_append_recipient(walk->queue, &added);
}

static int take_record(struct walk *walk, const struct record *record)
{
    switch (record->type) {
    case RECORD_CAMPAIGN:
        return take_campaign(walk, record);
    case RECORD_CONTENT:
        take_content(walk, record);
        return 0;
    case RECORD_DOMAIN:
        return take_domain(walk, record);
    case RECORD_RECIPIENT:
        return take_recipient(walk, record);
    default:
        return 0; /* of a newer program, which says that it may be ignored */
    }
}

static void note_damage(struct queue_recovered *found, const struct scan *scan)
{
    if (found->damages_count++ == 0)
        found->damage_offset = scan->damage_offset;
}

static void note_end(struct queue_recovered *found, const struct scan *scan, uint64_t from)
{
    found->end = scan->end;
    found->durable = min_u64(max_u64(scan->watermark, from), scan->end);
    found->torn_bytes = scan->torn_bytes;
    found->records_count = scan->records_count;
}

static int recover_segment(struct queue *queue, uint32_t slot, uint64_t from, bool committed,
                           struct queue_recovered *ret)
{
    struct queue_segment *segment = &queue->segments[slot];
    struct walk walk = {queue, slot, from, ret};
    struct record record;
    struct scan scan;
    int r;

    *ret = (struct queue_recovered){0};
    memset(queue->numbers, 0xff, queue->limits.domains_max * sizeof(*queue->numbers));
    scan_init(&scan, segment->image, segment->file, RECORD_PAGE, UINT64_MAX);
    if (committed)
        scan_all_durable(&scan);
    while ((r = scan_next(&scan, &record)) != 0) {
        if (r < 0) {
            note_damage(ret, &scan);
            continue;
        }
        r = take_record(&walk, &record);
        if (r < 0)
            return r;
    }
    note_end(ret, &scan, RECORD_PAGE);
    segment->covered = scan.end;
    segment->damaged = ret->damages_count > 0;
    return 0;
}

int queue_recover_segment(struct queue *queue, uint32_t slot, uint64_t from,
                          struct queue_recovered *ret)
{
    return recover_segment(queue, slot, from, false, ret);
}

int queue_recover_committed(struct queue *queue, uint32_t slot, struct queue_recovered *ret)
{
    return recover_segment(queue, slot, RECORD_PAGE, true, ret);
}

/* The states behind READY follow a READY. */
static bool was_committed(enum campaign_state state)
{
    return state != CAMPAIGN_LOADING && state != CAMPAIGN_DISCARDED;
}

bool queue_recover_incomplete(const struct queue *queue)
{
    for (uint32_t i = 0; i < queue->campaigns_count; i++) {
        const struct queue_campaign *campaign = &queue->campaigns[i];

        if (was_committed(campaign->campaign.state) &&
            (campaign->place.content_offset == 0 ||
             campaign->loaded_count < campaign->campaign.recipients_count))
            return true;
    }
    return false;
}

static void apply_outcome(struct queue *queue, const struct journal_outcome *outcome,
                          struct queue_recovered *found)
{
    uint32_t index = queue_find(queue, outcome->identity);
    bool final = journal_is_final(outcome->kind);
    struct entry *entry;

    queue->id_max = max_u64(queue->id_max, outcome->identity.campaign);
    if (index == QUEUE_NONE) {
        found->strangers_count++;
        return;
    }
    entry = entries_at(&queue->entries, index);
    if (outcome->unsure)
        entry->flags |= ENTRY_UNSURE;
    if (!journal_newer(outcome->number, final, entry->attempts, !entry_is_open(entry)))
        return;
    entry->attempts = (uint16_t)min_u64(outcome->number, UINT16_MAX);
    entry->state = (uint8_t)entries_state_of(outcome->kind);
    entry->due_s = final ? 0 : (uint32_t)min_u64(outcome->next_due_s, UINT32_MAX);
}

static void apply_stop(struct queue *queue, const struct record *record,
                       struct queue_recovered *found)
{
    struct stop stop = {.campaign = STOPS_EVERY};
    struct journal_stop read;
    int r = journal_read_stop(record->payload, &read);

    if (r == 0 && read.campaign != 0) {
        stop.campaign = queue_find_campaign_id(queue, read.campaign);
        queue->id_max = max_u64(queue->id_max, read.campaign);
    }
    if (r < 0 || (read.campaign != 0 && stop.campaign == QUEUE_NONE)) {
        found->strangers_count++;
        return;
    }
    stop.kind = read.kind;
    stop.time_s = read.time_s;
    r = queue_append_domain(queue, read.domain, &stop.domain);
    if (r == 0)
        r = queue_append_stop(queue, &stop, read.sequence);
    found->no_room |= r == -ENOSPC;
}

static void apply_record(struct queue *queue, const struct record *record,
                         struct queue_recovered *found)
{
    struct journal_outcome outcome;
    struct journal_state state;
    uint32_t campaign;

    switch (record->type) {
    case RECORD_OUTCOME:
        if (journal_peek_outcome(record->payload, &outcome) == 0)
            apply_outcome(queue, &outcome, found);
        else
            found->strangers_count++;
        return;
    case RECORD_STATE:
        campaign = QUEUE_NONE;
        if (journal_read_state(record->payload, &state) == 0) {
            campaign = queue_find_campaign_id(queue, state.campaign);
            queue->id_max = max_u64(queue->id_max, state.campaign);
            found->campaign_missing |= campaign == QUEUE_NONE && was_committed(state.state);
        }
        if (campaign == QUEUE_NONE)
            found->strangers_count++;
        else
            (void)queue_append_state(queue, campaign, &state); /* an older one changes nothing */
        return;
    case RECORD_SEAL:
        found->sealed = true;
        return;
    case RECORD_STOP:
        apply_stop(queue, record, found);
        return;
    default:
        return;
    }
}

void queue_recover_journal(struct queue *queue, struct span image, uint64_t file, uint64_t from,
                           struct queue_recovered *ret)
{
    struct record record;
    struct scan scan;
    int r;

    *ret = (struct queue_recovered){0};
    scan_init(&scan, image, file, from, UINT64_MAX);
    while ((r = scan_next(&scan, &record)) != 0) {
        if (r < 0)
            note_damage(ret, &scan);
        else
            apply_record(queue, &record, ret);
    }
    note_end(ret, &scan, from);
}

static void count_entry(struct campaign_counts *counts, const struct entry *entry)
{
    int64_t *const places[ENTRY_STATE_COUNT] = {
        [ENTRY_QUEUED] = &counts->queued,       [ENTRY_DEFERRED] = &counts->deferred,
        [ENTRY_DELIVERED] = &counts->delivered, [ENTRY_FAILED] = &counts->failed,
        [ENTRY_EXPIRED] = &counts->expired,     [ENTRY_SUPPRESSED] = &counts->suppressed,
        [ENTRY_CANCELLED] = &counts->cancelled,
    };

    ++*places[entry->state];
    counts->unsure += (entry->flags & ENTRY_UNSURE) != 0;
}

/* Records that were committed and cannot be found, and everything open without content. */
static void count_damage(struct queue_campaign *campaign)
{
    struct campaign_counts *base = &campaign->base;

    if (campaign->campaign.recipients_count > campaign->loaded_count)
        base->damaged += campaign->campaign.recipients_count - campaign->loaded_count;
    if (campaign->place.content_offset == 0) {
        base->damaged += base->queued + base->deferred;
        base->queued = base->deferred = 0;
    }
}

void queue_recover_finish(struct queue *queue)
{
    for (uint32_t i = 0; i < queue->campaigns_count; i++)
        queue->campaigns[i].base = (struct campaign_counts){0};
    for (uint32_t i = 0; i < queue->runs_count; i++) {
        const struct queue_run *run = &queue->runs[i];
        struct campaign_counts *counts = &queue->campaigns[run->campaign].base;

        for (uint32_t k = 0; k < run->count; k++)
            count_entry(counts, entries_at(&queue->entries, run->first + k));
    }
    for (uint32_t i = 0; i < queue->campaigns_count; i++)
        if (was_committed(queue->campaigns[i].campaign.state))
            count_damage(&queue->campaigns[i]);
}
