#include "message/words.h"

#include <string.h>

#include "base/check.h"
#include "message/base64.h"

/* "=?utf-8?q?" and "?=". */
#define WORDS_FRAME_SIZE 12
/* An encoded word holds at most 75 octets (RFC 2047 2); one with less room than this goes to the
 * next line. */
#define WORDS_PAYLOAD_MAX 63
#define WORDS_PAYLOAD_MIN 20

/* What an octet may be. */
enum words_class {
    WORDS_OTHER,
    WORDS_ATEXT, /* atext of RFC 5322 3.2.3 ... */
    WORDS_SAFE /* ... that also stands for itself in Q encoding, even in a phrase: RFC 2047 5 (3) */
};

static enum words_class words_class(uint8_t byte)
{
    static const uint8_t specials[128] = {
        ['!'] = WORDS_SAFE,  ['*'] = WORDS_SAFE,  ['+'] = WORDS_SAFE,   ['-'] = WORDS_SAFE,
        ['/'] = WORDS_SAFE,  ['#'] = WORDS_ATEXT, ['$'] = WORDS_ATEXT,  ['%'] = WORDS_ATEXT,
        ['&'] = WORDS_ATEXT, ['='] = WORDS_ATEXT, ['\''] = WORDS_ATEXT, ['?'] = WORDS_ATEXT,
        ['^'] = WORDS_ATEXT, ['_'] = WORDS_ATEXT, ['`'] = WORDS_ATEXT,  ['{'] = WORDS_ATEXT,
        ['|'] = WORDS_ATEXT, ['}'] = WORDS_ATEXT, ['~'] = WORDS_ATEXT,
    };
    uint8_t lower = byte | 0x20;

    if ((lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9'))
        return WORDS_SAFE;
    return byte < 128 ? (enum words_class)specials[byte] : WORDS_OTHER;
}

static size_t words_q_size(uint8_t byte)
{
    return byte == ' ' || words_class(byte) == WORDS_SAFE ? 1 : 3;
}

static enum words_form words_form_encoded(struct span text)
{
    size_t size = 0;

    for (size_t i = 0; i < text.size; i++)
        size += words_q_size(text.data[i]);
    return size <= base64_size(text.size) ? WORDS_Q : WORDS_B;
}

/* What one look at a text tells. */
struct words_look {
    bool printable;     /* 0x20..0x7e, and no "=?" that a reader could take for an encoded word */
    bool spaced;        /* no space at an end, no two together */
    bool atoms;         /* atext and spaces */
    size_t run_max;     /* octets of the longest run without a space */
    size_t quoted_size; /* octets as a quoted string */
};

static struct words_look words_look(struct span text)
{
    struct words_look look = {
        .printable = true, .spaced = true, .atoms = true, .quoted_size = text.size + 2};
    size_t run = 0;
    uint8_t before = ' ';

    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if (byte == ' ') {
            look.spaced = look.spaced && before != ' ';
            look.run_max = run > look.run_max ? run : look.run_max;
            run = 0;
        } else {
            run++;
            look.atoms = look.atoms && words_class(byte) != WORDS_OTHER;
            look.quoted_size += byte == '"' || byte == '\\';
            if (byte < 0x20 || byte > 0x7e || (byte == '?' && before == '='))
                look.printable = false;
        }
        before = byte;
    }
    look.run_max = run > look.run_max ? run : look.run_max;
    look.spaced = look.spaced && before != ' ';
    return look;
}

enum words_form words_form_text(struct span text)
{
    if (text.size == 0)
        return WORDS_EMPTY;
    struct words_look look = words_look(text);
    if (look.printable && look.spaced && look.run_max <= WORDS_RUN_MAX)
        return WORDS_PLAIN;
    return words_form_encoded(text);
}

enum words_form words_form_phrase(struct span text)
{
    if (text.size == 0)
        return WORDS_EMPTY;
    struct words_look look = words_look(text);
    if (!look.printable || look.quoted_size > WORDS_PHRASE_MAX)
        return words_form_encoded(text);
    return look.atoms && look.spaced ? WORDS_ATOM : WORDS_QUOTED;
}

static size_t words_quoted_size(struct span text)
{
    return words_look(text).quoted_size;
}

/* The blank before `size` octets that stay together, or a fold. */
static void words_put_blank(struct words_line *line, size_t size, struct text *out)
{
    if (!line->first && line->column + 1 + size > WORDS_LINE_MAX) {
        text_add_cstr(out, "\r\n ");
        line->column = 1;
    } else {
        text_add_byte(out, ' ');
        line->column++;
    }
    line->column += (uint32_t)size;
    line->first = false;
    line->encoded = false;
}

static bool words_put_plain(struct words_line *line, struct span text, size_t *offset,
                            struct text *out)
{
    while (*offset < text.size) {
        struct span rest = span_skip(text, *offset);
        size_t size = min_size(span_find_byte(rest, ' '), rest.size);
        if (text_room(out) < WORDS_STEP_MAX)
            return false;
        words_put_blank(line, size, out);
        text_add(out, span_first(rest, size));
        *offset += min_size(size + 1, rest.size);
    }
    return true;
}

static void words_put_quoted(struct words_line *line, struct span text, struct text *out)
{
    words_put_blank(line, words_quoted_size(text), out);
    text_add_byte(out, '"');
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\')
            text_add_byte(out, '\\');
        text_add_byte(out, text.data[i]);
    }
    text_add_byte(out, '"');
}

