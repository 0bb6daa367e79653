/* mime_parameter.h - parameters of header fields: charset=utf-8, boundary="x", filename*0*=...
 *
 * Quoted strings with their escapes, comments and folds (RFC 2045 5.1), continuations and charsets
 * (RFC 2231). Owns nothing. */
#ifndef MESSAGE_MIME_PARAMETER_H
#define MESSAGE_MIME_PARAMETER_H

#include "message/charset.h"

/* Pieces of one value (RFC 2231 3). */
#define MIME_PARAMETER_PIECES_MAX 32
#define MIME_PARAMETER_SIZE_MAX (4 * KIB)

/* The value of a parameter in the body of a field, behind the first ';'. The span points into
 * `body` when the value stands there as it is, otherwise into `out`, where it was added. `charset`
 * may be NULL: then a charset named in the value is not read. False: there is none. */
MUST_USE bool mime_parameter_find(struct span body, struct span name, struct charset *charset,
                                  struct text *out, struct span *ret);

#endif
