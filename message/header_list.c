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

/* The octets before the colon, or 0 when the line is no field. */
static size_t name_size(struct span line)
{
    size_t size = 0;

    while (size < line.size && line.data[size] > ' ' && line.data[size] < 0x7f &&
           line.data[size] != ':')
        size++;
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
    *rest = span_skip(*rest, taken);
    while (rest->size > 0 && (rest->data[0] == ' ' || rest->data[0] == '\t')) {
        line = front_line(*rest, &taken);
        end = (size_t)(line.data - start.data) + line.size;
        *rest = span_skip(*rest, taken);
    }
    ret->name = span_first(start, name);
    ret->body = span_slice(start, colon + 1, end - colon - 1);
    ret->whole = span_first(start, start.size - rest->size);
    return 1;
}

static void skip_mbox_line(struct span *rest)
{
    size_t taken;

    if (span_starts(*rest, SPAN("From ")) || span_starts(*rest, SPAN(">From "))) {
        (void)front_line(*rest, &taken);
        *rest = span_skip(*rest, taken);
    }
}

void header_list_read(struct header_list *list, struct span *rest)
{
    size_t size = rest->size;
    struct header_field field;

    list->count = 0;
    skip_mbox_line(rest);
    while (header_list_next(rest, &field) == 1) {
        bool inside = size - rest->size - field.whole.size < HEADER_LIST_SIZE_MAX;

        if (inside && list->count < HEADER_LIST_MAX)
            list->fields[list->count++] = field;
    }
}

static const struct header_field *find(const struct header_list *list, struct span name)
{
    for (uint32_t i = 0; i < list->count; i++) {
        const struct header_field *field = &list->fields[i];

        if (field->name.size == name.size &&
            (field->name.data[0] | 0x20) == (name.data[0] | 0x20) &&
            span_equal_nocase(field->name, name))
            return field;
    }
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
