#include "tools/decision_log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/durable.h"
#include "tools/settings.h"

#define RECORD_CHANGE 64 /* engine/hygiene_store_parts.h */
#define CURSOR_HEAD "ringpost-decisions 1 "
#define PATH_ROOM (DECISION_LOG_PATH_MAX + 64)

void decision_log_init(struct decision_log *log, const char *folder,
                       const struct decision_cursor *cursor)
{
    memset(log, 0, sizeof(*log));
    (void)snprintf(log->folder, sizeof(log->folder), "%s", folder);
    log->cursor = *cursor;
}

static void close_journal(struct decision_log *log)
{
    union {
        const uint8_t *lent;
        void *mapped;
    } ours = {.lent = log->data};

    if (log->data != NULL)
        (void)munmap(ours.mapped, log->size);
    log->data = NULL;
}

void decision_log_close(struct decision_log *log)
{
    close_journal(log);
}

/* --- which journal --- */

/* The first one that is not void; 0: all are good. */
static int read_start(const struct decision_log *log, uint64_t *ret_first)
{
    char path[PATH_ROOM], *end;
    uint8_t *data = NULL;
    size_t size = 0;
    int result;

    (void)snprintf(path, sizeof(path), "%s/start", log->folder);
    result = settings_read_file(path, 64, &data, &size);
    *ret_first = 0;
    if (result < 0)
        return result == -ENOENT ? 0 : result;
    if (size == 17 && data[16] == '\n') {
        data[16] = '\0';
        *ret_first = strtoull((const char *)data, &end, 16);
    } else {
        result = -EBADMSG;
    }
    free(data);
    return result;
}

static bool id_of(const char *name, uint64_t *ret_id)
{
    size_t digits = strspn(name, "0123456789abcdef");

    if (digits != 16 || strcmp(name + 16, ".jnl") != 0)
        return false;
    *ret_id = strtoull(name, NULL, 16);
    return true;
}

/* The smallest id at or above `from`, and the one behind it; 0: none. */
static int find_journals(const struct decision_log *log, uint64_t from, uint64_t *ret_id,
                         uint64_t *ret_next)
{
    char path[PATH_ROOM];
    struct dirent *entry;
    uint64_t id, first = UINT64_MAX, next = UINT64_MAX;
    DIR *folder;

    (void)snprintf(path, sizeof(path), "%s/journals", log->folder);
    folder = opendir(path);
    if (folder == NULL)
        return -errno;
    while ((entry = readdir(folder)) != NULL) {
        if (!id_of(entry->d_name, &id) || id < from)
            continue;
        if (id < first) {
            next = first;
            first = id;
        } else if (id < next) {
            next = id;
        }
    }
    (void)closedir(folder);
    *ret_id = first == UINT64_MAX ? 0 : first;
    *ret_next = next == UINT64_MAX ? 0 : next;
    return 0;
}

/* --- one journal --- */

static int map_journal(struct decision_log *log, uint64_t id)
{
    char path[PATH_ROOM];
    struct stat stat;
    void *data;
    int file, result = 0;

    (void)snprintf(path, sizeof(path), "%s/journals/%016" PRIx64 ".jnl", log->folder, id);
    file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return -errno;
    if (fstat(file, &stat) != 0) {
        result = -errno;
    } else if (stat.st_size > RECORD_PAGE) {
        data = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_SHARED, file, 0);
        if (data == MAP_FAILED)
            result = -errno;
        else
            log->data = data;
        log->size = (size_t)stat.st_size;
    }
    (void)close(file);
    return result;
}

/* Skips what of the batch was read before. */
static int resume(struct decision_log *log)
{
    uint64_t from = max_u64(log->cursor.offset, RECORD_PAGE), skip = log->cursor.record;
    struct record record;

    log->batch_begin = from;
    log->records_taken = 0;
    if (from > log->size) { /* it ended earlier when the power went */
        close_journal(log);
        return 0;
    }
    scan_init(&log->scan, span_make(log->data, log->size), log->cursor.journal, from, log->size);
    while (log->records_taken < skip) {
        if (scan_next(&log->scan, &record) <= 0)
            break;
        log->records_taken++;
    }
    log->batches_seen = log->scan.batches_count;
    return 0;
}

