/* span.h - a borrowed run of bytes: compare, find, split, read a number.
 *
 * Knows nothing of encodings. Owns nothing: the lender outlives the loan. Bytes may hold NUL.
 * Case-insensitive means ASCII only (RFC 5321 keywords, domain names). */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include "base/base.h"

struct span {
    const uint8_t *data; /* may be NULL when size is 0 */
    size_t size;
};

struct span_mut {
    uint8_t *data;
    size_t size;
};

#define SPAN_NOT_FOUND SIZE_MAX
#define SPAN(literal) ((struct span){(const uint8_t *)(literal), sizeof(literal) - 1})
/* For static initialisers. */
#define SPAN_INIT(literal)                                                                         \
    {                                                                                              \
        (const uint8_t *)(literal), sizeof(literal) - 1                                            \
    }

static inline struct span span_make(const void *data, size_t size)
{
    return (struct span){data, size};
}

struct span span_cstr(const char *string);
struct span span_from_mut(struct span_mut span);

/* The part [from, from + size), cut to what there is. */
static inline struct span span_first(struct span span, size_t count)
{
    return (struct span){span.data, min_size(count, span.size)};
}

static inline struct span span_skip(struct span span, size_t count)
{
    count = min_size(count, span.size);
    return (struct span){count == 0 ? span.data : span.data + count, span.size - count};
}

static inline struct span span_slice(struct span span, size_t from, size_t size)
{
    return span_first(span_skip(span, from), size);
}

/* Without leading and trailing space, tab, CR, LF. */
struct span span_trim_blanks(struct span span);

static inline struct span span_trim(struct span span)
{
    bool trimmed = span.size > 0 && span.data[0] > ' ' && span.data[span.size - 1] > ' ';

    return trimmed ? span : span_trim_blanks(span);
}

MUST_USE bool span_equal(struct span a, struct span b);
MUST_USE bool span_starts(struct span span, struct span prefix);
/* Of so many bytes both. */
MUST_USE bool span_same_letters(const uint8_t *a, const uint8_t *b, size_t size);

/* Most comparisons fail at the size or at the first letter: those cost no call. */
static inline bool span_equal_nocase(struct span a, struct span b)
{
    return a.size == b.size && (a.size == 0 || (((*a.data ^ *b.data) & 0xdf) == 0 &&
                                                span_same_letters(a.data, b.data, a.size)));
}

static inline bool span_starts_nocase(struct span span, struct span prefix)
{
    return span.size >= prefix.size && span_equal_nocase(span_first(span, prefix.size), prefix);
}

static inline bool span_ends_nocase(struct span span, struct span suffix)
{
    return span.size >= suffix.size &&
           span_equal_nocase(span_skip(span, span.size - suffix.size), suffix);
}

/* Below, equal or above zero, bytewise. */
MUST_USE int span_compare(struct span a, struct span b);

/* Index of the first match, or SPAN_NOT_FOUND. */
MUST_USE size_t span_find_byte(struct span span, uint8_t byte);
MUST_USE size_t span_find(struct span span, struct span what);

/* Takes the part before the first `separator` off the front of *rest (and the separator with it);
 * without a separator the whole rest. */
struct span span_split(struct span *rest, uint8_t separator);
/* Takes the next run of non-blank (space, tab) bytes off the front of *rest; empty at the end. */
struct span span_word(struct span *rest);

/* Decimal digits only, the whole span, at most `max`. */
MUST_USE bool span_number(struct span span, uint64_t max, uint64_t *ret_number);

/* Any of 0x00 to 0x1f, or 0x7f: such text could end a line or a header. */
MUST_USE bool span_has_control(struct span span);
MUST_USE bool span_is_ascii(struct span span);
/* How many bytes the first character takes (RFC 3629), or 0 when it is not UTF-8 or nothing is
 * there. */
MUST_USE size_t span_utf8_size(struct span span);
/* RFC 3629: no surrogates, no overlong forms, nothing above U+10FFFF. */
MUST_USE bool span_is_utf8(struct span span);

static inline uint8_t span_lower_byte(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + ('a' - 'A')) : byte;
}

#endif
