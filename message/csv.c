#include "message/csv.h"

#include <string.h>

#include "base/check.h"

enum { STOP_PLAIN = 1, STOP_QUOTED = 2 };

/* The bytes that end a run of a field's bytes. */
static const uint8_t classes[256] = {
    ['\0'] = STOP_PLAIN | STOP_QUOTED,
    ['\n'] = STOP_PLAIN | STOP_QUOTED,
    ['\r'] = STOP_PLAIN,
    [','] = STOP_PLAIN,
    ['"'] = STOP_PLAIN | STOP_QUOTED,
};

size_t csv_cost(void)
{
    return roster_cost() + 2 * arena_cost(ROSTER_COLUMNS_MAX, sizeof(uint32_t));
}

void csv_init(struct csv *csv, struct arena *arena)
{
    *csv = (struct csv){.state = CSV_FIELD};
    roster_init(&csv->roster, arena);
    csv->starts = arena_alloc(arena, ROSTER_COLUMNS_MAX, sizeof(uint32_t));
    csv->sizes = arena_alloc(arena, ROSTER_COLUMNS_MAX, sizeof(uint32_t));
}

static uint8_t *row_data(const struct csv *csv)
{
    return csv->roster.window + csv->roster.begin;
}

static uint32_t row_room(const struct csv *csv)
{
    return (uint32_t)(csv->roster.end - csv->roster.begin);
}

static enum csv_state fail(struct csv *csv, const char *what)
{
    (void)roster_fail(&csv->roster, csv->fields_count + 1, span_cstr(what)); /* the state says it */
    return CSV_FAILED;
}

static enum csv_state fail_nul(struct csv *csv)
{
    return fail(csv, "a NUL byte; this is not a text file, or it is damaged");
}

/* The field [field, put) is whole. */
static enum csv_state end_field(struct csv *csv, enum csv_state next)
{
    uint32_t size = csv->put - csv->field;

    if (csv->fields_count == ROSTER_COLUMNS_MAX)
        return fail(csv, "more than 1000 columns");
    if (size > ROSTER_FIELD_MAX)
        return fail(csv, "the field is larger than 64 KiB");
    if (csv->scan > ROSTER_ROW_MAX)
        return fail(csv, "the row is larger than 1 MiB");
    if (csv->seen >= 0x80 && !span_is_utf8(span_make(row_data(csv) + csv->field, size)))
        return fail(csv, "the field is not valid UTF-8");
    csv->starts[csv->fields_count] = csv->field;
    csv->sizes[csv->fields_count] = size;
    csv->fields_count++;
    csv->seen = 0;
    return next;
}

static void end_line(struct csv *csv)
{
    csv->scan++;
    csv->roster.line++;
}

/* Takes the byte behind a field, which ends it. */
static enum csv_state take_separator(struct csv *csv, uint8_t byte)
{
    switch (byte) {
    case ',':
        csv->scan++;
        return end_field(csv, CSV_FIELD);
    case '\n':
        end_line(csv);
        return end_field(csv, CSV_ROW);
    case '\r':
        csv->scan++;
        return end_field(csv, CSV_RETURN);
    default:
        UNREACHABLE("no separator");
    }
}

static enum csv_state on_field(struct csv *csv)
{
    csv->field = csv->scan;
    csv->put = csv->scan;
    csv->quoted = row_data(csv)[csv->scan] == '"';
    if (!csv->quoted)
        return CSV_PLAIN;
    csv->scan++;
    csv->field = csv->scan;
    csv->put = csv->scan;
    return CSV_QUOTED;
}

static enum csv_state on_plain(struct csv *csv)
{
    const uint8_t *data = row_data(csv);
    uint32_t room = row_room(csv);
    uint32_t scan = csv->scan;
    uint8_t seen = csv->seen;

    while (scan < room && (classes[data[scan]] & STOP_PLAIN) == 0)
        seen |= data[scan++];
    csv->scan = scan;
    csv->put = scan;
    csv->seen = seen;
    if (scan == room)
        return CSV_PLAIN;
    if (data[scan] == '"')
        return fail(csv, "a quote inside a field that does not begin with one");
    if (data[scan] == '\0')
        return fail_nul(csv);
    return take_separator(csv, data[scan]);
}

