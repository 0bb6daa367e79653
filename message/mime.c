#include "message/mime.h"

#include <string.h>

#include "base/line_start.h"
#include "message/mime_parameter.h"

/* Where a boundary was found. */
struct delimiter {
    size_t line;    /* index of its first dash */
    size_t next;    /* index behind its line */
    uint32_t level; /* index in open[] */
    bool closing;   /* "--boundary--" */
    bool found;
};

bool mime_is(const struct mime_part *part, const char *type, const char *subtype)
{
    if (((part->type.data[0] ^ (uint8_t)type[0]) & 0xdf) != 0 ||
        !span_equal_nocase(part->type, span_cstr(type)))
        return false; /* a part's type is never empty */
    return strcmp(subtype, "*") == 0 || span_equal_nocase(part->subtype, span_cstr(subtype));
}

struct span mime_field(const struct mime_part *part, struct span name)
{
    struct span rest = part->header;
    struct header_field field;

    while (header_list_next(&rest, &field) == 1)
        if (field.name.size == name.size && span_equal_nocase(field.name, name))
            return span_trim(field.body);
    return (struct span){NULL, 0};
}

static bool is_multipart(const struct mime_part *part)
{
    return span_equal_nocase(part->type, SPAN("multipart"));
}

static bool is_message(const struct mime_part *part)
{
    return span_equal_nocase(part->type, SPAN("message")) &&
           (span_equal_nocase(part->subtype, SPAN("rfc822")) ||
            span_equal_nocase(part->subtype, SPAN("global")));
}

static bool is_token(uint8_t byte)
{
    return byte > ' ' && byte != '/' && byte != ';' && byte != '(' && byte != '"' && byte != 0x7f;
}

static struct span take_token(struct span *rest)
{
    size_t size = 0;

    *rest = span_trim(*rest);
    while (size < rest->size && is_token(rest->data[size]))
        size++;
    struct span token = span_first(*rest, size);
    *rest = span_trim(span_skip(*rest, size));
    return token;
}

/* A boundary as it will stand on its line: blanks at the end do not count (RFC 2046 5.1.1). */
static struct span read_boundary(struct mime *mime, struct span content)
{
    struct text store;
    struct span boundary;

    text_init(&store, mime->store + mime->store_size, sizeof(mime->store) - mime->store_size);
    if (!mime_parameter_find(content, SPAN("boundary"), NULL, &store, &boundary))
        return (struct span){NULL, 0};
    mime->store_size += store.size;
    while (boundary.size > 0 &&
           (boundary.data[boundary.size - 1] == ' ' || boundary.data[boundary.size - 1] == '\t'))
        boundary.size--;
    if (boundary.size > MIME_BOUNDARY_MAX) {
        mime->cut = true;
        return (struct span){NULL, 0};
    }
    return boundary;
}

static void read_type(struct mime *mime, struct mime_part *part, struct span content)
{
    struct span rest = content;
    struct span type = take_token(&rest);
    uint8_t buffer[64];
    struct text value;
    struct span charset;

    part->content = content;
    if (rest.size == 0 || rest.data[0] != '/') {
        if (span_equal_nocase(type, SPAN("text"))) /* RFC 1049, still seen */
            return;
        rest = (struct span){NULL, 0};
    }
    rest = span_skip(rest, 1);
    struct span subtype = take_token(&rest);
    if (type.size == 0 || subtype.size == 0) {
        part->content = (struct span){NULL, 0};
        return; /* text/plain (RFC 2045 5.2) */
    }
    part->type = type;
    part->subtype = subtype;
    if (is_multipart(part)) {
        part->boundary = read_boundary(mime, content);
        return;
    }
    text_init(&value, buffer, sizeof(buffer));
    if (mime_parameter_find(content, SPAN("charset"), NULL, &value, &charset))
        part->charset = charset_find(charset);
}

static enum mime_encoding read_encoding(struct span value)
{
    struct span token = take_token(&value);

    if (span_equal_nocase(token, SPAN("base64")))
        return MIME_BASE64;
    if (span_equal_nocase(token, SPAN("quoted-printable")))
        return MIME_QUOTED;
    return MIME_PLAIN;
}

static void read_field(struct mime *mime, struct mime_part *part, const struct header_field *field)
{
    static const struct span type = SPAN_INIT("Content-Type");
    static const struct span encoding = SPAN_INIT("Content-Transfer-Encoding");

    if (field->name.size == type.size && span_equal_nocase(field->name, type) &&
        part->content.size == 0)
        read_type(mime, part, span_trim(field->body));
    else if (field->name.size == encoding.size && span_equal_nocase(field->name, encoding))
        part->encoding = read_encoding(field->body);
}

/* Takes the part's header off *rest. */
static void read_header(struct mime *mime, struct mime_part *part, struct span *rest)
{
    struct span start = *rest;
    struct header_field field;

    while (header_list_next(rest, &field) == 1) {
        mime->headers_size += field.whole.size;
        if (mime->headers_size > MIME_HEADERS_SIZE_MAX) {
            mime->cut = true;
            continue;
        }
        if (field.name.size > 11 && (field.name.data[0] | 0x20) == 'c')
            read_field(mime, part, &field);
    }
    part->header = span_first(start, start.size - rest->size);
}

/* The root's: its fields stay in the list. */
static void read_root_header(struct mime *mime, struct mime_part *part, struct span *rest)
{
    struct span start = *rest;

    header_list_read(&mime->header, rest);
    part->header = span_first(start, start.size - rest->size);
    mime->headers_size = part->header.size;
    for (uint32_t i = 0; i < mime->header.count; i++)
        if ((mime->header.fields[i].name.data[0] | 0x20) == 'c')
            read_field(mime, part, &mime->header.fields[i]);
}

