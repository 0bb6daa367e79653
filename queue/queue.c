#include "queue/queue.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "queue/queue_parts.h"
#include "queue/segment.h"

static size_t shard_cost(const struct queue_limits *limits)
{
    return due_cost(limits->flows_max, limits->campaigns_max) +
           arena_cost(limits->campaigns_max, sizeof(struct campaign_counts)) +
           arena_cost(limits->campaigns_max, 1) + stops_cost() + queue_parts_sweep_cost(limits);
}

static size_t hints_count(const struct queue_limits *limits)
{
    return limits->recipients_max / QUEUE_PARTS_HINT + 1;
}

size_t queue_cost(const struct queue_limits *limits)
{
    return arena_cost(1, sizeof(struct queue)) + dictionary_cost(limits->domains_max) +
           stops_cost() + entries_cost(limits->recipients_max) +
           arena_cost(limits->recipients_max, sizeof(uint32_t)) +
           arena_cost(limits->campaigns_max, sizeof(struct queue_campaign)) +
           table_cost(limits->campaigns_max) +
           arena_cost(limits->segments_max, sizeof(struct queue_segment)) +
           arena_cost(limits->runs_max, sizeof(struct queue_run)) +
           arena_cost(hints_count(limits), sizeof(uint32_t)) +
           arena_cost(limits->domains_max, sizeof(uint32_t)) +
           arena_cost(limits->shards_count, sizeof(struct queue_shard)) +
           limits->shards_count * shard_cost(limits);
}

static void open_shard(struct queue *queue, struct arena *arena, uint32_t index)
{
    const struct queue_limits *limits = &queue->limits;
    struct queue_shard *shard = &queue->shards[index];

    shard->queue = queue;
    shard->index = index;
    due_init(&shard->due, arena, queue->links, limits->flows_max, limits->campaigns_max);
    shard->counts = arena_alloc(arena, limits->campaigns_max, sizeof(struct campaign_counts));
    shard->states = arena_alloc(arena, limits->campaigns_max, 1);
    stops_init(&shard->stops, arena);
    queue_parts_sweep_init(shard, arena);
}

struct queue *queue_open(struct arena *arena, const struct queue_limits *limits)
{
    struct queue *queue = arena_alloc(arena, 1, sizeof(*queue));
    struct table_key key = {{0}};

    CHECK(limits->shards_count >= 1);
    CHECK(limits->recipients_max < QUEUE_NONE);
    if (limits->domain_key.size > 0)
        memcpy(key.words, limits->domain_key.data, min_size(limits->domain_key.size, sizeof(key)));
    queue->limits = *limits;
    queue->limits.domain_key = (struct span){0};
    dictionary_init(&queue->dictionary, arena, limits->domains_max, limits->shards_count, key);
    stops_init(&queue->stops, arena);
    entries_init(&queue->entries, arena, limits->recipients_max);
    queue->links = arena_alloc(arena, limits->recipients_max, sizeof(uint32_t));
    queue->campaigns = arena_alloc(arena, limits->campaigns_max, sizeof(struct queue_campaign));
    table_init(&queue->campaign_ids, arena, limits->campaigns_max);
    queue->segments = arena_alloc(arena, limits->segments_max, sizeof(struct queue_segment));
    queue->runs = arena_alloc(arena, limits->runs_max, sizeof(struct queue_run));
    queue->run_hints = arena_alloc(arena, hints_count(limits), sizeof(uint32_t));
    queue->numbers = arena_alloc(arena, limits->domains_max, sizeof(uint32_t));
    queue->shards = arena_alloc(arena, limits->shards_count, sizeof(struct queue_shard));
    for (uint32_t i = 0; i < limits->shards_count; i++)
        open_shard(queue, arena, i);
    return queue;
}

