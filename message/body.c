#include "message/body.h"

#include <string.h>

#include "base/check.h"

static void body_scan_line_end(struct body_scan *scan)
{
    scan->line_longest = max_u64(scan->line_longest, scan->line_size);
    scan->line_size = 0;
    scan->line_ends++;
}

static void body_scan_octet(struct body_scan *scan, uint8_t byte)
{
    if (scan->line_size % BODY_LINE_MAX == 0) {
        scan->lines += scan->line_size == 0;
        scan->breaks += scan->line_size > 0;
        scan->dots += byte == '.';
    }
    scan->line_size++;
    scan->octets++;
    scan->nul += byte == 0;
    scan->eight_bit = scan->eight_bit || byte >= 0x80;
}

void body_scan_add(struct body_scan *scan, struct span source)
{
    for (size_t i = 0; i < source.size; i++) {
        uint8_t byte = source.data[i];
        if (byte == '\n' && scan->after_cr) { /* the line ended at the CR */
            scan->after_cr = false;
            scan->bare_cr--;
            continue;
        }
        scan->after_cr = byte == '\r';
        scan->bare_cr += byte == '\r';
        scan->bare_lf += byte == '\n';
        if (byte == '\r' || byte == '\n') {
            scan->lines += scan->line_size == 0;
            body_scan_line_end(scan);
        } else {
            body_scan_octet(scan, byte);
        }
    }
}

void body_scan_end(struct body_scan *scan)
{
    if (scan->line_size > 0)
        body_scan_line_end(scan);
}

uint64_t body_scan_size(const struct body_scan *scan)
{
    return scan->octets + 2 * (scan->line_ends + scan->breaks);
}

void body_init(struct body *body, bool stuffed)
{
    *body = (struct body){.stuffed = stuffed};
}

/* How many octets at the front stand for themselves in this line. */
static size_t body_run(const struct body *body, struct span source, size_t room)
{
    size_t limit = min_size(min_size(source.size, room), BODY_LINE_MAX - body->column);
    size_t size = 0;

    while (size < limit && source.data[size] != '\r' && source.data[size] != '\n')
        size++;
    return size;
}

static void body_put_line_end(struct body *body, struct text *out)
{
    text_add_cstr(out, "\r\n");
    body->column = 0;
}

bool body_put(struct body *body, struct span *source, struct text *out)
{
    while (source->size > 0) {
        uint8_t byte = source->data[0];
        bool half = byte == '\n' && body->after_cr;

        if (text_room(out) < BODY_STEP_MAX)
            return false;
        body->after_cr = byte == '\r';
        if (byte == '\r' || byte == '\n') {
            if (!half)
                body_put_line_end(body, out);
            *source = span_skip(*source, 1);
            continue;
        }
        if (body->column == BODY_LINE_MAX)
            body_put_line_end(body, out);
        if (body->column == 0 && byte == '.' && body->stuffed)
            text_add_byte(out, '.');
        size_t size = body_run(body, *source, text_room(out));
        CHECK(size > 0);
        text_add(out, span_first(*source, size));
        body->column += (uint32_t)size;
        *source = span_skip(*source, size);
    }
    return true;
}

bool body_end(struct body *body, struct text *out)
{
    if (text_room(out) < BODY_STEP_MAX)
        return false;
    if (body->column > 0)
        body_put_line_end(body, out);
    if (body->stuffed)
        text_add_cstr(out, ".\r\n");
    return true;
}
