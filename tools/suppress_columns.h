/* suppress_columns.h - what the columns of a CSV of suppressions mean, by their names.
 *
 * One that might limit a suppression and is not understood would widen it: names near ours are
 * refused. Names of the same thing: address or email, class or reason, until or expiry or expires,
 * scope or tenant and stream. Upper and lower case are the same. Knows no file. Owns nothing. */
#ifndef TOOLS_SUPPRESS_COLUMNS_H
#define TOOLS_SUPPRESS_COLUMNS_H

#include "message/roster.h"

#define SUPPRESS_COLUMNS_TEXT_MAX 1024

enum suppress_column {
    SUPPRESS_COLUMN_ADDRESS = 0,
    SUPPRESS_COLUMN_CLASS,
    SUPPRESS_COLUMN_SOURCE,
    SUPPRESS_COLUMN_TIME,
    SUPPRESS_COLUMN_UNTIL,
    SUPPRESS_COLUMN_TENANT,
    SUPPRESS_COLUMN_STREAM,
    SUPPRESS_COLUMN_SCOPE,
    SUPPRESS_COLUMN_NOTE,
    SUPPRESS_COLUMN_COUNT
};

struct suppress_columns {
    uint32_t at[SUPPRESS_COLUMN_COUNT]; /* ROSTER_COLUMN_NONE: not there */
    bool headless;                      /* one address a line, the "header" is the first */
};

/* 0: *words says which columns are not used, or is empty. -EINVAL: *words says what is wrong,
 * *ret_column where (from 1). */
MUST_USE int suppress_columns_find(struct suppress_columns *columns, const struct roster *roster,
                                   struct text *words, uint32_t *ret_column);
/* A stream is bulk, transactional or a list's address; empty: all. Any other would forbid nothing.
 */
MUST_USE bool suppress_columns_is_stream(struct span stream);
/* "tenant", "tenant/stream", "/stream" or "*"; false: none of them, or a stream where a tenant
 * belongs. Empty: all. */
MUST_USE bool suppress_columns_scope(struct span scope, struct span *ret_tenant,
                                     struct span *ret_stream);

#endif
