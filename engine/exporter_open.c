/* The start of an export: the cursor is read, and what a crash left behind it is cut off. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "engine/event_json.h"
#include "engine/exporter.h"
#include "engine/tag.h"

#define NAMES_SIZE MIB

/* Waits for the one operation of ours that is in flight. */
static int32_t wait_for(struct exporter *exporter, uint64_t tag)
{
    struct io_event event;

    for (;;) {
        if (io_wait(exporter->io, UINT64_MAX, &event, 1) == 0)
            continue;
        if (event.tag == tag)
            return event.result;
        /* The store may have something under way, a signal may come, a wake: only the first is
         * lost if it is not passed on. */
        if (tag_op_of(event.tag) >= TAG_STORE)
            CHECK(store_event(exporter->store, &event));
    }
}

static int32_t open_handle(struct exporter *exporter, const struct io_file_options *options)
{
    io_file(exporter->io, tag_of(TAG_EXPORT_FILE, 0), options);
    return wait_for(exporter, tag_of(TAG_EXPORT_FILE, 0));
}

static int sync_handle(struct exporter *exporter, int handle)
{
    if (!exporter->sync)
        return 0;
    io_sync(exporter->io, tag_of(TAG_EXPORT_SYNC, 0), handle);
    return wait_for(exporter, tag_of(TAG_EXPORT_SYNC, 0));
}

static int remove_file(struct exporter *exporter, const char *path)
{
    int32_t result;

    io_unlink(exporter->io, tag_of(TAG_EXPORT_FILE, 0), path);
    result = wait_for(exporter, tag_of(TAG_EXPORT_FILE, 0));
    return result == -ENOENT ? 0 : result;
}

/* --- what is there --- */

struct found {
    bool cursor_good;
    uint32_t last_number; /* of the events files; 0: there is none */
};

static bool number_of(struct span name, uint32_t *ret_number)
{
    const struct span head = SPAN("events-"), tail = SPAN(".ndjson");
    uint64_t number;

    if (!span_starts(name, head) || !span_ends_nocase(name, tail) ||
        name.size <= head.size + tail.size ||
        !span_number(span_slice(name, head.size, name.size - head.size - tail.size), UINT32_MAX,
                     &number))
        return false;
    *ret_number = (uint32_t)number;
    return true;
}

/* Looks at the names of the events files; those behind the cursor's are removed: no event in them
 * counts as exported. */
static int look_at_files(struct exporter *exporter, struct found *found)
{
    uint8_t *bytes = malloc(NAMES_SIZE);
    struct text names;
    struct span rest;
    int result = bytes != NULL ? 0 : -ENOMEM;

    if (result == 0) {
        text_init(&names, bytes, NAMES_SIZE);
        result = io_list(exporter->io, exporter->directory, &names);
    }
    rest = result == 0 ? text_span(&names) : (struct span){NULL, 0};
    while (result == 0 && rest.size > 0) {
        char buffer[EXPORTER_PATH_MAX];
        struct text path;
        uint32_t number;

        if (!number_of(span_split(&rest, '\0'), &number))
            continue;
        if (!found->cursor_good || number <= exporter->cursor.file_number) {
            found->last_number = number > found->last_number ? number : found->last_number;
            continue;
        }
        text_init(&path, buffer, sizeof(buffer));
        exporter_path(exporter, &path, number);
        result = remove_file(exporter, buffer);
    }
    free(bytes);
    return result;
}

static int open_cursor(struct exporter *exporter, struct found *found)
{
    char buffer[EXPORTER_PATH_MAX];
    struct text path;
    struct io_file_options options = {.path = buffer, .mode = IO_FILE_WRITE};
    struct io_mapping mapping;
    int32_t handle;
    int result;

    text_init(&path, buffer, sizeof(buffer));
    text_add_format(&path, "%s/cursor", exporter->directory);
    (void)text_cstr_end(&path);
    handle = open_handle(exporter, &options);
    if (handle == -ENOENT) {
        options.mode = IO_FILE_CREATE;
        options.preallocate = EXPORT_CURSOR_FILE_SIZE;
        handle = open_handle(exporter, &options);
    }
    if (handle < 0)
        return handle;
    exporter->cursor_file = handle;
    result = sync_handle(exporter, exporter->folder); /* perhaps its name is new */
    if (result < 0)
        return result;
    result = io_map(exporter->io, buffer, IO_MAP_READ, &mapping);
    if (result < 0)
        return result;
    found->cursor_good =
        export_cursor_read(span_make(mapping.data, mapping.size), &exporter->cursor);
    io_unmap(exporter->io, &mapping);
    return 0;
}

/* --- mending --- */

