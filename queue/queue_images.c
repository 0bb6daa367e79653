#include "queue/queue_images.h"

#include <string.h>

#include "base/check.h"
#include "queue/segment.h"

void queue_images_open(struct queue_images_file *file, enum record_file_kind kind, uint64_t id)
{
    const struct record_file header = {.kind = kind, .id = id, .size = sizeof(file->bytes)};

    memset(file->bytes, 0, sizeof(file->bytes));
    record_write_file(&header, file->bytes);
    appender_init(&file->appender, file->buffers[0], file->buffers[1], sizeof(file->buffers[0]));
    appender_open(&file->appender, id, sizeof(file->bytes));
    file->image = span_make(file->bytes, sizeof(file->bytes));
}

void queue_images_commit(struct queue_images_file *file)
{
    struct span parts[2];
    uint64_t offset;

    appender_take(&file->appender, parts, &offset);
    memcpy(file->bytes + offset, parts[0].data, parts[0].size);
    appender_wrote(&file->appender);
    appender_sync(&file->appender);
    appender_synced(&file->appender);
}

/* Room for a payload; a full buffer is committed. */
static uint8_t *add(struct queue_images_file *file, size_t size, uint64_t *ret_offset)
{
    uint8_t *place = appender_add(&file->appender, size, ret_offset);

    if (place == NULL) {
        queue_images_commit(file);
        place = appender_add(&file->appender, size, ret_offset);
    }
    CHECK(place != NULL);
    return place;
}

void queue_images_campaign(struct queue_images_file *file, uint64_t id, const char *name)
{
    const struct campaign_descriptor descriptor = {
        .id = id, .name = span_cstr(name), .tenant = SPAN("t"), .created_s = 1000};
    size_t size = segment_campaign_size(&descriptor);
    uint64_t offset;
    uint8_t *place = add(file, size, &offset);

    segment_write_campaign(&descriptor, place);
    appender_added(&file->appender, RECORD_CAMPAIGN, size);
    place = add(file, SEGMENT_CONTENT_HEAD + 5, &offset);
    segment_write_content(id, 5, place);
    for (size_t i = 0; i < 5; i++)
        place[SEGMENT_CONTENT_HEAD + i] = (uint8_t) "hello"[i];
    appender_added(&file->appender, RECORD_CONTENT, SEGMENT_CONTENT_HEAD + 5);
}

void queue_images_domain(struct queue_images_file *file, uint32_t number, const char *name)
{
    size_t size = segment_domain_size(span_cstr(name));
    uint64_t offset;

    segment_write_domain(number, span_cstr(name), add(file, size, &offset));
    appender_added(&file->appender, RECORD_DOMAIN, size);
}

uint64_t queue_images_recipient(struct queue_images_file *file, struct identity identity,
                                uint32_t domain, const char *address)
{
    const struct segment_recipient recipient = {
        .identity = identity, .domain = domain, .address = span_cstr(address), .values_count = 1};
    const struct span value = SPAN("value");
    size_t size = segment_recipient_size(&recipient, &value);
    uint64_t offset;

    segment_write_recipient(&recipient, &value, add(file, size, &offset));
    appender_added(&file->appender, RECORD_RECIPIENT, size);
    return offset;
}

void queue_images_outcome(struct queue_images_file *file, struct identity identity, uint32_t number,
                          enum outcome_kind kind, uint64_t due_s)
{
    const struct attempt attempt = {
        .outcome = {.kind = kind}, .counted = true, .next_due_ns = due_s * NS_PER_S};
    uint8_t *place = add(file, JOURNAL_OUTCOME_MAX, NULL);

    appender_added(&file->appender, RECORD_OUTCOME,
                   journal_write_outcome(identity, number, &attempt, place));
}

void queue_images_state(struct queue_images_file *file, uint64_t campaign, uint32_t sequence,
                        enum campaign_state state, uint32_t count)
{
    const struct journal_state record = {
        .campaign = campaign, .sequence = sequence, .state = state, .recipients_count = count};

    journal_write_state(&record, add(file, journal_state_size(), NULL));
    appender_added(&file->appender, RECORD_STATE, journal_state_size());
}

struct queue_limits queue_images_limits(uint32_t shards_count)
{
    return (struct queue_limits){
        .recipients_max = 1000,
        .domains_max = 20,
        .campaigns_max = 8,
        .segments_max = 8,
        .runs_max = 100,
        .flows_max = 16,
        .shards_count = shards_count,
    };
}
