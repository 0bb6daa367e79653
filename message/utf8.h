/* utf8.h - one character of UTF-8 at a time (RFC 3629).
 *
 * Knows nothing of meaning but one thing: which characters can garble a line on a terminal or in a
 * log. Whole spans are checked by span_is_utf8. */
#ifndef MESSAGE_UTF8_H
#define MESSAGE_UTF8_H

#include "base/span.h"

/* Bytes of the character at the front of `span`, and the character; 0 when it is none (truncated,
 * overlong, surrogate, above U+10FFFF, empty). */
MUST_USE uint32_t utf8_take(struct span span, uint32_t *ret_rune);
/* Writes 1 to 4 bytes; `rune` is at most 0x10FFFF and no surrogate. */
uint32_t utf8_put(uint32_t rune, uint8_t into[4]);
/* C0, DEL, C1, line and paragraph separators, bidirectional embeddings, overrides and isolates. */
MUST_USE bool utf8_is_control(uint32_t rune);

#endif
