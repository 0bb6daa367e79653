/* The file half of the simulated back end. */
#include "io/io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "sim/io_sim.h"

static char *path_copy(const char *path)
{
    char *copy = strdup(path);

    CHECK(copy != NULL);
    return copy;
}

void io_file(struct io *io, uint64_t tag, const struct io_file_options *options)
{
    struct io_sim_op *op = io_sim_submit(io, OP_FILE, tag, -1);

    if (op == NULL)
        return;
    op->paths[0] = path_copy(options->path);
    op->mode = options->mode;
    op->number = options->preallocate;
    io_sim_schedule(op, io_sim_world()->options.delay.file_max_ns);
}

void io_write(struct io *io, uint64_t tag, int file, struct span data, uint64_t offset)
{
    struct io_sim_op *op = io_sim_submit(io, OP_WRITE, tag, file);

    if (op == NULL)
        return;
    op->data = data;
    op->number = offset;
    io_sim_schedule(op, io_sim_world()->options.delay.file_max_ns);
}

void io_read(struct io *io, uint64_t tag, int file, struct span_mut into, uint64_t offset)
{
    struct io_sim_op *op = io_sim_submit(io, OP_READ, tag, file);

    if (op == NULL)
        return;
    op->into = into;
    op->number = offset;
    io_sim_schedule(op, io_sim_world()->options.delay.file_max_ns);
}

static uint64_t sync_delay_ns(struct sim_world *world)
{
    const struct sim_delay_options *delay = &world->options.delay;
    uint64_t delay_ns = 1000 + delay->sync_min_ns;

    if (delay->sync_max_ns > delay->sync_min_ns)
        delay_ns += prng_below(&world->prng, delay->sync_max_ns - delay->sync_min_ns);
    return prng_percent(&world->prng, delay->sync_slow_percent) ? delay_ns * 100 : delay_ns;
}

void io_sync(struct io *io, uint64_t tag, int file)
{
    struct io_sim_op *op = io_sim_submit(io, OP_SYNC, tag, file);
    struct io_sim_handle *handle;

    if (op == NULL)
        return;
    handle = io_sim_handle_get(io, file, HANDLE_FILE);
    if (handle != NULL)
        op->sync = disk_sim_sync_begin(io_sim_world()->disk, handle->file);
    io_sim_schedule_after(op, sync_delay_ns(io_sim_world()));
}

void io_rename(struct io *io, uint64_t tag, const char *from, const char *to)
{
    struct io_sim_op *op = io_sim_submit(io, OP_RENAME, tag, -1);

    if (op == NULL)
        return;
    op->paths[0] = path_copy(from);
    op->paths[1] = path_copy(to);
    io_sim_schedule(op, io_sim_world()->options.delay.file_max_ns);
}

void io_unlink(struct io *io, uint64_t tag, const char *path)
{
    struct io_sim_op *op = io_sim_submit(io, OP_UNLINK, tag, -1);

    if (op == NULL)
        return;
    op->paths[0] = path_copy(path);
    io_sim_schedule(op, io_sim_world()->options.delay.file_max_ns);
}

static int run_open(struct io_sim_op *op)
{
    struct disk_sim *disk = io_sim_world()->disk;
    struct disk_file *file = NULL;
    int handle = io_sim_handle_claim(op->io, HANDLE_FILE);
    int r;

    if (handle < 0)
        return handle;
    if (op->mode == IO_FILE_CREATE)
        r = disk_sim_create(disk, op->paths[0], op->number, &file);
    else
        r = disk_sim_find(disk, op->paths[0], op->mode == IO_FILE_FOLDER, &file);
    if (r < 0) {
        io_sim_handle_close(op->io, handle);
        return r;
    }
    op->io->handles[handle].file = file;
    op->io->handles[handle].writable = op->mode == IO_FILE_CREATE || op->mode == IO_FILE_WRITE;
    return handle;
}

static int run_on_handle(struct io_sim_op *op)
{
    struct disk_sim *disk = io_sim_world()->disk;
    struct io_sim_handle *handle = io_sim_handle_get(op->io, op->handle, HANDLE_FILE);

    if (handle == NULL)
        return -EBADF;
    if (op->kind == OP_SYNC)
        return disk_sim_sync_end(disk, handle->file, op->sync);
    if (handle->file->folder)
        return -EISDIR;
    if (op->kind == OP_READ)
        return disk_sim_read(disk, handle->file, op->into, op->number);
    if (!handle->writable)
        return -EBADF;
    return disk_sim_write(disk, handle->file, op->data, op->number);
}

