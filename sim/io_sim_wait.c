/* Time, entropy and io_wait of the simulated back end. */
#include "io/io.h"

#include <stdio.h>

#include "base/check.h"
#include "sim/io_sim.h"

/* A ring that has not waited for so many waits of all rings does not turn (any more): it neither
 * holds the clock nor is waited for. */
#define WAITS_AWAY_MAX 64

uint64_t io_now_ns(const struct io *io)
{
    return io->now_ns;
}

uint64_t io_turn_ns(const struct io *io)
{
    return io->turn_ns;
}

uint64_t io_turn_cpu_ns(const struct io *io)
{
    return io->turn_ns; /* nobody else is there */
}

uint64_t io_wall_ns(const struct io *io)
{
    return io->wall_ns;
}

int io_entropy(struct io *io, void *data, size_t size)
{
    (void)io;
    prng_fill(&io_sim_world()->entropy, data, size);
    return 0;
}

void io_sim_clock_sample(struct io *io)
{
    const struct sim_world *world = io_sim_world();

    io->now_ns = world->timeline.now_ns;
    io->wall_ns = world->wall_offset_ns + world->timeline.now_ns;
}

static bool turns(const struct sim_world *world, const struct io *io)
{
    return !io->dead && world->waits - io->waited_at <= WAITS_AWAY_MAX;
}

/* Whether another ring has something to do before the clock may go on. */
static bool others_busy(const struct sim_world *world, const struct io *io)
{
    list_for_each(node, &world->ios) {
        const struct io *other = CONTAINER_OF(node, struct io, node);

        if (other != io && other->ready_count > 0 && turns(world, other))
            return true;
    }
    return false;
}

/* How far this ring may move the clock: not beyond the deadline of another one that waits too. */
static uint64_t bound_ns(const struct sim_world *world, const struct io *io, uint64_t deadline_ns)
{
    uint64_t limit = deadline_ns;

    list_for_each(node, &world->ios) {
        const struct io *other = CONTAINER_OF(node, struct io, node);

        if (other != io && turns(world, other))
            limit = min_u64(limit, other->bound_ns);
    }
    return limit;
}

static void run_until(struct sim_world *world, uint64_t until_ns)
{
    while (timeline_next_ns(&world->timeline) <= until_ns)
        timeline_run_next(&world->timeline);
    timeline_advance(&world->timeline, until_ns);
}

/* Lets the world go on until this ring has an event or its time has come. */
static void world_go_on(struct sim_world *world, struct io *io, uint64_t deadline_ns)
{
    uint64_t limit = bound_ns(world, io, deadline_ns);

    if (others_busy(world, io))
        return;
    while (io->ready_count == 0 && world->timeline.tasks_count > 0 &&
           timeline_next_ns(&world->timeline) <= limit) {
        timeline_run_next(&world->timeline);
        if (others_busy(world, io))
            return;
    }
    if (io->ready_count > 0)
        return;
    if (limit == UINT64_MAX)
        world->stuck = true;
    else if (limit > world->timeline.now_ns)
        timeline_advance(&world->timeline, limit);
}

static void hash_event(struct sim_world *world, const struct io *io, const struct io_event *event)
{
    const uint64_t words[] = {event->tag, world->timeline.now_ns,
                              (uint64_t)(uint32_t)event->result << 32 | event->flags,
                              (uint64_t)io->number << 16 | event->buffer};

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        world->hash = (world->hash ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
        world->hash ^= world->hash >> 29;
    }
    world->events_count++;
    if (world->trace)
        (void)fprintf(stderr, "%llu io=%u tag=%016llx result=%d flags=%u\n",
                      (unsigned long long)world->timeline.now_ns, io->number,
                      (unsigned long long)event->tag, event->result, event->flags);
}

static uint32_t hand_out(struct sim_world *world, struct io *io, struct io_event *events,
                         uint32_t events_max)
{
    uint32_t count = 0;

    if (prng_percent(&world->prng, world->options.delay.small_batch_percent))
        events_max = 1;
    while (count < events_max && io->ready_count > 0 && !sim_world_is_cut()) {
        events[count] = io->ready[io->ready_first];
        io->ready_first = (io->ready_first + 1) & (io->ready_max - 1);
        io->ready_count--;
        hash_event(world, io, &events[count]);
        count++;
    }
    return count;
}

uint32_t io_wait(struct io *io, uint64_t deadline_ns, struct io_event *events, uint32_t events_max)
{
    struct sim_world *world = io_sim_world();
    uint64_t before_ns = world->timeline.now_ns;
    uint32_t count;

    CHECK(events_max > 0);
    if (!io->dead && sim_world_is_cut() && world->cut_jump != NULL)
        longjmp(*world->cut_jump, 1);
    if (io->dead || sim_world_is_cut())
        return 0;
    io->waited_at = ++world->waits;
    world->stuck = false;
    io->turn_ns = prng_below(&world->prng, world->options.delay.turn_max_ns);
    if (io->turn_ns > 0)
        run_until(world, world->timeline.now_ns + io->turn_ns);
    if (!prng_percent(&world->prng, world->options.delay.empty_wait_percent)) {
        if (io->ready_count == 0)
            world_go_on(world, io, max_u64(deadline_ns, world->timeline.now_ns));
        count = hand_out(world, io, events, events_max);
    } else {
        count = 0;
    }
    io->waits_idle = count > 0 || deadline_ns > before_ns ? 0 : io->waits_idle + 1;
    io_sim_clock_sample(io);
    /* With nothing given it would wait on: others may go as far. Else it works at this moment. */
    io->bound_ns = count == 0 && deadline_ns > io->now_ns ? deadline_ns : io->now_ns;
    return count;
}