uint64_t queue_parts_hash(uint64_t number)
{
    number += UINT64_C(0x9e3779b97f4a7c15);
    number = (number ^ number >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    number = (number ^ number >> 27) * UINT64_C(0x94d049bb133111eb);
    return number ^ number >> 31;
}

void queue_memory(const struct queue *queue, struct span_mut ret_parts[2])
{
    size_t count = queue->limits.recipients_max;

    ret_parts[0] =
        (struct span_mut){(uint8_t *)queue->entries.list, count * sizeof(queue->entries.list[0])};
    ret_parts[1] = (struct span_mut){(uint8_t *)queue->links, count * sizeof(queue->links[0])};
}

uint32_t queue_campaigns_count(const struct queue *queue)
{
    return queue->campaigns_count;
}

const struct campaign *queue_campaign(const struct queue *queue, uint32_t campaign_index)
{
    CHECK(campaign_index < queue->limits.campaigns_max);
    return &queue->campaigns[campaign_index].campaign;
}

uint32_t queue_find_campaign(const struct queue *queue, struct span tenant, struct span name)
{
    for (uint32_t i = queue->campaigns_count; i-- > 0;) {
        const struct campaign *campaign = &queue->campaigns[i].campaign;

        if (campaign->state != CAMPAIGN_DISCARDED && span_equal(campaign->descriptor.name, name) &&
            span_equal(campaign->descriptor.tenant, tenant))
            return i;
    }
    return QUEUE_NONE;
}

static bool has_id(const void *context, uint32_t value, const void *key)
{
    const struct queue *queue = context;

    return queue->campaigns[value].campaign.descriptor.id == *(const uint64_t *)key;
}

uint64_t queue_id_max(const struct queue *queue)
{
    return queue->id_max;
}

uint32_t queue_find_campaign_id(const struct queue *queue, uint64_t id)
{
    return table_find(&queue->campaign_ids, queue_parts_hash(id), has_id, queue, &id);
}

const struct campaign_counts *queue_base_counts(const struct queue *queue, uint32_t campaign_index)
{
    CHECK(campaign_index < queue->campaigns_count);
    return &queue->campaigns[campaign_index].base;
}

uint32_t queue_domains_count(const struct queue *queue)
{
    return queue->dictionary.count;
}

struct span queue_domain_name(const struct queue *queue, uint32_t domain)
{
    CHECK(domain < queue->limits.domains_max);
    return dictionary_name(&queue->dictionary, domain);
}

uint32_t queue_shard_of(struct span name, uint32_t shards_count)
{
    return dictionary_shard_of(name, shards_count);
}

uint32_t queue_domain_shard(const struct queue *queue, uint32_t domain)
{
    CHECK(domain < queue->limits.domains_max);
    return queue->dictionary.shards[domain];
}

uint32_t queue_find_domain(const struct queue *queue, struct span name)
{
    return dictionary_find(&queue->dictionary, name);
}

const struct stops *queue_stops(const struct queue *queue)
{
    return &queue->stops;
}

uint32_t queue_recipients_count(const struct queue *queue)
{
    return queue->entries.count;
}

static bool run_has(const struct queue_run *run, uint32_t ordinal)
{
    return ordinal >= run->ordinal_first && ordinal - run->ordinal_first < run->count;
}

uint32_t queue_find(const struct queue *queue, struct identity identity)
{
    uint32_t index = queue_find_campaign_id(queue, identity.campaign);
    struct queue_campaign *campaign;
    uint32_t run;

    if (index == QUEUE_NONE)
        return QUEUE_NONE;
    campaign = &queue->campaigns[index];
    run = campaign->run_found;
    if (run == QUEUE_NONE || run >= queue->runs_count ||
        !run_has(&queue->runs[run], identity.ordinal))
        for (run = campaign->run_first; run != QUEUE_NONE; run = queue->runs[run].next)
            if (run_has(&queue->runs[run], identity.ordinal))
                break;
    if (run == QUEUE_NONE)
        return QUEUE_NONE;
    campaign->run_found = run;
    return queue->runs[run].first + (identity.ordinal - queue->runs[run].ordinal_first);
}

uint32_t queue_parts_run(const struct queue *queue, uint32_t runs_count, uint32_t record)
{
    uint32_t low = queue->run_hints[record / QUEUE_PARTS_HINT], step = 1, high;

    /* Nearly always it is this run or the next: most are much longer than a hint's distance. */
    while (low + step < runs_count && queue->runs[low + step].first <= record) {
        low += step;
        step *= 2;
    }
    high = (uint32_t)min_u64((uint64_t)low + step, runs_count);
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;

        if (queue->runs[middle].first <= record)
            low = middle;
        else
            high = middle;
    }
    return low;
}

