#include "queue/checkpoint.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/crc.h"
#include "queue/journal.h"
#include "queue/queue_append.h"
#include "queue/queue_parts.h"

#define SECTION_ALIGN 64
#define HEADER_PLACE 1024 /* of the section table in the header page */

struct header {
    uint32_t crc; /* of what follows in the struct */
    uint32_t clean;
    uint64_t blocks_count;
    uint64_t sizes[CHECKPOINT_SECTIONS_COUNT];
};

struct campaign_entry {
    uint64_t id;
    uint64_t descriptor_offset;
    uint64_t content_offset;
    uint64_t state_time_s;
    uint32_t segment;
    uint32_t recipients_count;
    uint32_t loaded_count;
    uint32_t state_sequence;
    uint8_t state;
    uint8_t spare[7];
    uint8_t list_digest[CAMPAIGN_DIGEST_SIZE];
};

static_assert(sizeof(struct campaign_entry) == 88, "on disk");
static_assert(sizeof(struct checkpoint_cover) == 16, "on disk");
static_assert(sizeof(struct dictionary_entry) == 8, "on disk");
static_assert(CHECKPOINT_BLOCK % sizeof(struct entry) == 0, "no entry crosses a block");

static uint64_t align_up(uint64_t size, uint64_t to)
{
    return (size + to - 1) / to * to;
}

/* Offsets of the sections behind each other; returns the number of blocks. */
static uint64_t lay_out(const uint64_t sizes[CHECKPOINT_SECTIONS_COUNT],
                        uint64_t ret_offsets[CHECKPOINT_SECTIONS_COUNT])
{
    uint64_t offset = RECORD_PAGE;

    for (uint32_t i = 0; i < CHECKPOINT_SECTIONS_COUNT; i++) {
        ret_offsets[i] = offset;
        offset += i == CHECKPOINT_ENTRIES ? align_up(sizes[i], CHECKPOINT_BLOCK)
                                          : align_up(sizes[i], SECTION_ALIGN);
    }
    return (offset - RECORD_PAGE + CHECKPOINT_BLOCK - 1) / CHECKPOINT_BLOCK;
}

/* --- writing --- */

