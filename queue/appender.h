/* appender.h - the append-only batch machine that segments and journals share.
 *
 * Knows nothing of what records say, and writes nothing itself: the caller adds records, takes the
 * next batch, writes it, syncs it and says how that went.
 *
 *   IDLE -> WRITING -> WRITTEN -> SYNCING -> IDLE       (durable_offset advances here only)
 *                      WRITTEN -> IDLE                  (appender_forget: it is synced later)
 *   IDLE -> SYNCING -> IDLE                             (what was forgotten becomes durable)
 *   WRITING, SYNCING -> FAILED                          (final for this file)
 *   FAILED -> IDLE                                      (appender_open of another file; a batch
 * that was under way goes there once more)
 *
 * Records are gathered in one of two buffers while the batch in the other is under way. Borrows:
 * the buffers for its life, the tail of a large record until its batch is durable or forgotten. */
#ifndef QUEUE_APPENDER_H
#define QUEUE_APPENDER_H

#include "base/span.h"
#include "queue/record.h"

enum appender_state {
    APPENDER_IDLE = 0, /* nothing is under way */
    APPENDER_WRITING,  /* the taken batch is being written */
    APPENDER_WRITTEN,  /* it is written: sync or forget */
    APPENDER_SYNCING,  /* everything written so far is being synced */
    APPENDER_FAILED,   /* a write or a sync failed: nothing more goes to this file */
};

struct appender_buffer {
    uint8_t *data;
    size_t used;      /* bytes, batch header included; RECORD: no record yet when 40 */
    uint32_t count;   /* records */
    struct span tail; /* a large record's content, written behind `data` */
};

struct appender {
    enum appender_state state;
    struct appender_buffer buffers[2];
    size_t capacity; /* of each buffer */
    uint32_t filling;
    bool retry;    /* the other buffer's batch has to be written to the new file */
    uint64_t file; /* id */
    uint64_t file_size;
    uint64_t offset;  /* of the batch under way, or of the next one */
    uint64_t written; /* end of what was written */
    uint64_t durable_offset;
    uint64_t sync_target;
    uint64_t sequence;
    uint64_t added_count; /* records in all files */
    uint64_t written_count;
    uint64_t sync_count; /* records that the running sync covers */
    uint64_t durable_count;
};

/* Two buffers of the same size, at least 4 KiB each. */
void appender_init(struct appender *appender, void *first, void *second, size_t capacity);
/* A new, empty file: batches go behind its header page. Records not yet durable go there. */
void appender_open(struct appender *appender, uint64_t file, uint64_t file_size);

/* Payload bytes that one more record may have: 0 when the buffer is full. */
size_t appender_room(const struct appender *appender);
/* Room for a record in the batch that is being gathered, or NULL when the buffer, or the rest of
 * the file, is too small for it. The caller writes the payload there and calls appender_added.
 * *ret_offset (may be NULL) is the record's place in the file, as long as the file is not changed.
 */
MUST_USE uint8_t *appender_add(struct appender *appender, size_t payload_size,
                               uint64_t *ret_offset);
/* Seals the record whose room was given last. */
void appender_added(struct appender *appender, uint16_t type, size_t payload_size);
/* A record whose payload is `head` (short) and the lent `tail`: a batch of its own. False when one
 * is being gathered or the rest of the file is too small: take the batch first, or open another. */
MUST_USE bool appender_add_large(struct appender *appender, uint16_t type, struct span head,
                                 struct span tail, uint64_t *ret_offset);

/* Nothing gathered, nothing under way, nothing that waits for a sync. */
MUST_USE bool appender_quiet(const struct appender *appender);
/* Something gathered or to be written again. */
MUST_USE bool appender_pending(const struct appender *appender);
/* Whether the gathered batch goes into the rest of the file. */
MUST_USE bool appender_fits(const struct appender *appender);

/* IDLE -> WRITING: what to write, one behind the other from *ret_offset; parts[1] may be empty. */
void appender_take(struct appender *appender, struct span ret_parts[2], uint64_t *ret_offset);
void appender_wrote(struct appender *appender);  /* WRITING -> WRITTEN */
void appender_forget(struct appender *appender); /* WRITTEN -> IDLE */
void appender_sync(struct appender *appender);   /* WRITTEN or IDLE -> SYNCING */
void appender_synced(struct appender *appender); /* SYNCING -> IDLE */
void appender_fail(struct appender *appender);   /* WRITING or SYNCING -> FAILED */

#endif
