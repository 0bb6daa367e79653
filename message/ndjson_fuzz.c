/* Whatever the bytes are, the rows and the problem are the same in one block and in small ones. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "message/ndjson.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reading {
    struct arena arena;
    struct ndjson ndjson;
    uint64_t hash;
    uint64_t rows_count;
    enum roster_want want;
};

static void mix(struct reading *reading, const void *data, size_t size)
{
    const uint8_t *bytes = data;

    for (size_t i = 0; i < size; i++)
        reading->hash = (reading->hash ^ bytes[i]) * UINT64_C(0x100000001b3);
}

static void take_row(struct reading *reading, const struct roster_row *row)
{
    CHECK(row->fields_count == reading->ndjson.roster.names_count);
    reading->rows_count++;
    mix(reading, &row->line, sizeof(row->line));
    for (uint32_t i = 0; i < row->fields_count; i++) {
        CHECK(row->fields[i].size <= ROSTER_FIELD_MAX);
        CHECK((row->fields[i].data == NULL) == (row->kinds[i] == ROSTER_ABSENT));
        CHECK(span_is_utf8(row->fields[i]));
        mix(reading, row->fields[i].data, row->fields[i].size);
        mix(reading, "|", 1);
    }
}

static bool size_is_odd(struct span in)
{
    return in.size % 2 == 1;
}

static void read_all(struct reading *reading, struct span in, size_t block_size)
{
    memset(reading, 0, sizeof(*reading));
    CHECK(arena_open(&reading->arena, ndjson_cost()) == 0);
    ndjson_init(&reading->ndjson, &reading->arena, size_is_odd(in));
    for (;;) {
        struct span block = span_first(in, block_size);
        struct roster_row row;

        reading->want = ndjson_next(&reading->ndjson, &row);
        if (reading->want == ROSTER_ROW) {
            take_row(reading, &row);
        } else if (reading->want != ROSTER_MORE) {
            break;
        } else if (in.size == 0) {
            roster_finish(&reading->ndjson.roster);
        } else {
            roster_feed(&reading->ndjson.roster, &block);
            in = span_skip(in, (size_t)(block.data - in.data));
        }
    }
    arena_close(&reading->arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct reading whole;
    static struct reading small;

    read_all(&whole, span_make(data, size), size + 1);
    read_all(&small, span_make(data, size), 1 + size % 7);
    CHECK(whole.want == small.want);
    CHECK(whole.hash == small.hash);
    CHECK(whole.rows_count == small.rows_count);
    if (whole.want == ROSTER_FAILED) {
        CHECK(whole.ndjson.roster.problem.line == small.ndjson.roster.problem.line);
        CHECK(whole.ndjson.roster.problem.column == small.ndjson.roster.problem.column);
        CHECK(whole.ndjson.roster.problem.what_size > 0);
    }
    return 0;
}