size_t checkpoint_memory_size(const struct queue_limits *limits, uint32_t journals_max)
{
    return limits->segments_max * sizeof(struct checkpoint_cover) +
           journals_max * sizeof(struct checkpoint_cover) +
           limits->campaigns_max * sizeof(struct campaign_entry) + (size_t)3 * SECTION_ALIGN;
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

static struct campaign_entry campaign_entry(const struct queue_campaign *campaign)
{
    struct campaign_entry entry = {
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

/* The small tables, made in lent memory. */
static void make_tables(struct checkpoint_writer *writer,
                        const struct checkpoint_journals *journals,
                        const struct checkpoint_memory *memory)
{
    const struct queue *queue = writer->queue;
    struct checkpoint_cover *segments = memory->data;
    struct checkpoint_cover *covers = segments + queue->segments_count;
    struct campaign_entry *campaigns = (struct campaign_entry *)(covers + journals->count);

    CHECK((size_t)((uint8_t *)(campaigns + queue->campaigns_count) - (uint8_t *)memory->data) <=
          memory->size);
    for (uint32_t i = 0; i < queue->segments_count; i++)
        segments[i] =
            (struct checkpoint_cover){queue->segments[i].file, queue->segments[i].covered};
    if (journals->count > 0)
        memcpy(covers, journals->covers, journals->count * sizeof(*covers));
    for (uint32_t i = 0; i < queue->campaigns_count; i++)
        campaigns[i] = campaign_entry(&queue->campaigns[i]);
    writer->sections[CHECKPOINT_SEGMENTS].data = segments;
    writer->sections[CHECKPOINT_SEGMENTS].size = queue->segments_count * sizeof(*segments);
    writer->sections[CHECKPOINT_JOURNALS].data = covers;
    writer->sections[CHECKPOINT_JOURNALS].size = journals->count * sizeof(*covers);
    writer->sections[CHECKPOINT_CAMPAIGNS].data = campaigns;
    writer->sections[CHECKPOINT_CAMPAIGNS].size = queue->campaigns_count * sizeof(*campaigns);
}

void checkpoint_begin(struct checkpoint_writer *writer, const struct queue *queue,
                      const struct record_file *file, const struct checkpoint_journals *journals,
                      const struct checkpoint_memory *memory)
{
    uint64_t sizes[CHECKPOINT_SECTIONS_COUNT], offsets[CHECKPOINT_SECTIONS_COUNT];

    *writer = (struct checkpoint_writer){.queue = queue, .file = *file, .crcs = memory->crcs};
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
    writer->blocks_count = lay_out(sizes, offsets);
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

/* The CRC of the CRCs. */
static uint32_t trailer_crc(uint64_t id, uint64_t blocks_count, const void *crcs)
{
    return crc_add(crc_seed(id, blocks_count), span_make(crcs, blocks_count * sizeof(uint32_t)));
}

struct span checkpoint_trailer(struct checkpoint_writer *writer, uint64_t *ret_offset)
{
    writer->crcs[writer->blocks_count] =
        trailer_crc(writer->file.id, writer->blocks_count, writer->crcs);
    *ret_offset = checkpoint_block_offset(writer->blocks_count);
    return span_make(writer->crcs, (writer->blocks_count + 1) * sizeof(uint32_t));
}

static uint32_t header_crc(const struct header *header)
{
    return crc_add(0, span_make((const uint8_t *)header + sizeof(header->crc),
                                sizeof(*header) - sizeof(header->crc)));
}

void checkpoint_header(const struct checkpoint_writer *writer, uint8_t *page)
{
    struct header header = {.clean = writer->clean, .blocks_count = writer->blocks_count};

    for (uint32_t i = 0; i < CHECKPOINT_SECTIONS_COUNT; i++)
        header.sizes[i] = writer->sections[i].size;
    header.crc = header_crc(&header);
    record_write_file(&writer->file, page);
    memcpy(page + HEADER_PLACE, &header, sizeof(header));
}

/* --- reading --- */

struct image {
    struct span bytes;
    struct record_file file;
    struct header header;
    uint64_t offsets[CHECKPOINT_SECTIONS_COUNT];
};

static const size_t item_sizes[CHECKPOINT_SECTIONS_COUNT] = {
    [CHECKPOINT_ENTRIES] = sizeof(struct entry),
    [CHECKPOINT_SEGMENTS] = sizeof(struct checkpoint_cover),
    [CHECKPOINT_JOURNALS] = sizeof(struct checkpoint_cover),
    [CHECKPOINT_CAMPAIGNS] = sizeof(struct campaign_entry),
    [CHECKPOINT_RUNS] = sizeof(struct queue_run),
    [CHECKPOINT_DOMAINS] = sizeof(struct dictionary_entry),
    [CHECKPOINT_NAMES] = 1,
};

static int read_header(struct span bytes, struct image *ret)
{
    int r = record_read_file(bytes, true, &ret->file);
    uint64_t size;

    if (r < 0)
        return r;
    memcpy(&ret->header, bytes.data + HEADER_PLACE, sizeof(ret->header));
    if (ret->file.kind != RECORD_FILE_CHECKPOINT || ret->header.crc != header_crc(&ret->header))
        return -EBADMSG;
    for (uint32_t i = 0; i < CHECKPOINT_SECTIONS_COUNT; i++)
        if (ret->header.sizes[i] > bytes.size || ret->header.sizes[i] % item_sizes[i] != 0)
            return -EBADMSG;
    ret->bytes = bytes;
    if (lay_out(ret->header.sizes, ret->offsets) != ret->header.blocks_count)
        return -EBADMSG;
    size = checkpoint_block_offset(ret->header.blocks_count) +
           (ret->header.blocks_count + 1) * sizeof(uint32_t);
    return size <= bytes.size ? 0 : -EBADMSG;
}

static int check_blocks(const struct image *image)
{
    const uint8_t *trailer =
        image->bytes.data + checkpoint_block_offset(image->header.blocks_count);
    uint32_t crc;

    memcpy(&crc, trailer + image->header.blocks_count * sizeof(crc), sizeof(crc));
    if (crc != trailer_crc(image->file.id, image->header.blocks_count, trailer))
        return -EBADMSG;
    for (uint64_t i = 0; i < image->header.blocks_count; i++) {
        struct span block =
            span_make(image->bytes.data + checkpoint_block_offset(i), CHECKPOINT_BLOCK);

        memcpy(&crc, trailer + i * sizeof(crc), sizeof(crc));
        if (crc != crc_add(crc_seed(image->file.id, i), block))
            return -EBADMSG;
    }
    return 0;
}

static const void *section(const struct image *image, enum checkpoint_section which,
                           uint32_t *ret_count)
{
    *ret_count = (uint32_t)(image->header.sizes[which] / item_sizes[which]);
    return image->bytes.data + image->offsets[which];
}

int checkpoint_read(struct span bytes, struct checkpoint_loaded *ret)
{
    struct image image;
    int r = read_header(bytes, &image);

    if (r == 0)
        r = check_blocks(&image);
    if (r < 0)
        return r;
    *ret = (struct checkpoint_loaded){.clean = image.header.clean == 1};
    ret->segments = section(&image, CHECKPOINT_SEGMENTS, &ret->segments_count);
    ret->journals = section(&image, CHECKPOINT_JOURNALS, &ret->journals_count);
    return 0;
}

static int load_domains(struct queue *queue, const struct image *image)
{
    uint32_t count, names_size, domain;
    const struct dictionary_entry *entries = section(image, CHECKPOINT_DOMAINS, &count);
    const uint8_t *names = section(image, CHECKPOINT_NAMES, &names_size);

    for (uint32_t i = 0; i < count; i++) {
        int r;

        if (entries[i].offset > names_size || entries[i].size > names_size - entries[i].offset)
            return -EBADMSG;
        r = dictionary_add(&queue->dictionary,
                           span_make(names + entries[i].offset, entries[i].size), &domain);
        if (r < 0)
            return r == -ENOSPC ? r : -EBADMSG;
        if (domain != i)
            return -EBADMSG;
    }
    return 0;
}

static int load_campaign(struct queue *queue, const struct campaign_entry *entry)
{
    const struct campaign_descriptor named = {.id = entry->id};
    struct journal_state state = {
        .campaign = entry->id,
        .sequence = entry->state_sequence,
        .state = (enum campaign_state)entry->state,
        .time_s = entry->state_time_s,
        .recipients_count = entry->recipients_count,
    };
    uint32_t index;
    int r = entry->id == 0 || entry->state >= CAMPAIGN_STATE_COUNT
                ? -EBADMSG
                : queue_append_campaign(queue, &named, &index);

    if (r < 0)
        return r == -ENOSPC ? r : -EBADMSG;
    memcpy(state.list_digest, entry->list_digest, CAMPAIGN_DIGEST_SIZE);
    (void)queue_append_state(queue, index, &state); /* sequence 0: LOADING, as it is */
    queue->campaigns[index].loaded_count = entry->loaded_count;
    if (state.state == CAMPAIGN_DISCARDED)
        return 0;
    /* A campaign whose content was lost already is in no worse state than before. */
    return queue_append_place(queue, index, entry->segment, entry->descriptor_offset,
                              entry->content_offset);
}

static int load_campaigns(struct queue *queue, const struct image *image)
{
    uint32_t count;
    const struct campaign_entry *entries = section(image, CHECKPOINT_CAMPAIGNS, &count);

    for (uint32_t i = 0; i < count; i++) {
        int r = load_campaign(queue, &entries[i]);

        if (r < 0)
            return r;
    }
    return 0;
}

/* As when its recipients are added one by one. */
static void hint_run(struct queue *queue, uint32_t index)
{
    const struct queue_run *run = &queue->runs[index];
    uint32_t hint = (run->first + QUEUE_PARTS_HINT - 1) / QUEUE_PARTS_HINT;

    for (; (uint64_t)hint * QUEUE_PARTS_HINT < (uint64_t)run->first + run->count; hint++)
        queue->run_hints[hint] = index;
}

static int load_runs(struct queue *queue, const struct image *image, uint32_t entries_count)
{
    uint32_t count, expected = 0;
    const struct queue_run *runs = section(image, CHECKPOINT_RUNS, &count);

    if (count > queue->limits.runs_max || entries_count > queue->limits.recipients_max)
        return -ENOSPC;
    for (uint32_t i = 0; i < count; i++) {
        struct queue_campaign *campaign;

        if (runs[i].campaign >= queue->campaigns_count ||
            runs[i].segment >= queue->segments_count || runs[i].first != expected ||
            runs[i].count == 0 || runs[i].count > entries_count - expected ||
            runs[i].count - 1 > UINT32_MAX - runs[i].ordinal_first)
            return -EBADMSG;
        expected += runs[i].count;
        campaign = &queue->campaigns[runs[i].campaign];
        queue->runs[i] = runs[i];
        queue->runs[i].next = QUEUE_NONE;
        hint_run(queue, i);
        if (campaign->run_last == QUEUE_NONE)
            campaign->run_first = i;
        else
            queue->runs[campaign->run_last].next = i;
        campaign->run_last = i;
    }
    queue->runs_count = count;
    return expected == entries_count ? 0 : -EBADMSG;
}

int checkpoint_load(struct queue *queue, struct span bytes)
{
    uint32_t entries_count, segments_count;
    const struct checkpoint_cover *segments;
    struct image image;
    const struct entry *entries;
    int r = read_header(bytes, &image);

    if (r < 0)
        return r;
    segments = section(&image, CHECKPOINT_SEGMENTS, &segments_count);
    entries = section(&image, CHECKPOINT_ENTRIES, &entries_count);
    if (segments_count > queue->segments_count || queue->entries.count != 0)
        return -EBADMSG;
    for (uint32_t i = 0; i < segments_count; i++) {
        if (queue->segments[i].file != segments[i].file)
            return -EBADMSG;
        queue->segments[i].covered = segments[i].offset;
    }
    r = load_domains(queue, &image);
    if (r == 0)
        r = load_campaigns(queue, &image);
    if (r == 0)
        r = load_runs(queue, &image, entries_count);
    if (r == 0)
        r = entries_adopt(&queue->entries, entries, entries_count, queue->dictionary.count);
    return r;
}
