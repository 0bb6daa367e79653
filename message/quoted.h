/* quoted.h - quoted-printable (RFC 2045 6.7): decoding, and encoding that can be joined.
 *
 * The encoder writes runs: a literal between two fields, or a value. Each run is encoded on its
 * own, so that runs can be encoded at different times and joined:
 *  - a line never grows beyond QUOTED_COLUMN_MAX octets and the '=' of its soft break;
 *  - the last octet of a run, and the last before a line break, is never a bare blank;
 *  - no line begins with '.' or '-': these are written =2E and =2D there. So a value can neither
 *    end the message, nor need dot-stuffing, nor forge a MIME boundary.
 * Knows nothing of templates. Owns nothing. */
#ifndef MESSAGE_QUOTED_H
#define MESSAGE_QUOTED_H

#include "base/span.h"
#include "base/text.h"

#define QUOTED_COLUMN_MAX 75
/* The most that one octet of a run can take: a soft break and an encoded octet in each of the six
 * octets of &quot; is never needed, but this is never exceeded. */
#define QUOTED_STEP_MAX 32

/* Decodes a whole body. Line ends (CRLF, LF or CR) become CRLF; blanks at line ends go; what is no
 * valid escape stays as it is. Never writes more than source.size + the LFs and CRs in it. */
void quoted_decode(struct span source, struct text *out);

/* Where an octet of the decoded text came from. Starts at {0, 0}; ask in rising order. */
struct quoted_place {
    size_t source;  /* start of a line in the source ... */
    size_t decoded; /* ... and where its text begins in the decoded text */
};
size_t quoted_source(struct quoted_place *place, struct span source, size_t decoded);

/* Encodes `run` from *offset on into `out`; CR, LF and CRLF become CRLF. *column is the column in
 * the current line before and after. html: & < > " ' become entities. False: `out` had less than
 * QUOTED_STEP_MAX octets of room left; call again with more room. */
MUST_USE bool quoted_put(struct span run, bool html, size_t *offset, uint32_t *column,
                         struct text *out);

#endif
