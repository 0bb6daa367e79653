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

static uint32_t rune_of(const uint8_t *bytes, size_t size)
{
    uint32_t rune = bytes[0] & (0x7fU >> size);

    for (size_t i = 1; i < size; i++)
        rune = rune << 6 | (bytes[i] & 0x3fU);
    return rune;
}

/* Greek letters with an accent, U+0384 to U+0390 and U+03AC to U+03CE, without it. */
static uint32_t plain_greek(uint32_t rune)
{
    switch (rune) {
    case 0x386:
    case 0x3ac:
        return 0x3b1;
    case 0x388:
    case 0x3ad:
        return 0x3b5;
    case 0x389:
    case 0x3ae:
        return 0x3b7;
    case 0x38a:
    case 0x3af:
        return 0x3b9;
    case 0x38c:
    case 0x3cc:
        return 0x3bf;
    case 0x38e:
    case 0x3cd:
        return 0x3c5;
    case 0x38f:
    case 0x3ce:
        return 0x3c9;
    case 0x3c2: /* sigma at the end of a word */
        return 0x3c3;
    default:
        return rune;
    }
}

/* Greek and Cyrillic have upper case. */
static uint32_t lower_rune(uint32_t rune)
{
    rune = plain_greek(rune);
    if ((rune >= 0x391 && rune <= 0x3a9) || (rune >= 0x410 && rune <= 0x42f))
        return rune + 0x20;
    return rune >= 0x400 && rune <= 0x40f ? rune + 0x50 : rune;
}

/* Scripts without an ASCII form: two bytes that no text has otherwise, one of a hundred pairs. A
 * phrase of a few characters is found by them, and hardly ever where it does not stand. */
static size_t fold_script(uint32_t rune, uint8_t ret_bytes[2])
{
    rune = lower_rune(rune);
    ret_bytes[0] = (uint8_t)(1 + rune % 10);
    ret_bytes[1] = (uint8_t)(1 + rune / 10 % 10);
    return 2;
}

static bool is_wide_mark(uint32_t rune)
{
    return (rune >= 0x3000 && rune <= 0x3003) || (rune >= 0x3008 && rune <= 0x301f) ||
           (rune >= 0xff01 && rune <= 0xff20) || rune == 0xa0 ||
           (rune >= 0x2000 && rune <= 0x200a) || rune == 0x2028 || rune == 0x2029 ||
           rune == 0x202f || rune == 0x205f;
}

/* Nobody sees it: soft hyphens, joiners, marks of direction and of the byte order. */
static bool is_invisible(uint32_t rune)
{
    return rune == 0xad || (rune >= 0x200b && rune <= 0x200f) ||
           (rune >= 0x202a && rune <= 0x202e) || (rune >= 0x2060 && rune <= 0x206f) ||
           rune == 0xfeff;
}

/* Letters and digits as wide as those of East Asia, as ASCII; else 0. */
static uint8_t narrow(uint32_t rune)
{
    uint8_t ascii = rune > 0xff00 && rune < 0xff5f ? (uint8_t)(rune - 0xff00 + ' ') : 0;

    ascii = span_lower_byte(ascii);
    return reply_fold_is_word(ascii) ? ascii : 0;
}

