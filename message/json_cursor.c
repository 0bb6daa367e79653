#include "message/json_cursor.h"

#include <string.h>

#include "message/utf8.h"

static bool fail(struct json_cursor *cursor, const char *what)
{
    cursor->what = what;
    return false;
}

uint8_t json_cursor_peek(const struct json_cursor *cursor)
{
    return cursor->at < cursor->size ? cursor->data[cursor->at] : 0;
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

void json_cursor_skip_blank(struct json_cursor *cursor)
{
    while (is_blank(json_cursor_peek(cursor)))
        cursor->at++;
}

bool json_cursor_take(struct json_cursor *cursor, uint8_t byte)
{
    if (json_cursor_peek(cursor) != byte)
        return false;
    cursor->at++;
    return true;
}

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static int hex_value(uint8_t byte)
{
    uint8_t lower = span_lower_byte(byte);

    if (is_digit(byte))
        return byte - '0';
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The four digits behind \u. */
static bool take_hex4(struct json_cursor *cursor, uint32_t *ret_unit)
{
    uint32_t unit = 0;

    for (int i = 0; i < 4; i++) {
        int digit = hex_value(json_cursor_peek(cursor));

        if (digit < 0)
            return fail(cursor, "an escape without its four hexadecimal digits");
        unit = unit << 4 | (uint32_t)digit;
        cursor->at++;
    }
    *ret_unit = unit;
    return true;
}

/* RFC 8259 7: characters beyond the basic plane are two escapes. */
static bool take_unicode(struct json_cursor *cursor, uint32_t *ret_rune)
{
    uint32_t high;
    uint32_t low;

    if (!take_hex4(cursor, &high))
        return false;
    if (high == 0)
        return fail(cursor, "an escaped NUL is not allowed");
    if (high < 0xd800 || high > 0xdfff) {
        *ret_rune = high;
        return true;
    }
    if (high > 0xdbff || !json_cursor_take(cursor, '\\') || !json_cursor_take(cursor, 'u'))
        return fail(cursor, "a lone surrogate");
    if (!take_hex4(cursor, &low))
        return false;
    if (low < 0xdc00 || low > 0xdfff)
        return fail(cursor, "a lone surrogate");
    *ret_rune = 0x10000 + ((high & 0x3ff) << 10) + (low & 0x3ff);
    return true;
}

/* What stands behind a backslash. */
static bool take_escape(struct json_cursor *cursor, uint32_t *ret_rune)
{
    static const uint8_t meanings[256] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                          ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};
    uint8_t byte = json_cursor_peek(cursor);

    cursor->at++;
    if (byte == 'u')
        return take_unicode(cursor, ret_rune);
    if (meanings[byte] == 0)
        return fail(cursor, "an unknown escape in a string");
    *ret_rune = meanings[byte];
    return true;
}

/* Steps over what stands for itself in a string. */
static struct span take_plain(struct json_cursor *cursor)
{
    size_t from = cursor->at;
    size_t at = from;

    while (at < cursor->size && cursor->data[at] >= 0x20 && cursor->data[at] != '"' &&
           cursor->data[at] != '\\')
        at++;
    cursor->at = at;
    return span_make(cursor->data + from, at - from);
}

/* A string behind its first quote. `into` is where the unescaped bytes go, at or before the cursor;
 * NULL: the string is only checked. */
static bool take_string_rest(struct json_cursor *cursor, uint8_t *into, size_t *ret_size)
{
    size_t size = 0;

    for (;;) {
        struct span plain = take_plain(cursor);
        uint8_t bytes[4];
        uint32_t count;
        uint32_t rune;

        if (into != NULL && into + size != plain.data)
            memmove(into + size, plain.data, plain.size);
        size += plain.size;
        if (json_cursor_take(cursor, '"'))
            break;
        if (!json_cursor_take(cursor, '\\'))
            return fail(cursor, cursor->at < cursor->size ? "a control character in a string"
                                                          : "a string is not closed");
        if (!take_escape(cursor, &rune))
            return false;
        count = utf8_put(rune, bytes);
        if (into != NULL)
            memcpy(into + size, bytes, count);
        size += count;
    }
    *ret_size = size;
    return true;
}

bool json_cursor_string(struct json_cursor *cursor, struct span *ret_string)
{
    uint8_t *into = cursor->data + cursor->at + 1;
    size_t size;

    if (!json_cursor_take(cursor, '"'))
        return fail(cursor, "a string in quotes is expected");
    if (!take_string_rest(cursor, into, &size))
        return false;
    *ret_string = span_make(into, size);
    return true;
}

static bool take_digits(struct json_cursor *cursor)
{
    size_t from = cursor->at;

    while (is_digit(json_cursor_peek(cursor)))
        cursor->at++;
    return cursor->at > from;
}

/* RFC 8259 6 */
static bool take_number(struct json_cursor *cursor)
{
    (void)json_cursor_take(cursor, '-'); /* optional */
    if (!json_cursor_take(cursor, '0') && !take_digits(cursor))
        return fail(cursor, "a value is expected");
    if (json_cursor_take(cursor, '.') && !take_digits(cursor))
        return fail(cursor, "a number without digits behind its point");
    if (json_cursor_take(cursor, 'e') || json_cursor_take(cursor, 'E')) {
        if (!json_cursor_take(cursor, '+'))
            (void)json_cursor_take(cursor, '-'); /* optional */
        if (!take_digits(cursor))
            return fail(cursor, "a number without digits in its exponent");
    }
    return true;
}

static bool take_word(struct json_cursor *cursor, const char *word)
{
    struct span rest = span_make(cursor->data + cursor->at, cursor->size - cursor->at);

    if (!span_starts(rest, span_cstr(word)))
        return fail(cursor, "a value is expected");
    cursor->at += span_cstr(word).size;
    return true;
}

/* Any value but a string, object or array. */
static bool take_scalar(struct json_cursor *cursor, enum json_cursor_kind *ret_kind)
{
    switch (json_cursor_peek(cursor)) {
    case 't':
        *ret_kind = JSON_CURSOR_BOOL;
        return take_word(cursor, "true");
    case 'f':
        *ret_kind = JSON_CURSOR_BOOL;
        return take_word(cursor, "false");
    case 'n':
        *ret_kind = JSON_CURSOR_NULL;
        return take_word(cursor, "null");
    default:
        *ret_kind = JSON_CURSOR_NUMBER;
        return take_number(cursor);
    }
}

static bool check_leaf(struct json_cursor *cursor)
{
    enum json_cursor_kind kind;
    size_t size;

    if (json_cursor_take(cursor, '"'))
        return take_string_rest(cursor, NULL, &size);
    return take_scalar(cursor, &kind);
}

static bool check_key(struct json_cursor *cursor)
{
    size_t size;

    json_cursor_skip_blank(cursor);
    if (!json_cursor_take(cursor, '"'))
        return fail(cursor, "a key in quotes is expected");
    if (!take_string_rest(cursor, NULL, &size))
        return false;
    json_cursor_skip_blank(cursor);
    return json_cursor_take(cursor, ':') ? true : fail(cursor, "a colon is expected behind a key");
}

/* The open brackets around the cursor: bit set for an object. */
struct nesting {
    uint32_t objects;
    uint32_t depth;
};
static_assert(JSON_CURSOR_DEPTH_MAX <= 32, "a bit for each level");

static bool in_object(const struct nesting *nesting)
{
    return (nesting->objects & 1) != 0;
}

/* Behind an opening bracket: an empty object or array, or its first key. *ret_closed: it is empty.
 */
static bool open_bracket(struct json_cursor *cursor, struct nesting *nesting, bool *ret_closed)
{
    bool object = cursor->data[cursor->at] == '{';

    if (nesting->depth == JSON_CURSOR_DEPTH_MAX)
        return fail(cursor, "nested deeper than 32 levels");
    cursor->at++;
    nesting->depth++;
    nesting->objects = nesting->objects << 1 | (object ? 1u : 0u);
    json_cursor_skip_blank(cursor);
    *ret_closed = json_cursor_peek(cursor) == (object ? '}' : ']');
    return *ret_closed || !object || check_key(cursor);
}

/* Behind a value: closes brackets until a comma, behind which another value begins. */
static bool close_brackets(struct json_cursor *cursor, struct nesting *nesting)
{
    while (nesting->depth > 0) {
        json_cursor_skip_blank(cursor);
        if (json_cursor_take(cursor, ','))
            return !in_object(nesting) || check_key(cursor);
        if (!json_cursor_take(cursor, in_object(nesting) ? '}' : ']'))
            return fail(cursor, "a comma or a closing bracket is expected");
        nesting->objects >>= 1;
        nesting->depth--;
    }
    return true;
}

/* An object or array, only checked. No recursion: the levels are bits. */
static bool check_nested(struct json_cursor *cursor)
{
    struct nesting nesting = {.depth = 0};

    do {
        bool closed = true;

        json_cursor_skip_blank(cursor);
        if (json_cursor_peek(cursor) == '{' || json_cursor_peek(cursor) == '[') {
            if (!open_bracket(cursor, &nesting, &closed))
                return false;
        } else if (!check_leaf(cursor)) {
            return false;
        }
        if (closed && !close_brackets(cursor, &nesting))
            return false;
    } while (nesting.depth > 0);
    return true;
}

bool json_cursor_value(struct json_cursor *cursor, struct span *ret_value,
                       enum json_cursor_kind *ret_kind)
{
    size_t from = cursor->at;

    switch (json_cursor_peek(cursor)) {
    case '"':
        *ret_kind = JSON_CURSOR_STRING;
        return json_cursor_string(cursor, ret_value);
    case '{':
    case '[':
        *ret_kind = JSON_CURSOR_NESTED;
        if (!check_nested(cursor))
            return false;
        break;
    default:
        if (!take_scalar(cursor, ret_kind))
            return false;
        break;
    }
    *ret_value = span_make(cursor->data + from, cursor->at - from);
    return true;
}
