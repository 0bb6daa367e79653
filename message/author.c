#include "message/author.h"

static bool is_domain_octet(uint8_t byte)
{
    uint8_t lower = span_lower_byte(byte);

    return (lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' ||
           byte == '.' || byte == '_' || byte >= 0x80;
}

/* Behind what begins at the front: a quoted string, or a comment with those in it. */
static struct span skip_quoted(struct span rest)
{
    uint32_t depth = 0;
    bool comment = rest.data[0] == '(';

    while (rest.size > 0) {
        uint8_t byte = rest.data[0];

        rest = span_skip(rest, byte == '\\' ? 2 : 1);
        if (byte == '\\')
            continue;
        if (comment && byte == '(')
            depth++;
        else if (comment ? byte == ')' && --depth == 0 : byte == '"' && depth++ > 0)
            break;
    }
    return rest;
}

static struct span take_domain(struct span rest)
{
    size_t size = 0;

    rest = span_trim(rest);
    while (size < rest.size && is_domain_octet(rest.data[size]))
        size++;
    return span_first(rest, size);
}

struct span author_domain(struct span from)
{
    struct span domain = {NULL, 0};
    bool angle = false;

    while (from.size > 0) {
        uint8_t byte = from.data[0];

        if (byte == '"' || byte == '(') {
            from = skip_quoted(from);
            continue;
        }
        if (byte == '>' || (!angle && domain.size > 0 && (byte == ',' || byte == ';')))
            break;
        if (byte == '<') { /* what stood before was a name */
            angle = true;
            domain = (struct span){NULL, 0};
        }
        from = span_skip(from, 1);
        if (byte == '@' && (angle || domain.size == 0))
            domain = take_domain(from);
    }
    return domain;
}
