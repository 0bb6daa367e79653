#include "queue/appender.h"

#include <string.h>

#include "base/check.h"

#define BATCH_HEADER sizeof(struct record_batch)
#define CAPACITY_MIN 4096

static struct appender_buffer *gathering(struct appender *appender)
{
    return &appender->buffers[appender->filling];
}

static struct appender_buffer *under_way(struct appender *appender)
{
    return &appender->buffers[appender->filling ^ 1];
}

static void empty(struct appender_buffer *buffer)
{
    buffer->used = BATCH_HEADER;
    buffer->count = 0;
    buffer->tail = (struct span){0};
}

static size_t batch_size(const struct appender_buffer *buffer)
{
    return buffer->used + buffer->tail.size;
}

/* Where the batch that is being gathered will begin: behind the one under way. */
static uint64_t gathering_offset(const struct appender *appender)
{
    const struct appender_buffer *other = &appender->buffers[appender->filling ^ 1];

    if (other->count == 0)
        return appender->offset;
    return record_align(appender->offset + batch_size(other));
}

void appender_init(struct appender *appender, void *first, void *second, size_t capacity)
{
    CHECK(capacity >= CAPACITY_MIN);
    *appender = (struct appender){.state = APPENDER_FAILED, .capacity = capacity};
    appender->buffers[0].data = first;
    appender->buffers[1].data = second;
    empty(&appender->buffers[0]);
    empty(&appender->buffers[1]);
}

void appender_open(struct appender *appender, uint64_t file, uint64_t file_size)
{
    CHECK(appender->state == APPENDER_IDLE || appender->state == APPENDER_FAILED);
    CHECK(file_size >= RECORD_PAGE);
    appender->retry = under_way(appender)->count > 0;
    appender->state = APPENDER_IDLE;
    appender->file = file;
    appender->file_size = file_size;
    appender->offset = RECORD_PAGE;
    appender->written = RECORD_PAGE;
    appender->durable_offset = RECORD_PAGE;
    appender->sequence = 0;
}

/* Beside its payload, at most. */
#define RECORD_TAKES (sizeof(struct record_header) + RECORD_ALIGN)

/* Payload bytes that fit behind `used` bytes; 0 also when not even an empty record fits. */
static size_t payload_room(size_t space, size_t used)
{
    return space > used + RECORD_TAKES ? space - used - RECORD_TAKES : 0;
}

static bool record_fits(size_t space, size_t used, size_t payload_size)
{
    return space >= used + RECORD_TAKES && payload_size <= space - used - RECORD_TAKES;
}

size_t appender_room(const struct appender *appender)
{
    const struct appender_buffer *buffer = &appender->buffers[appender->filling];

    if (buffer->tail.size > 0)
        return 0;
    return payload_room(appender->capacity, buffer->used);
}

uint8_t *appender_add(struct appender *appender, size_t payload_size, uint64_t *ret_offset)
{
    struct appender_buffer *buffer = gathering(appender);

    if (buffer->tail.size > 0 || !record_fits(appender->capacity, buffer->used, payload_size))
        return NULL;
    if (ret_offset != NULL) {
        uint64_t batch = gathering_offset(appender);

        if (batch > appender->file_size ||
            !record_fits(appender->file_size - batch, buffer->used, payload_size))
            return NULL;
        *ret_offset = batch + buffer->used;
    }
    return buffer->data + buffer->used + sizeof(struct record_header);
}

void appender_added(struct appender *appender, uint16_t type, size_t payload_size)
{
    struct appender_buffer *buffer = gathering(appender);

    CHECK(payload_size <= appender_room(appender));
    record_seal(buffer->data + buffer->used, type, payload_size, (struct span){0});
    buffer->used += record_cost(payload_size);
    buffer->count++;
    appender->added_count++;
}

bool appender_add_large(struct appender *appender, uint16_t type, struct span head,
                        struct span tail, uint64_t *ret_offset)
{
    struct appender_buffer *buffer = gathering(appender);
    uint64_t batch = gathering_offset(appender);
    uint8_t *place = buffer->data + buffer->used;

