/* disk_file.h - one simulated file, twice: what reads and mappings see, and what the platter holds.
 *
 * `cached` is the page cache, `durable` the platter. Pages go from the one to the other by
 * disk_file_write_back (early), disk_file_sync_end (fdatasync) or not at all. Between two syncs any
 * subset of dirty pages may reach the platter in any order, torn at the sector: that is what
 * disk_file_power_loss draws. Knows nothing of names, folders and time.
 *
 * `cached` lives in a memfd, so that a mapping that was handed out sees later writes as a real
 * shared mapping does, and a store into a read-only mapping dies. Owns both images (malloc). */
#ifndef SIM_DISK_FILE_H
#define SIM_DISK_FILE_H

#include "base/list.h"
#include "base/prng.h"
#include "base/span.h"

#define DISK_PAGE_SIZE ((size_t)4096)
#define DISK_SECTOR_SIZE ((size_t)512)
#define DISK_FOLIO_PAGES_MAX 512 /* 2 MiB */

struct disk_page {
    uint64_t sequence; /* of the write that last dirtied it */
    uint8_t flags;     /* PAGE_DIRTY, PAGE_DIFFERS (disk_file.c) */
};

struct disk_file {
    struct list_node node; /* in the disk's list */
    uint64_t number;       /* for traces: counts up from 1 */
    bool folder;
    uint32_t open_count; /* handles that hold it */
    int memory;          /* the memfd behind `cached` */
    uint8_t *cached;
    uint8_t *durable;
    size_t capacity; /* of either image */
    uint64_t size;
    uint64_t durable_size;
    struct disk_page *pages;
    uint32_t *touched; /* numbers of the pages whose flags are not 0 */
    size_t touched_count;
    size_t touched_max;
    uint64_t sequence;   /* of the last write */
    uint64_t sync_begun; /* the sequence at the newest disk_file_sync_begin */
};

/* What a sync that began now must make durable. */
struct disk_sync {
    uint64_t sequence;
    uint64_t size;
};

struct disk_file *disk_file_open(uint64_t number, bool folder);
void disk_file_close(struct disk_file *file);

/* Zeroes up to `size` (fallocate). */
void disk_file_extend(struct disk_file *file, uint64_t size);
void disk_file_write(struct disk_file *file, struct span data, uint64_t offset);
/* Bytes read; 0 at the end of the file. */
MUST_USE size_t disk_file_read(const struct disk_file *file, struct span_mut into, uint64_t offset);

struct disk_sync disk_file_sync_begin(struct disk_file *file);
void disk_file_sync_end(struct disk_file *file, struct disk_sync sync);
/* The sync failed: some pages reached the platter, all are marked clean, so that a later sync lies.
 * With `evict`, pages that did not reach it are read back from the platter. */
void disk_file_sync_fail(struct disk_file *file, struct disk_sync sync, struct prng *prng,
                         bool evict);
/* Writes the dirty pages of one drawn folio back, as memory pressure or the flusher would. */
void disk_file_write_back(struct disk_file *file, struct prng *prng);
/* Draws for each dirty page or folio: lost, written or torn; then cached = durable. */
void disk_file_power_loss(struct disk_file *file, struct prng *prng);

/* A mapping of the first `size` bytes, or NULL; private: stores stay with the mapping. */
MUST_USE uint8_t *disk_file_map(const struct disk_file *file, size_t size, bool private);
void disk_file_unmap(uint8_t *data, size_t size);
/* Changes both images (a test's bit flips). */
void disk_file_poke(struct disk_file *file, struct span data, uint64_t offset);

#endif
