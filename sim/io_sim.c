/* Operations and handles of the simulated back end. */
#include "sim/io_sim.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "sim/io_sim_socket.h"

#define OPS_A_BLOCK 256
struct op_block {
    struct list_node node;
    struct io_sim_op ops[OPS_A_BLOCK];
};

/* --- operations --- */

static struct io_sim_op *op_claim(struct sim_world *world)
{
    struct io_sim_op *op = world->ops_free;
    struct op_block *block;

    if (op == NULL) {
        block = calloc(1, sizeof(*block));
        CHECK(block != NULL);
        list_push_back(&world->op_blocks, &block->node);
        for (size_t i = 0; i < OPS_A_BLOCK; i++) {
            block->ops[i].chain = world->ops_free;
            world->ops_free = &block->ops[i];
        }
        op = world->ops_free;
    }
    world->ops_free = op->chain;
    return op;
}

static uint32_t tag_chain(uint64_t tag)
{
    return (uint32_t)((tag * UINT64_C(0x9e3779b97f4a7c15)) >> 32) % IO_SIM_TAGS;
}

struct io_sim_op *io_sim_submit(struct io *io, enum io_sim_kind kind, uint64_t tag, int handle)
{
    struct sim_world *world = io_sim_world();
    struct io_sim_op **chain = &io->tags[tag_chain(tag)];
    struct io_sim_op *op;
    bool on_handle = handle >= 0 && (uint32_t)handle < io->options.handles_max;

    if (io->dead)
        return NULL;
    op = op_claim(world);
    *op = (struct io_sim_op){
        .io = io,
        .tag = tag,
        .sequence = world->ops_count++,
        .generation = op->generation,
        .kind = kind,
        .handle = handle,
        .chain = *chain,
    };
    *chain = op;
    list_push_back(on_handle ? &io->handles[handle].ops : &io->loose, &op->node);
    io->in_flight++;
    return op;
}

static void op_release(struct io_sim_op *op)
{
    struct sim_world *world = io_sim_world();
    struct io_sim_op **chain = &op->io->tags[tag_chain(op->tag)];

    if (op->kind > OP_UNLINK && op->kind <= OP_RECV)
        io_sim_socket_detach(op);
    while (*chain != op)
        chain = &(*chain)->chain;
    *chain = op->chain;
    list_remove(&op->node);
    op->io->in_flight--;
    free(op->paths[0]);
    free(op->paths[1]);
    op->paths[0] = NULL;
    op->paths[1] = NULL;
    op->generation++;
    op->chain = world->ops_free;
    world->ops_free = op;
}

void io_sim_event(struct io *io, struct io_event event)
{
    if (io->dead)
        return;
    if (io->ready_count == io->ready_max) {
        struct io_event *ready = calloc((size_t)io->ready_max * 2, sizeof(ready[0]));

        CHECK(ready != NULL);
        for (uint32_t i = 0; i < io->ready_count; i++)
            ready[i] = io->ready[(io->ready_first + i) & (io->ready_max - 1)];
        free(io->ready);
        io->ready = ready;
        io->ready_first = 0;
        io->ready_max *= 2;
    }
    io->ready[(io->ready_first + io->ready_count++) & (io->ready_max - 1)] = event;
}

void io_sim_end(struct io_sim_op *op, int32_t result)
{
    io_sim_event(op->io, (struct io_event){.tag = op->tag, .result = result});
    op_release(op);
}

/* --- handles --- */

int io_sim_handle_claim(struct io *io, enum io_sim_handle_kind kind)
{
    int handle;

    if (io->handles_free_count == 0)
        return -ENFILE;
    handle = io->handles_free[--io->handles_free_count];
    io->handles[handle].kind = kind;
    return handle;
}

struct io_sim_handle *io_sim_handle_get(struct io *io, int handle, enum io_sim_handle_kind kind)
{
    if (handle < 0 || (uint32_t)handle >= io->options.handles_max ||
        io->handles[handle].kind != kind)
        return NULL;
    return &io->handles[handle];
}

void io_sim_handle_close(struct io *io, int handle)
{
    struct io_sim_handle *state = &io->handles[handle];

    while (!list_empty(&state->ops))
        io_sim_end(CONTAINER_OF(list_first(&state->ops), struct io_sim_op, node), -ECANCELED);
    if (state->socket != NULL)
        io_sim_socket_close(state->socket);
    state->socket = NULL;
    if (state->file != NULL)
        disk_sim_release(io_sim_world()->disk, state->file);
    state->file = NULL;
    state->kind = HANDLE_FREE;
    io->handles_free[io->handles_free_count++] = handle;
}

