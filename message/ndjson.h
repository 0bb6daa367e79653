/* ndjson.h - reads a recipient list in NDJSON, streamed: one flat JSON object (RFC 8259) a line.
 *
 * Strings are unescaped in place; numbers, true, false and null are given as written (null with
 * size 0). An object or array as a value is refused, or, where the caller allows it, checked to
 * depth 32 and given as written, for metadata. Columns are the keys in the order in which they
 * first appear; later lines may bring new ones, so that names_count grows, and may lack some:
 * ROSTER_ABSENT. Empty lines are skipped. Refused with line and row: a line that is not one object,
 * a key twice in it, an empty key, invalid UTF-8, lone surrogates, \u0000, a line over 1 MiB, and
 * more than the limits of message/roster.h.
 *
 * Knows nothing of addresses. Numbers are not evaluated: 1e999 is as good as any. */
#ifndef MESSAGE_NDJSON_H
#define MESSAGE_NDJSON_H

#include "message/roster.h"

struct ndjson {
    struct roster roster; /* feed this; names, names_count and problem are to be read */
    bool nested_allowed;
    bool row_given;    /* the caller may be looking at the row */
    size_t line_size;  /* of the line being read, with its end */
    size_t scan;       /* where to look on for the end of the line, from its begin */
    uint32_t expected; /* the column that probably comes next */
    uint64_t *stamps;  /* by column: the last row that had it */
};

size_t ndjson_cost(void); /* bytes of arena */
void ndjson_init(struct ndjson *ndjson, struct arena *arena, bool nested_allowed);
MUST_USE enum roster_want ndjson_next(struct ndjson *ndjson, struct roster_row *ret_row);

#endif
