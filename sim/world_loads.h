/* world_loads.h - the campaigns of the simulated world on their way into the product.
 *
 * One load for each campaign of the oracle, as the front gives them to the store: what fails begins
 * again some time later, what is READY is acknowledged to the oracle. Knows nothing of what becomes
 * of the mail. Their states stand in the process (world_engine.h), which owns them: a life of the
 * product begins with none of them under way.
 *
 *   WAITING -> ADDING -> COMMITTING -> READY
 *   what fails -> WAITING, too often -> GIVEN_UP;  any -> GIVEN_UP as the product stops */
#ifndef SIM_WORLD_LOADS_H
#define SIM_WORLD_LOADS_H

#include "sim/world_engine.h"

/* The product has started: what was acknowledged must be there; what was not may be, and then
 * counts as acknowledged. */
void world_loads_find(struct world_engine *process);
/* When they want to be looked at again: what waits for the disk is woken by its events. */
uint64_t world_loads_turn(struct world_engine *process);
/* How many are not acknowledged. */
MUST_USE uint32_t world_loads_open_count(const struct world_engine *process);
/* The product stops: those under way are given up. */
void world_loads_end(struct world_engine *process);

#endif