static void run_shut(struct io_sim_op *op)
{
    struct io *io = op->io;
    int handle = op->handle;

    if (handle < 0 || (uint32_t)handle >= io->options.handles_max ||
        io->handles[handle].kind == HANDLE_FREE) {
        io_sim_end(op, -EBADF);
        return;
    }
    list_remove(&op->node);
    list_push_back(&io->loose, &op->node);
    io_sim_handle_close(io, handle);
    io_sim_end(op, 0);
}

/* --- cancelling --- */

static struct io_sim_op *cancel_target(const struct io *io, const struct io_sim_op *cancel)
{
    struct io_sim_op *oldest = NULL;

    for (struct io_sim_op *op = io->tags[tag_chain(cancel->number)]; op != NULL; op = op->chain) {
        if (op->tag != cancel->number || op == cancel)
            continue;
        if (op->kind == OP_SHUT || op->kind == OP_CANCEL)
            continue;
        if (oldest == NULL || op->sequence < oldest->sequence)
            oldest = op;
    }
    return oldest;
}

/* Operations that concern no other one. */
static void run_own(struct io_sim_op *op)
{
    switch (op->kind) {
    case OP_FILE:
    case OP_WRITE:
    case OP_READ:
    case OP_SYNC:
    case OP_RENAME:
    case OP_UNLINK:
        io_sim_run_file(op);
        break;
    case OP_SOCKET:
    case OP_CONNECT:
    case OP_LISTEN:
    case OP_SEND:
    case OP_SENDTO:
    case OP_RECV:
        io_sim_run_socket(op);
        break;
    case OP_SIGNALS:
        break; /* waits until it is cancelled */
    case OP_SHUT:
    case OP_CANCEL:
        UNREACHABLE("these concern other operations");
    }
}

static void run_cancel(struct io_sim_op *op)
{
    struct sim_world *world = io_sim_world();
    struct io_sim_op *target = cancel_target(op->io, op);
    bool after = prng_percent(&world->prng, 50);

    if (target == NULL) {
        io_sim_end(op, -ENOENT);
        return;
    }
    if (prng_percent(&world->prng, world->options.delay.cancel_race_percent)) {
        uint32_t generation = target->generation;

        run_own(target);
        if (target->generation != generation) {
            io_sim_end(op, -ENOENT);
            return;
        }
    }
    if (after)
        io_sim_end(target, -ECANCELED);
    io_sim_end(op, 0);
    if (!after)
        io_sim_end(target, -ECANCELED);
}

void io_cancel(struct io *io, uint64_t tag, uint64_t target_tag)
{
    struct io_sim_op *op = io_sim_submit(io, OP_CANCEL, tag, -1);

    if (op == NULL)
        return;
    op->number = target_tag;
    io_sim_schedule(op, 0);
}

void io_shut(struct io *io, uint64_t tag, int handle)
{
    struct io_sim_op *op = io_sim_submit(io, OP_SHUT, tag, handle);

    if (op != NULL)
        io_sim_schedule(op, 0);
}

/* --- running --- */

static void op_run(void *object, uint64_t argument)
{
    struct io_sim_op *op = object;

    if (op->generation != (uint32_t)argument)
        return;
    if (op->kind == OP_SHUT)
        run_shut(op);
    else if (op->kind == OP_CANCEL)
        run_cancel(op);
    else
        run_own(op);
}

void io_sim_schedule_after(struct io_sim_op *op, uint64_t delay_ns)
{
    timeline_add(&io_sim_world()->timeline, delay_ns, op_run, op, op->generation);
}

void io_sim_schedule(struct io_sim_op *op, uint64_t max_ns)
{
    io_sim_schedule_after(op, 1 + prng_below(&io_sim_world()->prng, max_u64(max_ns, 1000)));
}

void io_sim_count_in_flight(const struct io *io, uint32_t *counts)
{
    for (uint32_t i = 0; i < IO_SIM_TAGS; i++) {
        for (const struct io_sim_op *op = io->tags[i]; op != NULL; op = op->chain)
            counts[op->kind]++;
    }
}