static enum csv_state on_quoted(struct csv *csv)
{
    uint8_t *data = row_data(csv);
    uint32_t room = row_room(csv);
    uint32_t from = csv->scan;
    uint32_t scan = from;

    while (scan < room && (classes[data[scan]] & STOP_QUOTED) == 0)
        csv->seen |= data[scan++];
    if (scan < room && data[scan] == '\n') {
        scan++;
        csv->roster.line++;
    }
    if (csv->put != from)
        memmove(data + csv->put, data + from, scan - from);
    csv->put += scan - from;
    csv->scan = scan;
    if (scan == room)
        return CSV_QUOTED;
    if (data[scan] == '\0')
        return fail_nul(csv);
    if (data[scan] != '"')
        return CSV_QUOTED;
    csv->scan++;
    return CSV_CLOSED;
}

static enum csv_state on_closed(struct csv *csv)
{
    uint8_t *data = row_data(csv);
    uint8_t byte = data[csv->scan];

    switch (byte) {
    case '"':
        data[csv->put++] = '"';
        csv->scan++;
        return CSV_QUOTED;
    case ',':
    case '\n':
    case '\r':
        return take_separator(csv, byte);
    case '\0':
        return fail_nul(csv);
    default:
        return fail(csv, "text behind the closing quote");
    }
}

static enum csv_state on_return(struct csv *csv)
{
    if (row_data(csv)[csv->scan] != '\n')
        return fail(csv, "a carriage return without a line feed; lines end in LF or CRLF");
    end_line(csv);
    return CSV_ROW;
}

static enum csv_state step(struct csv *csv)
{
    switch (csv->state) {
    case CSV_FIELD:
        return on_field(csv);
    case CSV_PLAIN:
        return on_plain(csv);
    case CSV_QUOTED:
        return on_quoted(csv);
    case CSV_CLOSED:
        return on_closed(csv);
    case CSV_RETURN:
        return on_return(csv);
    case CSV_ROW:
    case CSV_FAILED:
        break;
    }
    UNREACHABLE("a step behind the end of a row");
}

/* No more bytes will come, and the last line has no end of its own. */
static enum csv_state finish(struct csv *csv)
{
    switch (csv->state) {
    case CSV_FIELD:
        csv->field = csv->scan;
        csv->put = csv->scan;
        csv->quoted = false;
        return end_field(csv, CSV_ROW);
    case CSV_PLAIN:
    case CSV_CLOSED:
        return end_field(csv, CSV_ROW);
    case CSV_QUOTED:
        return fail(csv, "the quote is not closed");
    case CSV_RETURN:
        return CSV_ROW;
    case CSV_ROW:
    case CSV_FAILED:
        break;
    }
    return csv->state;
}

/* What is limited while a row is still growing. */
static enum csv_state check_growth(struct csv *csv)
{
    bool in_field = csv->state == CSV_PLAIN || csv->state == CSV_QUOTED;

    if (in_field && csv->put - csv->field > ROSTER_FIELD_MAX)
        return fail(csv, csv->quoted ? "the field is larger than 64 KiB; is its quote closed?"
                                     : "the field is larger than 64 KiB");
    if (csv->scan > ROSTER_ROW_MAX)
        return fail(csv, "the row is larger than 1 MiB");
    return csv->state;
}

static void begin_row(struct csv *csv)
{
    csv->roster.begin += csv->scan;
    csv->roster.row_line = csv->roster.line;
    csv->scan = 0;
    csv->fields_count = 0;
    csv->seen = 0;
    csv->state = CSV_FIELD;
}

static bool is_empty_line(const struct csv *csv)
{
    return csv->fields_count == 1 && csv->sizes[0] == 0 && !csv->quoted;
}

