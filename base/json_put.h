/* json_put.h - writes JSON (RFC 8259) into a text, one value after another.
 *
 * Knows nothing of what the values mean. Commas follow from the caller's order of calls: the last
 * byte written tells whether one is due, so that no state is kept. Reading JSON is jansson's, which
 * has the plain json_ names. Bytes that are not UTF-8 are written as U+FFFD, control characters (C1
 * too) and the separators that YAML takes for line breaks as \uXXXX. */
#ifndef BASE_JSON_PUT_H
#define BASE_JSON_PUT_H

#include "base/text.h"

void json_put_open(struct text *text, char bracket);  /* '{' or '[' */
void json_put_close(struct text *text, char bracket); /* '}' or ']' */
void json_put_key(struct text *text, const char *key);
void json_put_string(struct text *text, struct span value);
void json_put_cstr(struct text *text, const char *value); /* NULL is null */
void json_put_u64(struct text *text, uint64_t value);
void json_put_i64(struct text *text, int64_t value);
void json_put_double(struct text *text, double value, uint32_t decimals);
void json_put_bool(struct text *text, bool value);
void json_put_null(struct text *text);
/* A value that is JSON already. */
void json_put_raw(struct text *text, struct span json);
/* key and value in one call */
void json_put_key_string(struct text *text, const char *key, struct span value);
void json_put_key_cstr(struct text *text, const char *key, const char *value);
void json_put_key_u64(struct text *text, const char *key, uint64_t value);
void json_put_key_double(struct text *text, const char *key, double value, uint32_t decimals);
void json_put_key_bool(struct text *text, const char *key, bool value);

#endif
