/* template_header.h - one header field of a template into pieces.
 *
 * A field that is ASCII, has no merge field and no line over 998 octets goes out as its author
 * folded it. Any other is taken apart by its kind and written anew, token by token (words.h):
 * tokens before the first with a merge field are literal, the others become pieces.
 * Private to the template_ files. */
#ifndef MESSAGE_TEMPLATE_HEADER_H
#define MESSAGE_TEMPLATE_HEADER_H

#include "message/header.h"
#include "message/template_build.h"
#include "message/words.h"

/* A field being written. */
struct template_header {
    struct template_build *build;
    const struct header_field *field;
    struct text unfolded;     /* its body on one line ... */
    uint32_t *places;         /* ... and the index in the body of each octet */
    struct text decoded;      /* text taken from it, encoded words read ... */
    uint32_t *decoded_places; /* ... and the same for that */
    struct words_line line;
    bool dynamic; /* a token with a merge field has gone out */
};

struct template_header_token {
    struct span text;
    const uint32_t *places; /* of each octet of text */
    enum template_token form;
    enum template_context context; /* of merge fields before ... */
    enum template_context after;   /* ... and from octet `after_at` of text on */
    size_t after_at;
};

/* Memory for fields of a source of that size. */
size_t template_header_memory_size(size_t source_size);
/* Writes the field, or leaves it out if it is one that is never sent. */
MUST_USE int template_header_put(struct template_build *build, const struct header_field *field);

/* For the kinds of field that are read elsewhere. */
void template_header_open(struct template_header *header);
MUST_USE int template_header_token(struct template_header *header,
                                   const struct template_header_token *token);
/* Octets that stay with the token before them. */
void template_header_bytes(struct template_header *header, struct span bytes);
MUST_USE int template_header_error(struct template_header *header, size_t place, const char *what,
                                   struct span detail);

#endif
