#include <errno.h>
#include <string.h>

#include "engine/hygiene_store_parts.h"
#include "engine/tag.h"

#define COMPACT_BYTES ((uint64_t)64 * MIB)
#define WORTH 3            /* the journals take so many times what is in force */
#define JOURNALS_MANY 1000 /* ...or are so many */
#define START_SIZE 17      /* the id in hexadecimal, and a line feed */
#define DAY_S 86400

static void path_of(const struct hygiene_store *hygiene, const char *name, char *path, size_t size)
{
    struct text text;

    text_init(&text, path, size);
    text_add_format(&text, "%s/%s", hygiene->folder, name);
    (void)text_cstr_end(&text);
}

int hygiene_store_parts_read_start(struct hygiene_store *hygiene)
{
    char path[STORE_LOG_PATH_MAX];
    struct io_mapping mapping;
    int result;

    path_of(hygiene, "start", path, sizeof(path));
    result = io_map(hygiene->io, path, IO_MAP_READ, &mapping);
    if (result < 0)
        return result == -ENOENT ? 0 : result;
    for (size_t i = 0; i < mapping.size; i++) {
        uint8_t byte = mapping.data[i];

        if (i == START_SIZE - 1 && byte == '\n')
            break;
        if (byte >= '0' && byte <= '9')
            hygiene->first = hygiene->first << 4 | (uint64_t)(byte - '0');
        else if (byte >= 'a' && byte <= 'f')
            hygiene->first = hygiene->first << 4 | (uint64_t)(byte - 'a' + 10);
        else
            result = -EBADMSG;
    }
    if (mapping.size != START_SIZE)
        result = -EBADMSG; /* it was made in one piece: this is damage */
    io_unmap(hygiene->io, &mapping);
    return result;
}

/* --- what is in force --- */

static int put(struct hygiene_store *hygiene, const struct hygiene_change *change)
{
    uint8_t *place;
    int result = hygiene_store_parts_make_room(hygiene, HYGIENE_CHANGE_SIZE_MAX, &place);

    if (result < 0)
        return result;
    hygiene_store_parts_added(hygiene, RECORD_CHANGE, hygiene_change_write(change, place));
    return 0;
}

/* One that is suppressed and held is both. */
static int put_entry(struct hygiene_store *hygiene, const struct hygiene_entry *entry,
                     struct hygiene_counts *written)
{
    struct hygiene_change change = {
        .kind = HYGIENE_SUPPRESS,
        .source = entry->source,
        .class = entry->class,
        .time_s = entry->time_s,
        .until_s = entry->until_s,
        .key = entry->key,
        .tenant = entry->tenant,
        .stream = entry->stream,
        .note = entry->note,
        .provider = entry->provider,
    };
    int result = 0;

    if (entry->until_s != 0) {
        result = put(hygiene, &change);
        written->suppressed_count++;
    }
    if (result == 0 && entry->held_until_s != 0) {
        change.kind = HYGIENE_HOLD;
        change.until_s = entry->held_until_s;
        result = put(hygiene, &change);
        written->held_count++;
    }
    return result;
}

/* The counts, as the bounces that made them. */
static int put_score(struct hygiene_store *hygiene, struct span key,
                     const struct hygiene_score *score)
{
    int result = 0;

    for (uint32_t i = 0; result == 0 && i < score->history_count; i++) {
        struct hygiene_change change = {
            .kind = HYGIENE_COUNT,
            .source = HYGIENE_FROM_SESSION,
            .class = (enum bounce_class)score->history[i].class,
            .time_s = score->history[i].day * (uint64_t)DAY_S,
            .key = key,
        };

        result = put(hygiene, &change);
    }
    return result;
}

/* The shelf is derived: what it does not tell in full must not become the truth. */
static int put_all(struct hygiene_store *hygiene)
{
    struct hygiene_counts counts, written = {0};
    struct hygiene_entry entry;
    struct hygiene_score score;
    int result;

    hygiene_counts(hygiene->tables, &counts);
    for (uint32_t i = 0; (result = hygiene_entry_at(hygiene->tables, i, &entry)) == 0; i++) {
        result = put_entry(hygiene, &entry, &written);
        if (result < 0)
            return result;
        result = hygiene_score_at(hygiene->tables, i, &score);
        if (result == -ENOENT)
            continue;
        written.scored_count += result == 0;
        if (result == 0)
            result = put_score(hygiene, entry.key, &score);
        if (result < 0)
            return result;
    }
    if (result != -ENOENT)
        return result;
    return written.suppressed_count == counts.suppressed_count &&
                   written.held_count == counts.held_count &&
                   written.scored_count == counts.scored_count
               ? 0
               : -EBADMSG;
}

static int put_tags(struct hygiene_store *hygiene)
{
    struct seen_tag tag;

    for (uint32_t i = 0; seen_tags_at(hygiene->tags, i, &tag); i++) {
        uint8_t *place;
        int result = hygiene_store_parts_make_room(hygiene, SEEN_TAGS_RECORD_SIZE, &place);

        if (result < 0)
            return result;
        seen_tags_write(&tag, place);
        hygiene_store_parts_added(hygiene, RECORD_TAG, SEEN_TAGS_RECORD_SIZE);
    }
    return 0;
}

