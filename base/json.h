/* json.h - writes JSON (RFC 8259) into a text, one value after another.
 *
 * Knows nothing of what the values mean. Commas are placed by the caller's order of calls:
 * json_open/json_key/json_close keep track through the last byte written, so that no state is kept.
 * Bytes that are not UTF-8 are written as U+FFFD, control characters as \u00XX. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/text.h"

void json_open(struct text *text, char bracket);  /* '{' or '[' */
void json_close(struct text *text, char bracket); /* '}' or ']' */
void json_key(struct text *text, const char *key);
void json_string(struct text *text, struct span value);
void json_cstr(struct text *text, const char *value); /* NULL is null */
void json_u64(struct text *text, uint64_t value);
void json_i64(struct text *text, int64_t value);
void json_double(struct text *text, double value, uint32_t decimals);
void json_bool(struct text *text, bool value);
void json_null(struct text *text);
/* A value that is JSON already. */
void json_raw(struct text *text, struct span json);
/* key and value in one call */
void json_key_string(struct text *text, const char *key, struct span value);
void json_key_cstr(struct text *text, const char *key, const char *value);
void json_key_u64(struct text *text, const char *key, uint64_t value);
void json_key_double(struct text *text, const char *key, double value, uint32_t decimals);
void json_key_bool(struct text *text, const char *key, bool value);

#endif
