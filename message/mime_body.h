/* mime_body.h - the body of a part, its transfer encoding taken off, as UTF-8.
 *
 * A body that needs no change is returned as it stands in the message, without a copy. Others are
 * written into lent buffers, as far as those go: nobody decodes more than he has room for. Broken
 * encodings give what can be read. Owns nothing. */
#ifndef MESSAGE_MIME_BODY_H
#define MESSAGE_MIME_BODY_H

#include "message/mime.h"

/* Without its transfer encoding (RFC 2045 6); line ends of quoted-printable become LF. Added to
 * `out` when it had to be decoded. */
struct span mime_body_octets(const struct mime_part *part, struct text *out);
/* And in UTF-8. `octets` is room for the step before. Charsets are read of text parts only. */
struct span mime_body_text(const struct mime_part *part, struct charset *charset,
                           struct text *octets, struct text *out);

#endif
