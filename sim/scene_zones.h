/* scene_zones.h - the statements of a scene about names: `zone` and `host` (sim/scenes/README.md).
 */
#ifndef SIM_SCENE_ZONES_H
#define SIM_SCENE_ZONES_H

#include "base/span.h"
#include "sim/scene.h"
#include "sim/zones.h"

/* What stands behind the statement's word; what cannot be read ends the program. */
void scene_zone(const struct scene *scene, struct zones *zones, struct span rest);
void scene_host(const struct scene *scene, struct zones *zones, struct span rest);

#endif
