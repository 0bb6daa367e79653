#include "engine/exporter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/crc.h"
#include "engine/event_json.h"
#include "engine/tag.h"

#define GATHER_NS (100 * NS_PER_MS)
#define RETRY_NS NS_PER_S
#define EVENTS_A_TURN 2000
static const struct span cursor_magic = SPAN_INIT("ringpost-cursor 1 ");

/* --- the cursor file: two slots, the newer good one counts ---
 * "ringpost-cursor 1 <sequence> <file number> <offset> <crc hex>\n" and the store's cursor text. */

static bool read_slot(struct span slot, uint64_t *ret_sequence, uint64_t *ret_number,
                      uint64_t *ret_offset, struct store_cursor *ret_cursor)
{
    struct span rest = slot, line, crc;
    size_t end = span_find_byte(slot, 0);
    uint64_t expected = 0;

    if (end != SPAN_NOT_FOUND)
        rest = span_first(slot, end);
    line = span_split(&rest, '\n');
    if (!span_starts(line, cursor_magic))
        return false;
    line = span_skip(line, cursor_magic.size);
    if (!span_number(span_split(&line, ' '), UINT64_MAX, ret_sequence) ||
        !span_number(span_split(&line, ' '), UINT32_MAX, ret_number) ||
        !span_number(span_split(&line, ' '), UINT64_MAX, ret_offset))
        return false;
    crc = line;
    if (!span_number(crc, UINT32_MAX, &expected) ||
        crc_add(crc_seed(*ret_sequence, *ret_offset), rest) != expected)
        return false;
    return store_cursor_read(rest, ret_cursor);
}

static void read_cursor(struct exporter *exporter, struct span file)
{
    for (size_t slot = 0; slot < 2; slot++) {
        struct store_cursor cursor;
        uint64_t sequence, number, offset;

        if (!read_slot(span_slice(file, slot * EXPORTER_CURSOR_SIZE, EXPORTER_CURSOR_SIZE),
                       &sequence, &number, &offset, &cursor) ||
            sequence <= exporter->sequence)
            continue;
        exporter->sequence = sequence;
        exporter->file_number = (uint32_t)number;
        exporter->file_offset = offset;
        exporter->cursor = cursor;
    }
}

static void write_cursor(struct exporter *exporter)
{
    struct text head, body;
    uint8_t *at = exporter->cursor_buffer;

    exporter->sequence++;
    memset(at, 0, EXPORTER_CURSOR_SIZE);
    text_init(&head, at, 128);
    text_add(&head, cursor_magic);
    text_add_u64(&head, exporter->sequence);
    text_add_byte(&head, ' ');
    text_add_u64(&head, exporter->file_number);
    text_add_byte(&head, ' ');
    text_add_u64(&head, exporter->file_offset);
    text_add_byte(&head, ' ');
    text_init(&body, at + 128, EXPORTER_CURSOR_SIZE - 128);
    store_cursor_write(&exporter->cursor, &body);
    CHECK(!body.overflow);
    text_add_u64(&head,
                 crc_add(crc_seed(exporter->sequence, exporter->file_offset), text_span(&body)));
    text_add_byte(&head, '\n');
    CHECK(!head.overflow);
    memmove(at + head.size, body.data, body.size);
    memset(at + head.size + body.size, 0, EXPORTER_CURSOR_SIZE - head.size - body.size);
    io_write(exporter->io, tag_of(TAG_EXPORT_CURSOR, 0), exporter->cursor_file,
             span_make(at, EXPORTER_CURSOR_SIZE), exporter->sequence % 2 * EXPORTER_CURSOR_SIZE);
}

/* --- opening --- */

static int32_t wait_for(struct io *io, uint64_t tag)
{
    struct io_event event;

    while (io_wait(io, UINT64_MAX, &event, 1) == 0 || event.tag != tag)
        continue;
    return event.result;
}

static void path_of(const struct exporter *exporter, struct text *path, uint32_t number)
{
    text_add_cstr(path, exporter->directory);
    text_add_cstr(path, "/events-");
    text_add_padded(path, number, 8);
    text_add_cstr(path, ".ndjson");
    (void)text_cstr_end(path);
}

