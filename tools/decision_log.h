/* decision_log.h - what hygiene has decided, read out of its journal beside whoever writes it.
 *
 * Reads <folder>/journals in order, from a cursor that is kept in a file and moves record by record
 * (docs/hygiene.md has the bytes). Nothing is locked and nothing is changed: the journal is only
 * ever appended to. When it was compacted since, everything that is in force is read again, and
 * withdrawals in between are not seen.
 *
 * What a power cut takes away of the journal may have been read before: whoever reported it was not
 * answered and comes again. Owns the mapping of one journal. */
#ifndef TOOLS_DECISION_LOG_H
#define TOOLS_DECISION_LOG_H

#include "bounce/hygiene_change.h"
#include "queue/scan.h"

#define DECISION_LOG_PATH_MAX 2048

/* The next record to be read: the n-th of a batch of a journal. */
struct decision_cursor {
    uint64_t journal;
    uint64_t offset; /* of the batch; 0: the first */
    uint64_t record;
};

struct decision_log {
    char folder[DECISION_LOG_PATH_MAX];
    struct decision_cursor cursor;
    bool again; /* the journal was compacted behind the cursor */
    /* the journal that is being read */
    const uint8_t *data;
    size_t size;
    bool is_last; /* there was no later one when it was opened */
    uint64_t next_journal;
    struct scan scan;
    uint64_t batches_seen;
    uint64_t batch_begin;
    uint64_t records_taken; /* of the batch */
};

void decision_log_init(struct decision_log *log, const char *folder,
                       const struct decision_cursor *cursor);
/* 1: *ret_change, whose spans are good until the next call; log->cursor is behind it. 0: no more
 * for now; calling again looks for more. -errno. */
MUST_USE int decision_log_next(struct decision_log *log, struct hygiene_change *ret_change);
void decision_log_close(struct decision_log *log);

/* 0, -ENOENT, -EBADMSG (not such a file), -errno. */
MUST_USE int decision_log_read_cursor(const char *path, struct decision_cursor *ret_cursor);
/* Durable when it returns 0. */
MUST_USE int decision_log_write_cursor(const char *path, const struct decision_cursor *cursor);

#endif
