#include "sim/world_life.h"

#include <setjmp.h>

#define LIFE_MAX_NS (UINT64_C(2) * 86400 * NS_PER_S)
#define TURN_MAX_NS (60 * NS_PER_S)
#define EVENTS_MAX UINT64_C(30000000) /* more in one run is a spin */
#define OPEN_TRIES_MAX 4
#define IDLE_WAITS_MAX 100000

bool world_life_begin(struct world *world, struct world_engine *process)
{
    for (uint32_t i = 0; i < OPEN_TRIES_MAX; i++) {
        int result = world_engine_open(process, world);

        if (result == 0)
            return true;
        if (i + 2 >= OPEN_TRIES_MAX || world->healed) {
            oracle_problem(&world->oracle, "start fails: %d %s", result, process->error);
            return false;
        }
        sim_world_kill();
        oracle_end_life(&world->oracle, true);
        if (i + 3 >= OPEN_TRIES_MAX)
            *sim_world_disk_options() = (struct disk_options){0}; /* its faults end */
    }
    return false;
}

bool world_life_spun(void)
{
    return sim_world_idle_waits() > IDLE_WAITS_MAX;
}

static bool spins(struct world *world)
{
    if (world_life_spun())
        oracle_problem(&world->oracle, "liveness: the product turns and does not wait");
    else if (sim_world_events_count() > EVENTS_MAX)
        oracle_problem(&world->oracle, "liveness: %llu events and no end",
                       (unsigned long long)sim_world_events_count());
    else
        return false;
    return true;
}

/* Now and then somebody sets the clock. */
static void jump(struct world *world)
{
    static const int64_t seconds[] = {-3600, -600, -1, 1, 600, 3600, 86400};

    if (world->wall_jumps_left == 0 || prng_below(&world->prng, 500) != 0)
        return;
    world->wall_jumps_left--;
    sim_world_shift_wall(seconds[prng_below(&world->prng, ARRAY_LEN(seconds))] * (int64_t)NS_PER_S);
}

void world_life_go_on(struct world *world, struct world_engine *process, uint64_t events,
                      uint64_t duration_ns)
{
    uint64_t until_ns = sim_world_now_ns() + duration_ns;
    uint64_t until_events = sim_world_events_count() + events;

    while (sim_world_events_count() < until_events && sim_world_now_ns() < until_ns &&
           world_engine_open_count(process) > 0 && !spins(world)) {
        jump(world);
        world_engine_turn(process, min_u64(until_ns, sim_world_now_ns() + TURN_MAX_NS));
    }
}

static void crash(struct world *world, struct world_engine *process, enum world_end end)
{
    world_engine_abandon(process);
    if (end == WORLD_POWER_LOSS)
        sim_world_power_loss();
    else
        sim_world_kill();
    oracle_end_life(&world->oracle, true);
}

bool world_life_run(struct world *world, struct world_engine *process,
                    const struct world_life *life)
{
    static jmp_buf jump;
    int result;

    if (life->end != WORLD_STOP) {
        if (setjmp(jump) != 0) {
            crash(world, process, life->end);
            return true;
        }
        sim_world_cut_jump(&jump);
        sim_world_cut_after(life->events);
    }
    if (!world_life_begin(world, process))
        return false;
    world_life_go_on(world, process, life->events, LIFE_MAX_NS);
    if (world_life_spun())
        return false;
    if (life->end != WORLD_STOP) {
        crash(world, process, life->end); /* all was done before the cut */
        return true;
    }
    result = world_engine_close(process, false);
    if (result < 0 && world->options.sim.disk.sync_failure_permille == 0 &&
        world->options.sim.disk.write_failure_permille == 0 &&
        world->options.sim.disk.read_failure_permille == 0 && world->options.disk_capacity == 0)
        oracle_problem(&world->oracle, "stop fails: %d", result);
    sim_world_kill();
    oracle_end_life(&world->oracle, result < 0);
    return true;
}
