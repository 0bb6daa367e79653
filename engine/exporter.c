#include "engine/exporter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "engine/event_json.h"
#include "engine/tag.h"

#define GATHER_NS (100 * NS_PER_MS)
#define RETRY_NS NS_PER_S
#define EVENTS_A_TURN 2000

/* What a sync was for: index of its tag. */
enum { SYNC_EVENTS, SYNC_CURSOR, SYNC_FOLDER };

void exporter_path(const struct exporter *exporter, struct text *path, uint32_t number)
{
    text_add_cstr(path, exporter->directory);
    text_add_cstr(path, "/events-");
    text_add_padded(path, number, 8);
    text_add_cstr(path, ".ndjson");
    (void)text_cstr_end(path);
}

/* What is in the buffer stays there, and is written again to the same place. */
static void fail(struct exporter *exporter, int error)
{
    exporter->error = error;
    exporter->state = EXPORTER_FAILED;
    exporter->retry_ns = io_now_ns(exporter->io) + RETRY_NS;
}

static void open_file(struct exporter *exporter, enum io_file_mode mode)
{
    char buffer[EXPORTER_PATH_MAX];
    struct text path;
    struct io_file_options options = {.path = buffer, .mode = mode};

    text_init(&path, buffer, sizeof(buffer));
    exporter_path(exporter, &path, exporter->marking.file_number);
    exporter->state = EXPORTER_OPENING;
    exporter->in_flight++;
    io_file(exporter->io, tag_of(TAG_EXPORT_FILE, mode == IO_FILE_CREATE), &options);
}

static void start_writing(struct exporter *exporter)
{
    exporter->state = EXPORTER_WRITING;
    exporter->in_flight++;
    io_write(exporter->io, tag_of(TAG_EXPORT_WRITE, 0), exporter->file, text_span(&exporter->text),
             exporter->marking.file_offset);
}

static void start_sync(struct exporter *exporter, enum exporter_state state, uint32_t what,
                       int file)
{
    exporter->state = state;
    exporter->in_flight++;
    io_sync(exporter->io, tag_of(TAG_EXPORT_SYNC, what), file);
}

/* A state that could not be marked is marked again in the same slot: the other one holds the last
 * good state. */
static void start_marking(struct exporter *exporter)
{
    struct export_cursor next = exporter->marking;

    next.sequence = exporter->cursor.sequence + 1;
    next.file_offset += exporter->text.size;
    export_cursor_write(&next, exporter->slot);
    exporter->state = EXPORTER_MARKING;
    exporter->in_flight++;
    io_write(exporter->io, tag_of(TAG_EXPORT_CURSOR, 0), exporter->cursor_file,
             span_make(exporter->slot, EXPORT_CURSOR_SLOT_SIZE), export_cursor_place(&next));
}

static void close_handle(struct exporter *exporter, int *handle)
{
    if (*handle < 0)
        return;
    exporter->in_flight++;
    io_shut(exporter->io, tag_of(TAG_EXPORT_CLOSE, 0), *handle);
    *handle = -1;
}

/* What is in the buffer is exported. */
static void finish(struct exporter *exporter)
{
    exporter->error = 0;
    exporter->state = EXPORTER_IDLE;
    exporter->next_ns = io_now_ns(exporter->io) + (exporter->drained ? GATHER_NS : 0);
    exporter->marking.sequence = exporter->cursor.sequence + 1;
    exporter->marking.file_offset += exporter->text.size;
    exporter->cursor = exporter->marking;
    text_reset(&exporter->text);
    if (exporter->marking.file_offset >= exporter->file_max) {
        close_handle(exporter, &exporter->file);
        exporter->marking.file_number++;
        exporter->marking.file_offset = 0;
    }
}

static void gather(struct exporter *exporter)
{
    struct queue *queue = store_queue(exporter->store);
    struct attempt_event event;

    exporter->drained = false;
    if (exporter->text.size == 0) {
        text_add(&exporter->text, text_span(&exporter->more));
        text_reset(&exporter->more);
    }
    for (uint32_t i = 0; i < EVENTS_A_TURN && exporter->text.size < EXPORTER_BUFFER_SIZE; i++) {
        int found = store_events_next(exporter->store, &exporter->marking.store, &event);
        struct queue_recipient recipient;
        uint32_t record;

        if (found == -EBADMSG)
            continue;
        if (found < 0 && exporter->text.size == 0)
            fail(exporter, found);
        exporter->drained = found == 0;
        if (found <= 0)
            return;
        record = queue_find(queue, event.identity);
        event_json_write(
            &exporter->text, &event,
            record != QUEUE_NONE && queue_read(queue, record, &recipient) == 0 ? &recipient : NULL,
            exporter->classifier);
        CHECK(!exporter->text.overflow);
        summary_add(&exporter->summary, &event.attempt.outcome,
                    event_json_class(&event.attempt, exporter->classifier));
        exporter->events_count++;
    }
}

