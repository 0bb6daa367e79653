#include "sim/disk_sim.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/list.h"

struct disk_sim {
    struct disk_options options;
    struct prng prng;
    struct list files;
    uint64_t files_count; /* ever made */
    struct disk_names names;
};

static struct disk_file *file_new(struct disk_sim *disk, bool folder)
{
    struct disk_file *file = disk_file_open(++disk->files_count, folder);

    list_push_back(&disk->files, &file->node);
    return file;
}

struct disk_sim *disk_sim_open(uint64_t seed, const struct disk_options *options)
{
    struct disk_sim *disk = calloc(1, sizeof(*disk));

    CHECK(disk != NULL);
    disk->options = *options;
    prng_seed(&disk->prng, seed);
    list_init(&disk->files);
    disk_names_root(&disk->names, ".", file_new(disk, true));
    disk_names_root(&disk->names, "/", file_new(disk, true));
    disk_names_root(&disk->names, "/tmp", file_new(disk, true));
    return disk;
}

void disk_sim_close(struct disk_sim *disk)
{
    if (disk == NULL)
        return;
    while (!list_empty(&disk->files))
        disk_file_close(CONTAINER_OF(list_pop_front(&disk->files), struct disk_file, node));
    disk_names_close(&disk->names);
    free(disk);
}

struct disk_options *disk_sim_options(struct disk_sim *disk)
{
    return &disk->options;
}

static bool permille(struct disk_sim *disk, uint32_t chance)
{
    return chance > 0 && prng_below(&disk->prng, 1000) < chance;
}

static void file_drop_unneeded(struct disk_sim *disk, struct disk_file *file)
{
    if (file == NULL || file->open_count > 0 || disk_names_hold(&disk->names, file))
        return;
    list_remove(&file->node);
    disk_file_close(file);
}

static void files_drop_unneeded(struct disk_sim *disk)
{
    list_for_each_safe(node, after, &disk->files)
        file_drop_unneeded(disk, CONTAINER_OF(node, struct disk_file, node));
}

static struct disk_file **name_file(struct disk_sim *disk, uint32_t name)
{
    return &disk->names.names[name]->cached;
}

/* --- names --- */

int disk_sim_folder(struct disk_sim *disk, const char *path)
{
    uint32_t name;
    uint32_t parent;
    int r = disk_names_make(&disk->names, path, &name, &parent);

    if (r < 0)
        return r;
    if (*name_file(disk, name) != NULL)
        return (*name_file(disk, name))->folder ? 0 : -ENOTDIR;
    disk_names_root(&disk->names, path, file_new(disk, true));
    return 0;
}

int disk_sim_find(struct disk_sim *disk, const char *path, bool folder, struct disk_file **ret_file)
{
    struct disk_file *file;
    uint32_t name;
    int r = disk_names_find(&disk->names, path, &name);

    if (r < 0)
        return r;
    file = *name_file(disk, name);
    if (file->folder != folder)
        return folder ? -ENOTDIR : -EISDIR;
    file->open_count++;
    *ret_file = file;
    return 0;
}

uint64_t disk_sim_used(const struct disk_sim *disk)
{
    uint64_t used = 0;

    list_for_each(node, &disk->files)
        used += CONTAINER_OF(node, struct disk_file, node)->size;
    return used;
}

static bool has_room(const struct disk_sim *disk, uint64_t more)
{
    return disk->options.capacity == 0 || more == 0 ||
           disk_sim_used(disk) + more <= disk->options.capacity;
}

int disk_sim_create(struct disk_sim *disk, const char *path, uint64_t preallocate,
                    struct disk_file **ret_file)
{
    struct disk_change change = {.from = DISK_NAMES_NONE};
    int r = disk_names_make(&disk->names, path, &change.to, &change.folder);

    if (r < 0)
        return r;
    if (*name_file(disk, change.to) != NULL)
        return -EEXIST;
    if (!has_room(disk, preallocate))
        return -ENOSPC;
    change.file = file_new(disk, false);
    disk_file_extend(change.file, preallocate);
    change.file->open_count++;
    disk_names_change(&disk->names, change);
    *ret_file = change.file;
    return 0;
}

void disk_sim_release(struct disk_sim *disk, struct disk_file *file)
{
    CHECK(file->open_count > 0);
    file->open_count--;
    file_drop_unneeded(disk, file);
}

