#include "message/template_value.h"

#include <string.h>

#include "base/check.h"
#include "message/header.h"

static bool template_value_has_control(struct span value, bool lines)
{
    for (size_t i = 0; i < value.size; i++) {
        uint8_t byte = value.data[i];
        if (byte < 0x20 && byte != '\t' && !(lines && (byte == '\r' || byte == '\n')))
            return true;
    }
    return false;
}

static bool template_value_is_id(struct span value)
{
    struct span right = value;
    struct span left = span_split(&right, '@');

    return header_is_dot_atom(left) && header_is_dot_atom(right);
}

static const char *template_value_general(struct span value, bool header)
{
    if (!span_is_utf8(value))
        return "is not valid UTF-8";
    if (header && (span_find_byte(value, '\r') != SPAN_NOT_FOUND ||
                   span_find_byte(value, '\n') != SPAN_NOT_FOUND))
        return "has a line break";
    if (span_find_byte(value, 0) != SPAN_NOT_FOUND)
        return "has a NUL octet";
    return template_value_has_control(value, !header) ? "has a control character" : NULL;
}

const char *template_value_problem(enum template_context context, struct span value)
{
    const char *general = template_value_general(value, context > TEMPLATE_BODY_HTML);

    if (general)
        return general;
    switch (context) {
    case TEMPLATE_BODY_TEXT:
    case TEMPLATE_BODY_HTML:
    case TEMPLATE_WORD:
    case TEMPLATE_PHRASE:
    case TEMPLATE_TOKEN:
        return NULL;
    case TEMPLATE_MAILBOX:
        return header_is_mailbox(value) ? NULL : "is not exactly one ASCII mailbox";
    case TEMPLATE_LOCAL:
        return header_is_dot_atom(value) ? NULL : "cannot be a part of a mailbox name";
    case TEMPLATE_DOMAIN:
        return header_is_domain(value) ? NULL : "cannot be a part of a domain";
    case TEMPLATE_ID_WHOLE:
        if (value.size < 2 || value.data[0] != '<' || value.data[value.size - 1] != '>')
            return "is no <left@right>";
        value = span_slice(value, 1, value.size - 2);
        return template_value_is_id(value) ? NULL : "is no <left@right>";
    case TEMPLATE_ID_CONTENT:
        return template_value_is_id(value) ? NULL : "is no left@right";
    case TEMPLATE_ID_PART:
        return header_is_dot_atom(value) ? NULL : "cannot be a part of a Message-ID";
    case TEMPLATE_CONTEXT_COUNT:
        break;
    }
    UNREACHABLE("template context");
}

/* RFC 3986 2.2 and 2.3 and '%', without comma and parentheses: those mean something in a list of
 * URLs (RFC 2369 2). */
static bool template_value_is_token_octet(uint8_t byte)
{
    uint8_t lower = span_lower_byte(byte);

    return (lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9') ||
           (byte > ' ' && byte < 127 && strchr("-._~:/?#[]@!$&'*+;=%", byte));
}

size_t template_value_token_size(struct span value)
{
    size_t size = 0;

    for (size_t i = 0; i < value.size; i++)
        size += template_value_is_token_octet(value.data[i]) ? 1 : 3;
    return size;
}

void template_value_put_token(struct span value, struct text *out)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < value.size; i++) {
        uint8_t byte = value.data[i];
        char escape[3] = {'%', digits[byte >> 4], digits[byte & 15]};
        if (template_value_is_token_octet(byte))
            text_add_byte(out, byte);
        else
            text_add(out, span_make(escape, sizeof(escape)));
    }
}
