/* Content behind DATA, read by RFC 5321 4.5.2 and 4.5.3.1.6. */
#include "sim/mx_session.h"

#include <string.h>

#define LINE_MAX_OCTETS 998

void mx_content_begin(struct mx_content *content)
{
    *content = (struct mx_content){.body_hash = ORACLE_HASH_START};
}

static void line_ends(struct mx_content *content)
{
    static const struct span name = SPAN_INIT("message-id:");
    struct span head = span_make(content->head, content->head_size);

    if (!content->in_body && content->line_size == 0) {
        content->in_body = true;
    } else if (!content->in_body && span_starts_nocase(head, name)) {
        struct span id = span_trim(span_skip(head, name.size));

        memcpy(content->id, id.data, id.size);
        content->id_size = (uint32_t)id.size;
    }
    content->line_size = 0;
    content->head_size = 0;
    content->line_open = false;
    content->dot_first = false;
}

static void octet(struct mx_content *content, uint8_t byte)
{
    content->size++;
    if (content->in_body)
        content->body_hash = (content->body_hash ^ byte) * UINT64_C(1099511628211);
    else if (byte != '\r' && byte != '\n' && content->head_size < sizeof(content->head))
        content->head[content->head_size++] = (char)byte;
}

static void check(struct mx_connection *connection, uint8_t byte)
{
    struct mx_content *content = &connection->content;

    if (byte == '\n')
        mx_manners_blame(connection, "bare LF in content");
    if (content->after_cr)
        mx_manners_blame(connection, "bare CR in content");
    if ((byte & 0x80) != 0 && !connection->eight_bit)
        mx_manners_blame(connection, "8-bit content without 8BITMIME");
    if (++content->line_size == LINE_MAX_OCTETS + 1)
        mx_manners_blame(connection, "a line of more than 998 octets");
}

bool mx_content_take(struct mx_connection *connection, struct span *bytes)
{
    struct mx_content *content = &connection->content;

    while (bytes->size > 0) {
        uint8_t byte = bytes->data[0];

        *bytes = span_skip(*bytes, 1);
        if (byte == '\n' && content->after_cr) {
            content->after_cr = false;
            if (content->dot_first && content->line_size == 0)
                return true;
            octet(content, '\r');
            octet(content, '\n');
            line_ends(content);
        } else if (byte == '\r' && !content->after_cr) {
            content->after_cr = true;
        } else if (byte == '.' && !content->line_open && !content->after_cr) {
            content->line_open = true;
            content->dot_first = true;
        } else {
            check(connection, byte);
            content->after_cr = byte == '\r';
            content->line_open = true;
            octet(content, byte);
        }
    }
    return false;
}
