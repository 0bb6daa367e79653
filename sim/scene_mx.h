/* scene_mx.h - the statements of a scene about mail servers: `mx` and the indented lines below it
 * (sim/scenes/README.md).
 *
 * Reads a script into a scripted_mx, which owns the servers; knows nothing of how it is played. */
#ifndef SIM_SCENE_MX_H
#define SIM_SCENE_MX_H

#include "sim/scene.h"
#include "sim/scripted_mx.h"

/* mx IP; what cannot be read ends the program. */
struct scripted_server *scene_mx(const struct scene *scene, struct scripted_mx *mx,
                                 struct net_sim *net, struct span rest);
/* session | [expect WORD|"WORDS"] [after DURATION] reply "..." ... | close | reset | nothing
 * of the `server` of the last mx; NULL: there was none. */
void scene_mx_step(const struct scene *scene, struct scripted_server *server, struct span rest);

#endif
