#include "sim/sim_world.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "io/io.h"
#include "sim/io_sim.h"

#define WALL_START_NS (UINT64_C(1795262400) * NS_PER_S) /* 2026-11-21 12:00 UTC */
#define MONOTONIC_START_NS (NS_PER_S * 1000)

static struct sim_world *world_open;

void sim_world_open(uint64_t seed, const struct sim_world_options *options)
{
    struct sim_world *world = calloc(1, sizeof(*world));
    struct prng seeds;

    CHECK(world != NULL);
    CHECK(world_open == NULL);
    if (options != NULL)
        world->options = *options;
    if (world->options.wall_ns == 0)
        world->options.wall_ns = WALL_START_NS;
    prng_seed(&seeds, seed);
    prng_seed(&world->prng, prng_next(&seeds));
    prng_seed(&world->entropy, prng_next(&seeds));
    world->seed = seed;
    world->wall_offset_ns = world->options.wall_ns - MONOTONIC_START_NS;
    world->pid = 1000;
    world->hash = seed;
    timeline_open(&world->timeline, MONOTONIC_START_NS);
    list_init(&world->ios);
    list_init(&world->groups);
    list_init(&world->locks);
    list_init(&world->op_blocks);
    world->disk = disk_sim_open(prng_next(&seeds), &world->options.disk);
    net_sim_open(&world->net, &world->timeline, prng_next(&seeds), &world->options.net);
    world_open = world;
}

struct sim_world *io_sim_world(void)
{
    if (world_open == NULL)
        sim_world_open(1, NULL);
    return world_open;
}

void sim_world_close(void)
{
    struct sim_world *world = world_open;

    if (world == NULL)
        return;
    while (!list_empty(&world->ios))
        io_sim_free(CONTAINER_OF(list_first(&world->ios), struct io, node));
    while (!list_empty(&world->groups))
        io_group_close(CONTAINER_OF(list_first(&world->groups), struct io_group, node));
    list_for_each_safe(block, after, &world->op_blocks)
        free(block);
    disk_sim_close(world->disk);
    net_sim_close(&world->net);
    timeline_close(&world->timeline);
    free(world);
    world_open = NULL;
}

struct sim_world_options *sim_world_options(void)
{
    return &io_sim_world()->options;
}

struct disk_options *sim_world_disk_options(void)
{
    return disk_sim_options(io_sim_world()->disk);
}

struct net_sim *sim_world_net(void)
{
    return &io_sim_world()->net;
}

void sim_world_kill(void)
{
    struct sim_world *world = io_sim_world();

    list_for_each(node, &world->ios)
        io_sim_kill(CONTAINER_OF(node, struct io, node));
    disk_sim_process_end(world->disk);
    world->pid++;
    world->cut_at = 0;
    world->cut_jump = NULL;
}

void sim_world_power_loss(void)
{
    struct sim_world *world = io_sim_world();

    list_for_each(node, &world->ios)
        io_sim_vanish(CONTAINER_OF(node, struct io, node));
    sim_world_kill();
    disk_sim_power_loss(world->disk);
}

void sim_world_cut_after(uint64_t events_count)
{
    struct sim_world *world = io_sim_world();

    world->cut_at = events_count == 0 ? 0 : world->events_count + events_count;
}

bool sim_world_is_cut(void)
{
    const struct sim_world *world = io_sim_world();

    return world->cut_at != 0 && world->events_count >= world->cut_at;
}

void sim_world_cut_jump(jmp_buf *jump)
{
    io_sim_world()->cut_jump = jump;
}

uint64_t sim_world_events_count(void)
{
    return io_sim_world()->events_count;
}

uint64_t sim_world_hash(void)
{
    return io_sim_world()->hash;
}

uint64_t sim_world_now_ns(void)
{
    return io_sim_world()->timeline.now_ns;
}

void sim_world_shift_wall(int64_t shift_ns)
{
    io_sim_world()->wall_offset_ns += (uint64_t)shift_ns;
}

