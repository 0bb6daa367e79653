#include "sim/world_suppress.h"

#include "base/check.h"
#include "engine/hygiene_feed.h"

#define EACH_TURNS 40 /* one suppression in so many turns, on the average */

void world_suppress_open(struct world *world, uint64_t seed)
{
    if (!world->options.suppresses)
        return;
    prng_seed(&world->suppress.prng, seed ^ UINT64_C(0x68796769));
    CHECK(arena_open(&world->suppress.arena, classify_memory(rules_builtin())) == 0);
    world->suppress.classifier = classify_open(&world->suppress.arena, rules_builtin());
}

void world_suppress_close(struct world *world)
{
    arena_close(&world->suppress.arena);
}

void world_suppress_life(struct world *world)
{
    world->suppress.waiting_count = 0;
}

static void ask(struct world_engine *process, uint32_t recipient)
{
    struct world *world = process->world;
    struct world_suppressed *waiting = &world->suppress.waiting[world->suppress.waiting_count];
    uint8_t key[HYGIENE_CHANGE_KEY_MAX];
    struct hygiene_change change = {
        .kind = HYGIENE_SUPPRESS,
        .source = HYGIENE_FROM_OPERATOR,
        .class = BOUNCE_NO_USER,
        .time_s = io_wall_ns(process->front) / NS_PER_S,
        .until_s = HYGIENE_CHANGE_FOREVER,
        .key = hygiene_feed_key(span_cstr(world->oracle.recipients[recipient].address), key),
        .tenant = prng_percent(&world->suppress.prng, 50) ? SPAN("tenant") : SPAN(""),
    };

    if (hygiene_store_change(engine_hygiene(process->engine), &change, &waiting->ticket) < 0)
        return; /* no room in the journal now */
    waiting->recipient = recipient;
    world->suppress.waiting_count++;
    world->oracle.recipients[recipient].suppress_asked = true;
}

void world_suppress_turn(struct world_engine *process)
{
    struct world *world = process->world;
    struct world_suppress *suppress = &world->suppress;
    uint64_t durable_count;
    uint32_t kept = 0;

    if (!world->options.suppresses || world->oracle.recipients_count == 0)
        return;
    if (prng_below(&suppress->prng, EACH_TURNS) == 0 &&
        suppress->waiting_count < WORLD_SUPPRESS_MAX)
        ask(process, (uint32_t)prng_below(&suppress->prng, world->oracle.recipients_count));
    durable_count = hygiene_store_durable_count(engine_hygiene(process->engine));
    for (uint32_t i = 0; i < suppress->waiting_count; i++) {
        if (suppress->waiting[i].ticket <= durable_count)
            oracle_suppressed(&world->oracle, suppress->waiting[i].recipient);
        else
            suppress->waiting[kept++] = suppress->waiting[i];
    }
    suppress->waiting_count = kept;
}
