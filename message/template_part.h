/* template_part.h - one MIME part of a template: its header block, and the content of a leaf.
 *
 * A leaf goes out in its own transfer encoding where that is 7-bit and safe; otherwise text becomes
 * quoted-printable and everything else base64. Only text may hold fields, and not in base64.
 * Private to the template_ files. */
#ifndef MESSAGE_TEMPLATE_PART_H
#define MESSAGE_TEMPLATE_PART_H

#include "message/header.h"
#include "message/template_build.h"

#define TEMPLATE_PART_HEADERS_MAX 1000

enum template_part_type {
    TEMPLATE_PART_TEXT_TYPE,
    TEMPLATE_PART_OTHER,  /* an attachment */
    TEMPLATE_PART_OPAQUE, /* must not be touched: message/..., multipart/signed */
    TEMPLATE_PART_MULTIPART
};

enum template_part_encoding {
    TEMPLATE_PART_IDENTITY, /* 7bit, 8bit, binary, none */
    TEMPLATE_PART_QUOTED,
    TEMPLATE_PART_BASE64,
    TEMPLATE_PART_FOREIGN
};

struct template_part {
    struct span headers; /* the header block, with the blank line */
    bool top;            /* the message itself */
    bool digest;         /* in a multipart/digest: message/rfc822 when nothing else is said */
    /* Read from the headers. */
    enum template_part_type type;
    bool html;
    bool has_type; /* there is a Content-Type */
    bool has_charset;
    struct span charset;
    struct span boundary; /* of a multipart */
    bool is_digest;       /* multipart/digest */
    enum template_part_encoding encoding;
    bool has_encoding; /* there is a Content-Transfer-Encoding */
    /* Decided from the content. */
    bool recode;         /* write `decoded` in another encoding */
    bool utf8;           /* and say charset=utf-8 */
    struct span content; /* as it stands */
    struct span decoded; /* without transfer encoding */
};

/* Reads a header block off the front of *rest. -EINVAL: noted in build. */
MUST_USE int template_part_open(struct template_build *build, struct span *rest,
                                struct template_part *part);
/* Looks at the content of a leaf and decides how it goes out. */
MUST_USE int template_part_decide(struct template_build *build, struct template_part *part,
                                  struct span content);
/* Writes the header block with its blank line. */
MUST_USE int template_part_put_headers(struct template_build *build,
                                       const struct template_part *part);
/* Writes the content of a leaf, complete lines. */
MUST_USE int template_part_put_content(struct template_build *build,
                                       const struct template_part *part);

#endif