uint64_t sim_world_in_flight(void)
{
    uint64_t in_flight = 0;

    list_for_each(node, &io_sim_world()->ios)
        in_flight += CONTAINER_OF(node, struct io, node)->in_flight;
    return in_flight;
}

void sim_world_signal(uint32_t signal)
{
    list_for_each(node, &io_sim_world()->ios)
        io_sim_signal(CONTAINER_OF(node, struct io, node), signal);
}

void sim_world_describe_in_flight(struct text *out)
{
    static const char *const kinds[] = {"file",   "write",  "read",    "sync",   "rename",
                                        "unlink", "socket", "connect", "listen", "send",
                                        "sendto", "recv",   "shut",    "cancel", "signals"};
    uint32_t counts[ARRAY_LEN(kinds)] = {0};

    list_for_each(node, &io_sim_world()->ios)
        io_sim_count_in_flight(CONTAINER_OF(node, struct io, node), counts);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (counts[i] > 0 && i != OP_SHUT && i != OP_UNLINK)
            text_add_format(out, " %s x %u", kinds[i], counts[i]);
    }
}

bool sim_world_wants_turn(const struct io *io)
{
    return io->ready_count > 0 || io->bound_ns <= io_sim_world()->timeline.now_ns;
}

uint64_t sim_world_handles(void)
{
    uint64_t handles = 0;

    list_for_each(node, &io_sim_world()->ios) {
        const struct io *io = CONTAINER_OF(node, struct io, node);

        if (!io->dead)
            handles += io->options.handles_max - io->handles_free_count;
    }
    return handles;
}

bool sim_world_is_stuck(void)
{
    return io_sim_world()->stuck;
}

uint64_t sim_world_idle_waits(void)
{
    uint64_t most = 0;

    list_for_each(node, &io_sim_world()->ios) {
        const struct io *io = CONTAINER_OF(node, struct io, node);

        if (!io->dead)
            most = max_u64(most, io->waits_idle);
    }
    return most;
}

void sim_world_trace(bool on)
{
    io_sim_world()->trace = on;
}

/* --- files behind the product's back --- */

int sim_world_file_size(const char *path, uint64_t *ret_size)
{
    struct disk_sim *disk = io_sim_world()->disk;
    struct disk_file *file = NULL;
    int r = disk_sim_find(disk, path, false, &file);

    if (r < 0)
        return r;
    *ret_size = file->size;
    disk_sim_release(disk, file);
    return 0;
}

int sim_world_file_read(const char *path, struct span_mut into, uint64_t offset)
{
    struct disk_sim *disk = io_sim_world()->disk;
    struct disk_file *file = NULL;
    int r = disk_sim_find(disk, path, false, &file);

    if (r < 0)
        return r;
    r = (int)disk_file_read(file, into, offset);
    disk_sim_release(disk, file);
    return r;
}

int sim_world_file_poke(const char *path, struct span data, uint64_t offset)
{
    struct disk_sim *disk = io_sim_world()->disk;
    struct disk_file *file = NULL;
    int r = disk_sim_find(disk, path, false, &file);

    if (r < 0)
        return r;
    if (offset + data.size > file->size)
        r = -EINVAL;
    else
        disk_file_poke(file, data, offset);
    disk_sim_release(disk, file);
    return r;
}

int sim_world_file_append(const char *path, struct span content)
{
    struct disk_sim *disk = io_sim_world()->disk;
    struct disk_file *file = NULL;
    int r = disk_sim_find(disk, path, false, &file);

    if (r < 0)
        return r;
    disk_file_write(file, content, file->size);
    disk_file_sync_end(file, disk_file_sync_begin(file));
    disk_sim_release(disk, file);
    return 0;
}

int sim_world_file_make(const char *path, struct span content)
{
    struct disk_sim *disk = io_sim_world()->disk;
    struct disk_file *file = NULL;
    int r = disk_sim_create(disk, path, 0, &file);

    if (r < 0)
        return r;
    disk_file_write(file, content, 0);
    disk_file_sync_end(file, disk_file_sync_begin(file));
    disk_sim_names_sync(disk);
    disk_sim_release(disk, file);
    return 0;
}
