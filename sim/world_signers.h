/* world_signers.h - those that sign for the shards, in the simulated process: no threads, but rings
 * that are turned as the others are. Each batch takes a drawn time, in which sessions end, keys
 * change and the process stops. */
#ifndef SIM_WORLD_SIGNERS_H
#define SIM_WORLD_SIGNERS_H

#include "sim/world_engine.h"

/* Number in the group; of the first one behind them with the count. */
uint32_t world_signers_ring(const struct world_engine *process, uint32_t index);
/* 0 or -errno. */
MUST_USE int world_signers_open(struct world_engine *process, struct text *error);
const struct io *world_signers_io(const struct world_engine *process, uint32_t ring);
void world_signers_turn(struct world_engine *process, uint32_t ring, uint64_t until_ns);
/* All shards have stopped: nothing may have been asked that was not answered. */
void world_signers_close(struct world_engine *process);

#endif
