/* world_cancel.h - somebody cancels campaigns while the product runs.
 *
 * Campaigns and moments are drawn from a seed of their own. The oracle learns that it was asked
 * for, and when the product has reported it as durable: that holds for ever, and whoever had not
 * ended ends by an event. */
#ifndef SIM_WORLD_CANCEL_H
#define SIM_WORLD_CANCEL_H

#include "sim/world_engine.h"

void world_cancel_open(struct world *world, uint64_t seed);
/* The state in which a restart has found the campaign. */
void world_cancel_found(struct world_engine *process, uint32_t campaign, enum campaign_state state);
/* Once a turn of the front. */
void world_cancel_turn(struct world_engine *process);
/* The product says that it still has work with recipients that nobody will send. */
MUST_USE bool world_cancel_is_busy(struct world_engine *process);

#endif
