/* reply_fold.h - the text of a reply in one plain form, in which phrases are searched.
 *
 * Lower case; white space single; Latin letters with accents as ASCII; quotation marks and
 * apostrophes gone ("doesn't" is doesnt); a mail address is a single '@', so that nobody's name is
 * read as a reason; codes that only continue a reply ("550-", "550-5.1.1 ") gone; a letter of
 * another script is two bytes from 1 to 10, which belong to no word, so that phrases in any
 * language are found; every other character that is not ASCII is one 0x7f. Pure. */
#ifndef BOUNCE_REPLY_FOLD_H
#define BOUNCE_REPLY_FOLD_H

#include "base/span.h"

/* Writes at most `capacity` bytes and returns how many; the result is never longer than the text.
 * The rest of a longer text is left out. */
MUST_USE size_t reply_fold(struct span text, uint8_t *into, size_t capacity);
/* a-z and 0-9: what makes up words in a folded text. */
MUST_USE bool reply_fold_is_word(uint8_t byte);
/* The first enhanced status code (RFC 3463) that stands in the text by itself, with this class if
 * it is not 0. */
MUST_USE bool reply_fold_find_status(struct span text, uint16_t class, uint16_t ret_enhanced[3]);

#endif