    CHECK(head.size <= CAPACITY_MIN / 2);
    CHECK(tail.size <= RECORD_BATCH_MAX - CAPACITY_MIN);
    if (buffer->count > 0 || batch > appender->file_size ||
        !record_fits(appender->file_size - batch, buffer->used, head.size + tail.size))
        return false;
    *ret_offset = batch + buffer->used;
    if (head.size > 0)
        memcpy(place + sizeof(struct record_header), head.data, head.size);
    record_seal(place, type, head.size + tail.size, tail);
    buffer->used +=
        tail.size > 0 ? sizeof(struct record_header) + head.size : record_cost(head.size);
    buffer->count = 1;
    buffer->tail = tail;
    appender->added_count++;
    return true;
}

bool appender_pending(const struct appender *appender)
{
    return appender->retry || appender->buffers[appender->filling].count > 0;
}

bool appender_quiet(const struct appender *appender)
{
    return !appender_pending(appender) && appender->durable_count == appender->added_count &&
           appender->state != APPENDER_WRITING && appender->state != APPENDER_WRITTEN &&
           appender->state != APPENDER_SYNCING;
}

bool appender_fits(const struct appender *appender)
{
    const struct appender_buffer *buffer =
        &appender->buffers[appender->retry ? appender->filling ^ 1 : appender->filling];

    return appender->offset <= appender->file_size &&
           batch_size(buffer) <= appender->file_size - appender->offset;
}

void appender_take(struct appender *appender, struct span ret_parts[2], uint64_t *ret_offset)
{
    struct appender_buffer *buffer;
    struct record_batch header;

    CHECK(appender->state == APPENDER_IDLE);
    CHECK(appender_pending(appender));
    CHECK(appender_fits(appender));
    if (!appender->retry) {
        CHECK(under_way(appender)->count == 0);
        appender->filling ^= 1;
    }
    appender->retry = false;
    buffer = under_way(appender);
    header = (struct record_batch){
        .size = (uint32_t)(batch_size(buffer) - BATCH_HEADER),
        .count = buffer->count,
        .watermark = appender->durable_offset,
        .sequence = appender->sequence++,
    };
    record_seal_batch(buffer->data, header, buffer->tail, appender->file, appender->offset);
    ret_parts[0] = span_make(buffer->data, buffer->used);
    ret_parts[1] = buffer->tail;
    *ret_offset = appender->offset;
    appender->state = APPENDER_WRITING;
}

void appender_wrote(struct appender *appender)
{
    CHECK(appender->state == APPENDER_WRITING);
    appender->state = APPENDER_WRITTEN;
}

/* The batch under way is done with: its buffer can be gathered in again. */
static void let_go(struct appender *appender)
{
    struct appender_buffer *buffer = under_way(appender);

    if (buffer->count == 0)
        return;
    appender->offset = record_align(appender->offset + batch_size(buffer));
    appender->written = appender->offset;
    appender->written_count += buffer->count;
    empty(buffer);
}

void appender_forget(struct appender *appender)
{
    CHECK(appender->state == APPENDER_WRITTEN);
    let_go(appender);
    appender->state = APPENDER_IDLE;
}

void appender_sync(struct appender *appender)
{
    const struct appender_buffer *buffer = under_way(appender);

    CHECK(appender->state == APPENDER_WRITTEN || appender->state == APPENDER_IDLE);
    CHECK(!appender->retry);
    appender->sync_target = appender->written;
    appender->sync_count = appender->written_count;
    if (buffer->count > 0) {
        appender->sync_target = record_align(appender->offset + batch_size(buffer));
        appender->sync_count += buffer->count;
    }
    appender->state = APPENDER_SYNCING;
}

void appender_synced(struct appender *appender)
{
    CHECK(appender->state == APPENDER_SYNCING);
    let_go(appender);
    CHECK(appender->sync_target >= appender->durable_offset);
    appender->durable_offset = appender->sync_target;
    appender->durable_count = appender->sync_count;
    appender->state = APPENDER_IDLE;
}

void appender_fail(struct appender *appender)
{
    CHECK(appender->state == APPENDER_WRITING || appender->state == APPENDER_SYNCING);
    appender->state = APPENDER_FAILED;
}
