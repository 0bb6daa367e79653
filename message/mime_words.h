/* mime_words.h - encoded words (RFC 2047) of received header fields, in any charset we read.
 *
 * For received mail: never fails, joins what belongs together, leaves what it cannot read. The
 * author's side, with its places, is words_decode.h. Owns nothing. */
#ifndef MESSAGE_MIME_WORDS_H
#define MESSAGE_MIME_WORDS_H

#include "message/charset.h"

/* A row of encoded words in one charset is decoded as one text; what is longer is cut. */
#define MIME_WORDS_ROW_MAX (4 * KIB)

/* The field's body, unfolded, with its encoded words read, as UTF-8, added to `out` as far as there
 * is room. A body without encoded words and folds is returned as it stands. */
struct span mime_words_decode(struct span body, struct charset *charset, struct text *out);

#endif
