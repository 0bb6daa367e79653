#include "bounce/status_text.h"

#include <string.h>

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_word(uint8_t byte)
{
    uint8_t lower = byte | 0x20;

    return is_digit(byte) || (lower >= 'a' && lower <= 'z');
}

/* Up to three digits off the front. */
static bool take_number(struct span *rest, uint16_t *ret)
{
    uint16_t number = 0;
    size_t size = 0;

    while (size < rest->size && size < 3 && is_digit(rest->data[size]))
        number = (uint16_t)(number * 10 + (rest->data[size++] - '0'));
    if (size == 0)
        return false;
    *ret = number;
    *rest = span_skip(*rest, size);
    return true;
}

static bool take_dot(struct span *rest)
{
    if (rest->size == 0 || rest->data[0] != '.')
        return false;
    *rest = span_skip(*rest, 1);
    return true;
}

bool status_text_enhanced_at(struct span text, uint16_t ret_status[3])
{
    uint16_t status[3];
    struct span rest = text;

    if (text.size < 5 || text.data[1] != '.' ||
        (text.data[0] != '2' && text.data[0] != '4' && text.data[0] != '5'))
        return false;
    if (!take_number(&rest, &status[0]) || !take_dot(&rest) || !take_number(&rest, &status[1]) ||
        !take_dot(&rest) || !take_number(&rest, &status[2]))
        return false;
    if (rest.size > 0 && is_digit(rest.data[0]))
        return false;
    if (rest.size > 1 && rest.data[0] == '.' && is_word(rest.data[1]))
        return false; /* 5.1.1.1: an address or a version */
    for (int i = 0; i < 3; i++)
        ret_status[i] = status[i];
    return true;
}

bool status_text_enhanced(struct span text, uint16_t ret_status[3])
{
    for (size_t i = 0; i + 5 <= text.size; i++) {
        const uint8_t *dot = memchr(text.data + i + 1, '.', text.size - i - 1);

        if (dot == NULL)
            return false;
        i = (size_t)(dot - text.data) - 1;
        if (i > 0 && (is_word(text.data[i - 1]) || text.data[i - 1] == '.'))
            continue;
        if (status_text_enhanced_at(span_skip(text, i), ret_status))
            return true;
    }
    return false;
}

/* What may follow the three digits of a code. */
static bool ends_code(struct span rest)
{
    if (rest.size == 0 || rest.data[0] == '\r' || rest.data[0] == '\n' || rest.data[0] == ':')
        return true;
    if (rest.data[0] != ' ' && rest.data[0] != '-' && rest.data[0] != '#')
        return false;
    /* "550 messages", "500 MB", "450 4th Street" are no replies, but nobody can know them all. */
    return rest.size == 1 || (rest.data[1] != '-' && rest.data[1] != '\0');
}

bool status_text_reply(struct span text, uint16_t *ret_code, size_t *ret_at)
{
    const uint8_t *data = text.data;

    for (size_t i = 0; i + 3 <= text.size; i++) {
        uint8_t first = data[i];

        if (!is_digit(data[i + 2])) {
            i += 2; /* nor do three digits begin at the next two */
            continue;
        }
        if ((first != '4' && first != '5') || data[i + 1] < '0' || data[i + 1] > '7')
            continue;
        if (i > 0 && (is_word(text.data[i - 1]) || text.data[i - 1] == '.' ||
                      text.data[i - 1] == '-' || text.data[i - 1] == '_'))
            continue;
        if (!ends_code(span_skip(text, i + 3)))
            continue;
        *ret_code = (uint16_t)((first - '0') * 100 + (text.data[i + 1] - '0') * 10 +
                               text.data[i + 2] - '0');
        *ret_at = i;
        return true;
    }
    return false;
}

bool status_text_has_reply(struct span text)
{
    uint16_t code;
    size_t at;

    return status_text_reply(text, &code, &at);
}
