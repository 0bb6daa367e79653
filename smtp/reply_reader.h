/* reply_reader.h - bytes from a server, cut into SMTP replies (RFC 5321 4.2, 4.2.1).
 *
 * Knows nothing of commands, states or time. Every limit against a hostile server stands here: a
 * line has at most 2,048 octets, a reply 128 lines, a turn (reply_reader_turn) 64 KiB; a NUL, a
 * code outside 200..599, a code that changes inside a multi-line reply end the reading for good. A
 * line ends with LF; one CR before it belongs to the line end (a bare LF is accepted, as Postfix
 * does: nothing is decided by the difference on the client's side). Any other CR is text.
 *
 *   CODE -> SEPARATOR -> TEXT -> (next line: CODE) | reply complete: CODE
 *   any -> BROKEN
 *
 * Owns its small buffer: the input is consumed at once, also partial lines. */
#ifndef SMTP_REPLY_READER_H
#define SMTP_REPLY_READER_H

#include "message/reply.h"

#define REPLY_READER_LINE_MAX 2048
#define REPLY_READER_LINES_MAX 128
#define REPLY_READER_TURN_MAX 65536

enum reply_reader_state {
    REPLY_READER_CODE,      /* reading the three digits of a line */
    REPLY_READER_SEPARATOR, /* the code is read; blank, hyphen or line end decides */
    REPLY_READER_TEXT,      /* in the text of a line */
    REPLY_READER_ENDED,  /* a reply is complete and may be looked at; the next octet starts anew */
    REPLY_READER_STOPPED /* broken for good; `fault` says why */
};

enum reply_reader_result {
    REPLY_READER_MORE,  /* the input is used up, the reply is not complete */
    REPLY_READER_LINE,  /* one line of a reply that goes on: reply_reader_line */
    REPLY_READER_REPLY, /* the last line: reply_reader_line, reply_reader_reply */
    REPLY_READER_BROKEN /* reply_reader_fault says why; nothing more can be read */
};

struct reply_reader {
    enum reply_reader_state state;
    uint32_t turn_octets;
    uint32_t line_octets;
    uint32_t lines_count;
    uint16_t code;
    uint16_t line_code; /* digits so far of this line's code */
    uint8_t digits_count;
    bool last_line;
    bool by_line; /* keep single lines, not the joined text, of positive replies (EHLO) */
    uint16_t enhanced[3];
    uint16_t line_from; /* where this line's text starts in text */
    uint16_t text_size;
    const char *fault;
    uint8_t text[REPLY_TEXT_MAX];
};

void reply_reader_init(struct reply_reader *reader);
/* A new turn: something was sent, the octet count starts again. */
void reply_reader_turn(struct reply_reader *reader);
/* Consumes octets off the front of *input up to the end of one line. */
MUST_USE enum reply_reader_result reply_reader_next(struct reply_reader *reader,
                                                    struct span *input);
/* Whether a reply has been started and not ended. */
MUST_USE bool reply_reader_is_inside(const struct reply_reader *reader);
/* The text of the line just read, without the enhanced code; valid until the next octet. */
struct span reply_reader_line(const struct reply_reader *reader);
/* The complete reply; its text is cleaned and cut. Valid until the next octet. */
void reply_reader_reply(const struct reply_reader *reader, struct reply *ret_reply);
const char *reply_reader_fault(const struct reply_reader *reader);

#endif
