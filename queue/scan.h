/* scan.h - walks the records of a segment's or journal's image and tells damage from a torn tail.
 *
 * Knows nothing of what records say. A bad batch below the highest watermark that any good batch
 * behind it carries is damage: it is reported once and stepped over. A bad batch above it is the
 * torn tail of a write that was never acknowledged: the file ends there, whatever stands behind.
 *
 * Borrows the image. Every length is checked; nothing here trusts the disk. */
#ifndef QUEUE_SCAN_H
#define QUEUE_SCAN_H

#include "queue/record.h"

struct scan {
    struct span image;
    uint64_t file;
    uint64_t limit;     /* nothing at or behind it is looked at */
    uint64_t offset;    /* of the next batch */
    uint64_t batch_end; /* of the batch whose records are being given out */
    uint64_t next;      /* of the next record in it */
    uint32_t count_left;
    bool ended;
    uint64_t proven; /* the highest watermark that was looked for behind damage */
    /* what was seen */
    uint64_t batches_count;
    uint64_t records_count;
    uint64_t watermark;     /* the highest */
    uint64_t end;           /* end of the last good batch */
    uint64_t torn_bytes;    /* behind the end: bytes up to the last that is not zero */
    uint64_t damage_offset; /* of the last damage */
    uint64_t damage_size;   /* bytes stepped over */
    uint32_t damages_count;
};

/* Records at and behind `from`, which is RECORD_PAGE or the end of a batch. */
void scan_init(struct scan *scan, struct span image, uint64_t file, uint64_t from, uint64_t limit);
/* All of it was durable once, whatever its watermarks say: a bad batch with a good one behind it is
 * damage. */
void scan_all_durable(struct scan *scan);
/* 1: a record; 0: the end; -EBADMSG: damage was stepped over (damage_offset, damage_size): go on.
 */
MUST_USE int scan_next(struct scan *scan, struct record *ret_record);

#endif
