/* scene.h - the words of a scene file: names, numbers, durations, addresses, quoted strings.
 *
 * Whatever cannot be read ends the program with a line "FILE:LINE: what" and exit status 2. */
#ifndef SIM_SCENE_H
#define SIM_SCENE_H

#include "base/ip.h"

struct scene {
    const char *file;
    uint32_t line;
};

_Noreturn void scene_unreadable(const struct scene *scene, const char *what);
/* The word with a NUL, in the buffer. */
const char *scene_copy(const struct scene *scene, char *buffer, size_t size, struct span word);
uint64_t scene_number(const struct scene *scene, struct span word);
uint64_t scene_duration(const struct scene *scene, struct span word); /* ns */
struct ip scene_address(const struct scene *scene, struct span word);
/* Takes "..." off the front of *rest; empty: something else stands there. */
struct span scene_quoted(const struct scene *scene, struct span *rest);

#endif