/* --- events --- */

static void on_opened(struct exporter *exporter, bool created, int32_t result)
{
    if (result == -ENOENT && !created) {
        open_file(exporter, IO_FILE_CREATE);
        return;
    }
    if (result < 0) {
        fail(exporter, result);
        return;
    }
    exporter->file = result;
    if (created && exporter->sync)
        start_sync(exporter, EXPORTER_NAMING, SYNC_FOLDER, exporter->folder);
    else
        start_writing(exporter);
}

static void on_written(struct exporter *exporter, int32_t result)
{
    if (result != (int32_t)exporter->text.size)
        fail(exporter, result < 0 ? result : -EIO);
    else if (exporter->sync)
        start_sync(exporter, EXPORTER_SYNCING, SYNC_EVENTS, exporter->file);
    else
        start_marking(exporter);
}

static void on_synced(struct exporter *exporter, uint32_t what, int32_t result)
{
    if (result < 0) {
        if (what == SYNC_FOLDER) /* its name is not sure: it is opened and named again */
            close_handle(exporter, &exporter->file);
        fail(exporter, result);
        return;
    }
    if (what == SYNC_FOLDER)
        start_writing(exporter);
    else if (what == SYNC_EVENTS)
        start_marking(exporter);
    else
        finish(exporter);
}

void exporter_event(struct exporter *exporter, const struct io_event *event)
{
    uint32_t index = tag_handle(event->tag).index;

    CHECK(exporter->in_flight > 0);
    exporter->in_flight--;
    switch ((int)tag_op_of(event->tag)) {
    case TAG_EXPORT_FILE:
        on_opened(exporter, index == 1, event->result);
        break;
    case TAG_EXPORT_WRITE:
        on_written(exporter, event->result);
        break;
    case TAG_EXPORT_SYNC:
        on_synced(exporter, index, event->result);
        break;
    case TAG_EXPORT_CURSOR:
        if (event->result < 0)
            fail(exporter, event->result);
        else if (exporter->sync)
            start_sync(exporter, EXPORTER_MARKED, SYNC_CURSOR, exporter->cursor_file);
        else
            finish(exporter);
        break;
    case TAG_EXPORT_CLOSE:
        break;
    default:
        UNREACHABLE("not an event of the exporter");
    }
}

/* --- turns --- */

static void stop_turn(struct exporter *exporter)
{
    if (exporter->state != EXPORTER_IDLE && exporter->state != EXPORTER_FAILED)
        return;
    close_handle(exporter, &exporter->file);
    close_handle(exporter, &exporter->cursor_file);
    close_handle(exporter, &exporter->folder);
}

void exporter_turn(struct exporter *exporter, bool hurry)
{
    uint64_t now_ns = io_now_ns(exporter->io);

    if (exporter->stopping) {
        stop_turn(exporter);
        return;
    }
    if (hurry && !exporter->hurried)
        exporter->drained = false; /* what came last has not been looked for */
    exporter->hurried = hurry;
    if (exporter->state == EXPORTER_FAILED && exporter->retry_ns <= now_ns)
        exporter->state = EXPORTER_IDLE;
    if (exporter->state != EXPORTER_IDLE || exporter->next_ns > now_ns)
        return;
    if (exporter->text.size < EXPORTER_BUFFER_SIZE)
        gather(exporter);
    if (exporter->state == EXPORTER_FAILED)
        return;
    if (exporter->text.size == 0)
        exporter->next_ns = now_ns + GATHER_NS;
    else if (exporter->file < 0)
        open_file(exporter, IO_FILE_WRITE);
    else
        start_writing(exporter);
}

uint64_t exporter_deadline_ns(const struct exporter *exporter)
{
    if (exporter->stopping)
        return UINT64_MAX;
    if (exporter->state == EXPORTER_FAILED)
        return exporter->retry_ns;
    if (exporter->state != EXPORTER_IDLE)
        return UINT64_MAX;
    return exporter->hurried && !exporter->drained ? 0 : exporter->next_ns;
}

bool exporter_quiet(const struct exporter *exporter)
{
    return exporter->state == EXPORTER_IDLE && exporter->drained && exporter->text.size == 0 &&
           exporter->more.size == 0;
}

void exporter_stop(struct exporter *exporter)
{
    exporter->stopping = true;
    stop_turn(exporter);
}

bool exporter_stopped(const struct exporter *exporter)
{
    return exporter->stopping && exporter->in_flight == 0 && exporter->file < 0 &&
           exporter->cursor_file < 0 && exporter->folder < 0;
}

void exporter_close(struct exporter *exporter)
{
    free(exporter->buffer);
    free(exporter->more_buffer);
    exporter->more_buffer = NULL;
    free(exporter->slot);
    exporter->buffer = NULL;
    exporter->slot = NULL;
}
