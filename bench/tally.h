/* tally.h - a growing table of counters, one row for each 64-bit key.
 *
 * Knows not what is counted. Allocates as it grows, up to a cap of rows. */
#ifndef BENCH_TALLY_H
#define BENCH_TALLY_H

#include "base/base.h"

struct tally_row {
    uint64_t key; /* 0: empty */
    uint64_t who; /* hash of the recipient that the events name; 0: none */
    uint32_t ids; /* different recipients of a list under this key */
    uint32_t delivered;
    uint32_t unsure;
    uint32_t accepted;
};

struct tally {
    struct tally_row *rows;
    uint64_t rows_count; /* a power of two */
    uint64_t count;
    uint64_t count_max;
};

void tally_open(struct tally *tally, uint64_t count_max);
void tally_close(struct tally *tally);
/* The row of a key, or NULL. The pointer is good until the next tally_add. */
struct tally_row *tally_find(const struct tally *tally, uint64_t key);
/* The row of a key, made when there was none; NULL: no memory, or the cap is reached. */
struct tally_row *tally_add(struct tally *tally, uint64_t key);

#endif
