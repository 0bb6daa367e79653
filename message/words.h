/* words.h - text in a header field: plain, quoted, or as encoded words (RFC 2047), folded.
 *
 * A token is what stands between two places where a line may be folded: a word of unstructured
 * text, a display name (phrase), or an atom that is written as it is (an address, a URL). The form
 * of a token is chosen from its text alone, so that a value never comes out as anything but text:
 *  - text of a subject: plain when it is printable ASCII that no reader can take for an encoded
 *    word, else encoded words;
 *  - a display name: atoms, else a quoted string, else encoded words.
 * Every octet written is 0x20..0x7e or part of CRLF SP; no line is longer than 998 octets, and none
 * longer than 76 that could have been folded.
 *
 * Knows nothing of templates. Owns nothing. */
#ifndef MESSAGE_WORDS_H
#define MESSAGE_WORDS_H

#include "base/span.h"
#include "base/text.h"

#define WORDS_LINE_MAX 76
/* A run without a space that is still written plain. */
#define WORDS_RUN_MAX 900
/* A quoted string or a run of atoms that is written in one piece. */
#define WORDS_PHRASE_MAX 70
/* words_put makes progress when the writer has this much room. */
#define WORDS_STEP_MAX 1024

enum words_form {
    WORDS_EMPTY,  /* nothing is written */
    WORDS_PLAIN,  /* as it is, folded at its spaces */
    WORDS_ATOM,   /* as it is, in one piece */
    WORDS_QUOTED, /* a quoted string, in one piece */
    WORDS_Q,      /* encoded words, Q encoding */
    WORDS_B       /* encoded words, base64 */
};

/* Where the writer stands in a header field. */
struct words_line {
    uint32_t column; /* octets in this line */
    bool first;      /* nothing but the field's name stands before */
    bool encoded;    /* the token before is an encoded word: blanks between the two do not show */
};

enum words_form words_form_text(struct span text);
enum words_form words_form_phrase(struct span text);

/* Writes one token, from *offset on, with the blank or fold before it. False: `out` had less than
 * WORDS_STEP_MAX octets of room left; call again with more room and the same token. */
MUST_USE bool words_put(struct words_line *line, enum words_form form, struct span text,
                        size_t *offset, struct text *out);

#endif
