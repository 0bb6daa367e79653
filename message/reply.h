/* reply.h - one SMTP reply (RFC 5321 4.2, RFC 3463): code, enhanced code, text.
 *
 * A plain value; knows nothing of where the bytes came from. The text is what the server said,
 * lines joined by one space, enhanced code taken off, cut at REPLY_TEXT_MAX. It is hostile input
 * made fit to print: whoever shows it still escapes it for HTML, JSON or CSV. */
#ifndef MESSAGE_REPLY_H
#define MESSAGE_REPLY_H

#include "base/span.h"
#include "base/text.h"

#define REPLY_TEXT_MAX 512

struct reply {
    uint16_t code;        /* 200..599; 0: none */
    uint16_t enhanced[3]; /* class.subject.detail; class 0: none */
    uint16_t text_size;
    char text[REPLY_TEXT_MAX];
};

/* Takes "5.1.1 " off the front of *text when its class agrees with the code (RFC 2034 4). What
 * follows must be blank, ':' or the end; each part has one to three digits. Otherwise false,
 * nothing taken. */
MUST_USE bool reply_take_enhanced(uint16_t code, struct span *text, uint16_t ret_enhanced[3]);
/* Sets text: trimmed, a tab made a space, each byte of a control character (U+0000-1F, 7F, 80-9F,
 * U+2028-2029, and the bidirectional overrides that can turn a log line round) and each byte that
 * is not UTF-8 made a '?', cut at the border of a character. */
void reply_set_text(struct reply *reply, struct span text);
void reply_write(const struct reply *reply, struct text *out); /* "550 5.1.1 user unknown"; without
                                                                 a code only the text */

#endif
