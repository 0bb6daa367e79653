#include "bench/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_SIZE (256 * KIB)

int lines_open(struct lines *lines, const char *path)
{
    int result = arena_open(&lines->arena, ndjson_cost() + arena_cost(BLOCK_SIZE, 1));

    if (result < 0)
        return result;
    ndjson_init(&lines->ndjson, &lines->arena, true);
    lines->block = arena_alloc(&lines->arena, BLOCK_SIZE, 1);
    lines->unread = span_make(NULL, 0);
    lines->path = path;
    lines->file = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (lines->file >= 0)
        return 0;
    result = -errno;
    arena_close(&lines->arena);
    return result;
}

void lines_close(struct lines *lines)
{
    if (lines->file > STDIN_FILENO)
        (void)close(lines->file); /* was read only */
    arena_close(&lines->arena);
}

static int read_more(struct lines *lines)
{
    ssize_t size = 0;

    if (lines->unread.size == 0) {
        do
            size = read(lines->file, lines->block, BLOCK_SIZE);
        while (size < 0 && errno == EINTR);
        if (size < 0)
            return -errno;
        lines->unread = span_make(lines->block, (size_t)size);
    }
    if (lines->unread.size == 0)
        roster_finish(&lines->ndjson.roster);
    else
        roster_feed(&lines->ndjson.roster, &lines->unread);
    return 0;
}

int lines_next(struct lines *lines, struct roster_row *ret_row, struct text *error)
{
    const struct roster *roster = &lines->ndjson.roster;

    for (;;) {
        int result = 0;

        switch (ndjson_next(&lines->ndjson, ret_row)) {
        case ROSTER_ROW:
            return 1;
        case ROSTER_MORE:
            result = read_more(lines);
            break;
        case ROSTER_END:
            return 0;
        case ROSTER_FAILED:
            if (roster->row == 0 && roster->begin == roster->end)
                return 0;
            roster_problem_write(roster, lines->path, error);
            return -EINVAL;
        }
        if (result < 0) {
            text_add_format(error, "%s: %s", lines->path, strerrordesc_np(-result));
            return result;
        }
    }
}

struct span lines_field(const struct lines *lines, const struct roster_row *row, const char *name)
{
    uint32_t column = roster_column(&lines->ndjson.roster, span_cstr(name));

    if (column == ROSTER_COLUMN_NONE || column >= row->fields_count ||
        row->kinds[column] == ROSTER_ABSENT)
        return span_make(NULL, 0);
    return row->fields[column];
}