/* Whether the line at `line`, which begins with "--", ends the part of some open multipart. */
static struct delimiter match(const struct mime *mime, struct span message, size_t line)
{
    struct span text = span_skip(message, line + 2);
    const uint8_t *end = text.size > 0 ? memchr(text.data, '\n', text.size) : NULL;
    struct delimiter found = {.line = line, .next = message.size};

    if (end != NULL) {
        found.next = (size_t)(end - message.data) + 1;
        text.size = (size_t)(end - text.data);
    }
    while (text.size > 0 && (text.data[text.size - 1] == '\r' || text.data[text.size - 1] == ' ' ||
                             text.data[text.size - 1] == '\t'))
        text.size--;
    for (uint32_t level = mime->open_count; level > 0; level--) {
        struct span boundary = mime->parts[mime->open[level - 1]].boundary;

        if (text.size != boundary.size && text.size != boundary.size + 2)
            continue;
        if (memcmp(text.data, boundary.data, boundary.size) != 0)
            continue;
        found.closing = text.size > boundary.size;
        if (found.closing && !span_equal(span_skip(text, boundary.size), SPAN("--")))
            continue;
        found.level = level - 1;
        found.found = true;
        break;
    }
    return found;
}

/* The next boundary line at or after `from`, which begins a line. */
static struct delimiter next_delimiter(struct mime *mime, struct span message, size_t from)
{
    struct delimiter none = {.line = message.size, .next = message.size};

    if (from < message.size && message.data[from] != '-')
        from = line_start_find(message, from, '-');
    for (; from < message.size && mime->open_count > 0;
         from = line_start_find(message, from, '-')) {
        struct delimiter found;

        if (from + 1 == message.size || message.data[from + 1] != '-')
            continue;
        found = match(mime, message, from);
        if (found.found)
            return found;
        if (++mime->dashes_count >= MIME_DASHES_MAX) {
            mime->cut = true;
            return none;
        }
    }
    return none;
}

static struct mime_part *add_part(struct mime *mime, uint16_t parent)
{
    if (mime->parts_count == MIME_PARTS_MAX) {
        mime->cut = true;
        return NULL;
    }
    struct mime_part *part = &mime->parts[mime->parts_count++];
    *part = (struct mime_part){
        .type = SPAN("text"), .subtype = SPAN("plain"), .charset = CHARSET_ASCII, .parent = parent};
    if (parent != MIME_NO_PARENT) {
        const struct mime_part *above = &mime->parts[parent];

        part->depth = (uint16_t)(above->depth + 1);
        if (is_multipart(above) && span_equal_nocase(above->subtype, SPAN("digest"))) {
            part->type = SPAN("message");
            part->subtype = SPAN("rfc822");
        }
    }
    return part;
}

/* Whether the part may have parts in it; a multipart is put on the stack. */
static void open_multipart(struct mime *mime, const struct mime_part *part)
{
    if (!is_multipart(part) || part->boundary.size == 0)
        return;
    if (mime->open_count == MIME_DEPTH_MAX || part->depth + 1 >= MIME_DEPTH_MAX) {
        mime->cut = true;
        return;
    }
    mime->open[mime->open_count++] = (uint16_t)(part - mime->parts);
}

/* Reads headers at `at`: of one part, and of the messages inside it. Returns where the body of the
 * innermost begins. */
static size_t enter(struct mime *mime, struct span message, size_t at, uint16_t parent, bool nested)
{
    struct mime_part *part;

    while ((part = add_part(mime, parent)) != NULL) {
        struct span rest = span_skip(message, at);

        if (parent == MIME_NO_PARENT)
            read_root_header(mime, part, &rest);
        else
            read_header(mime, part, &rest);
        at = message.size - rest.size;
        part->body = rest; /* until its end is found */
        open_multipart(mime, part);
        if (!nested || !is_message(part) || part->encoding != MIME_PLAIN)
            return at;
        if (part->depth + 1 >= MIME_DEPTH_MAX) {
            mime->cut = true;
            return at;
        }
        parent = (uint16_t)(part - mime->parts);
    }
    return at;
}

/* Ends what still runs of part `first` and of the parts in it. */
static void end_bodies(struct mime *mime, uint32_t first, struct span message, size_t end)
{
    if (end > 0 && message.data[end - 1] == '\n') /* the line break belongs to the boundary */
        end--;
    if (end > 0 && message.data[end - 1] == '\r')
        end--;
    for (uint32_t i = first; i < mime->parts_count; i++) {
        struct mime_part *part = &mime->parts[i];
        size_t begin = (size_t)(part->body.data - message.data);

        if (begin + part->body.size == message.size)
            part->body.size = end > begin ? end - begin : 0;
    }
}

void mime_read(struct mime *mime, struct span message, bool nested)
{
    mime->parts_count = mime->open_count = mime->dashes_count = 0;
    mime->headers_size = mime->store_size = 0;
    mime->cut = false;
    size_t at = enter(mime, message, 0, MIME_NO_PARENT, nested);
    while (mime->open_count > 0) {
        struct delimiter found = next_delimiter(mime, message, at);

        if (!found.found)
            break;
        uint16_t owner = mime->open[found.level];
        end_bodies(mime, owner, message, found.line);
        mime->open_count = found.level + (found.closing ? 0 : 1);
        at = found.next;
        if (found.closing)
            continue;
        if (mime->parts_count == MIME_PARTS_MAX) {
            mime->cut = true;
            break;
        }
        at = enter(mime, message, at, owner, nested);
    }
}