/* To the end of the row, of the window, or of the list. */
static enum roster_want scan_row(struct csv *csv)
{
    while (csv->state != CSV_ROW && csv->state != CSV_FAILED) {
        if (csv->scan < row_room(csv)) {
            csv->state = step(csv);
            continue;
        }
        csv->state = check_growth(csv);
        if (csv->state == CSV_FAILED)
            break;
        if (!csv->roster.finished)
            return ROSTER_MORE;
        if (csv->scan == 0)
            return ROSTER_END;
        csv->state = finish(csv);
    }
    return csv->state == CSV_ROW ? ROSTER_ROW : ROSTER_FAILED;
}

static struct span field_span(const struct csv *csv, uint32_t column)
{
    return span_make(row_data(csv) + csv->starts[column], csv->sizes[column]);
}

static enum roster_want fail_same_name(struct csv *csv, uint32_t column, uint32_t other)
{
    uint8_t buffer[ROSTER_WHAT_MAX];
    struct text what;

    text_init(&what, buffer, sizeof(buffer));
    text_add_cstr(&what, "the name is the same as that of column ");
    text_add_u64(&what, other + 1);
    return roster_fail(&csv->roster, column + 1, text_span(&what));
}

static enum roster_want fail_ragged(struct csv *csv)
{
    uint8_t buffer[ROSTER_WHAT_MAX];
    struct text what;

    text_init(&what, buffer, sizeof(buffer));
    text_add_u64(&what, csv->fields_count);
    text_add_cstr(&what, " fields where the header has ");
    text_add_u64(&what, csv->roster.names_count);
    return roster_fail(&csv->roster, 0, text_span(&what));
}

static enum roster_want take_header(struct csv *csv)
{
    struct roster *roster = &csv->roster;

    for (uint32_t i = 0; i < csv->fields_count; i++) {
        struct span name = span_trim(field_span(csv, i));
        uint32_t other = roster_column(roster, name);

        if (name.size == 0)
            return roster_fail(roster, i + 1, SPAN("the column has no name in the header"));
        if (other != ROSTER_COLUMN_NONE)
            return fail_same_name(csv, i, other);
        if (roster_add_name(roster, name) != 0)
            return roster_fail(roster, i + 1, SPAN("the names of the columns exceed 64 KiB"));
    }
    memset(roster->kinds, ROSTER_TEXT, roster->names_count);
    roster->row = 1;
    roster->names_line = roster->row_line;
    begin_row(csv);
    return ROSTER_ROW;
}

static enum roster_want give_row(struct csv *csv, struct roster_row *ret_row)
{
    struct roster *roster = &csv->roster;

    if (csv->fields_count != roster->names_count)
        return fail_ragged(csv);
    for (uint32_t i = 0; i < csv->fields_count; i++)
        roster->fields[i] = field_span(csv, i);
    *ret_row = (struct roster_row){.line = roster->row_line,
                                   .row = roster->row,
                                   .fields_count = csv->fields_count,
                                   .fields = roster->fields,
                                   .kinds = roster->kinds};
    return ROSTER_ROW;
}

/* To the next row that is not an empty line. */
static enum roster_want next_line(struct csv *csv)
{
    enum roster_want want = scan_row(csv);

    while (want == ROSTER_ROW && is_empty_line(csv)) {
        begin_row(csv);
        want = scan_row(csv);
    }
    return want;
}

enum roster_want csv_next(struct csv *csv, struct roster_row *ret_row)
{
    struct roster *roster = &csv->roster;
    enum roster_want want = roster->failed ? ROSTER_FAILED : roster_start(roster);

    if (want != ROSTER_ROW)
        return want;
    if (csv->state == CSV_ROW) {
        roster->row++;
        begin_row(csv);
    }
    want = next_line(csv);
    if (want == ROSTER_ROW && roster->names_count == 0) {
        want = take_header(csv);
        if (want == ROSTER_ROW)
            want = next_line(csv);
    }
    if (want == ROSTER_END && roster->names_count == 0)
        return roster_fail_file(roster, SPAN("the file is empty; it needs a header row"));
    return want == ROSTER_ROW ? give_row(csv, ret_row) : want;
}
