#include "sim/world_engine.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "engine/tag.h"
#include "sim/world_cancel.h"
#include "sim/world_loads.h"
#include "sim/world_policy.h"
#include "sim/world_signers.h"
#include "sim/world_stop.h"
#include "sim/world_suppress.h"

#define STOP_MAX_NS (15 * NS_PER_MINUTE)
#define STOP_IDLE_MAX 100000

/* --- opening --- */

int world_engine_ring(struct world_engine *process, uint32_t index, struct io **ret_io,
                      struct text *error)
{
    const struct world_options *options = &process->world->options;
    struct io_options ring = {
        .group = process->group,
        .index = index,
        .entries = 8,
        .handles_max = options->connections_max + 64,
        .buffers_count = options->ring_buffers_count,
        .buffer_size = options->ring_buffer_size,
        .wake_tag = tag_of(TAG_WAKE, 0),
    };

    return io_open(ret_io, &ring, error);
}

static int prepare(struct world_engine *process, struct text *error)
{
    const struct world_options *options = &process->world->options;
    uint32_t recipients_max = process->world->oracle.recipients_count * 4 + 64;
    struct engine_options engine = {
        .policy = process->policy,
        .verp = options->return_path ? &process->world->verp : NULL,
        .io = process->front,
        .group = process->group,
        .limits = {.shards_count = options->shards_count,
                   .connections_max = options->connections_max,
                   .recipients_max = recipients_max,
                   .domains_max = options->zones.zones_count + 8,
                   .flows_max = (options->zones.zones_count + 8) * WORLD_CAMPAIGNS_MAX,
                   .sites_max = options->zones.zones_count + 8,
                   .campaigns_max = 1024,
                   .suppressed_max = recipients_max,
                   .shelf_in_memory = true,
                   .buffers_max = options->buffers_max,
                   .cache_entries_max = options->cache_entries_max,
                   .segment_size = options->segment_size,
                   .journal_size = options->journal_size,
                   .signing_width = options->signing_width,
                   .signers_count = options->signers_count},
    };
    int result = io_entropy(process->front, &engine.seed, sizeof(engine.seed));

    if (result < 0)
        return result;
    return engine_prepare(&process->engine, &engine, error);
}

int world_engine_open(struct world_engine *process, struct world *world)
{
    uint32_t shards_count = world->options.shards_count;
    struct text error;
    int result;

    memset(process, 0, sizeof(*process));
    process->world = world;
    world_suppress_life(world);
    text_init(&error, process->error, sizeof(process->error) - 1);
    result = world_policy_open(process, &error);
    if (result == 0)
        result = io_group_open(&process->group,
                               world_signers_ring(process, 0) + world->options.signers_count);
    if (result == 0)
        result = world_engine_ring(process, shards_count, &process->front, &error);
    if (result == 0)
        result = prepare(process, &error);
    for (uint32_t i = 0; i < shards_count && result == 0; i++) {
        result = world_engine_ring(process, i, &process->rings[i], &error);
        if (result == 0)
            process->shards[i] = engine_open_shard(process->engine, i, process->rings[i]);
    }
    if (result == 0)
        result = world_signers_open(process, &error);
    (void)text_cstr_end(&error);
    if (result == 0) {
        world_loads_find(process);
        world_stop_found(process);
    }
    return result;
}

/* --- turns --- */

static void front_turn(struct world_engine *process, uint64_t until_ns, bool loads)
{
    struct store *store = engine_store(process->engine);
    struct io_event events[64];
    uint32_t count;

    if (loads)
        until_ns = min_u64(until_ns, world_loads_turn(process));
    until_ns = min_u64(until_ns, store_deadline_ns(store));
    until_ns = min_u64(until_ns, world_stop_deadline_ns(process));
    until_ns = min_u64(until_ns, hygiene_store_deadline_ns(engine_hygiene(process->engine)));
    count = io_wait(process->front, until_ns, events, ARRAY_LEN(events));
    for (uint32_t i = 0; i < count; i++) {
        if (tag_op_of(events[i].tag) == TAG_HYGIENE_LOG)
            hygiene_store_event(engine_hygiene(process->engine), &events[i]);
        else if (!store_event(store, &events[i]))
            CHECK(tag_op_of(events[i].tag) == TAG_WAKE);
    }
    store_tick(store);
    hygiene_store_turn(engine_hygiene(process->engine), process->world->suppress.classifier, false);
    if (loads) {
        world_policy_turn(process);
        world_suppress_turn(process);
        world_cancel_turn(process);
        world_stop_turn(process);
        (void)world_loads_turn(process);
    }
}

static void turn_ring(struct world_engine *process, uint32_t ring, uint64_t until_ns, bool loads)
{
    if (ring == process->world->options.shards_count)
        front_turn(process, until_ns, loads);
    else if (ring >= world_signers_ring(process, 0))
        world_signers_turn(process, ring, until_ns);
    else
        process->stopped[ring] = shard_tick(process->shards[ring], until_ns) == SHARD_STOPPED;
}

