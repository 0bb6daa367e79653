/* canon_reference.h - the canonical forms of RFC 6376 3.4, as slowly and literally as its text: one
 * whole copy after each rule. What the tests of sign/canon.h compare with. */
#ifndef TESTS_CANON_REFERENCE_H
#define TESTS_CANON_REFERENCE_H

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/text.h"

/* Room enough for `source` in any of these forms; the caller frees text->data. */
static inline void canon_reference_open(struct text *text, struct span source)
{
    size_t capacity = source.size * 2 + 16;

    text_init(text, malloc(capacity), capacity);
    CHECK(text->data != NULL);
}

/* 5.3: local line ends become CRLF. */
static inline void canon_reference_convert(struct span source, struct text *out)
{
    for (size_t i = 0; i < source.size; i++) {
        uint8_t byte = source.data[i];

        if (byte == '\n' && i > 0 && source.data[i - 1] == '\r')
            continue;
        if (byte == '\r' || byte == '\n')
            text_add(out, SPAN("\r\n"));
        else
            text_add_byte(out, byte);
    }
}

static inline bool canon_reference_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

/* 3.4.2 and 3.4.4: "reduce all sequences of WSP within a line to a single SP". */
static inline void canon_reference_reduce(struct span source, struct text *out)
{
    for (size_t i = 0; i < source.size; i++) {
        if (!canon_reference_blank(source.data[i]))
            text_add_byte(out, source.data[i]);
        else if (i == 0 || !canon_reference_blank(source.data[i - 1]))
            text_add_byte(out, ' ');
    }
}

/* 3.4.4 a, first rule: "ignore all whitespace at the end of lines". */
static inline void canon_reference_trim_lines(struct span source, struct text *out)
{
    for (size_t i = 0; i < source.size; i++) {
        size_t end = i;

        while (end < source.size && canon_reference_blank(source.data[end]))
            end++;
        if (end == source.size || span_starts(span_skip(source, end), SPAN("\r\n")))
            i = end; /* the CR, or the end */
        if (i < source.size)
            text_add_byte(out, source.data[i]);
    }
}

/* 3.4.3 and 3.4.4 b: "ignore all empty lines at the end of the message body"; then what is left,
 * if it is anything, ends with a CRLF. */
static inline void canon_reference_end(struct span source, struct text *out)
{
    while (source.size >= 2 && memcmp(source.data + source.size - 2, "\r\n", 2) == 0)
        source.size -= 2;
    text_add(out, source);
    if (source.size > 0)
        text_add(out, SPAN("\r\n"));
}

/* The canonical body, in memory that the caller frees. */
static inline struct text canon_reference_body(struct span source, bool simple)
{
    struct text converted, trimmed, reduced, done;

    canon_reference_open(&converted, source);
    canon_reference_convert(source, &converted);
    canon_reference_open(&trimmed, text_span(&converted));
    canon_reference_trim_lines(text_span(&converted), &trimmed);
    canon_reference_open(&reduced, text_span(&converted));
    canon_reference_reduce(text_span(&trimmed), &reduced);
    canon_reference_open(&done, text_span(&converted));
    canon_reference_end(simple ? text_span(&converted) : text_span(&reduced), &done);
    if (simple && done.size == 0) /* "a completely empty or missing body is ... a single CRLF" */
        text_add(&done, SPAN("\r\n"));
    CHECK(!converted.overflow && !trimmed.overflow && !reduced.overflow && !done.overflow);
    free(converted.data);
    free(trimmed.data);
    free(reduced.data);
    return done;
}

/* 3.4.2: the steps in the RFC's order, on a field in CRLF form without its last CRLF. */
static inline void canon_reference_relax_field(struct span field, struct text *out)
{
    struct text unfolded, reduced;
    size_t colon = 0;

    canon_reference_open(&unfolded, field);
    canon_reference_open(&reduced, field);
    for (size_t i = 0; i < field.size; i++) /* "remove all CRLFs" */
        if (field.data[i] != '\r' && field.data[i] != '\n')
            text_add_byte(&unfolded, field.data[i]);
    canon_reference_reduce(text_span(&unfolded), &reduced);
    while (reduced.size > 0 && reduced.data[reduced.size - 1] == ' ')
        reduced.size--; /* "delete all WSP characters at the end of each unfolded value" */
    while (colon < reduced.size && reduced.data[colon] != ':')
        colon++;
    CHECK(colon < reduced.size);
    struct span name = span_trim(span_first(text_span(&reduced), colon));
    text_add_lower(out, name);
    text_add_byte(out, ':');
    text_add(out, span_trim(span_skip(text_span(&reduced), colon + 1)));
    free(unfolded.data);
    free(reduced.data);
}

/* The canonical field without the CRLF behind it, in memory that the caller frees. */
static inline struct text canon_reference_field(struct span source, bool simple)
{
    struct text converted, done;

    canon_reference_open(&converted, source);
    canon_reference_convert(source, &converted);
    struct span field = text_span(&converted);
    if (field.size >= 2 && memcmp(field.data + field.size - 2, "\r\n", 2) == 0)
        field.size -= 2;
    canon_reference_open(&done, field);
    if (simple)
        text_add(&done, field);
    else
        canon_reference_relax_field(field, &done);
    CHECK(!converted.overflow && !done.overflow);
    free(converted.data);
    return done;
}

#endif