static int copy_to(struct exporter *exporter, const char *path, struct span content)
{
    struct io_file_options options = {.path = path, .mode = IO_FILE_CREATE};
    int32_t handle, written;
    int result = remove_file(exporter, path);

    if (result < 0)
        return result;
    handle = open_handle(exporter, &options);
    if (handle < 0)
        return handle;
    io_write(exporter->io, tag_of(TAG_EXPORT_WRITE, 0), handle, content, 0);
    written = wait_for(exporter, tag_of(TAG_EXPORT_WRITE, 0));
    result = written < 0 ? written : sync_handle(exporter, handle);
    io_shut(exporter->io, tag_of(TAG_EXPORT_CLOSE, 0), handle);
    (void)wait_for(exporter, tag_of(TAG_EXPORT_CLOSE, 0)); /* nothing is left to go wrong */
    return result;
}

/* Cuts the file off at the cursor: by a copy that takes its place, so that no reader sees less than
 * before. */
static int cut_file(struct exporter *exporter, const char *path, struct span content)
{
    char buffer[EXPORTER_PATH_MAX];
    struct text copy;
    int result;

    if (exporter->cursor.file_offset == 0)
        return remove_file(exporter, path);
    text_init(&copy, buffer, sizeof(buffer));
    text_add_format(&copy, "%s/events.tmp", exporter->directory);
    (void)text_cstr_end(&copy);
    result = copy_to(exporter, buffer, span_first(content, exporter->cursor.file_offset));
    if (result < 0)
        return result;
    io_rename(exporter->io, tag_of(TAG_EXPORT_FILE, 0), buffer, path);
    result = wait_for(exporter, tag_of(TAG_EXPORT_FILE, 0));
    return result < 0 ? result : sync_handle(exporter, exporter->folder);
}

/* The file that the cursor names ends where the cursor says, or another one is begun. */
static int mend(struct exporter *exporter, const struct found *found)
{
    char buffer[EXPORTER_PATH_MAX];
    struct text path;
    struct io_mapping mapping = {NULL, 0};
    int result;

    exporter->marking = exporter->cursor;
    exporter->marking.sequence++;
    if (!found->cursor_good) {
        exporter->marking.file_number = found->last_number + 1;
        return 0;
    }
    text_init(&path, buffer, sizeof(buffer));
    exporter_path(exporter, &path, exporter->cursor.file_number);
    result = io_map(exporter->io, buffer, IO_MAP_READ, &mapping);
    if (result < 0 && result != -ENOENT)
        return result;
    if (mapping.size < exporter->cursor.file_offset) { /* somebody took it away, or cut it */
        exporter->marking.file_number++;
        exporter->marking.file_offset = 0;
        result = 0;
    } else if (mapping.size > exporter->cursor.file_offset) {
        result = cut_file(exporter, buffer, span_make(mapping.data, mapping.size));
    }
    if (mapping.data != NULL)
        io_unmap(exporter->io, &mapping);
    return result == -ENOENT ? 0 : result;
}

static int open_files(struct exporter *exporter)
{
    struct io_file_options folder = {.path = exporter->directory, .mode = IO_FILE_FOLDER};
    struct found found = {0};
    int32_t handle;
    int result = io_folder(exporter->io, exporter->directory);

    if (result < 0)
        return result;
    handle = open_handle(exporter, &folder);
    if (handle < 0)
        return handle;
    exporter->folder = handle;
    result = open_cursor(exporter, &found);
    if (result == 0)
        result = look_at_files(exporter, &found);
    return result < 0 ? result : mend(exporter, &found);
}

int exporter_open(struct exporter *exporter, struct io *io, struct store *store,
                  const char *directory, bool sync, struct text *error)
{
    struct text copy;
    int result = -ENAMETOOLONG;

    memset(exporter, 0, sizeof(*exporter));
    exporter->io = io;
    exporter->store = store;
    exporter->sync = sync;
    exporter->folder = exporter->file = exporter->cursor_file = -1;
    exporter->file_max = EXPORTER_FILE_MAX;
    text_init(&copy, exporter->directory, sizeof(exporter->directory));
    text_add_cstr(&copy, directory);
    (void)text_cstr_end(&copy);
    exporter->buffer = malloc(EXPORTER_BUFFER_SIZE + EVENT_JSON_MAX);
    exporter->more_buffer = malloc(EXPORTER_MORE_SIZE);
    exporter->slot = malloc(EXPORT_CURSOR_SLOT_SIZE);
    if (exporter->buffer == NULL || exporter->more_buffer == NULL || exporter->slot == NULL)
        return -ENOMEM;
    text_init(&exporter->more, exporter->more_buffer, EXPORTER_MORE_SIZE);
    text_init(&exporter->text, exporter->buffer, EXPORTER_BUFFER_SIZE + EVENT_JSON_MAX);
    if (!copy.overflow)
        result = open_files(exporter);
    if (result < 0)
        text_add_format(error, "%s: the folder of the event files cannot be used: %s", directory,
                        strerror(-result));
    return result;
}
