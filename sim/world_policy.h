/* world_policy.h - the configuration of the product in the simulated world, and others after it.
 *
 * Where mail is signed the policy is swapped for another like it while mail flows; the old one and
 * its keys are freed as soon as every shard says that it has the new one. */
#ifndef SIM_WORLD_POLICY_H
#define SIM_WORLD_POLICY_H

#include "sim/world_engine.h"

MUST_USE int world_policy_open(struct world_engine *process, struct text *error);
/* Once a turn of the front. */
void world_policy_turn(struct world_engine *process);
void world_policy_close(struct world_engine *process);

#endif
