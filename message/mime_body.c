#include "message/mime_body.h"

#include <string.h>

/* Six bits of a base64 digit and one; 65: padding; 0: no digit. */
#define PADDING 65

static const uint8_t digit_values[256] = {
    ['='] = PADDING, ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,
    ['G'] = 7,       ['H'] = 8,  ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13,
    ['N'] = 14,      ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20,
    ['U'] = 21,      ['V'] = 22, ['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27,
    ['b'] = 28,      ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34,
    ['i'] = 35,      ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41,
    ['p'] = 42,      ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49,      ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55,
    ['3'] = 56,      ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62,
    ['+'] = 63,      ['/'] = 64,
};

static int hex_value(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte = span_lower_byte(byte);
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* Over everything that is no digit; pieces that were padded and put one behind the other too. */
static void decode_base64(struct span source, struct text *out)
{
    uint8_t *to = out->data + out->size;
    uint8_t *end = out->data + out->capacity;
    uint32_t bits = 0, count = 0;

    for (size_t i = 0; i < source.size && to < end; i++) {
        uint8_t value = digit_values[source.data[i]];

        if (value == 0)
            continue;
        if (value == PADDING) {
            bits = count = 0;
            continue;
        }
        bits = bits << 6 | (uint32_t)(value - 1);
        count += 6;
        if (count >= 8) {
            count -= 8;
            *to++ = (uint8_t)(bits >> count);
        }
    }
    out->size = (size_t)(to - out->data);
}

/* The octet that two digits say; false: they are none. */
static bool hex_octet(const uint8_t *digits, uint8_t *ret)
{
    int high = hex_value(digits[0]), low = hex_value(digits[1]);

    if (high < 0 || low < 0)
        return false;
    *ret = (uint8_t)(high << 4 | low);
    return true;
}

/* One line without its end; false: a soft line break. Stops where `end` is. */
static bool decode_line(struct span line, uint8_t **to, const uint8_t *end)
{
    while (line.size > 0 && (line.data[line.size - 1] == ' ' || line.data[line.size - 1] == '\t' ||
                             line.data[line.size - 1] == '\r'))
        line.size--;
    bool hard = line.size == 0 || line.data[line.size - 1] != '=';
    if (!hard)
        line.size--;
    for (size_t i = 0; i < line.size && *to < end; i++) {
        const uint8_t *escape = memchr(line.data + i, '=', line.size - i);
        size_t plain = escape != NULL ? (size_t)(escape - line.data) - i : line.size - i;

        plain = min_size(plain, (size_t)(end - *to));
        memcpy(*to, line.data + i, plain);
        *to += plain;
        i += plain;
        if (i == line.size || *to == end)
            break;
        uint8_t byte = line.data[i];

        if (byte == '=' && i + 2 < line.size && hex_octet(line.data + i + 1, &byte))
            i += 2;
        *(*to)++ = byte;
    }
    return hard;
}

static void decode_quoted(struct span source, struct text *out)
{
    uint8_t *to = out->data + out->size;
    const uint8_t *end = out->data + out->capacity;

    while (source.size > 0 && to < end) {
        const uint8_t *line_end = memchr(source.data, '\n', source.size);
        size_t size = line_end != NULL ? (size_t)(line_end - source.data) : source.size;
        bool hard = decode_line(span_first(source, size), &to, end);

        if (hard && line_end != NULL && to < end)
            *to++ = '\n';
        source = span_skip(source, size + 1);
    }
    out->size = (size_t)(to - out->data);
}

struct span mime_body_octets(const struct mime_part *part, struct text *out)
{
    size_t before = out->size;

    if (part->encoding == MIME_PLAIN || out->overflow)
        return part->body;
    if (part->encoding == MIME_BASE64)
        decode_base64(part->body, out);
    else
        decode_quoted(part->body, out);
    return span_skip(text_span(out), before);
}

struct span mime_body_text(const struct mime_part *part, struct charset *charset,
                           struct text *octets, struct text *out)
{
    struct span body = mime_body_octets(part, octets);
    size_t before = out->size;

    if (!span_equal_nocase(part->type, SPAN("text")) || charset_is_utf8(part->charset))
        return body;
    /* No name of a charset is often no lie: ASCII and UTF-8 stay what they are. */
    if (part->charset == CHARSET_UNKNOWN && span_is_utf8(span_first(body, 4096)))
        return body;
    if (part->charset == CHARSET_WINDOWS_1252 && span_is_ascii(body))
        return body;
    charset_convert(charset, part->charset, body, out);
    return span_skip(text_span(out), before);
}
