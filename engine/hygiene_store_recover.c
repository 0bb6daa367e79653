#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "engine/hygiene_store_parts.h"
#include "engine/tag.h"
#include "queue/scan.h"

/* --- recovery --- */

/* So many records are looked at before the first of them is applied: the memory that it needs, far
 * apart for each, comes meanwhile. */
#define AHEAD 16

struct ahead {
    struct record records[AHEAD];
    struct hygiene_change changes[AHEAD]; /* of RECORD_CHANGE */
    int results[AHEAD];                   /* of reading it */
    uint64_t taken;
    uint64_t applied;
};

static void apply_change(struct hygiene_store *hygiene, const struct hygiene_change *change)
{
    hygiene->recovery.changes_count++;
    if (hygiene_apply(hygiene->tables, change) < 0)
        return; /* no room: counted by the tables, and the start fails */
    hygiene_store_parts_changed(hygiene, change);
    hygiene_store_parts_shelved(hygiene);
}

static void apply_record(struct hygiene_store *hygiene, const struct record *record)
{
    struct seen_tag tag;

    if (record->type == RECORD_TAG) {
        if (seen_tags_read(record->payload, &tag) < 0)
            hygiene->recovery.damages_count++;
        else
            seen_tags_add(hygiene->tags, &tag);
        return;
    }
    if (record->type == RECORD_CONFIRMATION) {
        hygiene->recovery.damages_count +=
            !hygiene_store_parts_read_report(hygiene, record->payload);
        return;
    }
    if (record->type == RECORD_CURSOR) {
        if (!store_cursor_read(record->payload, &hygiene->cursor))
            hygiene->recovery.damages_count++;
        return;
    }
    if (hygiene_store_parts_read_standing(hygiene, record->type, record->payload))
        return;
    if (record->type == RECORD_MARK)
        hygiene_store_parts_meet_mark(hygiene, record->payload);
    /* else a seal */
}

/* In the order of the journal. */
static void apply_next(struct hygiene_store *hygiene, struct ahead *ahead)
{
    uint64_t i = ahead->applied++ % AHEAD;

    if (ahead->records[i].type != RECORD_CHANGE)
        apply_record(hygiene, &ahead->records[i]);
    else if (ahead->results[i] < 0)
        hygiene->recovery.damages_count++;
    else
        apply_change(hygiene, &ahead->changes[i]);
}

static void take_record(struct hygiene_store *hygiene, struct ahead *ahead,
                        const struct record *record)
{
    uint64_t i = ahead->taken % AHEAD;

    if (ahead->taken++ - ahead->applied == AHEAD)
        apply_next(hygiene, ahead);
    ahead->records[i] = *record;
    if (record->type != RECORD_CHANGE)
        return;
    ahead->results[i] = hygiene_change_read(record->payload, &ahead->changes[i]);
    if (ahead->results[i] == 0)
        hygiene_prefetch(hygiene->tables, ahead->changes[i].key);
}

/* *secured: the journals up to this one were made durable before this one was begun. */
static int read_journal(struct hygiene_store *hygiene, uint64_t id, uint64_t *secured)
{
    char path[STORE_LOG_PATH_MAX];
    struct io_mapping mapping;
    struct record record;
    struct scan scan;
    struct text text;
    struct ahead ahead = {.taken = 0};
    int result;

    text_init(&text, path, sizeof(path));
    store_log_path(hygiene->folder, RECORD_FILE_JOURNAL, id, &text);
    result = io_map(hygiene->io, path, IO_MAP_READ, &mapping);
    if (result < 0)
        return result;
    hygiene->recovery.journals_count++;
    hygiene->bytes += mapping.size;
    if (mapping.size > RECORD_PAGE) {
        struct record_file file;

        result = record_read_file(span_make(mapping.data, mapping.size), true, &file);
        if (result == -ENOTSUP) {
            io_unmap(hygiene->io, &mapping);
            return -ENOTSUP;
        }
        if (result == 0)
            *secured = max_u64(*secured, file.part);
        scan_init(&scan, span_make(mapping.data, mapping.size), id, RECORD_PAGE, mapping.size);
        while ((result = scan_next(&scan, &record)) != 0) {
            if (result == 1)
                take_record(hygiene, &ahead, &record);
        }
        while (ahead.applied < ahead.taken)
            apply_next(hygiene, &ahead);
        hygiene->recovery.damages_count += scan.damages_count;
        hygiene->recovery.torn_bytes += scan.torn_bytes;
    }
    io_unmap(hygiene->io, &mapping);
    return 0;
}

