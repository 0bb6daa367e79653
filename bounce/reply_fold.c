#include "bounce/reply_fold.h"

/* U+00C0 to U+00FF as ASCII; 0x7f: no letter. One byte each, so that folding never lengthens. */
static const char latin1[64] = "aaaaaaaceeeeiiii\x7fnooooo\x7fouuuuy\x7fs"
                               "aaaaaaaceeeeiiii\x7fnooooo\x7fouuuuy\x7fy";
/* U+0100 to U+017F. */
static const char latin_a[128] =
    "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkkllllllllllnnn"
    "nnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";

bool reply_fold_is_word(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
}

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_local(uint8_t byte)
{
    return reply_fold_is_word(byte) || (byte >= 'A' && byte <= 'Z') || byte == '.' || byte == '_' ||
           byte == '+' || byte == '-' || byte == '=' || byte == '%' || byte == '!' || byte == '#' ||
           byte == 0x7f;
}

/* One character that is not ASCII, at text[*at]: 0 when it is left out. */
static uint8_t fold_wide(struct span text, size_t *at)
{
    struct span rest = span_skip(text, *at);
    size_t size = span_utf8_size(rest);
    uint32_t rune;

    *at += size == 0 ? 1 : size;
    if (size == 0)
        return 0x7f;
    if (size == 2) {
        rune = (rest.data[0] & 0x1fU) << 6 | (rest.data[1] & 0x3fU);
        if (rune == 0xa0)
            return ' ';
        if (rune >= 0xc0 && rune <= 0xff)
            return (uint8_t)latin1[rune - 0xc0];
        if (rune >= 0x100 && rune <= 0x17f)
            return (uint8_t)latin_a[rune - 0x100];
        return 0x7f;
    }
    /* U+2018 to U+201F: quotation marks of print. */
    if (size == 3 && rest.data[0] == 0xe2 && rest.data[1] == 0x80 && rest.data[2] >= 0x98 &&
        rest.data[2] <= 0x9f)
        return 0;
    return 0x7f;
}

/* Bytes of "550-" or "550-5.1.1 " at the front of a word, where an earlier line ended; or 0. */
static size_t continuation_size(struct span rest)
{
    size_t size = 4, parts = 0, from;

    if (rest.size < 5 || rest.data[3] != '-' || rest.data[0] < '2' || rest.data[0] > '5' ||
        !is_digit(rest.data[1]) || !is_digit(rest.data[2]))
        return 0;
    for (from = size; from < rest.size; from++) {
        if (is_digit(rest.data[from]))
            continue;
        if (rest.data[from] != '.')
            break;
        parts++;
    }
    return parts == 2 && from < rest.size && rest.data[from] == ' ' ? from : size;
}

/* After an '@' was met: takes back the local part that was written, returns where the domain ends.
 */
static size_t fold_address(struct span text, size_t at, const uint8_t *into, size_t *size)
{
    while (*size > 0 && is_local(into[*size - 1]))
        --*size;
    while (at < text.size && is_local(text.data[at]))
        at++;
    while (at > 0 && text.data[at - 1] == '.') /* "user@example.com... No such user" */
        at--;
    return at;
}

size_t reply_fold(struct span text, uint8_t *into, size_t capacity)
{
    size_t size = 0, at = 0;

    while (at < text.size && size < capacity) {
        uint8_t byte = text.data[at];
        bool starts = size == 0 || into[size - 1] == ' ';

        if (byte >= 0x80)
            byte = fold_wide(text, &at);
        else
            at++;
        if (byte == '\'' || byte == '"' || byte == '`' || byte == 0)
            continue;
        if (byte < ' ')
            byte = ' ';
        if (byte == ' ' && starts)
            continue;
        if (byte == '@') {
            at = fold_address(text, at, into, &size);
        } else if (starts && is_digit(byte)) {
            size_t skipped = continuation_size(span_skip(text, at - 1));

            if (skipped > 0) {
                at += skipped - 1;
                continue;
            }
        }
        into[size++] = span_lower_byte(byte);
    }
    return size;
}

/* Up to three digits from *at on. */
static bool take_number(struct span text, size_t *at, uint16_t *ret)
{
    size_t first = *at;
    uint16_t number = 0;

    while (*at < text.size && *at - first < 3 && is_digit(text.data[*at]))
        number = (uint16_t)(number * 10 + text.data[(*at)++] - '0');
    *ret = number;
    return *at > first;
}

static bool take_status(struct span text, size_t at, uint16_t ret_enhanced[3])
{
    for (size_t part = 0; part < 3; part++) {
        if (part > 0 && (at >= text.size || text.data[at++] != '.'))
            return false;
        if (!take_number(text, &at, &ret_enhanced[part]))
            return false;
    }
    if (at < text.size && text.data[at] == '.' && at + 1 < text.size && is_digit(text.data[at + 1]))
        return false; /* an IP address or a version */
    return at >= text.size ||
           (!is_digit(text.data[at]) && !reply_fold_is_word(span_lower_byte(text.data[at])));
}

bool reply_fold_find_status(struct span text, uint16_t class, uint16_t ret_enhanced[3])
{
    for (size_t at = 0; at + 5 <= text.size; at++) {
        uint8_t byte = text.data[at];
        uint8_t before = at > 0 ? span_lower_byte(text.data[at - 1]) : ' ';

        if ((byte != '2' && byte != '4' && byte != '5') || text.data[at + 1] != '.' ||
            (class != 0 && byte != '0' + class))
            continue;
        if (before != '.' && before != '-' && before != '_' && !reply_fold_is_word(before) &&
            take_status(text, at, ret_enhanced))
            return true;
    }
    return false;
}
