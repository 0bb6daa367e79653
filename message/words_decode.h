/* words_decode.h - text of a header field as its author wrote it, encoded words (RFC 2047) read.
 *
 * Knows nothing of templates or kinds of header fields. Owns nothing. */
#ifndef MESSAGE_WORDS_DECODE_H
#define MESSAGE_WORDS_DECODE_H

#include "base/span.h"
#include "base/text.h"

/* Reads unstructured text: encoded words in UTF-8, US-ASCII or ISO-8859-1 become UTF-8, runs of
 * blanks one space, blanks at the ends go. places[i] is the index in `text` of the octet that gave
 * octet i of the result; it has as many members as `out` has capacity (2 * text.size suffices).
 * False when an encoded word in another charset was left as it is. */
MUST_USE bool words_decode(struct span text, struct text *out, uint32_t *places);

#endif
