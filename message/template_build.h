/* template_build.h - what template_compile builds: pieces, fields, and the first error.
 *
 * Private to the template_ files. Literal octets are appended to `out`; a piece is closed when
 * something else than a literal follows. All memory is lent by template_compile's caller. */
#ifndef MESSAGE_TEMPLATE_BUILD_H
#define MESSAGE_TEMPLATE_BUILD_H

#include "message/template.h"

struct template_build {
    struct template *template;
    struct span source;
    struct text out; /* what literals are made of */
    struct template_piece *pieces;
    uint32_t pieces_max;
    struct template_field *fields;
    struct template_piece waste;    /* where pieces beyond the limit go */
    struct span_mut scratch;        /* decoded bodies */
    struct span_mut header_scratch; /* header fields being read */
    size_t literal_start;           /* in `out`: what is not yet in a piece */
    bool after_field;               /* the literal that begins now follows a field of a body */
    bool dot;                       /* ... begins a line with a dot */
    /* Counting lines: those before `line_at` are counted. */
    size_t line_at;
    size_t line_start;
    uint32_t line;
    struct template_error *error;
};

/* Notes the first error, at an octet of the source (SIZE_MAX: nowhere); returns -EINVAL. */
MUST_USE int template_build_error(struct template_build *build, size_t source_at, const char *what,
                                  struct span detail);
/* Where a part of the source begins. */
size_t template_build_at(const struct template_build *build, struct span part);
/* Line and column, from 1, of an octet of the source. */
void template_build_place(struct template_build *build, size_t source_at, uint32_t *ret_line,
                          uint32_t *ret_column);
/* Closes the open literal, if there is one. Pieces beyond the limit are dropped; template_compile
 * sees that at the end. */
void template_build_close(struct template_build *build);
/* The literal that follows begins a line with a dot. */
void template_build_dot(struct template_build *build);
/* A piece without data. */
struct template_piece *template_build_piece(struct template_build *build,
                                            enum template_piece_kind kind);
/* The index of the field, noted if it is new; -EINVAL when there are too many. */
MUST_USE int template_build_field(struct template_build *build, struct span name, size_t source_at,
                                  enum template_context context, uint32_t size_max);
/* Sets the outcome: 0, or -EINVAL when something did not fit. */
MUST_USE int template_build_end(struct template_build *build);

#endif