static int open_cursor(struct exporter *exporter)
{
    char buffer[EXPORTER_PATH_MAX];
    struct text path;
    struct io_file_options options = {.path = buffer, .mode = IO_FILE_WRITE};
    struct io_mapping mapping;
    int32_t handle;

    text_init(&path, buffer, sizeof(buffer));
    text_add_cstr(&path, exporter->directory);
    text_add_cstr(&path, "/cursor");
    (void)text_cstr_end(&path);
    io_file(exporter->io, tag_of(TAG_EXPORT_FILE, 0), &options);
    handle = wait_for(exporter->io, tag_of(TAG_EXPORT_FILE, 0));
    if (handle == -ENOENT) {
        options.mode = IO_FILE_CREATE;
        options.preallocate = 2 * EXPORTER_CURSOR_SIZE;
        io_file(exporter->io, tag_of(TAG_EXPORT_FILE, 0), &options);
        handle = wait_for(exporter->io, tag_of(TAG_EXPORT_FILE, 0));
    } else if (handle >= 0) {
        int mapped = io_map(exporter->io, buffer, IO_MAP_READ, &mapping);

        if (mapped < 0)
            return mapped;
        read_cursor(exporter, span_make(mapping.data, mapping.size));
        io_unmap(exporter->io, &mapping);
    }
    if (handle < 0)
        return handle;
    exporter->cursor_file = handle;
    return 0;
}

int exporter_open(struct exporter *exporter, struct io *io, struct store *store,
                  const char *directory, bool sync, struct text *error)
{
    struct text copy;
    int result;

    memset(exporter, 0, sizeof(*exporter));
    exporter->io = io;
    exporter->store = store;
    exporter->sync = sync;
    exporter->file = -1;
    exporter->file_number = 1;
    exporter->cursor_file = -1;
    text_init(&copy, exporter->directory, sizeof(exporter->directory));
    text_add_cstr(&copy, directory);
    (void)text_cstr_end(&copy);
    exporter->buffer = malloc(EXPORTER_BUFFER_SIZE + EVENT_JSON_MAX);
    exporter->cursor_buffer = malloc(EXPORTER_CURSOR_SIZE);
    if (exporter->buffer == NULL || exporter->cursor_buffer == NULL)
        return -ENOMEM;
    text_init(&exporter->text, exporter->buffer, EXPORTER_BUFFER_SIZE + EVENT_JSON_MAX);
    result = io_folder(io, directory);
    if (result == 0)
        result = open_cursor(exporter);
    if (result < 0)
        text_add_format(error, "%s: the folder of the event files cannot be used: %s", directory,
                        strerror(-result));
    return result;
}

void exporter_close(struct exporter *exporter)
{
    free(exporter->buffer);
    free(exporter->cursor_buffer);
    exporter->buffer = NULL;
    exporter->cursor_buffer = NULL;
}

/* --- running --- */

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
    path_of(exporter, &path, exporter->file_number);
    exporter->state = EXPORTER_OPENING;
    io_file(exporter->io, tag_of(TAG_EXPORT_FILE, mode == IO_FILE_CREATE), &options);
}

static void start_writing(struct exporter *exporter)
{
    exporter->state = EXPORTER_WRITING;
    io_write(exporter->io, tag_of(TAG_EXPORT_WRITE, 0), exporter->file, text_span(&exporter->text),
             exporter->file_offset);
}

static void gather(struct exporter *exporter)
{
    struct attempt_event event;

    exporter->drained = false;
    for (uint32_t i = 0; i < EVENTS_A_TURN && exporter->text.size < EXPORTER_BUFFER_SIZE; i++) {
        struct queue *queue = store_queue(exporter->store);
        int found = store_events_next(exporter->store, &exporter->cursor, &event);
        struct queue_recipient recipient;
        uint32_t record;

        if (found == -EBADMSG)
            continue;
        if (found <= 0) {
            exporter->drained = true;
            return;
        }
        record = queue_find(queue, event.identity);
        event_json_write(
            &exporter->text, &event,
            record != QUEUE_NONE && queue_read(queue, record, &recipient) == 0 ? &recipient : NULL);
        CHECK(!exporter->text.overflow);
        summary_add(&exporter->summary, &event.attempt.outcome);
        exporter->events_count++;
    }
}

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
    start_writing(exporter);
}