int queue_parts_read(const struct queue *queue, uint32_t run_index, uint32_t record_index,
                     struct queue_recipient *ret)
{
    const struct queue_run *run = &queue->runs[run_index];
    const struct entry *entry = entries_at(&queue->entries, record_index);
    const struct queue_campaign *campaign = &queue->campaigns[run->campaign];
    struct segment_recipient recipient;
    struct record record;

    if (record_read(queue->segments[run->segment].image, (uint64_t)entry->place * RECORD_ALIGN,
                    &record) != 0 ||
        record.type != RECORD_RECIPIENT || segment_read_recipient(record.payload, &recipient) != 0)
        return -EBADMSG;
    if (recipient.identity.campaign != campaign->campaign.descriptor.id ||
        recipient.identity.ordinal != run->ordinal_first + (record_index - run->first))
        return -EBADMSG; /* a good record, but another one */
    *ret = (struct queue_recipient){
        .identity = recipient.identity,
        .campaign = &campaign->campaign,
        .campaign_index = run->campaign,
        .domain = entry->domain,
        .domain_name = dictionary_name(&queue->dictionary, entry->domain),
        .address = recipient.address,
        .values = recipient.values,
        .metadata = recipient.metadata,
    };
    return 0;
}

int queue_read(const struct queue *queue, uint32_t record, struct queue_recipient *ret)
{
    if (record >= queue->entries.count)
        return -ENOENT;
    return queue_parts_read(queue, queue_parts_run(queue, queue->runs_count, record), record, ret);
}

static enum outcome_kind kind_of(enum entry_state state)
{
    switch (state) {
    case ENTRY_QUEUED:
        return OUTCOME_NONE;
    case ENTRY_DEFERRED:
        return OUTCOME_DEFERRED;
    case ENTRY_DELIVERED:
        return OUTCOME_DELIVERED;
    case ENTRY_FAILED:
        return OUTCOME_FAILED;
    case ENTRY_EXPIRED:
        return OUTCOME_EXPIRED;
    case ENTRY_SUPPRESSED:
        return OUTCOME_SUPPRESSED;
    case ENTRY_CANCELLED:
        return OUTCOME_CANCELLED;
    case ENTRY_STATE_COUNT:
        break;
    }
    UNREACHABLE("entry state");
}

int queue_standing(const struct queue *queue, uint32_t record, struct queue_standing *ret)
{
    const struct entry *entry;
    uint32_t campaign;

    if (record >= queue->entries.count)
        return -ENOENT;
    entry = entries_at(&queue->entries, record);
    campaign = queue->runs[queue_parts_run(queue, queue->runs_count, record)].campaign;
    *ret = (struct queue_standing){
        .kind = kind_of((enum entry_state)entry->state),
        .attempts = entry->attempts,
        .due_s = entry->due_s,
        .campaign_index = campaign,
        .domain = entry->domain,
        .unsure = (entry->flags & ENTRY_UNSURE) != 0,
    };
    if (entry_is_open(entry) &&
        (queue->campaigns[campaign].campaign.state == CAMPAIGN_CANCELLED ||
         stops_kind(&queue->stops, campaign, entry->domain) == STOP_CANCELLED))
        ret->kind = OUTCOME_CANCELLED;
    return 0;
}

uint32_t queue_values(struct span values, struct span *ret_values, uint32_t values_max)
{
    struct span value;
    uint32_t count = 0;

    while (segment_next_value(&values, &value)) {
        if (count < values_max)
            ret_values[count] = value;
        count++;
    }
    return count;
}
