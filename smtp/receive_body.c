#include "smtp/receive_body.h"

#include <string.h>

#include "base/check.h"

/* Octets at the front of `input` that are content, given that none of them is kept back; leaves the
 * state behind them. Stops at a dot at the begin of a line. */
static size_t plain_run(struct receive_body *body, struct span input)
{
    size_t i = 0;

    while (i < input.size) {
        const uint8_t *cr;

        switch (body->state) {
        case RECEIVE_BODY_START:
            if (input.data[i] == '.')
                return i;
            body->state = RECEIVE_BODY_LINE;
            continue;
        case RECEIVE_BODY_LINE:
            cr = memchr(input.data + i, '\r', input.size - i);
            if (cr == NULL)
                return input.size;
            i = (size_t)(cr - input.data) + 1;
            body->state = RECEIVE_BODY_CR;
            continue;
        case RECEIVE_BODY_CR:
            if (input.data[i] == '\n')
                body->state = RECEIVE_BODY_START;
            else if (input.data[i] != '\r')
                body->state = RECEIVE_BODY_LINE;
            i++;
            continue;
        case RECEIVE_BODY_DOT:
        case RECEIVE_BODY_DOT_CR:
            UNREACHABLE("a dot is kept back");
        }
    }
    return i;
}

static enum receive_body_take after_dot_cr(struct receive_body *body, struct span *input,
                                           struct span *ret_piece)
{
    if (input->data[0] == '\n') {
        *input = span_skip(*input, 1);
        body->state = RECEIVE_BODY_START;
        return RECEIVE_BODY_END;
    }
    body->state = RECEIVE_BODY_CR; /* the dot was stuffing, the CR is content */
    *ret_piece = SPAN("\r");
    return RECEIVE_BODY_PIECE;
}

enum receive_body_take receive_body_take(struct receive_body *body, struct span *input,
                                         struct span *ret_piece)
{
    while (input->size > 0) {
        uint8_t byte = input->data[0];
        size_t run;

        switch (body->state) {
        case RECEIVE_BODY_START:
        case RECEIVE_BODY_LINE:
        case RECEIVE_BODY_CR:
            run = plain_run(body, *input);
            *ret_piece = span_first(*input, run);
            *input = span_skip(*input, run);
            if (run > 0)
                return RECEIVE_BODY_PIECE;
            body->state = RECEIVE_BODY_DOT;
            *input = span_skip(*input, 1);
            continue;
        case RECEIVE_BODY_DOT:
            body->state = byte == '\r' ? RECEIVE_BODY_DOT_CR : RECEIVE_BODY_LINE;
            *input = span_skip(*input, byte == '\r' ? 1 : 0);
            continue;
        case RECEIVE_BODY_DOT_CR:
            return after_dot_cr(body, input, ret_piece);
        }
    }
    return RECEIVE_BODY_MORE;
}
