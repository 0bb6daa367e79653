/* text.h - a bounded writer into a lent buffer.
 *
 * Knows nothing of what it writes. A write that does not fit writes nothing and sets `overflow`;
 * later writes then write nothing either, until text_reset: check it once at the end. Never adds a
 * NUL (but text_cstr_end). Borrows the buffer; owns nothing. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdarg.h>

#include "base/base.h"
#include "base/span.h"

struct text {
    uint8_t *data;
    size_t size;
    size_t capacity;
    bool overflow;
};

void text_init(struct text *text, void *buffer, size_t capacity);
void text_reset(struct text *text);
struct span text_span(const struct text *text);
size_t text_room(const struct text *text);

void text_add(struct text *text, struct span span);
void text_add_cstr(struct text *text, const char *string);
void text_add_byte(struct text *text, uint8_t byte);
void text_add_fill(struct text *text, uint8_t byte, size_t count);
void text_add_u64(struct text *text, uint64_t number);
/* Decimal, at least `digits` long, zeroes in front. */
void text_add_padded(struct text *text, uint64_t number, uint32_t digits);
/* At least `digits` long, lower case. */
void text_add_hex(struct text *text, uint64_t number, uint32_t digits);
/* Lower-case copy (ASCII). */
void text_add_lower(struct text *text, struct span span);
/* For messages to people and start-up, not for the hot path. */
void text_add_format(struct text *text, const char *format, ...) PRINTF_LIKE(2, 3);
void text_add_format_list(struct text *text, const char *format, va_list arguments)
    PRINTF_LIKE(2, 0);
/* Bytes outside 0x20..0x7e, and backslash, become \xNN; at most `size_max` source bytes are taken.
 */
void text_add_printable(struct text *text, struct span span, size_t size_max);
/* Adds a NUL that does not count as size and returns the buffer; on overflow the last byte gives
 * way. */
const char *text_cstr_end(struct text *text);

#endif
