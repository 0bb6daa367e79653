#include "tools/list_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_SIZE (256 * KIB)

int list_file_open(struct list_file *list, const char *path)
{
    struct span name = span_cstr(path);
    int result;

    memset(list, 0, sizeof(*list));
    list->name = strcmp(path, "-") == 0 ? "standard input" : path;
    list->file = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (list->file < 0)
        return -errno;
    list->is_json =
        span_ends_nocase(name, SPAN(".ndjson")) || span_ends_nocase(name, SPAN(".jsonl"));
    list->is_csv = span_ends_nocase(name, SPAN(".csv"));
    list->bytes = malloc(BLOCK_SIZE);
    result = arena_open(&list->arena, csv_cost() + ndjson_cost());
    if (result < 0 || list->bytes == NULL) {
        list_file_close(list);
        return -ENOMEM;
    }
    csv_init(&list->csv, &list->arena);
    ndjson_init(&list->ndjson, &list->arena, true);
    return 0;
}

void list_file_close(struct list_file *list)
{
    if (list->file >= 0)
        (void)close(list->file);
    list->file = -1;
    free(list->bytes);
    list->bytes = NULL;
    arena_close(&list->arena);
}

const struct roster *list_file_roster(const struct list_file *list)
{
    return list->is_json ? &list->ndjson.roster : &list->csv.roster;
}

/* Reads the next block; 0 at the end. */
static int read_block(struct list_file *list)
{
    ssize_t got;

    do
        got = read(list->file, list->bytes, BLOCK_SIZE);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return -errno;
    list->block = span_make(list->bytes, (size_t)got);
    return got > 0;
}

static void tell_format(struct list_file *list)
{
    if (list->is_json || list->is_csv)
        return;
    list->is_csv = true;
    for (size_t i = 0; i < list->block.size; i++) {
        uint8_t byte = list->block.data[i];

        if (byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n')
            continue;
        list->is_json = byte == '{';
        list->is_csv = byte != '{';
        return;
    }
}

static int feed(struct list_file *list)
{
    struct roster *roster = list->is_json ? &list->ndjson.roster : &list->csv.roster;

    if (list->block.size == 0 && !list->at_end) {
        int result = read_block(list);

        if (result < 0)
            return result;
        list->at_end = result == 0;
        tell_format(list);
        roster = list->is_json ? &list->ndjson.roster : &list->csv.roster;
    }
    if (list->at_end)
        roster_finish(roster);
    else
        roster_feed(roster, &list->block);
    return 0;
}

int list_file_next(struct list_file *list, struct roster_row *ret_row)
{
    if (list->block.size == 0 && !list->at_end && !list->is_csv && !list->is_json) {
        int result = feed(list); /* the format must be known first */

        if (result < 0)
            return result;
    }
    for (;;) {
        int result;

        switch (list->is_json ? ndjson_next(&list->ndjson, ret_row)
                              : csv_next(&list->csv, ret_row)) {
        case ROSTER_ROW:
            return 1;
        case ROSTER_END:
            return 0;
        case ROSTER_FAILED:
            return -EINVAL;
        case ROSTER_MORE:
            break;
        }
        result = feed(list);
        if (result < 0)
            return result;
    }
}
