/* micro_queue_table.h - what a verdict's access to a table of so many recipients costs by itself.
 *
 * The floor of `micro queue`: no queue, no journal, only entries of sixteen octets in random order,
 * each fetched while the one before it is written, in large pages as the queue's are. */
#ifndef BENCH_MICRO_QUEUE_TABLE_H
#define BENCH_MICRO_QUEUE_TABLE_H

#include "base/base.h"

/* Processor nanoseconds an access; -1 when there is no memory. */
double micro_queue_table_ns(uint32_t entries_count);

#endif