static void on_written(struct exporter *exporter, int32_t result)
{
    if (result != (int32_t)exporter->text.size) {
        fail(exporter, result < 0 ? result : -EIO);
        return;
    }
    if (!exporter->sync) {
        exporter->file_offset += exporter->text.size;
        exporter->state = EXPORTER_MARKING;
        write_cursor(exporter);
        return;
    }
    exporter->state = EXPORTER_SYNCING;
    io_sync(exporter->io, tag_of(TAG_EXPORT_SYNC, 0), exporter->file);
}

static void finish(struct exporter *exporter)
{
    exporter->error = 0;
    exporter->state = EXPORTER_IDLE;
    exporter->next_ns = io_now_ns(exporter->io) + (exporter->drained ? GATHER_NS : 0);
    text_reset(&exporter->text);
    if (exporter->file_offset >= EXPORTER_FILE_MAX) {
        io_shut(exporter->io, tag_of(TAG_EXPORT_CLOSE, 0), exporter->file);
        exporter->file = -1;
        exporter->file_number++;
        exporter->file_offset = 0;
    }
}

void exporter_event(struct exporter *exporter, const struct io_event *event)
{
    uint32_t index = tag_handle(event->tag).index;

    switch ((int)tag_op_of(event->tag)) {
    case TAG_EXPORT_FILE:
        on_opened(exporter, index == 1, event->result);
        break;
    case TAG_EXPORT_WRITE:
        on_written(exporter, event->result);
        break;
    case TAG_EXPORT_SYNC:
        if (event->result < 0) {
            if (index == 1)
                exporter->file_offset -= exporter->text.size;
            fail(exporter, event->result);
        } else if (index == 1) {
            finish(exporter);
        } else {
            exporter->file_offset += exporter->text.size;
            exporter->state = EXPORTER_MARKING;
            write_cursor(exporter);
        }
        break;
    case TAG_EXPORT_CURSOR:
        if (event->result < 0) {
            exporter->file_offset -= exporter->text.size;
            fail(exporter, event->result);
        } else if (!exporter->sync) {
            finish(exporter);
        } else {
            exporter->state = EXPORTER_MARKED;
            io_sync(exporter->io, tag_of(TAG_EXPORT_SYNC, 1), exporter->cursor_file);
        }
        break;
    case TAG_EXPORT_CLOSE:
        break;
    default:
        UNREACHABLE("not an event of the exporter");
    }
}

void exporter_drain(struct exporter *exporter)
{
    exporter->drained = false;
    exporter->next_ns = 0;
}

void exporter_turn(struct exporter *exporter)
{
    uint64_t now_ns = io_now_ns(exporter->io);

    if (exporter->state == EXPORTER_FAILED && exporter->retry_ns <= now_ns)
        exporter->state = EXPORTER_IDLE;
    if (exporter->state != EXPORTER_IDLE || exporter->next_ns > now_ns)
        return;
    if (exporter->text.size < EXPORTER_BUFFER_SIZE)
        gather(exporter);
    if (exporter->text.size == 0) {
        exporter->next_ns = now_ns + GATHER_NS;
        return;
    }
    if (exporter->file < 0)
        open_file(exporter, IO_FILE_WRITE);
    else
        start_writing(exporter);
}

uint64_t exporter_deadline_ns(const struct exporter *exporter)
{
    if (exporter->state == EXPORTER_FAILED)
        return exporter->retry_ns;
    return exporter->state == EXPORTER_IDLE ? exporter->next_ns : UINT64_MAX;
}

bool exporter_quiet(const struct exporter *exporter)
{
    return exporter->state == EXPORTER_IDLE && exporter->drained && exporter->text.size == 0;
}
