/* checkpoint.h - the image of the queue's tables, so that a start need not read everything.
 *
 * Knows no file: the store writes the blocks that it is given, one behind the other, and lends the
 * mapped image at start. A checkpoint is never the truth: it is derived from segments and journals,
 * says how far of each it covers, and is thrown away when anything in it is wrong.
 *
 * Image: header page; entries, from byte 4096 on, padded to whole blocks; the other tables, each
 * padded to 64 bytes; padded to a whole block; then one CRC-32C a block and one over those. */
#ifndef QUEUE_CHECKPOINT_H
#define QUEUE_CHECKPOINT_H

#include "queue/queue.h"
#include "queue/record.h"

#define CHECKPOINT_BLOCK ((size_t)64 * 1024)

enum checkpoint_section {
    CHECKPOINT_ENTRIES = 0,
    CHECKPOINT_SEGMENTS,
    CHECKPOINT_JOURNALS,
    CHECKPOINT_CAMPAIGNS,
    CHECKPOINT_RUNS,
    CHECKPOINT_DOMAINS,
    CHECKPOINT_NAMES,
    CHECKPOINT_STOPS,
    CHECKPOINT_SECTIONS_COUNT
};

/* How far a file's records are in the tables. On disk. */
struct checkpoint_cover {
    uint64_t file;
    uint64_t offset;
};

struct checkpoint_journals {
    const struct checkpoint_cover *covers;
    uint32_t count;
};

/* A checkpoint being made. Counts are taken at the beginning: what comes later is not in it. */
struct checkpoint_writer {
    const struct queue *queue;
    struct record_file file;
    bool clean;
    uint64_t stop_sequence;
    struct {
        uint64_t offset; /* in the image */
        uint64_t size;
        const void *data; /* NULL: entries, which are copied as they are asked for */
    } sections[CHECKPOINT_SECTIONS_COUNT];
    uint32_t *crcs; /* one a block, lent */
    uint64_t blocks_count;
    uint64_t size; /* of the whole image */
};

struct checkpoint_memory {
    void *data; /* for the small tables that are made for the image */
    size_t size;
    uint32_t *crcs;
    size_t crcs_count;
};

/* Bytes of checkpoint_memory.data and number of crcs that always suffice. */
size_t checkpoint_memory_size(const struct queue_limits *limits, uint32_t journals_max);
size_t checkpoint_crcs_count(const struct queue_limits *limits, uint32_t journals_max);

void checkpoint_begin(struct checkpoint_writer *writer, const struct queue *queue,
                      const struct record_file *file, const struct checkpoint_journals *journals,
                      const struct checkpoint_memory *memory);
/* Number of blocks that hold entries: those come first, the others behind them. */
uint64_t checkpoint_entry_blocks(const struct checkpoint_writer *writer);
/* Fills one block of entries with what belongs to `shard` (QUEUE_NONE: everything); the block was
 * zeroed before the first shard fills it. */
void checkpoint_fill_entries(const struct checkpoint_writer *writer, uint64_t block, uint32_t shard,
                             uint8_t *data);
/* Fills a block that holds no entries. */
void checkpoint_fill(const struct checkpoint_writer *writer, uint64_t block, uint8_t *data);
/* Every block passes here before it is written, in any order. */
void checkpoint_add_crc(struct checkpoint_writer *writer, uint64_t block, const uint8_t *data);
uint64_t checkpoint_block_offset(uint64_t block);
/* What stands behind the last block: written from the crcs array. *ret_offset: where. */
struct span checkpoint_trailer(struct checkpoint_writer *writer, uint64_t *ret_offset);
/* The header page, written last... or first: it does not depend on the blocks. */
void checkpoint_header(const struct checkpoint_writer *writer, uint8_t *page);

struct checkpoint_loaded {
    const struct checkpoint_cover *segments; /* those that it needs, in the order of their slots */
    uint32_t segments_count;
    const struct checkpoint_cover *journals;
    uint32_t journals_count;
    bool clean;
};

/* Checks everything that can be checked without the segments. 0; -EBADMSG; -ENOTSUP newer. */
MUST_USE int checkpoint_read(struct span image, struct checkpoint_loaded *ret);
/* Into an empty queue in which the segments of the checkpoint are registered, in their order; the
 * image is not needed afterwards. 0; -ENOSPC: a limit is too low; -EBADMSG: it does not fit the
 * segments: the queue is in no defined state, open another. */
MUST_USE int checkpoint_load(struct queue *queue, struct span image);

#endif
