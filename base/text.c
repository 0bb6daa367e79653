#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char hex_digits[] = "0123456789abcdef";

/* Where `size` more bytes go, or NULL: then the text has overflowed. */
static uint8_t *take(struct text *text, size_t size)
{
    uint8_t *place;

    if (text->overflow || size > text->capacity - text->size) {
        text->overflow = true;
        return NULL;
    }
    place = text->data + text->size;
    text->size += size;
    return place;
}

void text_init(struct text *text, void *buffer, size_t capacity)
{
    *text = (struct text){.data = buffer, .capacity = capacity};
}

void text_reset(struct text *text)
{
    text->size = 0;
    text->overflow = false;
}

struct span text_span(const struct text *text)
{
    return (struct span){text->data, text->size};
}

size_t text_room(const struct text *text)
{
    return text->overflow ? 0 : text->capacity - text->size;
}

void text_add(struct text *text, struct span span)
{
    uint8_t *place;

    if (span.size == 0)
        return;
    place = take(text, span.size);
    if (place != NULL)
        memcpy(place, span.data, span.size);
}

void text_add_cstr(struct text *text, const char *string)
{
    text_add(text, span_cstr(string));
}

void text_add_byte(struct text *text, uint8_t byte)
{
    uint8_t *place = take(text, 1);

    if (place != NULL)
        *place = byte;
}

void text_add_fill(struct text *text, uint8_t byte, size_t count)
{
    uint8_t *place;

    if (count == 0)
        return;
    place = take(text, count);
    if (place != NULL)
        memset(place, byte, count);
}

void text_add_u64(struct text *text, uint64_t number)
{
    text_add_padded(text, number, 1);
}

/* At least `digits` digits of `number` in `base` 10 or 16. */
static void add_number(struct text *text, uint64_t number, uint32_t digits, uint32_t base)
{
    uint8_t reversed[20];
    uint32_t count = 0;
    uint8_t *place;

    do {
        reversed[count++] = (uint8_t)hex_digits[number % base];
        number /= base;
    } while (number != 0);
    place = take(text, digits > count ? digits : count);
    if (place == NULL)
        return;
    for (; digits > count; digits--)
        *place++ = '0';
    while (count > 0)
        *place++ = reversed[--count];
}

void text_add_padded(struct text *text, uint64_t number, uint32_t digits)
{
    add_number(text, number, digits, 10);
}

void text_add_hex(struct text *text, uint64_t number, uint32_t digits)
{
    add_number(text, number, digits, 16);
}

void text_add_lower(struct text *text, struct span span)
{
    uint8_t *place;

    if (span.size == 0)
        return;
    place = take(text, span.size);
    if (place == NULL)
        return;
    for (size_t i = 0; i < span.size; i++)
        place[i] = span_lower_byte(span.data[i]);
}

void text_add_format_list(struct text *text, const char *format, va_list arguments)
{
    char line[1024];
    va_list again;
    int size;

    /* Twice, because vsnprintf wants room for a NUL that a text does not have. */
    va_copy(again, arguments);
    size = vsnprintf(line, sizeof(line), format, arguments);
    if (size >= 0 && (size_t)size < sizeof(line)) {
        text_add(text, span_make(line, (size_t)size));
    } else if (size >= 0 && (size_t)size < text_room(text)) {
        uint8_t *place = text->data + text->size;

        (void)vsnprintf((char *)place, text_room(text), format, again); /* counted above */
        text->size += (size_t)size;
    } else {
        text->overflow = true;
    }
    va_end(again);
}

void text_add_format(struct text *text, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    text_add_format_list(text, format, arguments);
    va_end(arguments);
}

void text_add_printable(struct text *text, struct span span, size_t size_max)
{
    span = span_first(span, size_max);
    for (size_t i = 0; i < span.size; i++) {
        uint8_t byte = span.data[i];

        if (byte >= 0x20 && byte <= 0x7e && byte != '\\') {
            text_add_byte(text, byte);
        } else {
            const uint8_t escape[4] = {'\\', 'x', (uint8_t)hex_digits[byte >> 4],
                                       (uint8_t)hex_digits[byte & 15]};

            text_add(text, span_make(escape, sizeof(escape)));
        }
    }
}

const char *text_cstr_end(struct text *text)
{
    if (text->capacity == 0)
        return "";
    if (text->size == text->capacity) {
        text->size--;
        text->overflow = true;
    }
    text->data[text->size] = 0;
    return (const char *)text->data;
}
