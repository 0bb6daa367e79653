/* world_stop.h - somebody stops the mail to domains while the product runs: pauses, which end after
 * a while, and cancels.
 *
 * Domains and moments are drawn from a seed of their own. The oracle learns what was asked for, and
 * when the product has reported it as durable. */
#ifndef SIM_WORLD_STOP_H
#define SIM_WORLD_STOP_H

#include "sim/world_engine.h"

void world_stop_open(struct world *world, uint64_t seed);
void world_stop_close(struct world *world);
/* A restart has found the campaigns: what was durable is there, what was asked for may be. */
void world_stop_found(struct world_engine *process);
/* Once a turn of the front. */
void world_stop_turn(struct world_engine *process);
/* When the next pause ends, or UINT64_MAX. */
uint64_t world_stop_deadline_ns(const struct world_engine *process);

#endif
