#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "engine/store_parts.h"
#include "queue/scan.h"

/* --- the list of journals --- */

/* The index of the first journal whose id is not below `file`. */
static uint32_t lower_bound(const struct store *store, uint64_t file)
{
    uint32_t low = 0, high = store->journals_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (store->journals[middle].file < file)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct store_journal *store_parts_journal(struct store *store, uint64_t file)
{
    uint32_t place = lower_bound(store, file);
    struct store_journal *journal = &store->journals[place];

    if (place < store->journals_count && journal->file == file)
        return journal;
    if (store->journals_count == STORE_PARTS_JOURNALS)
        return NULL;
    memmove(journal + 1, journal, (store->journals_count - place) * sizeof(*journal));
    store->journals_count++;
    *journal = (struct store_journal){.file = file, .end = UINT64_MAX, .part = STORE_PARTS_UNKNOWN};
    return journal;
}

static int map_journal(struct store *store, uint64_t file, struct io_mapping *ret)
{
    char path[STORE_LOG_PATH_MAX];
    struct text text;

    text_init(&text, path, sizeof(path));
    store_log_path(store->folder, RECORD_FILE_JOURNAL, file, &text);
    return io_map(store->io, path, IO_MAP_READ, ret);
}

/* Which shard wrote it; a file without a sound header was written by the first. */
static uint32_t part_of(const struct io_mapping *mapping)
{
    struct record_file file;

    if (record_read_file(span_make(mapping->data, mapping->size), false, &file) != 0)
        return 0;
    return file.part < STORE_SHARDS_MAX || file.part == RECORD_PART_CONTROL ? file.part : 0;
}

static void learn_part(struct store *store, struct store_journal *journal)
{
    struct io_mapping mapping;

    if (journal->part != STORE_PARTS_UNKNOWN || map_journal(store, journal->file, &mapping) != 0)
        return;
    journal->part = part_of(&mapping);
    io_unmap(store->io, &mapping);
}

/* The first journal of `part` at or behind `file`, or NULL. */
static struct store_journal *find_journal(struct store *store, uint32_t part, uint64_t file)
{
    for (uint32_t i = lower_bound(store, file); i < store->journals_count; i++) {
        struct store_journal *journal = &store->journals[i];

        learn_part(store, journal);
        if (journal->part == part)
            return journal;
    }
    return NULL;
}

/* --- reading --- */

static void leave(struct store *store, struct store_reading *reading)
{
    if (reading->mapping.data != NULL)
        io_unmap(store->io, &reading->mapping);
    *reading = (struct store_reading){0};
}

static int enter(struct store *store, struct store_reading *reading,
                 const struct store_journal *journal)
{
    int r = map_journal(store, journal->file, &reading->mapping);

    if (r < 0)
        return r;
    reading->file = journal->file;
    reading->position = 0;
    scan_init(&reading->scan, span_make(reading->mapping.data, reading->mapping.size),
              journal->file, RECORD_PAGE, journal->end);
    return 0;
}

/* Whether the scan ended and more of the journal has become durable since: then it goes on. */
static bool extend(struct store_reading *reading, const struct store_journal *journal)
{
    struct span image = span_make(reading->mapping.data, reading->mapping.size);

    if (!reading->scan.ended || min_u64(journal->end, image.size) <= reading->scan.limit)
        return false;
    scan_init(&reading->scan, image, journal->file, reading->scan.end, journal->end);
    return true;
}

/* The next outcome behind `offset`. 1, 0 or -EBADMSG. */
static int next_outcome(struct store_reading *reading, uint64_t *offset, struct attempt_event *ret)
{
    struct record record;
    int r;

    while ((r = scan_next(&reading->scan, &record)) != 0) {
        if (r < 0) {
            if (reading->scan.damage_offset < *offset)
                continue;
            *offset = reading->scan.damage_offset + 1;
            return r;
        }
        if (record.offset < *offset)
            continue;
        *offset = record.offset + 1;
        if (record.type != RECORD_OUTCOME)
            continue;
        r = journal_read_outcome(record.payload, ret);
        if (r < 0)
            return r;
        ret->journal = reading->file;
        ret->offset = record.offset;
        return 1;
    }
    return 0;
}

/* The reader that stands in the journal, nearest before `offset`, or else the one that was used
 * longest ago, put at the journal's beginning. */
static int find_reading(struct store *store, const struct store_journal *journal, uint64_t offset,
                        struct store_reading **ret)
{
    struct store_reading *all = &store->readings[(size_t)journal->part * STORE_PARTS_READERS];
    struct store_reading *best = NULL, *oldest = &all[0];
    int r = 0;

    for (uint32_t i = 0; i < STORE_PARTS_READERS; i++) {
        if (all[i].used < oldest->used)
            oldest = &all[i];
        if (all[i].file == journal->file && all[i].position <= offset &&
            (best == NULL || all[i].position > best->position))
            best = &all[i];
    }
    if (best == NULL) {
        best = oldest;
        leave(store, best);
        r = enter(store, best, journal);
    }
    best->used = ++store->readings_used;
    *ret = best;
    return r;
}

/* What was not durable in a journal when its shard left it comes first in the next one. Until it is
 * durable there, a start may find it in the old one only: a cursor behind that would miss it. */
static bool may_leave(struct store *store, const struct store_journal *left)
{
    const struct store_journal *next = left;

    while ((next = find_journal(store, left->part, next->file + 1)) != NULL)
        if (next->end > RECORD_PAGE)
            return true;
    return false;
}

/* Reads on in one part's journals. */
static int read_part(struct store *store, uint32_t part, struct store_cursor *cursor,
                     struct attempt_event *ret)
{
    for (;;) {
        struct store_journal *journal = find_journal(store, part, cursor->parts[part].journal);
        struct store_reading *reading;
        int r;

        if (journal == NULL)
            return 0;
        if (journal->file != cursor->parts[part].journal) {
            cursor->parts[part].journal = journal->file;
            cursor->parts[part].offset = 0;
        }
        r = find_reading(store, journal, cursor->parts[part].offset, &reading);
        if (r < 0)
            return r;
        do
            r = next_outcome(reading, &cursor->parts[part].offset, ret);
        while (r == 0 && extend(reading, journal));
        reading->position = cursor->parts[part].offset;
        if (r != 0)
            return r;
        if (journal->live || !may_leave(store, journal))
            return 0;
        cursor->parts[part].journal = journal->file + 1; /* this one is read to its end */
        cursor->parts[part].offset = 0;
    }
}

/* Parts that may have journals. */
static uint32_t count_parts(struct store *store)
{
    for (; store->parts_seen < store->journals_count; store->parts_seen++) {
        struct store_journal *journal = &store->journals[store->parts_seen];

        learn_part(store, journal);
        if (journal->part < STORE_SHARDS_MAX && journal->part >= store->parts_count)
            store->parts_count = journal->part + 1;
    }
    if (store->parts_count < store->options.limits.shards_count)
        store->parts_count = store->options.limits.shards_count;
    return store->parts_count;
}

int store_events_next(struct store *store, struct store_cursor *cursor, struct attempt_event *ret)
{
    uint32_t parts_count = count_parts(store);

    for (uint32_t i = 0; i < parts_count; i++) {
        uint32_t part = (store->reading_last + i) % parts_count;
        int r = read_part(store, part, cursor, ret);

        if (r != 0) {
            store->reading_last = part;
            return r;
        }
    }
    return 0;
}

/* --- the cursor as text --- */

#define CURSOR_VERSION 1

void store_cursor_write(const struct store_cursor *cursor, struct text *text)
{
    text_add_u64(text, CURSOR_VERSION);
    for (uint32_t i = 0; i < STORE_SHARDS_MAX; i++)
        if (cursor->parts[i].journal != 0) {
            text_add_byte(text, ' ');
            text_add_u64(text, i);
            text_add_byte(text, ':');
            text_add_u64(text, cursor->parts[i].journal);
            text_add_byte(text, ':');
            text_add_u64(text, cursor->parts[i].offset);
        }
    text_add_byte(text, '\n');
}

static bool read_part_text(struct span word, struct store_cursor *cursor)
{
    uint64_t part, journal, offset;

    if (!span_number(span_split(&word, ':'), STORE_SHARDS_MAX - 1, &part) ||
        !span_number(span_split(&word, ':'), UINT64_MAX, &journal) ||
        !span_number(word, UINT64_MAX, &offset))
        return false;
    cursor->parts[part].journal = journal;
    cursor->parts[part].offset = offset;
    return true;
}

bool store_cursor_read(struct span text, struct store_cursor *ret_cursor)
{
    struct store_cursor cursor = {0};
    struct span line = span_split(&text, '\n'), word = span_word(&line);
    uint64_t version;

    if (!span_number(word, CURSOR_VERSION, &version) || version != CURSOR_VERSION)
        return false;
    for (word = span_word(&line); word.size > 0; word = span_word(&line))
        if (!read_part_text(word, &cursor))
            return false;
    *ret_cursor = cursor;
    return true;
}