/* Octets of the character at the front; whatever is no UTF-8 counts octet by octet. */
static size_t words_character(struct span rest)
{
    uint8_t byte = rest.data[0];
    size_t size = byte < 0xc2 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : byte < 0xf5 ? 4 : 1;

    return size <= rest.size && span_is_utf8(span_first(rest, size)) ? size : 1;
}

static void words_put_payload(enum words_form form, struct span chunk, struct text *out)
{
    if (form == WORDS_B) {
        base64_encode(chunk, out);
        return;
    }
    for (size_t i = 0; i < chunk.size; i++) {
        static const char digits[] = "0123456789ABCDEF";
        uint8_t byte = chunk.data[i];
        char escape[3] = {'=', digits[byte >> 4], digits[byte & 15]};
        if (byte == ' ')
            text_add_byte(out, '_');
        else if (words_class(byte) == WORDS_SAFE)
            text_add_byte(out, byte);
        else
            text_add(out, span_make(escape, sizeof(escape)));
    }
}

/* One encoded word with as many whole characters as fit (RFC 2047 5: none is split). */
static void words_put_one(struct words_line *line, enum words_form form, struct span text,
                          size_t *offset, struct text *out)
{
    uint8_t buffer[WORDS_PAYLOAD_MAX + 4];
    size_t size = 0;
    size_t q_size = 0;

    if (line->column + 1 + WORDS_FRAME_SIZE + WORDS_PAYLOAD_MIN > WORDS_LINE_MAX) {
        text_add_cstr(out, "\r\n ");
        line->column = 1;
    } else {
        text_add_byte(out, ' ');
        line->column++;
    }
    size_t room = min_size(WORDS_PAYLOAD_MAX, WORDS_LINE_MAX - WORDS_FRAME_SIZE - line->column);
    if (*offset == 0 && line->encoded) {
        buffer[size++] = ' ';
        q_size = 1;
    }
    while (*offset < text.size) {
        struct span rest = span_skip(text, *offset);
        size_t taken = words_character(rest);
        for (size_t i = 0; i < taken; i++)
            q_size += words_q_size(rest.data[i]);
        if ((form == WORDS_B ? base64_size(size + taken) : q_size) > room)
            break;
        memcpy(buffer + size, rest.data, taken);
        size += taken;
        *offset += taken;
    }
    size_t before = out->size;
    text_add_cstr(out, form == WORDS_B ? "=?utf-8?b?" : "=?utf-8?q?");
    words_put_payload(form, span_make(buffer, size), out);
    text_add_cstr(out, "?=");
    line->column += (uint32_t)(out->size - before);
    line->first = false;
    line->encoded = true;
}

bool words_put(struct words_line *line, enum words_form form, struct span text, size_t *offset,
               struct text *out)
{
    CHECK(*offset <= text.size);
    if (form == WORDS_EMPTY)
        return true;
    if (form == WORDS_PLAIN)
        return words_put_plain(line, text, offset, out);
    if (text_room(out) < WORDS_STEP_MAX)
        return false;
    if (form == WORDS_QUOTED) {
        words_put_quoted(line, text, out);
        return true;
    }
    if (form == WORDS_ATOM) {
        words_put_blank(line, text.size + 1, out); /* with the comma that may follow */
        line->column--;
        text_add(out, text);
        return true;
    }
    while (*offset < text.size) {
        if (text_room(out) < WORDS_STEP_MAX)
            return false;
        words_put_one(line, form, text, offset, out);
    }
    return true;
}
