/* queue_image.h - builds the image of a segment or journal in memory, for unit tests and fuzz
 * targets only.
 *
 * What the store does with files: gathers records, takes batches, "writes" them into lent bytes. */
#ifndef TESTS_QUEUE_IMAGE_H
#define TESTS_QUEUE_IMAGE_H

#include <string.h>

#include "base/check.h"
#include "queue/appender.h"
#include "queue/journal.h"
#include "queue/segment.h"

#define QUEUE_IMAGE_BUFFER (256 * KIB)

struct queue_image {
    uint8_t *data;
    size_t size;
    uint64_t file;
    struct appender appender;
    uint8_t buffers[2][QUEUE_IMAGE_BUFFER];
};

static inline void queue_image_open(struct queue_image *image, struct span_mut memory,
                                    enum record_file_kind kind, uint64_t file)
{
    const struct record_file header = {.kind = kind, .id = file, .size = memory.size};

    image->data = memory.data;
    image->size = memory.size;
    image->file = file;
    memset(memory.data, 0, memory.size);
    record_write_file(&header, memory.data);
    appender_init(&image->appender, image->buffers[0], image->buffers[1], QUEUE_IMAGE_BUFFER);
    appender_open(&image->appender, file, memory.size);
}

static inline struct span queue_image_span(const struct queue_image *image)
{
    return span_make(image->data, image->size);
}

/* The record's offset. */
static inline uint64_t queue_image_put(struct queue_image *image, uint16_t type,
                                       struct span payload)
{
    uint64_t offset;
    uint8_t *place = appender_add(&image->appender, payload.size, &offset);

    CHECK(place != NULL);
    if (payload.size > 0)
        memcpy(place, payload.data, payload.size);
    appender_added(&image->appender, type, payload.size);
    return offset;
}

/* Writes what was gathered as one batch, and syncs it or not. Returns where it stands. */
static inline uint64_t queue_image_flush(struct queue_image *image, bool durable)
{
    struct span parts[2];
    uint64_t offset;

    appender_take(&image->appender, parts, &offset);
    CHECK(offset + parts[0].size + parts[1].size <= image->size);
    memcpy(image->data + offset, parts[0].data, parts[0].size);
    if (parts[1].size > 0)
        memcpy(image->data + offset + parts[0].size, parts[1].data, parts[1].size);
    appender_wrote(&image->appender);
    if (durable) {
        appender_sync(&image->appender);
        appender_synced(&image->appender);
    } else {
        appender_forget(&image->appender);
    }
    return offset;
}

static inline uint64_t queue_image_campaign(struct queue_image *image, uint64_t id,
                                            struct span name)
{
    const struct campaign_descriptor descriptor = {
        .id = id, .name = name, .sender = SPAN("news@example.com"), .lane = LANE_BULK};
    uint8_t payload[SEGMENT_CAMPAIGN_MAX];
    size_t size = segment_campaign_size(&descriptor);

    segment_write_campaign(&descriptor, payload);
    return queue_image_put(image, RECORD_CAMPAIGN, span_make(payload, size));
}

static inline uint64_t queue_image_content(struct queue_image *image, uint64_t campaign,
                                           struct span content)
{
    uint8_t payload[4096];

    CHECK(content.size <= sizeof(payload) - SEGMENT_CONTENT_HEAD);
    segment_write_content(campaign, content.size, payload);
    memcpy(payload + SEGMENT_CONTENT_HEAD, content.data, content.size);
    return queue_image_put(image, RECORD_CONTENT,
                           span_make(payload, SEGMENT_CONTENT_HEAD + content.size));
}

static inline uint64_t queue_image_domain(struct queue_image *image, uint32_t number,
                                          struct span name)
{
    uint8_t payload[sizeof(uint32_t) + SEGMENT_DOMAIN_MAX];

    CHECK(name.size <= SEGMENT_DOMAIN_MAX);
    segment_write_domain(number, name, payload);
    return queue_image_put(image, RECORD_DOMAIN, span_make(payload, segment_domain_size(name)));
}

static inline uint64_t queue_image_recipient(struct queue_image *image, struct identity identity,
                                             uint32_t domain, struct span address)
{
    const struct segment_recipient recipient = {
        .identity = identity, .domain = domain, .address = address, .values_count = 1};
    const struct span value = SPAN("Ada");
    uint8_t payload[1024];
    size_t size = segment_recipient_size(&recipient, &value);

    CHECK(size > 0 && size <= sizeof(payload));
    segment_write_recipient(&recipient, &value, payload);
    return queue_image_put(image, RECORD_RECIPIENT, span_make(payload, size));
}

static inline uint64_t queue_image_outcome(struct queue_image *image, struct identity identity,
                                           uint32_t number, enum outcome_kind kind,
                                           uint64_t next_due_ns)
{
    const struct attempt attempt = {
        .outcome = {.kind = kind}, .counted = true, .next_due_ns = next_due_ns};
    uint8_t payload[JOURNAL_OUTCOME_MAX];
    size_t size = journal_write_outcome(identity, number, &attempt, payload);

    return queue_image_put(image, RECORD_OUTCOME, span_make(payload, size));
}

static inline uint64_t queue_image_stop(struct queue_image *image, uint64_t campaign,
                                        struct span domain, enum stop_kind kind, uint64_t sequence)
{
    const struct journal_stop written = {
        .campaign = campaign, .time_s = 5, .sequence = sequence, .kind = kind, .domain = domain};
    uint8_t payload[512];

    CHECK(journal_stop_size(&written) <= sizeof(payload));
    journal_write_stop(&written, payload);
    return queue_image_put(image, RECORD_STOP, span_make(payload, journal_stop_size(&written)));
}

static inline uint64_t queue_image_state(struct queue_image *image, uint64_t campaign,
                                         uint32_t sequence, enum campaign_state state,
                                         uint32_t recipients_count)
{
    const struct journal_state written = {.campaign = campaign,
                                          .sequence = sequence,
                                          .state = state,
                                          .recipients_count = recipients_count};
    uint8_t payload[128];

    CHECK(journal_state_size() <= sizeof(payload));
    journal_write_state(&written, payload);
    return queue_image_put(image, RECORD_STATE, span_make(payload, journal_state_size()));
}

#endif
