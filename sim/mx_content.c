/* Content behind DATA, read by RFC 5321 4.5.2 and 4.5.3.1.6. */
#include "sim/mx_session.h"

#include <string.h>

#define LINE_MAX_OCTETS 998

void mx_content_begin(struct mx_content *content)
{
    memset(content, 0, sizeof(*content));
    content->body_hash = ORACLE_HASH_START;
    mx_seal_begin(&content->seal);
}

static void line_ends(struct mx_content *content)
{
    static const struct span name = SPAN_INIT("message-id:");
    static const struct span quoted = SPAN_INIT("content-transfer-encoding: quoted-printable");
    struct span head = span_make(content->head, content->head_size);

    if (!content->in_body && content->line_size == 0) {
        content->in_body = true;
    } else if (!content->in_body && span_starts_nocase(head, name)) {
        struct span id = span_trim(span_skip(head, name.size));

        memcpy(content->id, id.data, id.size);
        content->id_size = (uint32_t)id.size;
    } else if (!content->in_body && span_starts_nocase(head, quoted)) {
        content->quoted = true;
    }
    content->line_size = 0;
    content->head_size = 0;
    content->line_open = false;
    content->dot_first = false;
}

static uint32_t digit(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - (uint32_t)'0';
    return byte >= 'A' && byte <= 'F' ? byte - (uint32_t)'A' + 10 : 255;
}

static void body_octet(struct mx_content *content, uint8_t byte)
{
    content->body_hash = (content->body_hash ^ byte) * UINT64_C(1099511628211);
}

/* RFC 2045 6.7: "=XX", and "=" CRLF, which is nothing. */
static void quoted_octet(struct mx_content *content, uint8_t byte)
{
    if (content->escape_size == 0 && byte != '=') {
        body_octet(content, byte);
        return;
    }
    content->escape[content->escape_size++] = byte;
    if (content->escape_size < 3)
        return;
    content->escape_size = 0;
    if (content->escape[1] == '\r' && byte == '\n')
        return;
    /* What is no escape has a hash that no body has. */
    body_octet(content, (uint8_t)(digit(content->escape[1]) << 4 | digit(byte)));
    if (digit(content->escape[1]) > 15 || digit(byte) > 15)
        content->body_hash = 0;
}

static void octet(struct mx_content *content, uint8_t byte)
{
    content->size++;
    mx_seal_take(&content->seal, content->in_body, byte);
    if (content->in_body && content->quoted)
        quoted_octet(content, byte);
    else if (content->in_body)
        body_octet(content, byte);
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
