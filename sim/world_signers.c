#include "sim/world_signers.h"

#include "engine/signer.h"

uint32_t world_signers_ring(const struct world_engine *process, uint32_t index)
{
    return process->world->options.shards_count + 1 + index;
}

static struct world_signer *signer_of(struct world_engine *process, uint32_t ring)
{
    return &process->signers[ring - world_signers_ring(process, 0)];
}

int world_signers_open(struct world_engine *process, struct text *error)
{
    for (uint32_t i = 0; i < process->world->options.signers_count; i++) {
        struct world_signer *signer = &process->signers[i];
        int result = world_engine_ring(process, world_signers_ring(process, i), &signer->io, error);

        if (result < 0)
            return result;
        signer->signer = engine_open_signer(process->engine, i, signer->io);
    }
    return 0;
}

const struct io *world_signers_io(const struct world_engine *process, uint32_t ring)
{
    return process->signers[ring - world_signers_ring(process, 0)].io;
}

static void draw_time(struct world_engine *process, struct world_signer *signer)
{
    struct world *world = process->world;

    signer->hold_ns = sim_world_now_ns() + prng_below(&world->prng, world->options.signer_ns_max);
}

void world_signers_turn(struct world_engine *process, uint32_t ring, uint64_t until_ns)
{
    struct world_signer *signer = signer_of(process, ring);
    bool works = signer->hold_ns != 0;
    struct io_event events[4];
    uint32_t count;

    if (works && signer->hold_ns <= sim_world_now_ns()) {
        (void)signer_tick(signer->signer, 0);
        signer->hold_ns = 0;
        if (signer->signer->found)
            draw_time(process, signer);
        return;
    }
    if (works)
        until_ns = min_u64(until_ns, signer->hold_ns);
    count = io_wait(signer->io, until_ns, events, ARRAY_LEN(events));
    if (count > 0 && !works) /* a wake says only: look */
        draw_time(process, signer);
}

void world_signers_close(struct world_engine *process)
{
    for (uint32_t i = 0; i < process->world->options.signers_count; i++) {
        struct world_signer *signer = &process->signers[i];

        (void)signer_tick(signer->signer, 0);
        if (signer->signer->found)
            oracle_problem(&process->world->oracle, "rule 7: a batch after the end");
        io_close(signer->io);
    }
}
