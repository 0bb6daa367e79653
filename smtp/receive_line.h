/* receive_line.h - one command line of a client, gathered over any split of its octets.
 *
 * A line ends with CRLF and with nothing else (RFC 5321 2.3.8): a bare CR, a bare LF or a NUL in it
 * makes it a broken one, and a line over RECEIVE_LINE_MAX octets is thrown away up to its end.
 * Knows nothing of commands. Owns its buffer. */
#ifndef SMTP_RECEIVE_LINE_H
#define SMTP_RECEIVE_LINE_H

#include "base/span.h"

/* Octets without CRLF. RFC 5321 4.5.3.1.4 asks for 512 with it, and more for each extension. */
#define RECEIVE_LINE_MAX 2048

enum receive_line_state {
    RECEIVE_LINE_PART,   /* the input is consumed, the line is not complete */
    RECEIVE_LINE_WHOLE,  /* *ret_line is the line without its CRLF */
    RECEIVE_LINE_BROKEN, /* it held a bare CR, a bare LF or a NUL */
    RECEIVE_LINE_LONG    /* it had too many octets */
};

struct receive_line {
    uint8_t bytes[RECEIVE_LINE_MAX];
    size_t size;
    bool cr;     /* the last octet was a CR, not yet in `bytes` */
    bool broken; /* up to here */
    bool over;
};

void receive_line_init(struct receive_line *line);
/* Takes octets off the front of *input, at most up to the end of one line. *ret_line is valid until
 * the next call. */
MUST_USE enum receive_line_state receive_line_take(struct receive_line *line, struct span *input,
                                                   struct span *ret_line);

#endif
