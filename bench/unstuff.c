#include "bench/unstuff.h"

#include <string.h>

#include "base/check.h"

void unstuff_init(struct unstuff *unstuff)
{
    *unstuff = (struct unstuff){.state = UNSTUFF_LINE};
}

static struct span take(struct span *input, size_t size)
{
    struct span piece = span_first(*input, size);

    *input = span_skip(*input, size);
    return piece;
}

/* From inside a line to the end of the input, or to a line end behind which a dot stands. */
static struct span take_text(struct unstuff *unstuff, struct span *input)
{
    const uint8_t *data = input->data;
    size_t size = input->size;
    const uint8_t *at = memchr(data, '\n', size);

    while (at != NULL) {
        size_t next = (size_t)(at - data) + 1;
        bool line_end = at > data && at[-1] == '\r';

        if (!line_end)
            unstuff->bare_lf_count++;
        if (line_end && (next == size || data[next] == '.')) {
            unstuff->state = UNSTUFF_LINE;
            return take(input, next);
        }
        at = next < size ? memchr(data + next, '\n', size - next) : NULL;
    }
    unstuff->state = data[size - 1] == '\r' ? UNSTUFF_CR : UNSTUFF_TEXT;
    return take(input, size);
}

/* Behind dot and CR: the end, or a dot that was stuffing and a CR that is content. */
static enum unstuff_result on_dot_cr(struct unstuff *unstuff, struct span *input,
                                     struct span *ret_piece)
{
    if (input->data[0] == '\n') {
        (void)take(input, 1); /* of the end */
        return UNSTUFF_END;
    }
    unstuff->state = UNSTUFF_CR;
    *ret_piece = SPAN("\r");
    return UNSTUFF_PIECE;
}

/* Takes `byte` away when it comes next. */
static bool take_byte(struct span *input, uint8_t byte)
{
    if (input->data[0] != byte)
        return false;
    (void)take(input, 1); /* the dot or CR is given out later, if it is content */
    return true;
}

enum unstuff_result unstuff_step(struct unstuff *unstuff, struct span *input,
                                 struct span *ret_piece)
{
    while (input->size > 0) {
        switch (unstuff->state) {
        case UNSTUFF_LINE:
            unstuff->state = take_byte(input, '.') ? UNSTUFF_DOT : UNSTUFF_TEXT;
            break;
        case UNSTUFF_DOT:
            unstuff->state = take_byte(input, '\r') ? UNSTUFF_DOT_CR : UNSTUFF_TEXT;
            break;
        case UNSTUFF_DOT_CR:
            return on_dot_cr(unstuff, input, ret_piece);
        case UNSTUFF_CR:
            unstuff->state = input->data[0] == '\n' ? UNSTUFF_LINE : UNSTUFF_TEXT;
            if (unstuff->state == UNSTUFF_TEXT)
                break;
            *ret_piece = take(input, 1);
            return UNSTUFF_PIECE;
        case UNSTUFF_TEXT:
            *ret_piece = take_text(unstuff, input);
            return UNSTUFF_PIECE;
        }
    }
    return UNSTUFF_MORE;
}
