#include "queue/checkpoint.h"

#include <string.h>

#include "base/check.h"
#include "base/crc.h"
#include "queue/checkpoint_image.h"

size_t checkpoint_memory_size(const struct queue_limits *limits, uint32_t journals_max)
{
    return limits->segments_max * sizeof(struct checkpoint_cover) +
           journals_max * sizeof(struct checkpoint_cover) +
           limits->campaigns_max * sizeof(struct checkpoint_image_campaign) +
           STOPS_MAX * sizeof(struct checkpoint_image_stop) + (size_t)4 * CHECKPOINT_IMAGE_ALIGN;
}

size_t checkpoint_crcs_count(const struct queue_limits *limits, uint32_t journals_max)
{
    uint64_t bytes = (uint64_t)limits->recipients_max * sizeof(struct entry) +
                     (uint64_t)limits->runs_max * sizeof(struct queue_run) +
                     (uint64_t)limits->domains_max *
                         (sizeof(struct dictionary_entry) + DICTIONARY_NAME_AVERAGE) +
                     DICTIONARY_NAME_MAX + checkpoint_memory_size(limits, journals_max);

    return (size_t)(bytes / CHECKPOINT_BLOCK) + 4;
}

static struct checkpoint_image_campaign campaign_entry(const struct queue_campaign *campaign)
{
    struct checkpoint_image_campaign entry = {
        .id = campaign->campaign.descriptor.id,
        .descriptor_offset = campaign->place.descriptor_offset,
        .content_offset = campaign->place.content_offset,
        .state_time_s = campaign->campaign.state_time_s,
        .segment = campaign->place.segment,
        .recipients_count = campaign->campaign.recipients_count,
        .loaded_count = campaign->loaded_count,
        .state_sequence = campaign->campaign.state_sequence,
        .state = (uint8_t)campaign->campaign.state,
    };

    memcpy(entry.list_digest, campaign->campaign.list_digest, CAMPAIGN_DIGEST_SIZE);
    return entry;
}

static struct checkpoint_image_stop stop_entry(const struct queue *queue, const struct stop *stop)
{
    struct checkpoint_image_stop entry = {
        .time_s = stop->time_s, .domain = stop->domain, .kind = (uint8_t)stop->kind};

    if (stop->campaign != STOPS_EVERY)
        entry.campaign = queue->campaigns[stop->campaign].campaign.descriptor.id;
    return entry;
}

/* The small tables, made in lent memory. */
static void make_tables(struct checkpoint_writer *writer,
                        const struct checkpoint_journals *journals,
                        const struct checkpoint_memory *memory)
{
    const struct queue *queue = writer->queue;
    struct checkpoint_cover *segments = memory->data;
    struct checkpoint_cover *covers = segments + queue->segments_count;
    struct checkpoint_image_campaign *campaigns =
        (struct checkpoint_image_campaign *)(covers + journals->count);
    struct checkpoint_image_stop *stops =
        (struct checkpoint_image_stop *)(campaigns + queue->campaigns_count);

    CHECK((size_t)((uint8_t *)(stops + queue->stops.count) - (uint8_t *)memory->data) <=
          memory->size);
    for (uint32_t i = 0; i < queue->segments_count; i++)
        segments[i] =
            (struct checkpoint_cover){queue->segments[i].file, queue->segments[i].covered};
    if (journals->count > 0)
        memcpy(covers, journals->covers, journals->count * sizeof(*covers));
    for (uint32_t i = 0; i < queue->campaigns_count; i++)
        campaigns[i] = campaign_entry(&queue->campaigns[i]);
    for (uint32_t i = 0; i < queue->stops.count; i++)
        stops[i] = stop_entry(queue, &queue->stops.list[i]);
    writer->sections[CHECKPOINT_SEGMENTS].data = segments;
    writer->sections[CHECKPOINT_SEGMENTS].size = queue->segments_count * sizeof(*segments);
    writer->sections[CHECKPOINT_JOURNALS].data = covers;
    writer->sections[CHECKPOINT_JOURNALS].size = journals->count * sizeof(*covers);
    writer->sections[CHECKPOINT_CAMPAIGNS].data = campaigns;
    writer->sections[CHECKPOINT_CAMPAIGNS].size = queue->campaigns_count * sizeof(*campaigns);
    writer->sections[CHECKPOINT_STOPS].data = stops;
    writer->sections[CHECKPOINT_STOPS].size = queue->stops.count * sizeof(*stops);
}

