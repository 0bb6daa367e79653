/* memory_lack.h - the allocator had no memory: which limit that is, in words for people.
 *
 * Asks the kernel for the limits of this process; without one it is the machine's own. Knows
 * nothing of what the memory was for. */
#ifndef ENGINE_MEMORY_LACK_H
#define ENGINE_MEMORY_LACK_H

#include "base/text.h"

/* Adds what was missing, the limit and the setting that raises it. True: there may be room another
 * time; false: `need_size` octets alone are more than the limit. */
bool memory_lack_write(uint64_t need_size, struct text *out);

#endif
