/* checkpoint_load.c - reads a checkpoint's image back; nothing in it is trusted. */
#include <errno.h>
#include <string.h>

#include "base/crc.h"
#include "queue/checkpoint_image.h"
#include "queue/queue_append.h"

struct image {
    struct span bytes;
    struct record_file file;
    struct checkpoint_image_table header;
    uint64_t offsets[CHECKPOINT_SECTIONS_COUNT];
};

static const size_t item_sizes[CHECKPOINT_SECTIONS_COUNT] = {
    [CHECKPOINT_ENTRIES] = sizeof(struct entry),
    [CHECKPOINT_SEGMENTS] = sizeof(struct checkpoint_cover),
    [CHECKPOINT_JOURNALS] = sizeof(struct checkpoint_cover),
    [CHECKPOINT_CAMPAIGNS] = sizeof(struct checkpoint_image_campaign),
    [CHECKPOINT_RUNS] = sizeof(struct queue_run),
    [CHECKPOINT_DOMAINS] = sizeof(struct dictionary_entry),
    [CHECKPOINT_NAMES] = 1,
    [CHECKPOINT_STOPS] = sizeof(struct checkpoint_image_stop),
};

static int read_header(struct span bytes, struct image *ret)
{
    int r = record_read_file(bytes, true, &ret->file);
    uint64_t size;

    if (r < 0)
        return r;
    memcpy(&ret->header, bytes.data + CHECKPOINT_IMAGE_TABLE, sizeof(ret->header));
    if (ret->file.kind != RECORD_FILE_CHECKPOINT ||
        ret->header.crc != checkpoint_image_header_crc(&ret->header))
        return -EBADMSG;
    for (uint32_t i = 0; i < CHECKPOINT_SECTIONS_COUNT; i++)
        if (ret->header.sizes[i] > bytes.size || ret->header.sizes[i] % item_sizes[i] != 0)
            return -EBADMSG;
    ret->bytes = bytes;
    if (checkpoint_image_lay_out(ret->header.sizes, ret->offsets) != ret->header.blocks_count)
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
    if (crc != checkpoint_image_trailer_crc(image->file.id, image->header.blocks_count, trailer))
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

static int load_campaign(struct queue *queue, const struct checkpoint_image_campaign *entry)
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
    const struct checkpoint_image_campaign *entries = section(image, CHECKPOINT_CAMPAIGNS, &count);

    for (uint32_t i = 0; i < count; i++) {
        int r = load_campaign(queue, &entries[i]);

        if (r < 0)
            return r;
    }
    return 0;
}

static int load_stops(struct queue *queue, const struct image *image)
{
    uint32_t count;
    const struct checkpoint_image_stop *entries = section(image, CHECKPOINT_STOPS, &count);

    for (uint32_t i = 0; i < count; i++) {
        struct stop stop = {
            .campaign = STOPS_EVERY,
            .domain = entries[i].domain,
            .kind = (enum stop_kind)entries[i].kind,
            .time_s = entries[i].time_s,
        };
        int r;

        if (entries[i].campaign != 0)
            stop.campaign = queue_find_campaign_id(queue, entries[i].campaign);
        if (stop.kind == STOP_NONE || stop.kind >= STOP_KIND_COUNT ||
            stop.domain >= queue->dictionary.count ||
            (stop.campaign == STOPS_EVERY &&
             (entries[i].campaign != 0 || stop.kind == STOP_CANCELLED)))
            return -EBADMSG;
        r = queue_append_stop(queue, &stop, queue_append_next_stop(queue));
        if (r < 0)
            return -EBADMSG;
    }
    if (image->header.stop_sequence < count)
        return -EBADMSG;
    queue->stop_sequence = image->header.stop_sequence;
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
        r = load_stops(queue, &image);
    if (r == 0)
        r = load_runs(queue, &image, entries_count);
    if (r == 0)
        r = entries_adopt(&queue->entries, entries, entries_count, queue->dictionary.count);
    return r;
}