static uint64_t worth_of(const struct hygiene_store *hygiene)
{
    struct hygiene_counts counts;

    hygiene_counts(hygiene->tables, &counts);
    return (counts.suppressed_count + counts.held_count + counts.scored_count) * 128 +
           seen_tags_count(hygiene->tags) * UINT64_C(32);
}

/* --- the name of the new beginning --- */

static int32_t file_operation(struct hygiene_store *hygiene, const char *path,
                              enum io_file_mode mode)
{
    struct io_file_options options = {.path = path, .mode = mode};

    io_file(hygiene->io, tag_of(TAG_HYGIENE_FILE, 0), &options);
    return hygiene_store_parts_wait(hygiene);
}

static int32_t sync_and_shut(struct hygiene_store *hygiene, int handle)
{
    int32_t result;

    io_sync(hygiene->io, tag_of(TAG_HYGIENE_FILE, 0), handle);
    result = hygiene_store_parts_wait(hygiene);
    io_shut(hygiene->io, tag_of(TAG_HYGIENE_FILE, 0), handle);
    (void)hygiene_store_parts_wait(hygiene);
    return result < 0 ? result : 0;
}

static int write_start(struct hygiene_store *hygiene, uint64_t first)
{
    char fresh[STORE_LOG_PATH_MAX], path[STORE_LOG_PATH_MAX], bytes[START_SIZE];
    struct text text;
    int32_t handle, result;

    path_of(hygiene, "start.new", fresh, sizeof(fresh));
    path_of(hygiene, "start", path, sizeof(path));
    text_init(&text, bytes, sizeof(bytes));
    text_add_hex(&text, first, 16);
    text_add_byte(&text, '\n');
    io_unlink(hygiene->io, tag_of(TAG_HYGIENE_FILE, 0), fresh);
    (void)hygiene_store_parts_wait(hygiene); /* mostly there is none */
    handle = file_operation(hygiene, fresh, IO_FILE_CREATE);
    if (handle < 0)
        return handle;
    io_write(hygiene->io, tag_of(TAG_HYGIENE_FILE, 0), handle, text_span(&text), 0);
    result = hygiene_store_parts_wait(hygiene);
    if (result >= 0 && result != START_SIZE)
        result = -EIO;
    handle = sync_and_shut(hygiene, handle);
    if (result < 0 || handle < 0)
        return result < 0 ? result : handle;
    io_rename(hygiene->io, tag_of(TAG_HYGIENE_FILE, 0), fresh, path);
    result = hygiene_store_parts_wait(hygiene);
    if (result < 0)
        return result;
    handle = file_operation(hygiene, hygiene->folder, IO_FILE_FOLDER);
    return handle < 0 ? handle : sync_and_shut(hygiene, handle);
}

/* What cannot be removed now is void all the same. */
void hygiene_store_parts_remove(struct hygiene_store *hygiene, uint64_t id)
{
    char path[STORE_LOG_PATH_MAX];
    struct text text;

    text_init(&text, path, sizeof(path));
    store_log_path(hygiene->folder, RECORD_FILE_JOURNAL, id, &text);
    io_unlink(hygiene->io, tag_of(TAG_HYGIENE_FILE, 0), path);
    (void)hygiene_store_parts_wait(hygiene);
}

/* More was read than is remembered here, and a sender would remember more. */
static bool has_forgotten(const struct hygiene_store *hygiene)
{
    return (seen_tags_forgotten(hygiene->tags) > 0 &&
            hygiene->options.tags_max < HYGIENE_STORE_TAGS_MAX) ||
           (confirmations_forgotten(hygiene->confirmations) > 0 &&
            hygiene->options.reports_max < HYGIENE_STORE_REPORTS_MAX);
}

int hygiene_store_parts_compact(struct hygiene_store *hygiene)
{
    uint64_t least =
        hygiene->options.compact_bytes != 0 ? hygiene->options.compact_bytes : COMPACT_BYTES;
    uint64_t first = max_u64(hygiene->last, hygiene->first) + 1;
    int result;

    if (hygiene_shelf_error(hygiene->tables) != 0 || hygiene->options.durability != STORE_DURABLE ||
        hygiene->recovery.damages_count > 0 || has_forgotten(hygiene) ||
        ((hygiene->bytes < least || hygiene->bytes < WORTH * worth_of(hygiene)) &&
         hygiene->recovery.journals_count < JOURNALS_MANY))
        return 0;
    result = put_all(hygiene);
    if (result == 0)
        result = put_tags(hygiene);
    if (result == 0)
        result = hygiene_store_parts_put_reports(hygiene);
    if (result == 0)
        result = hygiene_store_parts_write_all_standing(hygiene);
    if (result == 0)
        result = hygiene_store_parts_drain(hygiene); /* so that there is room */
    if (result == 0) {
        hygiene_store_parts_write_cursor(hygiene);
        result = hygiene_store_parts_drain(hygiene);
    }
    if (result == 0)
        result = write_start(hygiene, first);
    if (result == 0) {
        for (uint64_t id = max_u64(hygiene->first, 1); id < first; id++)
            hygiene_store_parts_remove(hygiene, id);
        hygiene->recovery.compacted = true;
        hygiene->first = first;
    }
    /* As it was, it is good too: the next start tries again. Marks are numbered anew. */
    return hygiene->options.shelf_in_memory || (result < 0 && result != -EBADMSG)
               ? 0
               : hygiene_store_parts_make_shelf(hygiene);
}
