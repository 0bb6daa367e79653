/* lines.h - a file of JSON objects, one a line, given row by row.
 *
 * message/ndjson on a descriptor. Owns the memory and the descriptor between open and close. */
#ifndef BENCH_LINES_H
#define BENCH_LINES_H

#include "message/ndjson.h"

struct lines {
    struct arena arena;
    struct ndjson ndjson;
    uint8_t *block;
    struct span unread; /* of the block */
    const char *path;
    int file;
};

/* "-" is standard input. -errno */
MUST_USE int lines_open(struct lines *lines, const char *path);
/* 1: a row; 0: the end (an empty file has no rows); -errno, and *error says what and where. */
MUST_USE int lines_next(struct lines *lines, struct roster_row *ret_row, struct text *error);
/* A field of the row, or an empty span. */
struct span lines_field(const struct lines *lines, const struct roster_row *row, const char *name);
void lines_close(struct lines *lines);

#endif
