#include "message/reply.h"

#include <string.h>

#include "message/utf8.h"

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

/* One to three digits off the front. */
static bool take_number(struct span *text, uint16_t *ret_number)
{
    uint32_t number = 0;
    size_t count = 0;

    while (count < 3 && count < text->size && is_digit(text->data[count]))
        number = number * 10 + (text->data[count++] - (uint32_t)'0');
    if (count == 0)
        return false;
    *text = span_skip(*text, count);
    *ret_number = (uint16_t)number;
    return true;
}

static bool take_byte(struct span *text, uint8_t byte)
{
    if (text->size == 0 || text->data[0] != byte)
        return false;
    *text = span_skip(*text, 1);
    return true;
}

bool reply_take_enhanced(uint16_t code, struct span *text, uint16_t ret_enhanced[3])
{
    struct span rest = *text;
    uint16_t number[3];

    if (!take_number(&rest, &number[0]) || !take_byte(&rest, '.') ||
        !take_number(&rest, &number[1]) || !take_byte(&rest, '.') ||
        !take_number(&rest, &number[2]))
        return false;
    if (number[0] != code / 100 || (number[0] != 2 && number[0] != 4 && number[0] != 5))
        return false;
    if (rest.size > 0 && rest.data[0] != ' ' && rest.data[0] != '\t' && !take_byte(&rest, ':'))
        return false;
    while (take_byte(&rest, ' ') || take_byte(&rest, '\t'))
        ;
    memcpy(ret_enhanced, number, sizeof(number));
    *text = rest;
    return true;
}

/* What the character at the front of `rest` becomes, and how many bytes of `rest` it takes. */
static struct span clean(struct span rest, size_t *ret_taken)
{
    uint32_t rune;
    uint32_t size = utf8_take(rest, &rune);

    *ret_taken = 1;
    if (size == 0)
        return SPAN("?");
    if (rune == '\t')
        return SPAN(" ");
    if (utf8_is_control(rune))
        return SPAN("?");
    *ret_taken = size;
    return span_first(rest, size);
}

void reply_set_text(struct reply *reply, struct span text)
{
    size_t used = 0;

    text = span_trim(text);
    while (text.size > 0) {
        size_t taken;
        struct span part = clean(text, &taken);

        if (part.size > REPLY_TEXT_MAX - used)
            break;
        memcpy(reply->text + used, part.data, part.size);
        used += part.size;
        text = span_skip(text, taken);
    }
    reply->text_size = (uint16_t)used;
}

void reply_write(const struct reply *reply, struct text *out)
{
    if (reply->code != 0)
        text_add_padded(out, reply->code, 3);
    if (reply->enhanced[0] != 0) {
        if (reply->code != 0)
            text_add_byte(out, ' ');
        text_add_u64(out, reply->enhanced[0]);
        text_add_byte(out, '.');
        text_add_u64(out, reply->enhanced[1]);
        text_add_byte(out, '.');
        text_add_u64(out, reply->enhanced[2]);
    }
    if (reply->text_size > 0) {
        if (reply->code != 0 || reply->enhanced[0] != 0)
            text_add_byte(out, ' ');
        text_add(out, span_make(reply->text, reply->text_size));
    }
}
