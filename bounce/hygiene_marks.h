/* hygiene_marks.h - the exact table: until when mail to an address, within a scope, is forbidden.
 *
 * Twenty octets for each of them, in memory, so that no question ever waits for a disk. A mark is
 * found by 96 bits of a keyed hash (twice SipHash-2-4): that two of 50 million share them happens
 * once in 10^13 starts, and nobody outside can bring it about. Marks are numbered from 0 in the
 * order in which they came; nothing is ever removed. What else is known stands in the shelf
 * (bounce/hygiene_shelf), under the mark's number.
 *
 * One thread adds and changes; any number ask at the same time, without a lock. The seed is random
 * and of this process: hashes are never written down. */
#ifndef BOUNCE_HYGIENE_MARKS_H
#define BOUNCE_HYGIENE_MARKS_H

#include "base/arena.h"
#include "base/table.h"

#define HYGIENE_MARKS_NONE UINT32_MAX
#define HYGIENE_MARKS_FOREVER UINT32_MAX
#define HYGIENE_MARKS_MAX (UINT32_C(1) << 29)

struct hygiene_marks_cell;

struct hygiene_marks {
    struct hygiene_marks_cell *cells;
    uint32_t *numbers; /* beside the cells; the two upper bits are flags of the owner */
    uint32_t cells_count;
    uint32_t count_max;
    _Atomic uint32_t count;
    struct table_key seeds[2];
};

size_t hygiene_marks_cost(uint32_t count_max);
void hygiene_marks_init(struct hygiene_marks *marks, struct arena *arena, uint32_t count_max,
                        const struct table_key *seed);

/* Any thread. The hash that belongs to a name, and the cell where it stands, or _NONE. */
uint64_t hygiene_marks_hash(const struct hygiene_marks *marks, struct span name);
MUST_USE uint32_t hygiene_marks_find(const struct hygiene_marks *marks, uint64_t hash,
                                     struct span name);
/* It will be looked for soon. */
void hygiene_marks_prefetch(const struct hygiene_marks *marks, uint64_t hash);
/* The first second that is free again; 0: mail may go. */
uint32_t hygiene_marks_until(const struct hygiene_marks *marks, uint32_t cell);
uint32_t hygiene_marks_count(const struct hygiene_marks *marks);

/* The thread that adds. A cell with the next number, free of marks; _NONE when the table is full.
 * The name is not there yet. */
MUST_USE uint32_t hygiene_marks_add(struct hygiene_marks *marks, uint64_t hash, struct span name);
void hygiene_marks_set_until(struct hygiene_marks *marks, uint32_t cell, uint32_t until_s);
uint32_t hygiene_marks_number(const struct hygiene_marks *marks, uint32_t cell);
/* Two bits of the owner's. */
bool hygiene_marks_flag(const struct hygiene_marks *marks, uint32_t cell, uint32_t flag);
void hygiene_marks_set_flag(struct hygiene_marks *marks, uint32_t cell, uint32_t flag, bool on);
/* Octets of its cells. */
size_t hygiene_marks_size(const struct hygiene_marks *marks);
/* Forgets everything; nobody asks meanwhile. */
void hygiene_marks_clear(struct hygiene_marks *marks);

#endif
