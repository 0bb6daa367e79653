/* receive_body.h - the content after DATA: dots unstuffed, the end found (RFC 5321 4.5.2).
 *
 * The end is CRLF . CRLF and nothing else: LF . LF and the like are content, so that no message can
 * be smuggled in another one's. Knows nothing of messages. Pieces are parts of the input, or
 * static; no copy is made. */
#ifndef SMTP_RECEIVE_BODY_H
#define SMTP_RECEIVE_BODY_H

#include "base/span.h"

enum receive_body_state {
    RECEIVE_BODY_START = 0, /* at the begin of a line */
    RECEIVE_BODY_LINE,      /* within one */
    RECEIVE_BODY_CR,        /* behind a CR of the content */
    RECEIVE_BODY_DOT,       /* behind a dot at the begin of a line, which is kept back */
    RECEIVE_BODY_DOT_CR     /* behind that dot and a CR, both kept back */
};

enum receive_body_take {
    RECEIVE_BODY_MORE,  /* the input is consumed */
    RECEIVE_BODY_PIECE, /* *ret_piece is content; call again */
    RECEIVE_BODY_END    /* the final dot was taken; what is left of the input is no content */
};

/* Zeroed, it is at the begin of a content. */
struct receive_body {
    enum receive_body_state state;
};

MUST_USE enum receive_body_take receive_body_take(struct receive_body *body, struct span *input,
                                                  struct span *ret_piece);

#endif