void checkpoint_begin(struct checkpoint_writer *writer, const struct queue *queue,
                      const struct record_file *file, const struct checkpoint_journals *journals,
                      const struct checkpoint_memory *memory)
{
    uint64_t sizes[CHECKPOINT_SECTIONS_COUNT], offsets[CHECKPOINT_SECTIONS_COUNT];

    *writer = (struct checkpoint_writer){
        .queue = queue, .file = *file, .stop_sequence = queue->stop_sequence, .crcs = memory->crcs};
    make_tables(writer, journals, memory);
    writer->sections[CHECKPOINT_ENTRIES].size =
        (uint64_t)queue->entries.count * sizeof(struct entry);
    writer->sections[CHECKPOINT_RUNS].data = queue->runs;
    writer->sections[CHECKPOINT_RUNS].size = queue->runs_count * sizeof(struct queue_run);
    writer->sections[CHECKPOINT_DOMAINS].data = queue->dictionary.entries;
    writer->sections[CHECKPOINT_DOMAINS].size =
        queue->dictionary.count * sizeof(struct dictionary_entry);
    writer->sections[CHECKPOINT_NAMES].data = queue->dictionary.names;
    writer->sections[CHECKPOINT_NAMES].size = queue->dictionary.names_size;
    for (uint32_t i = 0; i < CHECKPOINT_SECTIONS_COUNT; i++)
        sizes[i] = writer->sections[i].size;
    writer->blocks_count = checkpoint_image_lay_out(sizes, offsets);
    for (uint32_t i = 0; i < CHECKPOINT_SECTIONS_COUNT; i++)
        writer->sections[i].offset = offsets[i];
    CHECK(writer->blocks_count + 1 <= memory->crcs_count);
    writer->size = checkpoint_block_offset(writer->blocks_count) +
                   (writer->blocks_count + 1) * sizeof(uint32_t);
    writer->file.size = writer->size;
}

uint64_t checkpoint_entry_blocks(const struct checkpoint_writer *writer)
{
    return (writer->sections[CHECKPOINT_ENTRIES].size + CHECKPOINT_BLOCK - 1) / CHECKPOINT_BLOCK;
}

uint64_t checkpoint_block_offset(uint64_t block)
{
    return RECORD_PAGE + block * CHECKPOINT_BLOCK;
}

void checkpoint_fill_entries(const struct checkpoint_writer *writer, uint64_t block, uint32_t shard,
                             uint8_t *data)
{
    const struct queue *queue = writer->queue;
    uint32_t total = (uint32_t)(writer->sections[CHECKPOINT_ENTRIES].size / sizeof(struct entry));
    uint32_t per_block = CHECKPOINT_BLOCK / sizeof(struct entry);
    uint32_t first = (uint32_t)block * per_block;

    CHECK(block < checkpoint_entry_blocks(writer));
    for (uint32_t i = 0; i < per_block && first + i < total; i++) {
        const struct entry *from = entries_at(&queue->entries, first + i);
        struct entry entry;

        if (shard != QUEUE_NONE && queue->dictionary.shards[from->domain] != shard)
            continue;
        entry = *from;
        entry.flags &= ENTRY_KEPT_FLAGS;
        memcpy(data + i * sizeof(entry), &entry, sizeof(entry));
    }
}

void checkpoint_fill(const struct checkpoint_writer *writer, uint64_t block, uint8_t *data)
{
    uint64_t begin = checkpoint_block_offset(block), end = begin + CHECKPOINT_BLOCK;

    CHECK(block >= checkpoint_entry_blocks(writer));
    CHECK(block < writer->blocks_count);
    memset(data, 0, CHECKPOINT_BLOCK);
    for (uint32_t i = CHECKPOINT_ENTRIES + 1; i < CHECKPOINT_SECTIONS_COUNT; i++) {
        uint64_t from = max_u64(begin, writer->sections[i].offset);
        uint64_t to = min_u64(end, writer->sections[i].offset + writer->sections[i].size);

        if (from < to)
            memcpy(data + (from - begin),
                   (const uint8_t *)writer->sections[i].data + (from - writer->sections[i].offset),
                   (size_t)(to - from));
    }
}

void checkpoint_add_crc(struct checkpoint_writer *writer, uint64_t block, const uint8_t *data)
{
    CHECK(block < writer->blocks_count);
    writer->crcs[block] =
        crc_add(crc_seed(writer->file.id, block), span_make(data, CHECKPOINT_BLOCK));
}

struct span checkpoint_trailer(struct checkpoint_writer *writer, uint64_t *ret_offset)
{
    writer->crcs[writer->blocks_count] =
        checkpoint_image_trailer_crc(writer->file.id, writer->blocks_count, writer->crcs);
    *ret_offset = checkpoint_block_offset(writer->blocks_count);
    return span_make(writer->crcs, (writer->blocks_count + 1) * sizeof(uint32_t));
}

void checkpoint_header(const struct checkpoint_writer *writer, uint8_t *page)
{
    struct checkpoint_image_table header = {.clean = writer->clean,
                                            .blocks_count = writer->blocks_count,
                                            .stop_sequence = writer->stop_sequence};

    for (uint32_t i = 0; i < CHECKPOINT_SECTIONS_COUNT; i++)
        header.sizes[i] = writer->sections[i].size;
    header.crc = checkpoint_image_header_crc(&header);
    record_write_file(&writer->file, page);
    memcpy(page + CHECKPOINT_IMAGE_TABLE, &header, sizeof(header));
}
