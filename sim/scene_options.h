/* scene_options.h - the options of a scene's world: what they are at first, and what the statement
 * `set` makes of them (sim/scenes/README.md).
 *
 * Of the world, which is borrowed, it also writes what stands outside its options: the network's
 * window and the zones' wish for TLS. */
#ifndef SIM_SCENE_OPTIONS_H
#define SIM_SCENE_OPTIONS_H

#include "sim/scene.h"
#include "sim/world.h"

/* One shard, one connection a site, and no fault anywhere. */
void scene_options_init(struct world_options *options);
/* KEY VALUE; what cannot be read ends the program. */
void scene_options_set(const struct scene *scene, struct world *world, struct span rest);

#endif
