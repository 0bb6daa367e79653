/* world_life.h - a life of the product in the simulated world: it starts, works, and ends as drawn.
 *
 *   begin -> go on -> stop | crash: at so many events, or when nothing is left to do
 *
 * Knows when a process is started again, when it spins, and how it dies; nothing of how it works
 * (world_engine.h). Whoever calls owns world and process. A crash leaves by longjmp from wherever
 * the product was, into world_life_run. */
#ifndef SIM_WORLD_LIFE_H
#define SIM_WORLD_LIFE_H

#include "sim/world_engine.h"

/* Opens the product; faults of the disk may make that fail a few times, but not for ever. */
MUST_USE bool world_life_begin(struct world *world, struct world_engine *process);
/* Runs until so many events were handed out, or nothing is left to do. */
void world_life_go_on(struct world *world, struct world_engine *process, uint64_t events,
                      uint64_t duration_ns);
/* Whether the product has turned without waiting: it cannot be stopped in good order. */
MUST_USE bool world_life_spun(void);
/* One life with its end. False: nothing more can be learned from this seed. */
MUST_USE bool world_life_run(struct world *world, struct world_engine *process,
                             const struct world_life *life);

#endif
