#include "base/json_put.h"

#include <math.h>
#include <string.h>

#include "base/check.h"

/* A comma, when the last byte written ends a value. */
static void add_comma(struct text *text)
{
    uint8_t last = text->size == 0 ? 0 : text->data[text->size - 1];

    if (last == '}' || last == ']' || last == '"' || (last >= '0' && last <= '9') ||
        (last >= 'a' && last <= 'z'))
        text_add_byte(text, ',');
}

static void add_word(struct text *text, const char *word)
{
    add_comma(text);
    text_add_cstr(text, word);
}

/* Bytes that stand for themselves in a string. */
static bool is_plain(uint8_t byte)
{
    return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

#define ONES UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)

/* Not 0 when one of the eight bytes is 0. */
static uint64_t any_zero(uint64_t word)
{
    return (word - ONES) & ~word & HIGHS;
}

/* Whether eight bytes are plain, all of them. */
static bool are_plain(uint64_t word)
{
    uint64_t low = (word - ONES * 0x20) & ~word & HIGHS;

    return (low | (word & HIGHS) | any_zero(word ^ ONES * '"') | any_zero(word ^ ONES * '\\') |
            any_zero(word ^ ONES * 0x7f)) == 0;
}

static uint64_t load_word(const uint8_t *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof(word));
    return word;
}

static bool is_all_plain(struct span value)
{
    const size_t step = sizeof(uint64_t);

    if (value.size < step) {
        for (size_t i = 0; i < value.size; i++)
            if (!is_plain(value.data[i]))
                return false;
        return true;
    }
    for (size_t at = 0; at + step < value.size; at += step)
        if (!are_plain(load_word(value.data + at)))
            return false;
    return are_plain(load_word(value.data + value.size - step)); /* may look at some twice */
}

/* Most strings are plain and fit: those are written in one piece. False: nothing was written. */
static bool add_plain(struct text *text, struct span value)
{
    uint8_t *place;

    if (text_room(text) < value.size + 2 || !is_all_plain(value))
        return false;
    place = text->data + text->size;
    *place++ = '"';
    if (value.size > 0)
        memcpy(place, value.data, value.size);
    place[value.size] = '"';
    text->size += value.size + 2;
    return true;
}

/* Characters of two or three bytes that are better seen than obeyed: C1 controls, which terminals
 * act on, and those that YAML takes for line breaks or not at all. 0 for all others. */
static uint32_t odd_character(struct span character)
{
    uint32_t code = 0;

    if (character.size == 2)
        code = (character.data[0] & 0x1fu) << 6 | (character.data[1] & 0x3fu);
    if (character.size == 3)
        code = (character.data[0] & 0x0fu) << 12 | (character.data[1] & 0x3fu) << 6 |
               (character.data[2] & 0x3fu);
    if ((code >= 0x80 && code <= 0x9f) || code == 0x2028 || code == 0x2029 || code == 0xfeff ||
        code == 0xfffe || code == 0xffff)
        return code;
    return 0;
}

static void add_escape(struct text *text, uint32_t code)
{
    text_add(text, SPAN("\\u"));
    text_add_hex(text, code, 4);
}

/* Writes what stands at the front of *rest, which is not plain, and takes it off. */
static void add_special(struct text *text, struct span *rest)
{
    uint8_t byte = rest->data[0];
    size_t size = span_utf8_size(*rest);

    if (size == 0) {
        text_add(text, SPAN("\xef\xbf\xbd"));
        size = 1;
    } else if (odd_character(span_first(*rest, size)) != 0) {
        add_escape(text, odd_character(span_first(*rest, size)));
    } else if (size > 1) {
        text_add(text, span_first(*rest, size));
    } else if (byte == '"' || byte == '\\') {
        text_add_byte(text, '\\');
        text_add_byte(text, byte);
    } else {
        add_escape(text, byte);
    }
    *rest = span_skip(*rest, size);
}

static void add_quoted(struct text *text, struct span value)
{
    if (add_plain(text, value))
        return;
    text_add_byte(text, '"');
    while (value.size > 0) {
        size_t plain = 0;

        while (plain < value.size && is_plain(value.data[plain]))
            plain++;
        text_add(text, span_first(value, plain));
        value = span_skip(value, plain);
        if (value.size > 0)
            add_special(text, &value);
    }
    text_add_byte(text, '"');
}

void json_put_open(struct text *text, char bracket)
{
    CHECK(bracket == '{' || bracket == '[');
    add_comma(text);
    text_add_byte(text, (uint8_t)bracket);
}

void json_put_close(struct text *text, char bracket)
{
    CHECK(bracket == '}' || bracket == ']');
    text_add_byte(text, (uint8_t)bracket);
}

void json_put_key(struct text *text, const char *key)
{
    add_comma(text);
    add_quoted(text, span_cstr(key));
    text_add_byte(text, ':');
}

void json_put_string(struct text *text, struct span value)
{
    add_comma(text);
    add_quoted(text, value);
}

void json_put_cstr(struct text *text, const char *value)
{
    if (value == NULL)
        json_put_null(text);
    else
        json_put_string(text, span_cstr(value));
}

void json_put_u64(struct text *text, uint64_t value)
{
    add_comma(text);
    text_add_u64(text, value);
}

void json_put_i64(struct text *text, int64_t value)
{
    add_comma(text);
    if (value < 0)
        text_add_byte(text, '-');
    text_add_u64(text, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void json_put_double(struct text *text, double value, uint32_t decimals)
{
    uint64_t scale = 1;
    uint64_t scaled;
    double size = fabs(value);

    CHECK(decimals <= 9);
    if (!isfinite(value)) {
        json_put_null(text);
        return;
    }
    add_comma(text);
    if (size >= 1e9) {
        /* Too large to be scaled exactly; such numbers are for people. */
        text_add_format(text, "%.*f", (int)decimals, value);
        return;
    }
    for (uint32_t i = 0; i < decimals; i++)
        scale *= 10;
    scaled = (uint64_t)(size * (double)scale + 0.5);
    if (value < 0 && scaled != 0)
        text_add_byte(text, '-');
    text_add_u64(text, scaled / scale);
    if (decimals > 0) {
        text_add_byte(text, '.');
        text_add_padded(text, scaled % scale, decimals);
    }
}

void json_put_bool(struct text *text, bool value)
{
    add_word(text, value ? "true" : "false");
}

void json_put_null(struct text *text)
{
    add_word(text, "null");
}

void json_put_raw(struct text *text, struct span json)
{
    add_comma(text);
    text_add(text, span_trim(json));
}

void json_put_key_string(struct text *text, const char *key, struct span value)
{
    json_put_key(text, key);
    json_put_string(text, value);
}

void json_put_key_cstr(struct text *text, const char *key, const char *value)
{
    json_put_key(text, key);
    json_put_cstr(text, value);
}

void json_put_key_u64(struct text *text, const char *key, uint64_t value)
{
    json_put_key(text, key);
    json_put_u64(text, value);
}

void json_put_key_double(struct text *text, const char *key, double value, uint32_t decimals)
{
    json_put_key(text, key);
    json_put_double(text, value, decimals);
}

void json_put_key_bool(struct text *text, const char *key, bool value)
{
    json_put_key(text, key);
    json_put_bool(text, value);
}
