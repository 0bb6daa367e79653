/* world_engine.h - the product in the simulated world: where sim/ meets engine/.
 *
 * One life of the product: a simulated process with a front (the store's thread: recovery, loads,
 * campaign states) and the shards, each a ring of one group, all turned by one thread in an order
 * drawn from the seed. Owns its policies, rings and engine; borrows the world, which lives longer.
 */
#ifndef SIM_WORLD_ENGINE_H
#define SIM_WORLD_ENGINE_H

#include "engine/engine.h"
#include "sim/world.h"

enum world_load_state {
    LOAD_WAITING = 0, /* not begun, or to be begun again */
    LOAD_ADDING,
    LOAD_COMMITTING,
    LOAD_READY,   /* acknowledged */
    LOAD_GIVEN_UP /* failed more often than the world has patience */
};

/* One campaign on its way in (world_loads.h). */
struct world_load {
    enum world_load_state state;
    struct store_load *load;
    uint32_t next; /* ordinal */
    uint32_t failures;
    uint64_t again_ns;
};

/* One that signs for the shards (world_signers.h). */
struct world_signer {
    struct io *io;
    struct signer *signer;
    uint64_t hold_ns; /* it works on a batch until then; 0: it waits for one */
};

struct world_engine {
    struct world *world;
    struct policy *policy;
    struct policy *retiring; /* some shard may still use it, or NULL */
    uint64_t swap_ns;        /* when the next takes its place */
    struct io_group *group;
    struct io *front;
    struct io *rings[WORLD_SHARDS_MAX];
    struct engine *engine;
    struct shard *shards[WORLD_SHARDS_MAX];
    bool stopped[WORLD_SHARDS_MAX];
    struct world_signer signers[WORLD_SIGNERS_MAX];
    struct world_load loads[WORLD_CAMPAIGNS_MAX];
    char error[512];
};

/* Opens the spool, recovers, opens the shards; checks that what was acknowledged is there. 0 or
 * -errno with ->error in words. */
MUST_USE int world_engine_open(struct world_engine *process, struct world *world);
/* Opens ring `index` of the process's group. */
MUST_USE int world_engine_ring(struct world_engine *process, uint32_t index, struct io **ret_io,
                               struct text *error);
/* Every ring turns once, in a drawn order, waiting no longer than until_ns. */
void world_engine_turn(struct world_engine *process, uint64_t until_ns);
/* Recipients that are not settled, loads that are not through. */
MUST_USE uint64_t world_engine_open_count(struct world_engine *process);
/* Gives every durable event behind the cursor to the oracle. */
void world_engine_events(struct world_engine *process, struct store_cursor *cursor);
/* Stops in good order. With `events`, gives every durable event to the oracle. -errno. */
MUST_USE int world_engine_close(struct world_engine *process, bool events);
/* The process is dead: nothing of it is called any more (its memory goes with the simulator's). */
void world_engine_abandon(struct world_engine *process);

#endif
