#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "engine/hygiene_store_parts.h"
#include "engine/rewrite.h"
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

static int32_t await(void *context)
{
    return hygiene_store_parts_wait(context);
}

/* What a crash left behind was read, so it counts: it must not vanish with the next power cut. */
static int secure(struct hygiene_store *hygiene, char path[STORE_LOG_PATH_MAX], struct span image,
                  const struct scan *scan)
{
    const struct rewrite rewrite = {.io = hygiene->io,
                                    .tag = tag_of(TAG_HYGIENE_FILE, 0),
                                    .room = {hygiene->copy, HYGIENE_STORE_PARTS_COPY_SIZE},
                                    .await = await,
                                    .context = hygiene};
    /* With nothing known durable, header and name may not be either (durability "os"). */
    uint64_t from = scan->watermark <= RECORD_PAGE ? 0 : scan->watermark;
    struct text text;
    int result;

    if (hygiene->options.durability != STORE_DURABLE || scan->end <= max_u64(from, RECORD_PAGE))
        return 0;
    result = rewrite_durable(&rewrite, path, span_skip(span_first(image, scan->end), from), from);
    if (result != 0 || from != 0)
        return result;
    text_init(&text, path, STORE_LOG_PATH_MAX);
    text_add_format(&text, "%s/journals", hygiene->folder);
    return rewrite_sync_folder(&rewrite, text_cstr_end(&text));
}

/* All of it is applied. */
static void read_records(struct hygiene_store *hygiene, struct scan *scan)
{
    struct ahead ahead = {.taken = 0};
    struct record record;
    int result;

    while ((result = scan_next(scan, &record)) != 0) {
        if (result == 1)
            take_record(hygiene, &ahead, &record);
    }
    while (ahead.applied < ahead.taken)
        apply_next(hygiene, &ahead);
    hygiene->recovery.damages_count += scan->damages_count;
    hygiene->recovery.torn_bytes += scan->torn_bytes;
}

static int map_journal(struct hygiene_store *hygiene, uint64_t id, char path[STORE_LOG_PATH_MAX],
                       struct io_mapping *ret)
{
    struct text text;

    text_init(&text, path, STORE_LOG_PATH_MAX);
    store_log_path(hygiene->folder, RECORD_FILE_JOURNAL, id, &text);
    return io_map(hygiene->io, path, IO_MAP_READ, ret);
}

/* Up to which journal everything was durable when this one was begun; 0: it does not say. */
static uint64_t secured_before(struct hygiene_store *hygiene, uint64_t id)
{
    char path[STORE_LOG_PATH_MAX];
    struct record_file file = {.part = 0};
    struct io_mapping mapping;

    if (map_journal(hygiene, id, path, &mapping) < 0)
        return 0;
    if (mapping.size > RECORD_PAGE &&
        record_read_file(span_make(mapping.data, mapping.size), true, &file) != 0)
        file.part = 0;
    io_unmap(hygiene->io, &mapping);
    return file.part;
}

static int read_journal(struct hygiene_store *hygiene, uint64_t id, bool secured)
{
    char path[STORE_LOG_PATH_MAX];
    struct io_mapping mapping;
    int result = map_journal(hygiene, id, path, &mapping);

    if (result < 0)
        return result;
    hygiene->recovery.journals_count++;
    hygiene->bytes += mapping.size;
    if (mapping.size > RECORD_PAGE) {
        struct span image = span_make(mapping.data, mapping.size);
        struct record_file file;
        struct scan scan;

        if (record_read_file(image, true, &file) == -ENOTSUP) {
            io_unmap(hygiene->io, &mapping);
            return -ENOTSUP;
        }
        scan_init(&scan, image, id, RECORD_PAGE, mapping.size);
        read_records(hygiene, &scan);
        if (!secured)
            result = secure(hygiene, path, image, &scan);
    }
    io_unmap(hygiene->io, &mapping);
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
    uint64_t id = 0, last = 0, secured;
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
    secured = hygiene->first == 0 ? 0 : hygiene->first - 1;
    for (struct span look = rest; look.size > 0;)
        if (id_of(span_split(&look, '\0'), &id))
            secured = max_u64(secured, secured_before(hygiene, id));
    while (result == 0 && rest.size > 0) {
        if (!id_of(span_split(&rest, '\0'), &id))
            continue;
        last = id;
        if (id < hygiene->first) /* void: its removal was cut short */
            hygiene_store_parts_remove(hygiene, id);
        else
            result = read_journal(hygiene, id, id <= secured);
    }
    hygiene->last = last;
    *ret_next = max_u64(last, hygiene->first) + 1;
    return result;
}
