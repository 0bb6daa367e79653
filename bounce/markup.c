#include "bounce/markup.h"

#include <string.h>

#include "message/utf8.h"

#define ENTITY_MAX 10
/* Of what stands behind a '<' only so much is looked at to tell an address in brackets from a tag:
 * an address is far shorter, and the look is taken again at each '<' that is none. */
#define BRACKETS_MAX (2 * KIB)

static void put(struct text *out, uint8_t byte)
{
    if (text_room(out) > 0)
        text_add_byte(out, byte);
}

static void put_rune(struct text *out, uint32_t rune)
{
    uint8_t bytes[4];
    uint32_t size;

    if (rune == 0xa0)
        rune = ' ';
    if (rune == 0 || rune > 0x10ffff || (rune >= 0xd800 && rune < 0xe000))
        return;
    size = utf8_put(rune, bytes);
    if (text_room(out) >= size)
        text_add(out, span_make(bytes, size));
}

static int digit(uint8_t byte, uint32_t base)
{
    int value = -1;

    if (byte >= '0' && byte <= '9')
        value = byte - '0';
    else if (span_lower_byte(byte) >= 'a' && span_lower_byte(byte) <= 'f')
        value = span_lower_byte(byte) - 'a' + 10;
    return value < (int)base ? value : -1;
}

/* &#64; &#x40; */
static bool put_number(struct span name, struct text *out)
{
    uint32_t base = 10, rune = 0;

    name = span_skip(name, 1);
    if (name.size > 0 && (name.data[0] | 0x20) == 'x') {
        base = 16;
        name = span_skip(name, 1);
    }
    for (size_t i = 0; i < name.size; i++) {
        int value = digit(name.data[i], base);

        if (value < 0 || rune > 0x10ffff)
            return false;
        rune = rune * base + (uint32_t)value;
    }
    put_rune(out, rune);
    return name.size > 0;
}

/* Octets of the entity at the front, or 0 when it is none. */
static size_t put_entity(struct span rest, struct text *out)
{
    static const struct {
        struct span name;
        uint8_t byte;
    } entities[] = {{SPAN_INIT("nbsp"), ' '}, {SPAN_INIT("lt"), '<'},   {SPAN_INIT("gt"), '>'},
                    {SPAN_INIT("amp"), '&'},  {SPAN_INIT("quot"), '"'}, {SPAN_INIT("apos"), '\''}};
    size_t end = span_find_byte(span_first(rest, ENTITY_MAX), ';');

    if (end == SPAN_NOT_FOUND || end < 2)
        return 0;
    struct span name = span_slice(rest, 1, end - 1);
    if (name.data[0] == '#')
        return put_number(name, out) ? end + 1 : 0;
    for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++) {
        if (span_equal_nocase(name, entities[i].name)) {
            put(out, entities[i].byte);
            return end + 1;
        }
    }
    return 0;
}

static struct span tag_name(struct span tag)
{
    size_t size = 0;

    if (tag.size > 0 && tag.data[0] == '/')
        tag = span_skip(tag, 1);
    while (size < tag.size &&
           (digit(tag.data[size], 10) >= 0 ||
            (span_lower_byte(tag.data[size]) >= 'a' && span_lower_byte(tag.data[size]) <= 'z')))
        size++;
    return span_first(tag, size);
}

static bool begins_line(struct span name)
{
    static const struct span names[] = {
        SPAN_INIT("br"), SPAN_INIT("p"),  SPAN_INIT("div"), SPAN_INIT("tr"),    SPAN_INIT("li"),
        SPAN_INIT("h1"), SPAN_INIT("h2"), SPAN_INIT("h3"),  SPAN_INIT("h4"),    SPAN_INIT("table"),
        SPAN_INIT("hr"), SPAN_INIT("ul"), SPAN_INIT("pre"), SPAN_INIT("title"), SPAN_INIT("td"),
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (span_equal_nocase(name, names[i]))
            return true;
    return false;
}

/* Skips to behind the closing tag of an element that is not shown. */
static struct span skip_element(struct span rest, struct span name)
{
    while (rest.size > 0) {
        const uint8_t *tag = memchr(rest.data, '<', rest.size);

        if (tag == NULL)
            break;
        rest = span_skip(rest, (size_t)(tag - rest.data) + 1);
        if (span_starts(rest, SPAN("/")) && span_starts_nocase(span_skip(rest, 1), name)) {
            (void)span_split(&rest, '>');
            return rest;
        }
    }
    return span_first(rest, 0);
}

/* `rest` is behind a '<'. Returns what is behind the tag. */
static struct span take_tag(struct span rest, struct text *out)
{
    struct span name = tag_name(rest);

    if (span_starts(rest, SPAN("!--"))) {
        size_t end = span_find(rest, SPAN("-->"));

        return span_skip(rest, end == SPAN_NOT_FOUND ? rest.size : end + 3);
    }
    if (name.size == 0 && !span_starts(rest, SPAN("!")) && !span_starts(rest, SPAN("?"))) {
        put(out, '<'); /* no tag: "a < b", "<user@example.com>" cannot be told from one */
        return rest;
    }
    struct span tag = span_first(rest, BRACKETS_MAX);
    tag = span_first(tag, span_find_byte(tag, '>'));
    if (span_find_byte(tag, '@') != SPAN_NOT_FOUND && span_find_byte(tag, '=') == SPAN_NOT_FOUND) {
        put(out, '<'); /* an address in bare brackets */
        return rest;
    }
    (void)span_split(&rest, '>'); /* however far: it is behind us then */
    if (span_equal_nocase(name, SPAN("style")) || span_equal_nocase(name, SPAN("script")))
        return tag.data[0] == '/' ? rest : skip_element(rest, name);
    if (begins_line(name))
        put(out, '\n');
    return rest;
}

/* Octets at the front that are text and stay as they are. */
static size_t plain_size(struct span html)
{
    size_t size = 0;

    while (size < html.size && html.data[size] != '<' && html.data[size] != '&' &&
           html.data[size] != '\r')
        size++;
    return size;
}

void markup_text(struct span html, struct text *out)
{
    while (html.size > 0 && text_room(out) > 0) {
        uint8_t byte = html.data[0];
        size_t plain = plain_size(html);

        if (plain > 0) {
            text_add(out, span_first(html, min_size(plain, text_room(out))));
            html = span_skip(html, plain);
            continue;
        }
        size_t taken = byte == '&' ? put_entity(html, out) : 0;

        if (byte == '<') {
            html = take_tag(span_skip(html, 1), out);
            continue;
        }
        if (taken == 0)
            put(out, byte == '\r' ? ' ' : byte);
        html = span_skip(html, taken > 0 ? taken : 1);
    }
}
