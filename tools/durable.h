/* durable.h - small files that are on disk, with their names, when a call returns 0.
 *
 * Knows nothing of what they hold. Blocks: for programs and start-up, never for the engine. */
#ifndef TOOLS_DURABLE_H
#define TOOLS_DURABLE_H

#include "base/span.h"

/* Writes it all to an open file and waits for the disk. 0 or -errno. */
MUST_USE int durable_write(int file, struct span content);
/* Waits until the name of a new or renamed file is on disk. 0 or -errno. */
MUST_USE int durable_name(const char *path);
/* A file with mode 0600 and this content in the place of what is there: after a power cut it is the
 * one or the other. "<path>.new" is written on the way. 0 or -errno. */
MUST_USE int durable_replace(const char *path, struct span content);

#endif
