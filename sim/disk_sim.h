/* disk_sim.h - a simulated disk: files behind names, and the faults that both suffer.
 *
 * What becomes of data at a power loss: disk_file.h; of names: disk_names.h. Knows nothing of time
 * and rings. Owns everything (malloc). */
#ifndef SIM_DISK_SIM_H
#define SIM_DISK_SIM_H

#include "sim/disk_names.h"

/* All faults are off when zero. */
struct disk_options {
    uint64_t capacity;               /* bytes that files may take; 0 = no limit */
    uint32_t write_back_percent;     /* after a write: an early write-back of a drawn folio */
    uint32_t write_failure_permille; /* EIO after a part has been written */
    uint32_t read_failure_permille;  /* EIO */
    uint32_t sync_failure_permille;  /* EIO, pages marked clean: a later sync may lie */
    bool evict_after_failure;        /* ...and the page cache forgets what was not written */
};

struct disk_sim;

struct disk_sim *disk_sim_open(uint64_t seed, const struct disk_options *options);
void disk_sim_close(struct disk_sim *disk);
/* The knobs may be turned while the disk is in use. */
struct disk_options *disk_sim_options(struct disk_sim *disk);

/* Everything below that returns int: 0 or -errno. Paths are cleaned of "//", "./" and a last "/".
 */
MUST_USE int disk_sim_folder(struct disk_sim *disk, const char *path); /* durable at once */
/* A file that exists. -ENOENT, -ENOTDIR, -EISDIR. The file is held until disk_sim_release. */
MUST_USE int disk_sim_find(struct disk_sim *disk, const char *path, bool folder,
                           struct disk_file **ret_file);
/* -EEXIST, -ENOENT (no such folder), -ENOSPC */
MUST_USE int disk_sim_create(struct disk_sim *disk, const char *path, uint64_t preallocate,
                             struct disk_file **ret_file);
void disk_sim_release(struct disk_sim *disk, struct disk_file *file);
MUST_USE int disk_sim_rename(struct disk_sim *disk, const char *from, const char *to);
MUST_USE int disk_sim_unlink(struct disk_sim *disk, const char *path);
/* The names in the folder as io_list gives them. */
MUST_USE int disk_sim_list(struct disk_sim *disk, const char *path, struct text *names);

/* The whole size, or -errno when a part or nothing was written; bytes read, or -errno. */
MUST_USE int disk_sim_write(struct disk_sim *disk, struct disk_file *file, struct span data,
                            uint64_t offset);
MUST_USE int disk_sim_read(struct disk_sim *disk, struct disk_file *file, struct span_mut into,
                           uint64_t offset);
/* Between the two other things may happen; only what was there at the begin is promised. */
struct disk_sync disk_sim_sync_begin(struct disk_sim *disk, struct disk_file *file);
MUST_USE int disk_sim_sync_end(struct disk_sim *disk, struct disk_file *file,
                               struct disk_sync sync);

/* Draws what has reached the platter; from now on that is all there is. Every file that was held is
 * gone: the holders are dead. */
void disk_sim_power_loss(struct disk_sim *disk);
/* Makes every change of names durable: for files that a test puts there. */
void disk_sim_names_sync(struct disk_sim *disk);
/* A process has died: its handles are gone, files and page cache stay. */
void disk_sim_process_end(struct disk_sim *disk);
/* Bytes that all files take. */
MUST_USE uint64_t disk_sim_used(const struct disk_sim *disk);

#endif
