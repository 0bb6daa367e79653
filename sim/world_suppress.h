/* world_suppress.h - somebody suppresses recipients while the product runs.
 *
 * Addresses and moments are drawn from a seed of their own. The oracle learns of a suppression when
 * it is asked for, and when the product has reported it as durable: from then on, patience for what
 * was claimed before aside, nobody may see that address any more. Also lends the rules of replies.
 */
#ifndef SIM_WORLD_SUPPRESS_H
#define SIM_WORLD_SUPPRESS_H

#include "sim/world_engine.h"

void world_suppress_open(struct world *world, uint64_t seed);
void world_suppress_close(struct world *world);
/* Another process: what it has not reported, nobody waits for any more. */
void world_suppress_life(struct world *world);
/* Once a turn of the front. */
void world_suppress_turn(struct world_engine *process);

#endif
