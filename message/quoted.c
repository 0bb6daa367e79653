#include "message/quoted.h"

#include <string.h>

#include "base/check.h"

static int quoted_hex(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte = span_lower_byte(byte);
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* Takes one line off *rest; *ret_break: it ended with CRLF, LF or CR. */
static struct span quoted_line(struct span *rest, bool *ret_break)
{
    size_t size = 0;

    while (size < rest->size && rest->data[size] != '\r' && rest->data[size] != '\n')
        size++;
    struct span line = span_first(*rest, size);
    *ret_break = size < rest->size;
    if (*ret_break)
        size += span_starts(span_skip(*rest, size), SPAN("\r\n")) ? 2 : 1;
    *rest = span_skip(*rest, size);
    return line;
}

/* The octet at the front of *line, and how many octets of source it took. */
static uint8_t quoted_octet(struct span line, size_t *ret_taken)
{
    *ret_taken = 1;
    if (line.data[0] != '=' || line.size < 3)
        return line.data[0];
    int high = quoted_hex(line.data[1]);
    int low = quoted_hex(line.data[2]);
    if (high < 0 || low < 0)
        return '=';
    *ret_taken = 3;
    return (uint8_t)(high << 4 | low);
}

/* Without trailing blanks and the '=' of a soft break; *broken becomes false for a soft one. */
static struct span quoted_strip(struct span line, bool *broken)
{
    while (line.size > 0 && (line.data[line.size - 1] == ' ' || line.data[line.size - 1] == '\t'))
        line.size--;
    if (line.size > 0 && line.data[line.size - 1] == '=') {
        line.size--;
        *broken = false;
    }
    return line;
}

void quoted_decode(struct span source, struct text *out)
{
    while (source.size > 0) {
        bool broken;
        struct span line = quoted_line(&source, &broken);
        line = quoted_strip(line, &broken);
        while (line.size > 0) {
            size_t taken;
            text_add_byte(out, quoted_octet(line, &taken));
            line = span_skip(line, taken);
        }
        if (broken)
            text_add_cstr(out, "\r\n");
    }
}

size_t quoted_source(struct quoted_place *place, struct span source, size_t decoded)
{
    for (;;) {
        struct span rest = span_skip(source, place->source);
        bool broken;
        struct span line = quoted_line(&rest, &broken);
        line = quoted_strip(line, &broken);
        size_t at = place->source;
        size_t count = place->decoded;
        while (line.size > 0) {
            size_t taken;
            (void)quoted_octet(line, &taken); /* only its size matters */
            if (count == decoded)
                return at;
            count++;
            at += taken;
            line = span_skip(line, taken);
        }
        count += broken ? 2 : 0;
        if (decoded < count || rest.size == 0)
            return at;
        place->source = source.size - rest.size;
        place->decoded = count;
    }
}

static const char *quoted_entity(uint8_t byte)
{
    switch (byte) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

/* Stands for itself anywhere in a line, in text and in HTML. */
static bool quoted_is_easy(uint8_t byte)
{
    static const bool hard[128] = {
        ['='] = true, ['.'] = true, ['-'] = true,  ['&'] = true, ['<'] = true,
        ['>'] = true, ['"'] = true, ['\''] = true, [127] = true,
    };
    return byte > ' ' && byte < 128 && !hard[byte];
}

static void quoted_put_octet(uint8_t byte, bool bare, uint32_t *column, struct text *out)
{
    static const char digits[] = "0123456789ABCDEF";
    bool edge = byte == '.' || byte == '-';
    uint32_t size = bare && !(edge && *column == 0) ? 1 : 3;

    if (*column + size > QUOTED_COLUMN_MAX) {
        text_add_cstr(out, "=\r\n");
        *column = 0;
        size = bare && !edge ? 1 : 3;
    }
    if (size == 1) {
        text_add_byte(out, byte);
    } else {
        char escape[3] = {'=', digits[byte >> 4], digits[byte & 15]};
        text_add(out, span_make(escape, sizeof(escape)));
    }
    *column += size;
}

/* The run of easy octets at the front, as far as the line and the room go. */
static size_t quoted_put_easy(struct span rest, uint32_t *column, struct text *out)
{
    size_t room = min_size(text_room(out), QUOTED_COLUMN_MAX - *column);
    size_t limit = min_size(rest.size, room);
    size_t size = 0;

    while (size < limit && quoted_is_easy(rest.data[size]))
        size++;
    if (size > 0)
        text_add(out, span_first(rest, size));
    *column += (uint32_t)size;
    return size;
}

/* The octet at the front that is not easy; how many octets of the run it took. */
static size_t quoted_put_hard(struct span rest, bool html, uint32_t *column, struct text *out)
{
    uint8_t byte = rest.data[0];
    const char *entity = html ? quoted_entity(byte) : NULL;

    if (byte == '\r' || byte == '\n') {
        text_add_cstr(out, "\r\n");
        *column = 0;
        return span_starts(rest, SPAN("\r\n")) ? 2 : 1;
    }
    if (entity) {
        for (; *entity; entity++)
            quoted_put_octet((uint8_t)*entity, true, column, out);
        return 1;
    }
    bool bare = byte > ' ' && byte < 127 && byte != '=';
    if (byte == ' ' || byte == '\t')
        bare = rest.size > 1 && rest.data[1] != '\r' && rest.data[1] != '\n';
    quoted_put_octet(byte, bare, column, out);
    return 1;
}

bool quoted_put(struct span run, bool html, size_t *offset, uint32_t *column, struct text *out)
{
    CHECK(*offset <= run.size);
    CHECK(*column <= QUOTED_COLUMN_MAX);
    while (*offset < run.size) {
        if (text_room(out) < QUOTED_STEP_MAX)
            return false;
        struct span rest = span_skip(run, *offset);
        size_t size = quoted_put_easy(rest, column, out);
        if (size == 0)
            size = quoted_put_hard(rest, html, column, out);
        *offset += size;
    }
    return true;
}