int disk_sim_rename(struct disk_sim *disk, const char *from, const char *to)
{
    struct disk_change change;
    struct disk_file *replaced;
    int r = disk_names_find(&disk->names, from, &change.from);

    if (r < 0)
        return r;
    r = disk_names_make(&disk->names, to, &change.to, &change.folder);
    if (r < 0)
        return r;
    change.file = *name_file(disk, change.from);
    replaced = *name_file(disk, change.to);
    if (change.file->folder || (replaced != NULL && replaced->folder))
        return -EISDIR;
    if (change.to == change.from)
        return 0;
    disk_names_change(&disk->names, change);
    file_drop_unneeded(disk, replaced);
    return 0;
}

int disk_sim_unlink(struct disk_sim *disk, const char *path)
{
    struct disk_change change = {0};
    struct disk_file *file;
    int r = disk_names_find(&disk->names, path, &change.from);

    if (r < 0)
        return r;
    r = disk_names_make(&disk->names, path, &change.from, &change.folder);
    if (r < 0)
        return r;
    file = *name_file(disk, change.from);
    if (file->folder)
        return -EISDIR;
    change.to = DISK_NAMES_NONE;
    disk_names_change(&disk->names, change);
    file_drop_unneeded(disk, file);
    return 0;
}

int disk_sim_list(struct disk_sim *disk, const char *path, struct text *names)
{
    return disk_names_list(&disk->names, path, names);
}

void disk_sim_names_sync(struct disk_sim *disk)
{
    for (uint32_t i = 0; i < disk->names.names_count; i++) {
        struct disk_file *folder = *name_file(disk, i);

        if (folder != NULL && folder->folder)
            (void)disk_names_sync(&disk->names, folder, disk->names.sequence);
    }
    files_drop_unneeded(disk);
}

/* --- data --- */

/* The part of `data` that a full disk still takes. */
static struct span fitting(const struct disk_sim *disk, const struct disk_file *file,
                           struct span data, uint64_t offset)
{
    uint64_t used = disk_sim_used(disk);
    uint64_t room = used < disk->options.capacity ? disk->options.capacity - used : 0;

    if (offset + data.size <= file->size || has_room(disk, offset + data.size - file->size))
        return data;
    return file->size + room <= offset ? span_first(data, 0)
                                       : span_first(data, file->size + room - offset);
}

int disk_sim_write(struct disk_sim *disk, struct disk_file *file, struct span data, uint64_t offset)
{
    struct span taken = fitting(disk, file, data, offset);
    int result = taken.size == data.size ? (int)data.size : -ENOSPC;

    if (permille(disk, disk->options.write_failure_permille)) {
        taken = span_first(taken, prng_below(&disk->prng, taken.size + 1));
        result = -EIO;
    }
    disk_file_write(file, taken, offset);
    if (prng_percent(&disk->prng, disk->options.write_back_percent))
        disk_file_write_back(file, &disk->prng);
    return result;
}

int disk_sim_read(struct disk_sim *disk, struct disk_file *file, struct span_mut into,
                  uint64_t offset)
{
    if (permille(disk, disk->options.read_failure_permille))
        return -EIO;
    return (int)disk_file_read(file, into, offset);
}

struct disk_sync disk_sim_sync_begin(struct disk_sim *disk, struct disk_file *file)
{
    if (file->folder)
        return (struct disk_sync){.sequence = disk->names.sequence};
    return disk_file_sync_begin(file);
}

int disk_sim_sync_end(struct disk_sim *disk, struct disk_file *file, struct disk_sync sync)
{
    bool fails = permille(disk, disk->options.sync_failure_permille);

    if (file->folder) {
        if (!fails && disk_names_sync(&disk->names, file, sync.sequence))
            files_drop_unneeded(disk);
        return fails ? -EIO : 0;
    }
    if (fails)
        disk_file_sync_fail(file, sync, &disk->prng, disk->options.evict_after_failure);
    else
        disk_file_sync_end(file, sync);
    return fails ? -EIO : 0;
}

void disk_sim_power_loss(struct disk_sim *disk)
{
    disk_names_power_loss(&disk->names, &disk->prng);
    disk_sim_process_end(disk);
    list_for_each(node, &disk->files)
        disk_file_power_loss(CONTAINER_OF(node, struct disk_file, node), &disk->prng);
}

void disk_sim_process_end(struct disk_sim *disk)
{
    list_for_each(node, &disk->files)
        CONTAINER_OF(node, struct disk_file, node)->open_count = 0;
    files_drop_unneeded(disk);
}
