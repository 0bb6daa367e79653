/* json_cursor.h - walks over one JSON text (RFC 8259), value by value.
 *
 * For hostile or huge input where a tree is too much: nothing is allocated, nothing recurses, and
 * the caller bounds the text. Knows nothing of what the values mean. The bytes must be valid UTF-8
 * without NUL (span_is_utf8, memchr): the caller has looked. Strings are unescaped in place, so the
 * text is the cursor's to change; what was given out stays valid with the text. */
#ifndef MESSAGE_JSON_CURSOR_H
#define MESSAGE_JSON_CURSOR_H

#include "base/span.h"

#define JSON_CURSOR_DEPTH_MAX 32

enum json_cursor_kind {
    JSON_CURSOR_STRING, /* unescaped */
    JSON_CURSOR_NUMBER, /* as written, never evaluated: 1e999 is as good as any */
    JSON_CURSOR_BOOL,   /* true or false */
    JSON_CURSOR_NULL,   /* null */
    JSON_CURSOR_NESTED, /* an object or array as written, checked whole; duplicate keys are not seen
                         */
};

struct json_cursor {
    uint8_t *data;
    size_t size;
    size_t at;
    const char *what; /* of the failure, in words for people; static text */
};

/* The byte at which the cursor stands; NUL at the end. */
uint8_t json_cursor_peek(const struct json_cursor *cursor);
/* Space, tab, CR and LF. */
void json_cursor_skip_blank(struct json_cursor *cursor);
/* Steps over `byte` when the cursor stands on it. */
bool json_cursor_take(struct json_cursor *cursor, uint8_t byte);
/* A string with its quotes. False: `what` says why. No surrogate alone, no \u0000. */
MUST_USE bool json_cursor_string(struct json_cursor *cursor, struct span *ret_string);
/* Any value; blanks before it are the caller's to skip. False: `what` says why. */
MUST_USE bool json_cursor_value(struct json_cursor *cursor, struct span *ret_value,
                                enum json_cursor_kind *ret_kind);

#endif
