#include "sim/world_stop.h"

#include "base/check.h"
#include "sim/oracle_stop.h"
#include "sim/sim_world.h"

void world_stop_open(struct world *world, uint64_t seed)
{
    prng_seed(&world->stops, seed ^ UINT64_C(0x73746f70));
    world->stop_end_ns = UINT64_MAX;
    if (world->options.stop_turns > 0)
        oracle_stop_open(&world->oracle);
}

void world_stop_close(struct world *world)
{
    oracle_stop_close(&world->oracle);
}

static struct queue *queue_of(struct world_engine *process)
{
    return store_queue(engine_store(process->engine));
}

/* The queue's number, STOPS_EVERY, or ORACLE_NONE: it is not READY yet. */
static uint32_t index_of(struct world_engine *process, uint32_t campaign)
{
    if (campaign == ORACLE_STOP_EVERY)
        return STOPS_EVERY;
    return queue_find_campaign(queue_of(process), SPAN("tenant"),
                               span_cstr(process->world->oracle.campaigns[campaign].name));
}

static bool is_there(struct world_engine *process, uint32_t campaign)
{
    return campaign == ORACLE_STOP_EVERY || (campaign < process->world->oracle.campaigns_count &&
                                             process->loads[campaign].state == LOAD_READY);
}

/* One that has ended has no stops any more. */
static bool is_alive(struct world_engine *process, uint32_t campaign)
{
    return campaign == ORACLE_STOP_EVERY ||
           campaign_is_alive(queue_campaign(queue_of(process), index_of(process, campaign))->state);
}

/* What the product knows of it. */
static enum stop_kind known(struct world_engine *process, uint32_t campaign, uint32_t zone)
{
    const struct queue *queue = queue_of(process);
    uint32_t domain =
        queue_find_domain(queue, span_cstr(process->world->oracle.zones->zones[zone].name));
    const struct stop *stop =
        domain == QUEUE_NONE ? NULL
                             : stops_find(queue_stops(queue), index_of(process, campaign), domain);

    return stop == NULL ? STOP_NONE : stop->kind;
}

static int order(struct world_engine *process, uint32_t campaign, uint32_t zone,
                 enum stop_kind kind)
{
    return store_set_stop(engine_store(process->engine), index_of(process, campaign),
                          span_cstr(process->world->oracle.zones->zones[zone].name), kind);
}

/* --- after a restart --- */

static void found(struct world_engine *process, uint32_t campaign, uint32_t zone)
{
    struct oracle *oracle = &process->world->oracle;
    struct oracle_stop *stop = oracle_stop_at(oracle, campaign, zone);
    enum stop_kind kind = known(process, campaign, zone);

    if (!is_alive(process, campaign))
        return;
    if (stop->cancelled ? kind != STOP_CANCELLED : stop->paused && kind == STOP_NONE)
        oracle_problem(oracle, "rule 1: the stop of %s was durable and is gone",
                       oracle->zones->zones[zone].name);
    if (kind == STOP_CANCELLED ? !stop->cancel_asked
                               : kind == STOP_PAUSED && !stop->pause_asked && !stop->end_asked)
        oracle_problem(oracle, "rule 1: the mail to %s is %s, and nobody asked for it",
                       oracle->zones->zones[zone].name, stops_kind_name(kind));
    stop->cancel_asked = kind == STOP_CANCELLED;
    stop->pause_asked = kind == STOP_PAUSED;
    stop->end_asked = false;
    stop->cancelled_ns = stop->paused_ns = sim_world_now_ns() + ORACLE_STOP_WIRE_NS;
    stop->cancelled = kind == STOP_CANCELLED;
    stop->paused = kind == STOP_PAUSED;
    if (stop->paused && process->world->stop_end_ns == UINT64_MAX) /* its end was forgotten */
        process->world->stop_end_ns = sim_world_now_ns();
}

