/* run_clock.h - what the bench reads of its own process: time, processor time, memory, writes. */
#ifndef BENCH_RUN_CLOCK_H
#define BENCH_RUN_CLOCK_H

#include "base/base.h"

uint64_t run_clock_ns(void);            /* monotonic */
double run_clock_cpu_s(void);           /* of this process, all threads */
double run_clock_thread_s(void);        /* of this thread */
uint64_t run_clock_rss_peak(void);      /* octets; mapped files count too */
uint64_t run_clock_rss_anonymous(void); /* octets of heap and arenas in memory now; 0: unknown */
uint64_t run_clock_rss_files(void);     /* octets of mapped files in memory now; 0: unknown */
uint64_t run_clock_device_bytes(void);  /* octets sent to devices by now; 0: unknown */

#endif