void io_sim_run_file(struct io_sim_op *op)
{
    struct disk_sim *disk = io_sim_world()->disk;

    if (op->kind == OP_FILE)
        io_sim_end(op, run_open(op));
    else if (op->kind == OP_RENAME)
        io_sim_end(op, disk_sim_rename(disk, op->paths[0], op->paths[1]));
    else if (op->kind == OP_UNLINK)
        io_sim_end(op, disk_sim_unlink(disk, op->paths[0]));
    else
        io_sim_end(op, run_on_handle(op));
}

void io_sim_kill_file(struct io_sim_op *op)
{
    struct sim_world *world = io_sim_world();

    if (op->kind == OP_READ || prng_percent(&world->prng, 50)) {
        io_sim_end(op, -ECANCELED);
        return;
    }
    if (op->kind == OP_WRITE && prng_percent(&world->prng, 50))
        op->data = span_first(op->data, prng_below(&world->prng, op->data.size + 1));
    io_sim_run_file(op);
}

/* --- at start and end --- */

int io_list(struct io *io, const char *folder, struct text *names)
{
    (void)io;
    return disk_sim_list(io_sim_world()->disk, folder, names);
}

int io_folder(struct io *io, const char *path)
{
    (void)io;
    return disk_sim_folder(io_sim_world()->disk, path);
}

static void lock_write_pid(struct sim_world *world, struct disk_file *file)
{
    uint8_t buffer[24];
    struct text text;

    text_init(&text, buffer, sizeof(buffer));
    text_add_u64(&text, world->pid);
    text_add_byte(&text, '\n');
    disk_file_write(file, text_span(&text), 0);
}

int io_lock(struct io *io, const char *path, uint32_t *ret_pid)
{
    struct sim_world *world = io_sim_world();
    struct io_sim_lock *lock;
    struct disk_file *file = NULL;
    int r;

    CHECK(strlen(path) < DISK_PATH_MAX);
    list_for_each(node, &world->locks) {
        lock = CONTAINER_OF(node, struct io_sim_lock, node);
        if (strcmp(lock->path, path) != 0)
            continue;
        if (ret_pid != NULL)
            *ret_pid = lock->pid;
        return -EWOULDBLOCK;
    }
    r = disk_sim_find(world->disk, path, false, &file);
    if (r == -ENOENT)
        r = disk_sim_create(world->disk, path, 0, &file);
    if (r < 0)
        return r;
    lock_write_pid(world, file);
    disk_sim_release(world->disk, file);
    lock = calloc(1, sizeof(*lock));
    CHECK(lock != NULL);
    lock->io = io;
    lock->pid = world->pid;
    memcpy(lock->path, path, strlen(path) + 1);
    list_push_back(&world->locks, &lock->node);
    return 0;
}

/* Time does not pass in memory. */
void io_large_pages(struct io *io, void *data, size_t size)
{
    (void)io;
    (void)data;
    (void)size;
}

int io_map(struct io *io, const char *path, enum io_map_kind kind, struct io_mapping *ret_mapping)
{
    struct disk_sim *disk = io_sim_world()->disk;
    struct disk_file *file = NULL;
    struct io_sim_map *map;
    int r = disk_sim_find(disk, path, false, &file);

    if (r < 0)
        return r;
    *ret_mapping = (struct io_mapping){0};
    if (file->size > 0) {
        map = calloc(1, sizeof(*map));
        CHECK(map != NULL);
        map->size = file->size;
        map->data = disk_file_map(file, map->size, kind == IO_MAP_PRIVATE);
        CHECK(map->data != NULL);
        list_push_back(&io->maps, &map->node);
        *ret_mapping = (struct io_mapping){.data = map->data, .size = map->size};
    }
    disk_sim_release(disk, file);
    return 0;
}

void io_unmap(struct io *io, struct io_mapping *mapping)
{
    if (mapping->data == NULL)
        return;
    list_for_each(node, &io->maps) {
        struct io_sim_map *map = CONTAINER_OF(node, struct io_sim_map, node);

        if (map->data != mapping->data)
            continue;
        CHECK(map->size == mapping->size);
        disk_file_unmap(map->data, map->size);
        list_remove(&map->node);
        free(map);
        *mapping = (struct io_mapping){0};
        return;
    }
    UNREACHABLE("io_unmap of what was not mapped here");
}

void io_prefetch(struct io *io, const struct io_mapping *mapping, size_t offset, size_t size)
{
    (void)io;
    (void)mapping;
    (void)offset;
    (void)size;
}
