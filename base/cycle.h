/* cycle.h - the processor's counter, for benchmarks: how many cycles a piece of work takes.
 *
 * Not a clock: cores may disagree, and the counter runs at its own rate. 0 where there is none. */
#ifndef BASE_CYCLE_H
#define BASE_CYCLE_H

#include "base/base.h"

static inline uint64_t cycle_count(void)
{
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#else
    return 0;
#endif
}

#endif