int32_t hygiene_store_parts_wait(struct hygiene_store *hygiene)
{
    struct io_event event;

    for (;;) {
        if (io_wait(hygiene->io, UINT64_MAX, &event, 1) == 0)
            continue;
        if (event.tag == tag_of(TAG_HYGIENE_FILE, 0))
            return event.result;
        /* The store may have something under way. */
        if (tag_op_of(event.tag) >= TAG_STORE && hygiene->options.store != NULL)
            CHECK(store_event(hygiene->options.store, &event));
    }
}

/* What a crash left behind was read, so it counts: it must not vanish with the next power cut. The
 * header of each journal says up to which one this was done when its life began. */
static int secure_one(struct hygiene_store *hygiene, uint64_t id)
{
    char path[STORE_LOG_PATH_MAX];
    struct io_file_options options = {.path = path, .mode = IO_FILE_WRITE};
    struct text text;
    int32_t handle, result;

    text_init(&text, path, sizeof(path));
    store_log_path(hygiene->folder, RECORD_FILE_JOURNAL, id, &text);
    io_file(hygiene->io, tag_of(TAG_HYGIENE_FILE, 0), &options);
    handle = hygiene_store_parts_wait(hygiene);
    if (handle < 0) /* numbers may be missing: files that were never finished */
        return handle == -ENOENT ? 0 : handle;
    io_sync(hygiene->io, tag_of(TAG_HYGIENE_FILE, 0), handle);
    result = hygiene_store_parts_wait(hygiene);
    io_shut(hygiene->io, tag_of(TAG_HYGIENE_FILE, 0), handle);
    (void)hygiene_store_parts_wait(hygiene);
    return result < 0 ? result : 0;
}

static int secure(struct hygiene_store *hygiene, uint64_t secured, uint64_t last)
{
    int result = 0;

    if (hygiene->options.durability != STORE_DURABLE)
        return 0;
    for (uint64_t id = secured + 1; result == 0 && id <= last; id++)
        result = secure_one(hygiene, id);
    return result;
}

static bool id_of(struct span name, uint64_t *ret_id)
{
    uint64_t id = 0;

    if (name.size != 20 || !span_ends_nocase(name, SPAN(".jnl")))
        return false;
    for (size_t i = 0; i < 16; i++) {
        uint8_t byte = name.data[i];

        if (byte >= '0' && byte <= '9')
            id = id << 4 | (uint64_t)(byte - '0');
        else if (byte >= 'a' && byte <= 'f')
            id = id << 4 | (uint64_t)(byte - 'a' + 10);
        else
            return false;
    }
    *ret_id = id;
    return true;
}

/* The journals' names have fixed sizes: in order of their bytes they are in order of their ids. */
int hygiene_store_parts_recover(struct hygiene_store *hygiene, uint64_t *ret_next)
{
    char path[STORE_LOG_PATH_MAX];
    struct text text, names;
    struct span rest;
    uint64_t id = 0, last = 0, secured = 0;
    int result;

    text_init(&text, path, sizeof(path));
    text_add_format(&text, "%s/journals", hygiene->folder);
    (void)text_cstr_end(&text);
    if (text.overflow)
        return -ENAMETOOLONG;
    result = io_folder(hygiene->io, hygiene->folder);
    if (result == 0)
        result = io_folder(hygiene->io, path);
    if (result == 0)
        result = hygiene_store_parts_read_start(hygiene);
    text_init(&names, hygiene->names, HYGIENE_STORE_PARTS_NAMES_SIZE);
    if (result == 0)
        result = io_list(hygiene->io, path, &names);
    rest = result == 0 ? text_span(&names) : (struct span){NULL, 0};
    while (result == 0 && rest.size > 0) {
        if (!id_of(span_split(&rest, '\0'), &id))
            continue;
        last = id;
        if (id < hygiene->first) { /* void: its removal was cut short */
            hygiene_store_parts_remove(hygiene, id);
            continue;
        }
        result = read_journal(hygiene, id, &secured);
    }
    if (result == 0)
        result =
            secure(hygiene, max_u64(secured, hygiene->first == 0 ? 0 : hygiene->first - 1), last);
    hygiene->last = last;
    *ret_next = max_u64(last, hygiene->first) + 1;
    return result;
}
