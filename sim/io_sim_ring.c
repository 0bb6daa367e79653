/* Rings of the simulated back end: opening and closing, groups, wakes and signals. */
#include "io/io.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "sim/io_sim_socket.h"

int io_group_open(struct io_group **ret_group, uint32_t rings_max)
{
    struct io_group *group = calloc(1, sizeof(*group));

    if (group == NULL)
        return -ENOMEM;
    group->rings = calloc(rings_max, sizeof(struct io *));
    if (group->rings == NULL) {
        free(group);
        return -ENOMEM;
    }
    group->rings_max = rings_max;
    list_push_back(&io_sim_world()->groups, &group->node);
    *ret_group = group;
    return 0;
}

void io_group_close(struct io_group *group)
{
    if (group == NULL)
        return;
    list_remove(&group->node);
    free(group->rings);
    free(group);
}

static void options_fill(struct io_options *options)
{
    if (options->entries == 0)
        options->entries = 1024;
    if (options->handles_max == 0)
        options->handles_max = 4096;
    if (options->buffers_count == 0)
        options->buffers_count = 256;
    if (options->buffer_size == 0)
        options->buffer_size = 4096;
}

size_t io_cost(const struct io_options *options)
{
    (void)options;
    return 0;
}

int io_open(struct io **ret_io, const struct io_options *options, struct text *error)
{
    struct sim_world *world = io_sim_world();
    struct io *io = calloc(1, sizeof(*io));

    (void)error;
    CHECK(io != NULL);
    io->options = *options;
    options_fill(&io->options);
    io->number = world->ios_count++;
    io->bound_ns = world->timeline.now_ns; /* time does not go on before its first turn */
    io->waited_at = world->waits;
    io->ready_max = 64;
    io->ready = calloc(io->ready_max, sizeof(io->ready[0]));
    io->handles = calloc(io->options.handles_max, sizeof(io->handles[0]));
    io->handles_free = calloc(io->options.handles_max, sizeof(io->handles_free[0]));
    CHECK(io->ready != NULL && io->handles != NULL && io->handles_free != NULL);
    for (uint32_t i = 0; i < io->options.handles_max; i++) {
        list_init(&io->handles[i].ops);
        io->handles_free[i] = (int)(io->options.handles_max - 1 - i);
    }
    io->handles_free_count = io->options.handles_max;
    io_sim_buffers_open(io);
    list_init(&io->loose);
    list_init(&io->maps);
    list_push_back(&world->ios, &io->node);
    if (io->options.group != NULL) {
        CHECK(io->options.index < io->options.group->rings_max);
        io->options.group->rings[io->options.index] = io;
    }
    io_sim_clock_sample(io);
    *ret_io = io;
    return 0;
}

static void locks_release(struct sim_world *world, const struct io *io)
{
    list_for_each_safe(node, after, &world->locks) {
        struct io_sim_lock *lock = CONTAINER_OF(node, struct io_sim_lock, node);

        if (lock->io != io)
            continue;
        list_remove(&lock->node);
        free(lock);
    }
}

/* What is in flight when its ring goes happens, happens in part, or does not. */
static void ops_end(struct list *ops)
{
    while (!list_empty(ops)) {
        struct io_sim_op *op = CONTAINER_OF(list_first(ops), struct io_sim_op, node);

        if (op->kind <= OP_UNLINK)
            io_sim_kill_file(op);
        else
            io_sim_end(op, -ECANCELED);
    }
}

void io_sim_kill(struct io *io)
{
    if (io->dead)
        return;
    for (uint32_t i = 0; i < io->options.handles_max; i++)
        ops_end(&io->handles[i].ops);
    ops_end(&io->loose);
    for (uint32_t i = 0; i < io->options.handles_max; i++) {
        if (io->handles[i].kind != HANDLE_FREE)
            io_sim_handle_close(io, (int)i);
    }
    locks_release(io_sim_world(), io);
    if (io->options.group != NULL)
        io->options.group->rings[io->options.index] = NULL;
    io->options.group = NULL;
    io->ready_count = 0;
    io->dead = true;
}

void io_sim_free(struct io *io)
{
    io_sim_kill(io);
    list_for_each_safe(node, after, &io->maps) {
        struct io_sim_map *map = CONTAINER_OF(node, struct io_sim_map, node);

        disk_file_unmap(map->data, map->size);
        free(map);
    }
    list_remove(&io->node);
    io_sim_buffers_close(io);
    free(io->ready);
    free(io->handles);
    free(io->handles_free);
    free(io);
}

/* Mappings outlive the ring, as in a process: the world frees both at its end. */
void io_close(struct io *io)
{
    if (io != NULL)
        io_sim_kill(io);
}

/* --- wakes and signals --- */

static void run_wake(void *object, uint64_t argument)
{
    struct io *io = object;

    (void)argument;
    io->wake_pending = false;
    io_sim_event(io, (struct io_event){.tag = io->options.wake_tag});
}

void io_wake(struct io *io, uint32_t index)
{
    struct sim_world *world = io_sim_world();
    struct io *peer;

    if (io->dead)
        return;
    CHECK(io->options.group != NULL && index < io->options.group->rings_max);
    peer = io->options.group->rings[index];
    if (peer == NULL || peer->wake_pending)
        return;
    peer->wake_pending = true;
    timeline_add(&world->timeline, 1 + prng_below(&world->prng, 5000), run_wake, peer, 0);
}

void io_signals(struct io *io, uint64_t tag, uint32_t signal_set)
{
    struct io_sim_op *op = io_sim_submit(io, OP_SIGNALS, tag, -1);

    if (op != NULL)
        op->signal_set = signal_set;
}

void io_sim_signal(struct io *io, uint32_t signal)
{
    list_for_each(node, &io->loose) {
        struct io_sim_op *op = CONTAINER_OF(node, struct io_sim_op, node);

        if (op->kind == OP_SIGNALS && (op->signal_set & signal) != 0)
            io_sim_event(io, (struct io_event){.tag = op->tag,
                                               .result = (int32_t)signal,
                                               .flags = IO_EVENT_MORE});
    }
}