static const struct io *ring_of(const struct world_engine *process, uint32_t ring)
{
    uint32_t shards_count = process->world->options.shards_count;

    if (ring < shards_count)
        return process->rings[ring];
    return ring == shards_count ? process->front : world_signers_io(process, ring);
}

/* Every ring that has something to do, in a drawn order; when none has, one, to move the clock. */
static void turn(struct world_engine *process, uint64_t until_ns, bool loads)
{
    uint32_t shards_count = process->world->options.shards_count;
    uint32_t order[WORLD_SHARDS_MAX + 1 + WORLD_SIGNERS_MAX] = {0};
    uint32_t rings_max = world_signers_ring(process, process->world->options.signers_count);
    uint32_t rings_count = 0;
    bool turned = false;

    for (uint32_t i = 0; i < rings_max; i++) {
        uint32_t place = (uint32_t)prng_below(&process->world->prng, rings_count + 1);

        if (i < shards_count && process->stopped[i])
            continue;
        order[rings_count] = order[place];
        order[place] = i;
        rings_count++;
    }
    for (uint32_t i = 0; i < rings_count; i++) {
        if (!sim_world_wants_turn(ring_of(process, order[i])))
            continue;
        turn_ring(process, order[i], until_ns, loads);
        turned = true;
    }
    if (!turned)
        turn_ring(process, order[0], until_ns, loads);
}

void world_engine_turn(struct world_engine *process, uint64_t until_ns)
{
    turn(process, until_ns, true);
}

uint64_t world_engine_open_count(struct world_engine *process)
{
    struct store *store = engine_store(process->engine);
    uint32_t campaigns_count = queue_campaigns_count(store_queue(store));
    uint64_t open_count = world_cancel_is_busy(process);

    open_count += world_loads_open_count(process);
    for (uint32_t i = 0; i < campaigns_count; i++) {
        struct campaign_counts counts;

        if (queue_campaign(store_queue(store), i)->state == CAMPAIGN_DISCARDED)
            continue;
        store_counts(store, i, &counts);
        open_count += (uint64_t)campaign_counts_open(&counts);
    }
    return open_count;
}

/* --- the end --- */

static bool all_stopped(const struct world_engine *process)
{
    for (uint32_t i = 0; i < process->world->options.shards_count; i++) {
        if (!process->stopped[i])
            return false;
    }
    return true;
}

void world_engine_events(struct world_engine *process, struct store_cursor *cursor)
{
    struct oracle *oracle = &process->world->oracle;
    struct attempt_event event;

    for (;;) {
        int result = store_events_next(engine_store(process->engine), cursor, &event);

        if (result == 1)
            oracle_event(oracle, &event);
        else if (result == -EBADMSG)
            oracle_problem(oracle, "rule 1: damage in a journal");
        else if (result < 0)
            oracle_problem(oracle, "rule 1: a journal cannot be read: %d", result);
        if (result <= 0 && result != -EBADMSG)
            return;
    }
}

/* Rule 7. */
static void check_quiet(struct world_engine *process)
{
    char words[256];
    struct text text;

    text_init(&text, words, sizeof(words) - 1);
    sim_world_describe_in_flight(&text);
    if (text.size > 0)
        oracle_problem(&process->world->oracle, "rule 7: in flight after the end:%s",
                       text_cstr_end(&text));
}

static bool is_quiet(const struct world_engine *process)
{
    return store_quiet(engine_store(process->engine)) &&
           hygiene_store_quiet(engine_hygiene(process->engine));
}

int world_engine_close(struct world_engine *process, bool events)
{
    struct world *world = process->world;
    uint64_t until_ns = sim_world_now_ns() + STOP_MAX_NS;
    int first = 0;
    int result;

    world_loads_end(process);
    engine_order_stop(process->engine);
    while (!all_stopped(process) && sim_world_now_ns() < until_ns &&
           sim_world_idle_waits() < STOP_IDLE_MAX)
        turn(process, until_ns, false);
    if (!all_stopped(process)) {
        oracle_problem(&world->oracle, "liveness: a shard does not stop");
        return -ETIME;
    }
    for (uint32_t i = 0; i < world->options.shards_count; i++) {
        result = shard_close(process->shards[i]);
        first = first == 0 ? result : first;
    }
    until_ns = sim_world_now_ns() + STOP_MAX_NS;
    do
        front_turn(process, until_ns, false); /* hears the shards' last reports */
    while (!is_quiet(process) && sim_world_now_ns() < until_ns);
    world_signers_close(process);
    if (events)
        world_engine_events(process, &(struct store_cursor){0});
    if (is_quiet(process)) /* else a full disk: it tries to the end */
        check_quiet(process);
    for (uint32_t i = 0; i < world->options.shards_count; i++)
        io_close(process->rings[i]);
    result = engine_close(process->engine);
    first = first == 0 ? result : first;
    io_close(process->front);
    io_group_close(process->group);
    world_policy_close(process);
    process->engine = NULL;
    return first;
}

void world_engine_abandon(struct world_engine *process)
{
    world_policy_close(process);
    memset(process, 0, sizeof(*process));
}
