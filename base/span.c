#include "base/span.h"

#include <string.h>

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

static bool is_space(uint8_t byte)
{
    return is_blank(byte) || byte == '\r' || byte == '\n';
}

/* memcmp that takes NULL for nothing. */
static bool same_bytes(const uint8_t *a, const uint8_t *b, size_t size)
{
    return size == 0 || memcmp(a, b, size) == 0;
}

bool span_same_letters(const uint8_t *a, const uint8_t *b, size_t size)
{
    size_t i = 0;

    while (size - i >= 8 && memcmp(a + i, b + i, 8) == 0) /* mostly in the same case */
        i += 8;
    for (; i < size; i++) {
        if (a[i] != b[i] && span_lower_byte(a[i]) != span_lower_byte(b[i]))
            return false;
    }
    return true;
}

struct span span_cstr(const char *string)
{
    return (struct span){(const uint8_t *)string, strlen(string)};
}

struct span span_from_mut(struct span_mut span)
{
    return (struct span){span.data, span.size};
}

struct span span_trim_blanks(struct span span)
{
    while (span.size > 0 && is_space(span.data[0]))
        span = span_skip(span, 1);
    while (span.size > 0 && is_space(span.data[span.size - 1]))
        span.size--;
    return span;
}

bool span_equal(struct span a, struct span b)
{
    return a.size == b.size && same_bytes(a.data, b.data, a.size);
}

bool span_starts(struct span span, struct span prefix)
{
    return span.size >= prefix.size && same_bytes(span.data, prefix.data, prefix.size);
}

int span_compare(struct span a, struct span b)
{
    size_t common = min_size(a.size, b.size);
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);

    if (order != 0)
        return order;
    return (a.size > b.size) - (a.size < b.size);
}

size_t span_find_byte(struct span span, uint8_t byte)
{
    const uint8_t *found = span.size == 0 ? NULL : memchr(span.data, byte, span.size);

    return found == NULL ? SPAN_NOT_FOUND : (size_t)(found - span.data);
}

size_t span_find(struct span span, struct span what)
{
    const uint8_t *found;

    if (what.size == 0)
        return 0;
    if (what.size > span.size)
        return SPAN_NOT_FOUND;
    found = memmem(span.data, span.size, what.data, what.size);
    return found == NULL ? SPAN_NOT_FOUND : (size_t)(found - span.data);
}

struct span span_split(struct span *rest, uint8_t separator)
{
    size_t at = span_find_byte(*rest, separator);
    struct span part = span_first(*rest, at);

    *rest = at == SPAN_NOT_FOUND ? span_skip(*rest, rest->size) : span_skip(*rest, at + 1);
    return part;
}

struct span span_word(struct span *rest)
{
    struct span word;
    size_t size = 0;

    while (rest->size > 0 && is_blank(rest->data[0]))
        *rest = span_skip(*rest, 1);
    while (size < rest->size && !is_blank(rest->data[size]))
        size++;
    word = span_first(*rest, size);
    *rest = span_skip(*rest, size);
    return word;
}

bool span_number(struct span span, uint64_t max, uint64_t *ret_number)
{
    uint64_t number = 0;

    if (span.size == 0)
        return false;
    for (size_t i = 0; i < span.size; i++) {
        uint64_t digit = (uint64_t)span.data[i] - '0';

        if (span.data[i] < '0' || digit > 9)
            return false;
        if (digit > max || number > (max - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    *ret_number = number;
    return true;
}

bool span_has_control(struct span span)
{
    for (size_t i = 0; i < span.size; i++) {
        if (span.data[i] < 0x20 || span.data[i] == 0x7f)
            return true;
    }
    return false;
}

bool span_is_ascii(struct span span)
{
    size_t i = 0;

    for (; span.size - i >= 8; i += 8) {
        uint64_t word;

        memcpy(&word, span.data + i, sizeof(word));
        if ((word & UINT64_C(0x8080808080808080)) != 0)
            return false;
    }
    for (; i < span.size; i++) {
        if (span.data[i] > 0x7f)
            return false;
    }
    return true;
}

/* RFC 3629 section 4: the second byte's range depends on the first. */
static bool is_second_byte(uint8_t first, uint8_t second)
{
    switch (first) {
    case 0xe0:
        return second >= 0xa0 && second <= 0xbf;
    case 0xed:
        return second >= 0x80 && second <= 0x9f;
    case 0xf0:
        return second >= 0x90 && second <= 0xbf;
    case 0xf4:
        return second >= 0x80 && second <= 0x8f;
    default:
        return second >= 0x80 && second <= 0xbf;
    }
}

size_t span_utf8_size(struct span span)
{
    uint8_t first;
    size_t size;

    if (span.size == 0)
        return 0;
    first = span.data[0];
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (span.size < size || !is_second_byte(first, span.data[1]))
        return 0;
    for (size_t i = 2; i < size; i++) {
        if ((span.data[i] & 0xc0) != 0x80)
            return 0;
    }
    return size;
}

bool span_is_utf8(struct span span)
{
    while (span.size > 0) {
        size_t size = span_utf8_size(span);

        if (size == 0)
            return false;
        span = span_skip(span, size);
    }
    return true;
}
