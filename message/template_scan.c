#include "message/template_scan.h"

#include <errno.h>

#include "message/template.h"

static bool template_scan_is_name(uint8_t byte)
{
    uint8_t lower = span_lower_byte(byte);

    return (lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9') || byte == '_' ||
           byte == '.' || byte == '-';
}

static size_t template_scan_blanks(struct span text, size_t at)
{
    while (at < text.size && (text.data[at] == ' ' || text.data[at] == '\t' ||
                              text.data[at] == '\r' || text.data[at] == '\n'))
        at++;
    return at;
}

int template_scan_next(struct span text, size_t from, struct template_scan_tag *ret)
{
    size_t found = span_find(span_skip(text, from), SPAN("{{"));

    if (from > text.size || found == SPAN_NOT_FOUND)
        return 0;
    ret->start = from + found;
    ret->raw = span_starts(span_skip(text, ret->start), SPAN("{{{"));
    size_t at = template_scan_blanks(text, ret->start + (ret->raw ? 3 : 2));
    size_t name = at;
    while (at < text.size && template_scan_is_name(text.data[at]))
        at++;
    ret->name = span_slice(text, name, at - name);
    if (ret->name.size == 0 || ret->name.size > TEMPLATE_NAME_MAX)
        return -EINVAL;
    at = template_scan_blanks(text, at);
    struct span close = ret->raw ? SPAN("}}}") : SPAN("}}");
    if (!span_starts(span_skip(text, at), close))
        return -EINVAL;
    ret->end = at + close.size;
    return 1;
}
