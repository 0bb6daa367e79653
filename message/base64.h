/* base64.h - base64 of RFC 4648, as MIME bodies and encoded words use it (RFC 2045 6.8).
 *
 * Knows nothing of lines: it writes one run, and reads over white space. Owns nothing. */
#ifndef MESSAGE_BASE64_H
#define MESSAGE_BASE64_H

#include "base/span.h"
#include "base/text.h"

/* Octets that `size` octets take, padding included, no line breaks. */
size_t base64_size(size_t size);
void base64_encode(struct span source, struct text *out);
/* Skips space, tab, CR and LF; ends at the first '='. False when any other byte stood there: it was
 * left out, as RFC 2045 6.8 asks, and the rest was decoded. */
bool base64_decode(struct span source, struct text *out);

#endif
