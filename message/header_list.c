#include "message/header_list.h"

#include <errno.h>
#include <string.h>

/* The line at the front of `rest`, without its end; *ret_taken: with it. */
static struct span front_line(struct span rest, size_t *ret_taken)
{
    const uint8_t *end = rest.size > 0 ? memchr(rest.data, '\n', rest.size) : NULL;
    size_t size = end != NULL ? (size_t)(end - rest.data) : rest.size;

    *ret_taken = end != NULL ? size + 1 : size;
    if (size > 0 && rest.data[size - 1] == '\r')
        size--;
    return span_first(rest, size);
}

/* Whether the byte may stand in a field's name: printable, no colon. */
static bool is_name(uint8_t byte)
{
    return byte > ' ' && byte < 0x7f && byte != ':';
}

#define ONES UINT64_C(0x0101010101010101)
#define HIGHS (ONES << 7)

/* Of the lowest byte that is zero, the highest bit; above it anything. */
static uint64_t zeroes(uint64_t word)
{
    return (word - ONES) & ~word & HIGHS;
}

/* How many of eight bytes, from the first on, may stand in a name. */
static uint32_t names_of_eight(const uint8_t *bytes)
{
    uint64_t word = 0, ends;

    for (uint32_t i = 0; i < 8; i++)
        word |= (uint64_t)bytes[i] << (8 * i);
    ends = (word & HIGHS) | ((word - ONES * 0x21) & ~word & HIGHS) | zeroes(word ^ ONES * ':') |
           zeroes(word ^ ONES * 0x7f);
    return ends != 0 ? (uint32_t)__builtin_ctzll(ends) / 8 : 8;
}

/* The octets before the colon, or 0 when the line is no field. */
static size_t name_size(struct span line)
{
    const uint8_t *data = line.data, *end = data + min_size(line.size, HEADER_NAME_MAX + 1);
    uint32_t taken = 8;

    while (taken == 8 && end - data >= 8) {
        taken = names_of_eight(data);
        data += taken;
    }
    while (taken == 8 && data < end && is_name(*data))
        data++;
    size_t size = (size_t)(data - line.data);
    if (size > 0 && size < line.size && line.data[size] == ':' && line.data[0] != '-')
        return size <= HEADER_NAME_MAX ? size : 0;
    if (size > HEADER_NAME_MAX || (size >= 2 && line.data[0] == '-' && line.data[1] == '-'))
        return 0;
    for (size_t i = size; i < line.size; i++) { /* RFC 5322 4.5: blanks before the colon */
        if (line.data[i] == ':')
            return size;
        if (line.data[i] != ' ' && line.data[i] != '\t')
            return 0;
    }
    return 0;
}

/* Whether the next line belongs to the field: it is folded, or it lost its fold behind a ';' that
 * promises one more parameter. */
static bool continues(struct span body, struct span rest)
{
    size_t taken;

    if (rest.size == 0)
        return false;
    if (rest.data[0] == ' ' || rest.data[0] == '\t')
        return true;
    if (body.size == 0 || body.data[body.size - 1] != ';')
        return false;
    struct span line = front_line(rest, &taken);
    return line.size > 0 && line.data[0] != '-' &&
           span_find_byte(line, '=') < span_find_byte(line, ':');
}

int header_list_next(struct span *rest, struct header_field *ret)
{
    struct span start = *rest;
    size_t taken;
    struct span line = front_line(start, &taken);
    size_t name = name_size(line);

    if (line.size == 0) {
        *rest = span_skip(*rest, taken);
        return 0;
    }
    if (name == 0)
        return -EBADMSG;
    size_t colon = name;
    while (line.data[colon] != ':')
        colon++;
    size_t end = line.size;
    struct span behind = span_skip(*rest, taken);
    while (continues(span_slice(start, colon + 1, end - colon - 1), behind)) {
        line = front_line(behind, &taken);
        end = (size_t)(line.data - start.data) + line.size;
        behind = span_skip(behind, taken);
    }
    *rest = behind;
    ret->name = span_first(start, name);
    ret->body = span_slice(start, colon + 1, end - colon - 1);
    ret->whole = span_first(start, start.size - rest->size);
    return 1;
}

/* What real mailboxes have in front of a header: a byte order mark, blank lines, an mbox line. */
static void skip_front(struct span *rest)
{
    size_t size = 0, taken;

    if (span_starts(*rest, SPAN("\xef\xbb\xbf")))
        *rest = span_skip(*rest, 3);
    while (size < rest->size && (rest->data[size] == ' ' || rest->data[size] == '\r' ||
                                 rest->data[size] == '\n' || rest->data[size] == '\t'))
        size++;
    struct header_field field;
    struct span behind = span_skip(*rest, size);
    if (size > 0 && header_list_next(&behind, &field) == 1)
        *rest = span_skip(*rest, size);
    if (span_starts(*rest, SPAN("From ")) || span_starts(*rest, SPAN(">From "))) {
        (void)front_line(*rest, &taken);
        *rest = span_skip(*rest, taken);
    }
}

/* Fields that every header has. */
static bool is_common(struct span name)
{
    static const struct span names[] = {SPAN_INIT("Received"), SPAN_INIT("From"),
                                        SPAN_INIT("Date"),     SPAN_INIT("Subject"),
                                        SPAN_INIT("To"),       SPAN_INIT("Message-ID")};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (span_equal_nocase(name, names[i]))
            return true;
    return false;
}

/* Lines that lost the blank in front of them: a common field follows soon and no blank line comes
 * before it. Takes them off *rest. */
static bool skip_unfolded(struct span *rest)
{
    struct span behind = *rest;
    struct header_field field;

    for (uint32_t i = 0; i < HEADER_LIST_UNFOLDED_MAX; i++) {
        size_t taken;

        if (front_line(behind, &taken).size == 0)
            return false;
        behind = span_skip(behind, taken);
        struct span next = behind;
        int result = header_list_next(&next, &field);
        if (result == 0)
            return false;
        if (result == 1 && is_common(field.name)) {
            *rest = behind;
            return true;
        }
    }
    return false;
}

static uint16_t key_of(struct span name)
{
    return (uint16_t)((size_t)(name.data[0] | 0x20) << 8 | (name.size & 0xff));
}

void header_list_read(struct header_list *list, struct span *rest)
{
    size_t size = rest->size;
    struct header_field field;
    int result;

    list->count = 0;
    skip_front(rest);
    while ((result = header_list_next(rest, &field)) != 0) {
        if (result < 0) {
            if (list->count == 0 || !skip_unfolded(rest))
                return;
            continue;
        }
        bool inside = size - rest->size - field.whole.size < HEADER_LIST_SIZE_MAX;

        if (inside && list->count < HEADER_LIST_MAX) {
            list->keys[list->count] = key_of(field.name);
            list->fields[list->count++] = field;
        }
    }
}

static const struct header_field *find(const struct header_list *list, struct span name)
{
    uint16_t key = key_of(name);

    for (uint32_t i = 0; i < list->count; i++)
        if (list->keys[i] == key && span_equal_nocase(list->fields[i].name, name))
            return &list->fields[i];
    return NULL;
}

struct span header_list_find(const struct header_list *list, struct span name)
{
    const struct header_field *field = find(list, name);

    return field != NULL ? span_trim(field->body) : (struct span){NULL, 0};
}

bool header_list_has(const struct header_list *list, struct span name)
{
    return find(list, name) != NULL;
}
