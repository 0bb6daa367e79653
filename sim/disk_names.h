/* disk_names.h - the names of a simulated disk: what the running system sees and what the platter
 * holds.
 *
 * Creating, renaming and unlinking are changes that become durable with a sync of their folder (for
 * a rename: of the new name's). At a power loss any causally closed part of the changes that were
 * not synced has reached the platter: a change that touches a name of a lost change is lost too.
 * Knows nothing of what is in the files; owns the names only. */
#ifndef SIM_DISK_NAMES_H
#define SIM_DISK_NAMES_H

#include "base/prng.h"
#include "base/text.h"
#include "sim/disk_file.h"

#define DISK_PATH_MAX 512
#define DISK_NAMES_NONE UINT32_MAX

/* A path and what stands behind it. */
struct disk_name {
    char path[DISK_PATH_MAX];
    struct disk_file *cached; /* NULL: no such file */
    struct disk_file *durable;
};

/* A change that no folder sync has made durable yet. */
struct disk_change {
    uint64_t sequence;
    uint32_t folder; /* the name of the folder whose sync makes it durable */
    uint32_t from;   /* the name that ends, or DISK_NAMES_NONE */
    uint32_t to;     /* the name that begins, or DISK_NAMES_NONE */
    struct disk_file *file;
};

struct disk_names {
    struct disk_name **names;
    uint32_t names_count;
    uint32_t names_max;
    struct disk_change *changes;
    size_t changes_count;
    size_t changes_max;
    uint64_t sequence; /* of the last change */
};

void disk_names_close(struct disk_names *names);

/* The place of a path that names something now; paths are cleaned of "//", "./" and a last "/".
 * -ENOENT, -ENAMETOOLONG. */
MUST_USE int disk_names_find(const struct disk_names *names, const char *path, uint32_t *ret_name);
/* The place of a path that may name nothing yet, and of its folder. -ENOENT, -ENOTDIR: no such
 * folder. */
MUST_USE int disk_names_make(struct disk_names *names, const char *path, uint32_t *ret_name,
                             uint32_t *ret_folder);
/* A folder that is durable from the start. */
void disk_names_root(struct disk_names *names, const char *path, struct disk_file *folder);
/* Notes a change and makes it visible. */
void disk_names_change(struct disk_names *names, struct disk_change change);
/* The changes in `folder` up to `sequence` reach the platter. True when a name has ended. */
bool disk_names_sync(struct disk_names *names, const struct disk_file *folder, uint64_t sequence);
/* The names in a folder, as io_list gives them; -ENOENT, -ENOTDIR, -ENOSPC. */
MUST_USE int disk_names_list(const struct disk_names *names, const char *path, struct text *list);
/* Draws what has reached the platter; from now on that is all there is. */
void disk_names_power_loss(struct disk_names *names, struct prng *prng);
/* Whether some name, now or after a power loss, leads to the file. */
MUST_USE bool disk_names_hold(const struct disk_names *names, const struct disk_file *file);

#endif
