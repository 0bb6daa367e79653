/* shelf_disk.h - the shelf of hygiene on disk: LMDB, in a folder of its own.
 *
 * Derived: everything on it stands in the journal of changes too, so it is never synced but at
 * its closing, and whatever is not sound is thrown away and made anew (shelf_check walks the file
 * before LMDB maps it; every value has a CRC). What it holds is named by a *mark*: a number that
 * stands in the journal behind the changes that are on the shelf, and before those that are not. A
 * shelf that was not closed is believed only while the machine has not been started again since:
 * without a sync, a power cut may leave any part of it.
 *
 * Past the seam: LMDB reads and writes for itself. For one thread, which waits: never a shard's. */
#ifndef ENGINE_SHELF_DISK_H
#define ENGINE_SHELF_DISK_H

#include "base/text.h"
#include "bounce/hygiene_shelf.h"
#include "io/io.h"

#define SHELF_DISK_PATH_MAX 4096

struct MDB_env;
struct MDB_txn;

#define SHELF_DISK_MAP_MIN (UINT64_C(256) * MIB) /* of address space; it grows by four */

/* Up to where the journal is on the shelf. */
struct shelf_disk_mark {
    uint64_t id; /* 0: none, the shelf is empty or half made */
    uint32_t numbers_count;
};

enum shelf_disk_found {
    SHELF_DISK_SOUND,
    SHELF_DISK_MISSING,
    SHELF_DISK_DAMAGED,  /* or half made, or of another version */
    SHELF_DISK_OUTDATED, /* its machine has been started again before it was closed */
};

struct shelf_disk {
    struct hygiene_shelf shelf;
    struct MDB_env *env;
    struct MDB_txn *transaction;
    unsigned database;
    struct shelf_disk_mark mark; /* as it is on disk */
    bool closed;                 /* ...which says that it was synced */
    uint32_t puts_count;         /* not committed */
    uint64_t last_key;           /* the highest one */
    uint64_t map_size;
    uint8_t bytes[2048];
    char boot[40]; /* what tells this start of the machine from others; empty: not known */
    char folder[SHELF_DISK_PATH_MAX];
};

/* 0, with what was found in *ret_found: but for SOUND the shelf is now empty, its mark 0. -errno
 * with *error: there is no shelf. */
MUST_USE int shelf_disk_open(struct shelf_disk *disk, struct io *io, const char *folder,
                             enum shelf_disk_found *ret_found, struct text *error);
/* Throws everything away. 0 or -errno. */
MUST_USE int shelf_disk_empty(struct shelf_disk *disk);
/* What was put since the last commit, with that mark. 0 or -errno: nothing of it is there. */
MUST_USE int shelf_disk_commit(struct shelf_disk *disk, const struct shelf_disk_mark *mark);
/* What was not committed is gone. `sync`: what was, becomes durable, and believed after a power
 * cut. */
void shelf_disk_close(struct shelf_disk *disk, bool sync);

#endif