/* 1: log->data is to be read; 0: nothing is there now. */
static int open_journal(struct decision_log *log)
{
    struct decision_cursor *cursor = &log->cursor;
    uint64_t first, id = 0, next = 0;
    int result = read_start(log, &first);

    if (result == 0 && cursor->journal < first) {
        log->again = log->again || cursor->journal != 0;
        *cursor = (struct decision_cursor){.journal = first};
    }
    if (result == 0)
        result = find_journals(log, max_u64(cursor->journal, 1), &id, &next);
    if (result < 0)
        return result == -ENOENT ? 0 : result; /* no folder: nothing was ever decided */
    if (id == 0)
        return 0;
    if (id != cursor->journal)
        *cursor = (struct decision_cursor){.journal = id};
    result = map_journal(log, id);
    if (result == -ENOENT)
        return 0; /* it was just made void */
    if (result < 0)
        return result;
    log->is_last = next == 0;
    log->next_journal = next;
    if (log->data != NULL)
        result = resume(log);
    return result < 0 ? result : 1;
}

/* 1: a change; 0: the end of what stands in it now. */
static int next_in_journal(struct decision_log *log, struct hygiene_change *ret_change)
{
    struct record record;

    while (log->data != NULL) {
        int found = scan_next(&log->scan, &record);

        if (found == -EBADMSG)
            continue; /* damage: it was stepped over */
        if (found == 0)
            break;
        if (log->scan.batches_count != log->batches_seen) { /* its first record */
            log->batch_begin = record.offset - sizeof(struct record_batch);
            log->batches_seen = log->scan.batches_count;
            log->records_taken = 0;
        }
        log->records_taken++;
        log->cursor.offset = log->batch_begin;
        log->cursor.record = log->records_taken;
        if (record.type == RECORD_CHANGE && hygiene_change_read(record.payload, ret_change) == 0)
            return 1;
    }
    return 0;
}

int decision_log_next(struct decision_log *log, struct hygiene_change *ret_change)
{
    for (;;) {
        bool was_last;
        int result = log->data == NULL ? open_journal(log) : 1;

        if (result <= 0)
            return result;
        if (next_in_journal(log, ret_change) == 1)
            return 1;
        close_journal(log);
        was_last = log->is_last;
        if (was_last)
            return 0;
        log->cursor = (struct decision_cursor){.journal = log->next_journal};
    }
}

/* --- the cursor's file --- */

int decision_log_write_cursor(const char *path, const struct decision_cursor *cursor)
{
    char buffer[128];
    struct text text;

    text_init(&text, buffer, sizeof(buffer));
    text_add_cstr(&text, CURSOR_HEAD);
    text_add_u64(&text, cursor->journal);
    text_add_byte(&text, ' ');
    text_add_u64(&text, cursor->offset);
    text_add_byte(&text, ' ');
    text_add_u64(&text, cursor->record);
    text_add_byte(&text, '\n');
    return durable_replace(path, text_span(&text));
}

int decision_log_read_cursor(const char *path, struct decision_cursor *ret_cursor)
{
    struct decision_cursor cursor;
    uint8_t *data = NULL;
    struct span rest, line;
    size_t size = 0;
    int result = settings_read_file(path, 256, &data, &size);

    if (result < 0)
        return result;
    rest = span_make(data, size);
    line = span_split(&rest, '\n');
    if (!span_starts(line, SPAN(CURSOR_HEAD)))
        result = -EBADMSG;
    line = span_skip(line, strlen(CURSOR_HEAD));
    if (result == 0 && span_number(span_split(&line, ' '), UINT64_MAX, &cursor.journal) &&
        span_number(span_split(&line, ' '), UINT64_MAX, &cursor.offset) &&
        span_number(line, UINT64_MAX, &cursor.record))
        *ret_cursor = cursor;
    else
        result = -EBADMSG;
    free(data);
    return result;
}