void world_stop_found(struct world_engine *process)
{
    struct world *world = process->world;

    if (world->options.stop_turns == 0)
        return;
    for (uint32_t i = 0; i <= ORACLE_STOP_EVERY; i++)
        for (uint32_t z = 0; z < world->zones.zones_count && is_there(process, i); z++)
            found(process, i, z);
}

/* --- while it runs --- */

/* A third of them cancels. All pauses end with the first one. */
static void ask(struct world_engine *process)
{
    static const uint64_t durations_ns[] = {NS_PER_S, 60 * NS_PER_MINUTE, 360 * NS_PER_MINUTE};
    struct world *world = process->world;
    uint64_t duration_ns = durations_ns[prng_below(&world->stops, ARRAY_LEN(durations_ns))];
    uint32_t zone = (uint32_t)prng_below(&world->stops, world->zones.zones_count);
    uint32_t campaign =
        (uint32_t)prng_below(&world->stops, (uint64_t)world->oracle.campaigns_count + 1);
    bool cancels = prng_percent(&world->stops, 33);
    struct oracle_stop *stop;

    if (campaign == world->oracle.campaigns_count)
        campaign = ORACLE_STOP_EVERY;
    if (!is_there(process, campaign) || (cancels && campaign == ORACLE_STOP_EVERY) ||
        order(process, campaign, zone, cancels ? STOP_CANCELLED : STOP_PAUSED) != 0)
        return;
    stop = oracle_stop_at(&world->oracle, campaign, zone);
    stop->cancel_asked |= cancels;
    if (cancels)
        return;
    stop->pause_asked = true;
    if (world->stop_end_ns == UINT64_MAX)
        world->stop_end_ns = sim_world_now_ns() + duration_ns;
}

/* True: it does not hold any more. */
static bool lift(struct world_engine *process, uint32_t campaign, uint32_t zone)
{
    struct oracle_stop *stop = oracle_stop_at(&process->world->oracle, campaign, zone);

    if (!stop->pause_asked && !stop->paused)
        return true;
    if (is_alive(process, campaign) && known(process, campaign, zone) == STOP_PAUSED &&
        order(process, campaign, zone, STOP_NONE) != 0)
        return false;
    stop->paused = stop->pause_asked = false;
    stop->end_asked = true;
    return true;
}

static void note_durable(struct world *world, uint32_t campaign, uint32_t zone)
{
    struct oracle_stop *stop = oracle_stop_at(&world->oracle, campaign, zone);

    if (stop->cancel_asked && !stop->cancelled)
        stop->cancelled_ns = sim_world_now_ns() + ORACLE_STOP_CLAIMED_NS;
    if (stop->pause_asked && !stop->paused)
        stop->paused_ns = sim_world_now_ns() + ORACLE_STOP_CLAIMED_NS;
    stop->cancelled |= stop->cancel_asked;
    stop->paused |= stop->pause_asked;
    stop->end_asked = false;
}

void world_stop_turn(struct world_engine *process)
{
    struct world *world = process->world;
    bool durable, ends, lifted = true;

    if (world->options.stop_turns == 0 || world->oracle.campaigns_count == 0)
        return;
    if (!world->healed && prng_below(&world->stops, world->options.stop_turns) == 0)
        ask(process);
    durable = store_stops_durable(engine_store(process->engine));
    ends = world->healed || sim_world_now_ns() >= world->stop_end_ns;
    for (uint32_t i = 0; i <= ORACLE_STOP_EVERY; i++)
        for (uint32_t z = 0; z < world->zones.zones_count && is_there(process, i); z++) {
            if (durable)
                note_durable(world, i, z);
            if (ends && !lift(process, i, z))
                lifted = false;
        }
    if (ends && lifted)
        world->stop_end_ns = UINT64_MAX;
}

uint64_t world_stop_deadline_ns(const struct world_engine *process)
{
    return process->world->options.stop_turns == 0 ? UINT64_MAX : process->world->stop_end_ns;
}
