#include "message/ndjson.h"

#include <string.h>

#include "base/check.h"
#include "message/json_cursor.h"

static bool fail(struct json_cursor *cursor, const char *what)
{
    cursor->what = what;
    return false;
}

static enum roster_kind roster_kind_of(enum json_cursor_kind kind)
{
    switch (kind) {
    case JSON_CURSOR_STRING:
        return ROSTER_TEXT;
    case JSON_CURSOR_NUMBER:
        return ROSTER_NUMBER;
    case JSON_CURSOR_BOOL:
        return ROSTER_BOOL;
    case JSON_CURSOR_NULL:
        return ROSTER_NULL;
    case JSON_CURSOR_NESTED:
        return ROSTER_NESTED;
    }
    UNREACHABLE("a kind of value");
}

static bool take_value(struct ndjson *ndjson, struct json_cursor *cursor, uint32_t column)
{
    struct roster *roster = &ndjson->roster;
    uint8_t first = json_cursor_peek(cursor);
    enum json_cursor_kind kind;
    struct span value;

    if ((first == '{' || first == '[') && !ndjson->nested_allowed)
        return fail(cursor, "an object or array as a value; the list must be flat");
    if (!json_cursor_value(cursor, &value, &kind))
        return false;
    if (value.size > ROSTER_FIELD_MAX)
        return fail(cursor, "the field is larger than 64 KiB");
    if (kind == JSON_CURSOR_NULL)
        value.size = 0;
    roster->fields[column] = value;
    roster->kinds[column] = (uint8_t)roster_kind_of(kind);
    return true;
}

/* The column of a key; a new one when it has not been seen. */
static bool find_column(struct ndjson *ndjson, struct json_cursor *cursor, struct span key,
                        uint32_t *ret_column)
{
    struct roster *roster = &ndjson->roster;
    uint32_t column = ndjson->expected;

    if (key.size == 0)
        return fail(cursor, "an empty key");
    if (column >= roster->names_count || !span_equal(roster->names[column], key))
        column = roster_column(roster, key);
    if (column == ROSTER_COLUMN_NONE) {
        column = roster->names_count;
        if (column == ROSTER_COLUMNS_MAX)
            return fail(cursor, "more than 1000 different keys");
        if (roster_add_name(roster, key) != 0)
            return fail(cursor, "the different keys exceed 64 KiB");
        ndjson->stamps[column] = 0;
    }
    *ret_column = column;
    if (ndjson->stamps[column] == roster->row)
        return fail(cursor, "the key stands twice in the line");
    ndjson->stamps[column] = roster->row;
    ndjson->expected = column + 1;
    return true;
}

/* One key and its value. *ret_column: the column, once it is known. */
static bool take_member(struct ndjson *ndjson, struct json_cursor *cursor, uint32_t *ret_column)
{
    struct span key;

    json_cursor_skip_blank(cursor);
    if (!json_cursor_string(cursor, &key) || !find_column(ndjson, cursor, key, ret_column))
        return false;
    json_cursor_skip_blank(cursor);
    if (!json_cursor_take(cursor, ':'))
        return fail(cursor, "a colon is expected behind a key");
    json_cursor_skip_blank(cursor);
    return take_value(ndjson, cursor, *ret_column);
}

static bool take_object(struct ndjson *ndjson, struct json_cursor *cursor, uint32_t *ret_column)
{
    json_cursor_skip_blank(cursor);
    if (json_cursor_peek(cursor) == '[')
        return fail(cursor, "a JSON array; one object a line is needed");
    if (!json_cursor_take(cursor, '{'))
        return fail(cursor, "the line is not a JSON object");
    json_cursor_skip_blank(cursor);
    if (!json_cursor_take(cursor, '}')) {
        do {
            *ret_column = ROSTER_COLUMN_NONE;
            if (!take_member(ndjson, cursor, ret_column))
                return false;
            *ret_column = ROSTER_COLUMN_NONE;
            json_cursor_skip_blank(cursor);
        } while (json_cursor_take(cursor, ','));
        if (!json_cursor_take(cursor, '}'))
            return fail(cursor, cursor->at < cursor->size ? "a comma or } is expected"
                                                          : "the object is not closed");
    }
    json_cursor_skip_blank(cursor);
    return cursor->at == cursor->size ? true : fail(cursor, "text behind the object");
}

