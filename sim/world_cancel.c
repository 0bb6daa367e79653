#include "sim/world_cancel.h"

void world_cancel_open(struct world *world, uint64_t seed)
{
    prng_seed(&world->cancels, seed ^ UINT64_C(0x63616e63));
}

void world_cancel_found(struct world_engine *process, uint32_t campaign, enum campaign_state state)
{
    struct oracle *oracle = &process->world->oracle;

    if (state == CAMPAIGN_CANCELLED)
        oracle_cancelled(oracle, campaign);
    else if (oracle->campaigns[campaign].cancelled)
        oracle_problem(oracle, "rule 1: campaign %s was cancelled and is %s",
                       oracle->campaigns[campaign].name, campaign_state_name(state));
}

static uint32_t index_of(struct world_engine *process, uint32_t campaign)
{
    return queue_find_campaign(store_queue(engine_store(process->engine)), SPAN("tenant"),
                               span_cstr(process->world->oracle.campaigns[campaign].name));
}

/* One that is DONE meanwhile stays so. */
static void ask(struct world_engine *process, uint32_t campaign)
{
    if (process->loads[campaign].state == LOAD_READY &&
        store_set_state(engine_store(process->engine), index_of(process, campaign),
                        CAMPAIGN_CANCELLED) == 0)
        process->world->oracle.campaigns[campaign].cancel_asked = true;
}

static bool is_cancelled(struct world_engine *process, uint32_t campaign)
{
    const struct store *store = engine_store(process->engine);
    uint32_t index = index_of(process, campaign);

    return index != QUEUE_NONE &&
           queue_campaign(store_queue(engine_store(process->engine)), index)->state ==
               CAMPAIGN_CANCELLED &&
           store_state_durable(store, index);
}

void world_cancel_turn(struct world_engine *process)
{
    struct world *world = process->world;
    struct oracle *oracle = &world->oracle;

    if (world->options.cancel_turns == 0 || oracle->campaigns_count == 0)
        return;
    if (prng_below(&world->cancels, world->options.cancel_turns) == 0)
        ask(process, (uint32_t)prng_below(&world->cancels, oracle->campaigns_count));
    for (uint32_t i = 0; i < oracle->campaigns_count; i++)
        if (oracle->campaigns[i].cancel_asked && !oracle->campaigns[i].cancelled &&
            is_cancelled(process, i))
            oracle_cancelled(oracle, i);
}

bool world_cancel_is_busy(struct world_engine *process)
{
    struct store_progress progress;

    if (process->world->options.cancel_turns == 0 && process->world->options.stop_turns == 0)
        return false;
    store_progress(engine_store(process->engine), &progress);
    return progress.admitting || progress.claimed_count > 0;
}
