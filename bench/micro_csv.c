#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/json_put.h"
#include "bench/micro_small.h"
#include "message/csv.h"

#define ROWS 10000
#define BLOCK ((size_t)256 * 1024)

struct csv_work {
    struct span file;
    struct arena arena;
    uint64_t rows;
};

static void write_list(struct text *list)
{
    text_add_cstr(list, "email,name,account,points,city\r\n");
    for (uint32_t i = 0; i < ROWS; i++)
        text_add_format(list, "customer%u@d%04u.example,\"Bakker, Anna\",K%08u,%u,K\xc3\xb6ln\r\n",
                        i, i / 40, i, i % 9973);
    CHECK(!list->overflow);
}

static void read_list(void *context)
{
    struct csv_work *work = context;
    struct span rest = work->file, block = {NULL, 0};
    struct roster_row row;
    struct csv csv;
    enum roster_want want;

    work->arena.used = 0;
    csv_init(&csv, &work->arena);
    while ((want = csv_next(&csv, &row)) != ROSTER_END) {
        CHECK(want != ROSTER_FAILED);
        if (want == ROSTER_ROW) {
            work->rows++;
            continue;
        }
        if (block.size == 0) {
            block = span_first(rest, BLOCK);
            rest = span_skip(rest, block.size);
        }
        if (block.size == 0)
            roster_finish(&csv.roster);
        else
            roster_feed(&csv.roster, &block);
    }
}

int micro_small_csv(struct text *out)
{
    struct csv_work work = {.rows = 0};
    size_t capacity = (size_t)ROWS * 128;
    uint8_t *bytes = malloc(capacity);
    struct text list;
    int result;
    double rate;

    if (bytes == NULL)
        return -ENOMEM;
    result = arena_open(&work.arena, csv_cost());
    if (result == 0) {
        text_init(&list, bytes, capacity);
        write_list(&list);
        work.file = text_span(&list);
        rate = micro_small_rate(read_list, &work, ROWS);
        micro_small_put(out, "rows", rate);
        json_put_key_double(out, "bytes_per_s", rate * (double)work.file.size / ROWS, 0);
        arena_close(&work.arena);
    }
    free(bytes);
    return result;
}
