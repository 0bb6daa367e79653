/* unstuff.h - the content of a message out of the octets after DATA (RFC 5321 4.5.2).
 *
 * Takes away the dot that stuffing put at the front of a line and finds the end, CRLF "." CRLF, and
 * only that: a bare LF or CR neither ends a line nor the message. The octets may come in pieces cut
 * anywhere. Owns nothing; pieces point into the input (or at one static CR).
 *
 *   LINE (at the front of a line) -> DOT -> DOT_CR -> the end
 *   LINE, DOT, DOT_CR -> TEXT <-> CR -> LINE */
#ifndef BENCH_UNSTUFF_H
#define BENCH_UNSTUFF_H

#include "base/span.h"

enum unstuff_state {
    UNSTUFF_LINE = 0, /* at the front of a line */
    UNSTUFF_DOT,      /* behind a dot there, which was taken away */
    UNSTUFF_DOT_CR,   /* behind dot and CR: the end, if LF follows */
    UNSTUFF_TEXT,     /* inside a line */
    UNSTUFF_CR,       /* behind a CR that has been given out */
};

enum unstuff_result {
    UNSTUFF_PIECE, /* *ret_piece is content */
    UNSTUFF_MORE,  /* all input was used */
    UNSTUFF_END,   /* the final dot was used; the input goes on behind it */
};

struct unstuff {
    enum unstuff_state state;
    uint64_t bare_lf_count;
};

void unstuff_init(struct unstuff *unstuff);
MUST_USE enum unstuff_result unstuff_step(struct unstuff *unstuff, struct span *input,
                                          struct span *ret_piece);

#endif