static enum roster_want parse_line(struct ndjson *ndjson, struct roster_row *ret_row)
{
    struct roster *roster = &ndjson->roster;
    struct json_cursor cursor = {.data = roster->window + roster->begin, .size = ndjson->line_size};
    struct span line = span_make(cursor.data, cursor.size);
    uint32_t column = ROSTER_COLUMN_NONE;

    if (cursor.size > 0 && cursor.data[cursor.size - 1] == '\n')
        cursor.size--;
    if (memchr(line.data, 0, line.size) != NULL)
        return roster_fail(roster, 0,
                           SPAN("a NUL byte; this is not a text file, or it is damaged"));
    if (!span_is_utf8(line))
        return roster_fail(roster, 0, SPAN("the line is not valid UTF-8"));
    ndjson->expected = 0;
    memset(roster->fields, 0, roster->names_count * sizeof(struct span));
    memset(roster->kinds, ROSTER_ABSENT, roster->names_count);
    if (!take_object(ndjson, &cursor, &column))
        return roster_fail(roster, column == ROSTER_COLUMN_NONE ? 0 : column + 1,
                           span_cstr(cursor.what));
    *ret_row = (struct roster_row){.line = roster->row_line,
                                   .row = roster->row,
                                   .fields_count = roster->names_count,
                                   .fields = roster->fields,
                                   .kinds = roster->kinds};
    ndjson->row_given = true;
    return ROSTER_ROW;
}

/* A whole line into line_size, or what is needed for it. */
static enum roster_want find_line(struct ndjson *ndjson)
{
    struct roster *roster = &ndjson->roster;
    size_t room = roster->end - roster->begin;
    const uint8_t *data = roster->window + roster->begin;
    const uint8_t *end =
        room > ndjson->scan ? memchr(data + ndjson->scan, '\n', room - ndjson->scan) : NULL;

    ndjson->line_size = end != NULL ? (size_t)(end - data) + 1 : room;
    ndjson->scan = ndjson->line_size;
    if (ndjson->line_size > ROSTER_ROW_MAX)
        return roster_fail(roster, 0, SPAN("the line is larger than 1 MiB"));
    if (end == NULL && !roster->finished)
        return ROSTER_MORE;
    return room == 0 ? ROSTER_END : ROSTER_ROW;
}

static void begin_line(struct ndjson *ndjson)
{
    ndjson->roster.begin += ndjson->line_size;
    ndjson->roster.line++;
    ndjson->roster.row_line = ndjson->roster.line;
    ndjson->scan = 0;
    ndjson->row_given = false;
}

static bool is_blank(const struct ndjson *ndjson)
{
    const uint8_t *data = ndjson->roster.window + ndjson->roster.begin;

    return span_trim(span_make(data, ndjson->line_size)).size == 0;
}

size_t ndjson_cost(void)
{
    return roster_cost() + arena_cost(ROSTER_COLUMNS_MAX, sizeof(uint64_t));
}

void ndjson_init(struct ndjson *ndjson, struct arena *arena, bool nested_allowed)
{
    *ndjson = (struct ndjson){.nested_allowed = nested_allowed};
    roster_init(&ndjson->roster, arena);
    ndjson->stamps = arena_alloc(arena, ROSTER_COLUMNS_MAX, sizeof(uint64_t));
}

enum roster_want ndjson_next(struct ndjson *ndjson, struct roster_row *ret_row)
{
    struct roster *roster = &ndjson->roster;
    enum roster_want want = roster->failed ? ROSTER_FAILED : roster_start(roster);

    if (want != ROSTER_ROW)
        return want;
    if (ndjson->row_given)
        begin_line(ndjson);
    want = find_line(ndjson);
    while (want == ROSTER_ROW && is_blank(ndjson)) {
        begin_line(ndjson);
        want = find_line(ndjson);
    }
    if (want == ROSTER_END && roster->row == 0)
        return roster_fail_file(roster, SPAN("the file is empty; it needs one object a line"));
    if (want != ROSTER_ROW)
        return want;
    roster->row++;
    return parse_line(ndjson, ret_row);
}
