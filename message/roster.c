#include "message/roster.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"

#define NAME_SHOWN_MAX 64
/* Each byte may become four. */
#define PROBLEM_SOURCE_MAX (ROSTER_WHAT_MAX / 4)

size_t roster_cost(void)
{
    return arena_cost(ROSTER_WINDOW, 1) + arena_cost(ROSTER_NAMES_MAX, 1) +
           2 * arena_cost(ROSTER_COLUMNS_MAX, sizeof(struct span)) +
           arena_cost(ROSTER_COLUMNS_MAX, 1);
}

void roster_init(struct roster *roster, struct arena *arena)
{
    *roster = (struct roster){.line = 1, .row_line = 1};
    roster->window = arena_alloc(arena, ROSTER_WINDOW, 1);
    roster->names = arena_alloc(arena, ROSTER_COLUMNS_MAX, sizeof(struct span));
    roster->fields = arena_alloc(arena, ROSTER_COLUMNS_MAX, sizeof(struct span));
    roster->kinds = arena_alloc(arena, ROSTER_COLUMNS_MAX, 1);
    text_init(&roster->names_text, arena_alloc(arena, ROSTER_NAMES_MAX, 1), ROSTER_NAMES_MAX);
}

void roster_feed(struct roster *roster, struct span *block)
{
    size_t size;

    CHECK(!roster->finished);
    if (roster->begin == roster->end || roster->end == ROSTER_WINDOW) {
        memmove(roster->window, roster->window + roster->begin, roster->end - roster->begin);
        roster->end -= roster->begin;
        roster->begin = 0;
    }
    size = min_size(block->size, ROSTER_WINDOW - roster->end);
    if (size > 0)
        memcpy(roster->window + roster->end, block->data, size);
    roster->end += size;
    *block = span_skip(*block, size);
}

void roster_finish(struct roster *roster)
{
    roster->finished = true;
}

uint32_t roster_column(const struct roster *roster, struct span name)
{
    for (uint32_t i = 0; i < roster->names_count; i++)
        if (span_equal(roster->names[i], name))
            return i;
    return ROSTER_COLUMN_NONE;
}

int roster_add_name(struct roster *roster, struct span name)
{
    struct text *text = &roster->names_text;

    if (roster->names_count == ROSTER_COLUMNS_MAX || text_room(text) < name.size)
        return -ENOSPC;
    roster->names[roster->names_count++] = span_make(text->data + text->size, name.size);
    text_add(text, name);
    return 0;
}

enum roster_want roster_fail(struct roster *roster, uint32_t column, struct span what)
{
    struct roster_problem *problem = &roster->problem;
    struct text text;

    text_init(&text, problem->what, sizeof(problem->what));
    text_add_printable(&text, what, PROBLEM_SOURCE_MAX);
    CHECK(!text.overflow);
    problem->what_size = (uint32_t)text.size;
    problem->line = roster->row_line;
    problem->row = roster->row;
    problem->column = column;
    roster->failed = true;
    return ROSTER_FAILED;
}

enum roster_want roster_fail_file(struct roster *roster, struct span what)
{
    roster->row_line = 0;
    roster->row = 0;
    return roster_fail(roster, 0, what);
}

void roster_problem_write(const struct roster *roster, const char *file, struct text *out)
{
    const struct roster_problem *problem = &roster->problem;

    text_add_cstr(out, file);
    if (problem->line > 0) {
        text_add_byte(out, ':');
        text_add_u64(out, problem->line);
    }
    text_add_cstr(out, ": ");
    if (problem->row > 0) {
        text_add_cstr(out, "row ");
        text_add_u64(out, problem->row);
        text_add_cstr(out, problem->column > 0 ? ", " : ": ");
    }
    if (problem->column > 0) {
        text_add_cstr(out, "column ");
        text_add_u64(out, problem->column);
        if (problem->column <= roster->names_count) {
            text_add_cstr(out, " (");
            text_add_printable(out, roster->names[problem->column - 1], NAME_SHOWN_MAX);
            text_add_byte(out, ')');
        }
        text_add_cstr(out, ": ");
    }
    text_add(out, span_make(problem->what, problem->what_size));
}

/* RFC 3629 6 for the UTF-8 mark; UTF-16 by its mark or by NUL in every second byte. */
enum roster_want roster_start(struct roster *roster)
{
    const uint8_t *data = roster->window + roster->begin;
    size_t size = roster->end - roster->begin;
    bool utf16;

    if (roster->started)
        return ROSTER_ROW;
    if (size < 4 && !roster->finished)
        return ROSTER_MORE;
    roster->started = true;
    utf16 =
        size >= 2 && ((data[0] == 0xff && data[1] == 0xfe) || (data[0] == 0xfe && data[1] == 0xff));
    utf16 |= size >= 4 && ((data[0] == 0 && data[2] == 0) || (data[1] == 0 && data[3] == 0));
    if (utf16)
        return roster_fail_file(roster, SPAN("the file is UTF-16; convert it to UTF-8"));
    if (size >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0)
        roster->begin += 3;
    return ROSTER_ROW;
}
