/* memory_sheet.h - what `ringpost run` asks of the allocator at its start, item by item, for people
 * (ringpost check --memory).
 *
 * A line an object: name, count, size of one, total. All that is sized by the configuration or
 * above a megabyte is there; programs, libraries and small things are not (some 40 MiB). The
 * allocator reserves more than it is asked for: see the last lines of the sheet. */
#ifndef ENGINE_MEMORY_SHEET_H
#define ENGINE_MEMORY_SHEET_H

#include "engine/engine.h"

struct memory_sheet {
    const struct policy *policy;
    struct engine_limits limits; /* filled */
    size_t front_ring_size;      /* io_cost of the front's ring */
    size_t stack_size;           /* of one thread */
};

void memory_sheet_write(const struct memory_sheet *sheet, struct text *out);

#endif
