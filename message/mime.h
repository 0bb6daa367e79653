/* mime.h - the parts of a received message (RFC 2045, 2046), found in one pass.
 *
 * Reads anything and never fails; what is broken or beyond the limits is only not found. Memory is
 * the struct itself, whatever the message; time grows with the size of the message and no faster.
 * Spans point into the message, which the caller keeps, or into the struct (a boundary that was
 * written with escapes or folds); they are good until the next mime_read or until the message goes.
 * Bodies are as they stand: mime_body.h decodes them, mime_words.h and mime_parameter.h the fields.
 *
 * Parts are in the order of the message, the root first, each after its parent. A multipart has its
 * preamble as body. With `nested`, the content of message/rfc822 (and global) parts is read too:
 * the message inside is the only child of such a part.
 *
 * A part ends before the line break of the next boundary of its own or of an outer multipart, or at
 * the end of the message. Knows nothing of what parts are for. */
#ifndef MESSAGE_MIME_H
#define MESSAGE_MIME_H

#include "message/charset.h"
#include "message/header_list.h"

#define MIME_DEPTH_MAX 20
#define MIME_PARTS_MAX 200
/* Header fields of all parts together. */
#define MIME_HEADERS_SIZE_MAX (256 * KIB)
/* RFC 2046 5.1.1 allows 70; a longer one is not found. */
#define MIME_BOUNDARY_MAX 256
/* Lines that begin with "--": after so many, the rest of the message is one part. */
#define MIME_DASHES_MAX 20000
#define MIME_NO_PARENT UINT16_MAX

enum mime_encoding { MIME_PLAIN = 0, MIME_QUOTED, MIME_BASE64 };

struct mime_part {
    struct span header; /* with the blank line */
    struct span body;
    struct span type;     /* "text", as written; defaults filled in (RFC 2045 5.2) */
    struct span subtype;  /* "plain" */
    struct span content;  /* the body of Content-Type, with its folds; or empty */
    struct span boundary; /* of a multipart that has one */
    enum mime_encoding encoding;
    enum charset_id charset; /* of text; CHARSET_ASCII when none is named */
    uint16_t parent;         /* index, or MIME_NO_PARENT */
    uint16_t depth;          /* the root has 0 */
};

struct mime {
    struct header_list header; /* of the message */
    struct mime_part parts[MIME_PARTS_MAX];
    uint32_t parts_count;
    bool cut; /* a limit was met: something was left out */
    /* For mime_read. */
    uint16_t open[MIME_DEPTH_MAX]; /* multiparts that wait for their boundary, outermost first */
    uint32_t open_count;
    uint32_t dashes_count;
    size_t headers_size;
    size_t store_size;
    uint8_t store[4 * KIB]; /* boundaries with escapes */
};

void mime_read(struct mime *mime, struct span message, bool nested);
/* "text/plain", without regard to case; "text/" and a star: any subtype. */
MUST_USE bool mime_is(const struct mime_part *part, const char *type, const char *subtype);
/* The body of a field of the part's own header, trimmed; size 0 when there is none. */
struct span mime_field(const struct mime_part *part, struct span name);

#endif
