#include "smtp/receive_line.h"

void receive_line_init(struct receive_line *line)
{
    line->size = 0;
    line->cr = line->broken = line->over = false;
}

static void keep(struct receive_line *line, uint8_t byte)
{
    if (line->size < RECEIVE_LINE_MAX)
        line->bytes[line->size++] = byte;
    else
        line->over = true;
}

static enum receive_line_state end(struct receive_line *line, struct span *ret_line)
{
    enum receive_line_state state = RECEIVE_LINE_WHOLE;

    if (line->over)
        state = RECEIVE_LINE_LONG;
    else if (line->broken || !line->cr)
        state = RECEIVE_LINE_BROKEN;
    else
        *ret_line = span_make(line->bytes, line->size);
    receive_line_init(line);
    return state;
}

enum receive_line_state receive_line_take(struct receive_line *line, struct span *input,
                                          struct span *ret_line)
{
    while (input->size > 0) {
        uint8_t byte = input->data[0];

        *input = span_skip(*input, 1);
        if (byte == '\n')
            return end(line, ret_line);
        if (line->cr || byte == '\0')
            line->broken = true;
        line->cr = byte == '\r';
        if (!line->cr)
            keep(line, byte);
    }
    return RECEIVE_LINE_PART;
}