/* One character that is not ASCII, at text[*at]: how many bytes it becomes, 0 when left out. */
static size_t fold_wide(struct span text, size_t *at, uint8_t ret_bytes[2])
{
    struct span rest = span_skip(text, *at);
    size_t size = span_utf8_size(rest);
    uint32_t rune = size > 0 ? rune_of(rest.data, size) : 0;

    *at += size == 0 ? 1 : size;
    ret_bytes[0] = 0x7f;
    if (is_invisible(rune))
        return 0;
    if (narrow(rune) != 0)
        ret_bytes[0] = narrow(rune);
    else if (is_wide_mark(rune))
        ret_bytes[0] = ' ';
    else if (rune >= 0xc0 && rune <= 0xff)
        ret_bytes[0] = (uint8_t)latin1[rune - 0xc0];
    else if (rune >= 0x100 && rune <= 0x17f)
        ret_bytes[0] = (uint8_t)latin_a[rune - 0x100];
    else if ((rune >= 0x2018 && rune <= 0x201f) || (rune >= 0x300 && rune < 0x370))
        return 0; /* quotation marks of print; accents that follow their letter */
    else if (rune >= 0x370 && !(rune >= 0x2000 && rune <= 0x2bff))
        return fold_script(rune, ret_bytes);
    return 1;
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

/* One ASCII character, at text[*at - 1]; what it becomes, or 0 when it is left out. */
static uint8_t fold_ascii(struct span text, size_t *at, const uint8_t *into, size_t *size)
{
    uint8_t byte = text.data[*at - 1];
    bool starts = *size == 0 || into[*size - 1] == ' ';

    if (byte == '\'' || byte == '"' || byte == '`' || byte == 0)
        return 0;
    if (byte < ' ')
        byte = ' ';
    if (byte == ' ' && starts)
        return 0;
    if (byte == '@') {
        *at = fold_address(text, *at, into, size);
    } else if (starts && is_digit(byte)) {
        size_t skipped = continuation_size(span_skip(text, *at - 1));

        if (skipped > 0) {
            *at += skipped - 1;
            return 0;
        }
    }
    return span_lower_byte(byte);
}

/* What ASCII becomes wherever it stands, in lower case; 0: it depends, or it is not ASCII. */
static const uint8_t plain[256] = {
    ['!'] = '!', ['#'] = '#', ['$'] = '$',   ['%'] = '%',   ['&'] = '&', ['('] = '(', [')'] = ')',
    ['*'] = '*', ['+'] = '+', [','] = ',',   ['-'] = '-',   ['.'] = '.', ['/'] = '/', [':'] = ':',
    [';'] = ';', ['<'] = '<', ['='] = '=',   ['>'] = '>',   ['?'] = '?', ['['] = '[', [']'] = ']',
    ['^'] = '^', ['_'] = '_', ['{'] = '{',   ['|'] = '|',   ['}'] = '}', ['~'] = '~', ['A'] = 'a',
    ['B'] = 'b', ['C'] = 'c', ['D'] = 'd',   ['E'] = 'e',   ['F'] = 'f', ['G'] = 'g', ['H'] = 'h',
    ['I'] = 'i', ['J'] = 'j', ['K'] = 'k',   ['L'] = 'l',   ['M'] = 'm', ['N'] = 'n', ['O'] = 'o',
    ['P'] = 'p', ['Q'] = 'q', ['R'] = 'r',   ['S'] = 's',   ['T'] = 't', ['U'] = 'u', ['V'] = 'v',
    ['W'] = 'w', ['X'] = 'x', ['Y'] = 'y',   ['Z'] = 'z',   ['a'] = 'a', ['b'] = 'b', ['c'] = 'c',
    ['d'] = 'd', ['e'] = 'e', ['f'] = 'f',   ['g'] = 'g',   ['h'] = 'h', ['i'] = 'i', ['j'] = 'j',
    ['k'] = 'k', ['l'] = 'l', ['m'] = 'm',   ['n'] = 'n',   ['o'] = 'o', ['p'] = 'p', ['q'] = 'q',
    ['r'] = 'r', ['s'] = 's', ['t'] = 't',   ['u'] = 'u',   ['v'] = 'v', ['w'] = 'w', ['x'] = 'x',
    ['y'] = 'y', ['z'] = 'z', ['\\'] = '\\', [0x7f] = 0x7f,
};

/* One character that is not plain, at text[*at]; how many bytes it becomes. */
static size_t fold_one(struct span text, size_t *at, const uint8_t *into, size_t *size,
                       uint8_t ret_bytes[2])
{
    size_t count = 1;

    if (text.data[*at] >= 0x80) {
        count = fold_wide(text, at, ret_bytes);
        return count == 1 && ret_bytes[0] == ' ' && (*size == 0 || into[*size - 1] == ' ') ? 0
                                                                                           : count;
    }
    ++*at;
    ret_bytes[0] = fold_ascii(text, at, into, size);
    return ret_bytes[0] != 0;
}

size_t reply_fold(struct span text, uint8_t *into, size_t capacity)
{
    size_t size = 0, at = 0;

    while (at < text.size && size < capacity) {
        uint8_t bytes[2];
        size_t count;

        uint8_t byte = text.data[at];

        /* Blanks and digits are as they stand, but for those that begin a word. */
        if (plain[byte] != 0 ||
            ((byte == ' ' || is_digit(byte)) && size > 0 && into[size - 1] != ' ')) {
            into[size++] = plain[byte] != 0 ? plain[byte] : byte;
            at++;
            continue;
        }
        count = fold_one(text, &at, into, &size, bytes);
        for (size_t i = 0; i < count && size < capacity; i++)
            into[size++] = bytes[i];
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
        size_t dot = span_find_byte(span_skip(text, at + 1), '.');
        uint8_t byte, before;

        if (dot == SPAN_NOT_FOUND)
            return false;
        at += dot; /* what stands before the dot */
        byte = text.data[at];
        before = at > 0 ? span_lower_byte(text.data[at - 1]) : ' ';
        if ((byte != '2' && byte != '4' && byte != '5') || (class != 0 && byte != '0' + class))
            continue;
        if (before != '.' && before != '-' && before != '_' && !reply_fold_is_word(before) &&
            take_status(text, at, ret_enhanced))
            return true;
    }
    return false;
}
