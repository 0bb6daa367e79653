/* The same opinion as jansson, but for what jansson evaluates (numbers out of range) and for depth.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "message/json_cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool read_whole(struct json_cursor *cursor, struct span *ret_value,
                       enum json_cursor_kind *ret_kind)
{
    json_cursor_skip_blank(cursor);
    if (!json_cursor_value(cursor, ret_value, ret_kind))
        return false;
    json_cursor_skip_blank(cursor);
    return cursor->at == cursor->size;
}

static void compare(struct span in, struct json_cursor *cursor)
{
    enum json_cursor_kind kind;
    struct span value;
    json_error_t error;
    json_t *tree = json_loadb((const char *)in.data, in.size, JSON_DECODE_ANY, &error);
    bool ok = read_whole(cursor, &value, &kind);

    if (tree != NULL)
        CHECK(ok || strstr(cursor->what, "deeper") != NULL);
    else if (ok)
        CHECK(json_error_code(&error) == json_error_numeric_overflow ||
              json_error_code(&error) == json_error_null_byte_in_key);
    if (ok && json_is_string(tree))
        CHECK(span_equal(value, span_make(json_string_value(tree), json_string_length(tree))));
    json_decref(tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_cursor cursor = {.size = size};

    if (size == 0 || memchr(data, 0, size) != NULL || !span_is_utf8(span_make(data, size)))
        return 0;
    cursor.data = malloc(size);
    CHECK(cursor.data != NULL);
    memcpy(cursor.data, data, size);
    compare(span_make(data, size), &cursor);
    free(cursor.data);
    return 0;
}
