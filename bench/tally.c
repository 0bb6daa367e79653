#include "bench/tally.h"

#include <stdlib.h>

#define ROWS_FIRST 4096

void tally_open(struct tally *tally, uint64_t count_max)
{
    *tally = (struct tally){.count_max = count_max};
}

void tally_close(struct tally *tally)
{
    free(tally->rows);
    *tally = (struct tally){.rows = NULL};
}

/* The row of the key, or the empty one where it belongs. */
static struct tally_row *find(struct tally_row *rows, uint64_t rows_count, uint64_t key)
{
    uint64_t at = key & (rows_count - 1);

    while (rows[at].key != 0 && rows[at].key != key)
        at = (at + 1) & (rows_count - 1);
    return &rows[at];
}

struct tally_row *tally_find(const struct tally *tally, uint64_t key)
{
    struct tally_row *row;

    if (tally->rows == NULL)
        return NULL;
    row = find(tally->rows, tally->rows_count, key | (key == 0));
    return row->key != 0 ? row : NULL;
}

/* At most three quarters full. */
static bool grow(struct tally *tally)
{
    uint64_t rows_count = tally->rows_count == 0 ? ROWS_FIRST : tally->rows_count * 2;
    struct tally_row *rows = calloc(rows_count, sizeof(*rows));

    if (rows == NULL)
        return false;
    for (uint64_t i = 0; i < tally->rows_count; i++)
        if (tally->rows[i].key != 0)
            *find(rows, rows_count, tally->rows[i].key) = tally->rows[i];
    free(tally->rows);
    tally->rows = rows;
    tally->rows_count = rows_count;
    return true;
}

struct tally_row *tally_add(struct tally *tally, uint64_t key)
{
    struct tally_row *row = tally_find(tally, key);

    if (row != NULL)
        return row;
    if (tally->count >= tally->count_max)
        return NULL;
    if (tally->count >= tally->rows_count / 4 * 3 && !grow(tally))
        return NULL;
    row = find(tally->rows, tally->rows_count, key | (key == 0));
    row->key = key | (key == 0);
    tally->count++;
    return row;
}
