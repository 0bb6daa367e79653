#include "message/header.h"

#include <errno.h>
#include <string.h>

struct header_name {
    struct span name;
    enum header_kind kind;
    bool single;
};

static const struct header_name header_names[] = {
    {SPAN_INIT("From"), HEADER_ADDRESSES, true},
    {SPAN_INIT("Sender"), HEADER_ADDRESSES, true},
    {SPAN_INIT("Reply-To"), HEADER_ADDRESSES, true},
    {SPAN_INIT("To"), HEADER_ADDRESSES, true},
    {SPAN_INIT("Cc"), HEADER_ADDRESSES, true},
    {SPAN_INIT("Resent-From"), HEADER_ADDRESSES, false},
    {SPAN_INIT("Resent-Sender"), HEADER_ADDRESSES, false},
    {SPAN_INIT("Resent-To"), HEADER_ADDRESSES, false},
    {SPAN_INIT("Resent-Cc"), HEADER_ADDRESSES, false},
    {SPAN_INIT("Resent-Reply-To"), HEADER_ADDRESSES, false},
    {SPAN_INIT("Errors-To"), HEADER_ADDRESSES, false},
    {SPAN_INIT("Mail-Followup-To"), HEADER_ADDRESSES, false},
    {SPAN_INIT("Mail-Reply-To"), HEADER_ADDRESSES, false},
    {SPAN_INIT("Disposition-Notification-To"), HEADER_ADDRESSES, false},
    {SPAN_INIT("Return-Receipt-To"), HEADER_ADDRESSES, false},
    {SPAN_INIT("Apparently-To"), HEADER_ADDRESSES, false},
    {SPAN_INIT("X-Original-To"), HEADER_ADDRESSES, false},
    {SPAN_INIT("Delivered-To"), HEADER_ADDRESSES, false},
    {SPAN_INIT("Message-ID"), HEADER_MESSAGE_ID, true},
    {SPAN_INIT("In-Reply-To"), HEADER_MESSAGE_ID, true},
    {SPAN_INIT("References"), HEADER_MESSAGE_ID, true},
    {SPAN_INIT("Resent-Message-ID"), HEADER_MESSAGE_ID, false},
    {SPAN_INIT("Subject"), HEADER_TEXT, true},
    {SPAN_INIT("Content-Description"), HEADER_TEXT, true},
    {SPAN_INIT("Archived-At"), HEADER_TOKENS, false},
    {SPAN_INIT("Feedback-ID"), HEADER_TOKENS, false},
    {SPAN_INIT("CFBL-Address"), HEADER_TOKENS, false},
    {SPAN_INIT("CFBL-Feedback-ID"), HEADER_TOKENS, false},
    {SPAN_INIT("Auto-Submitted"), HEADER_TOKENS, false},
    {SPAN_INIT("Precedence"), HEADER_TOKENS, false},
    {SPAN_INIT("Date"), HEADER_FIXED, true},
    {SPAN_INIT("Resent-Date"), HEADER_FIXED, false},
    {SPAN_INIT("MIME-Version"), HEADER_FIXED, true},
    {SPAN_INIT("Content-Type"), HEADER_FIXED, true},
    {SPAN_INIT("Content-Transfer-Encoding"), HEADER_FIXED, true},
    {SPAN_INIT("Content-Disposition"), HEADER_FIXED, true},
    {SPAN_INIT("Content-ID"), HEADER_FIXED, true},
    {SPAN_INIT("Received"), HEADER_FIXED, false},
    {SPAN_INIT("DKIM-Signature"), HEADER_FIXED, false},
    {SPAN_INIT("Bcc"), HEADER_REMOVED, false},
    {SPAN_INIT("Resent-Bcc"), HEADER_REMOVED, false},
    {SPAN_INIT("Return-Path"), HEADER_REMOVED, false},
};

static const struct header_name *header_known(struct span name)
{
    for (size_t i = 0; i < ARRAY_LEN(header_names); i++) {
        if (span_equal_nocase(header_names[i].name, name))
            return &header_names[i];
    }
    return NULL;
}

enum header_kind header_kind(struct span name)
{
    const struct header_name *known = header_known(name);

    if (known)
        return known->kind;
    if (span_starts_nocase(name, SPAN("Content-")) || span_starts_nocase(name, SPAN("ARC-")))
        return HEADER_FIXED;
    return span_starts_nocase(name, SPAN("List-")) ? HEADER_TOKENS : HEADER_TEXT;
}

bool header_is_single(struct span name)
{
    const struct header_name *known = header_known(name);

    return known && known->single;
}

struct span header_line(struct span *rest)
{
    size_t size = 0;

    while (size < rest->size && rest->data[size] != '\r' && rest->data[size] != '\n')
        size++;
    struct span line = span_first(*rest, size);
    if (span_starts(span_skip(*rest, size), SPAN("\r\n")))
        size++;
    *rest = span_skip(*rest, size + 1);
    return line;
}

static bool header_is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

static bool header_is_name(struct span name)
{
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] < 33 || name.data[i] > 126)
            return false;
    }
    return name.size > 0;
}

int header_next(struct span *rest, struct header_field *ret)
{
    struct span start = *rest;
    struct span line = header_line(rest);
    struct span name = line;

    if (line.size == 0)
        return 0;
    name.size = min_size(span_find_byte(line, ':'), line.size);
    size_t colon = name.size;
    while (name.size > 0 && header_is_blank(name.data[name.size - 1])) /* RFC 5322 4.5 */
        name.size--;
    if (colon == line.size || !header_is_name(name)) {
        *rest = start;
        return -EBADMSG;
    }
    while (rest->size > 0 && header_is_blank(rest->data[0]))
        line = header_line(rest);
    size_t body_end = (size_t)(line.data + line.size - start.data);
    ret->name = name;
    ret->body = span_slice(start, colon + 1, body_end - colon - 1);
    ret->whole = span_first(start, start.size - rest->size);
    return 1;
}

bool header_find(struct span message, struct span name, struct header_field *ret)
{
    struct header_field field;

    while (header_next(&message, &field) == 1) {
        if (span_equal_nocase(field.name, name)) {
            *ret = field;
            return true;
        }
    }
    return false;
}

uint32_t header_count(struct span message, struct span name)
{
    struct header_field field;
    uint32_t count = 0;

    while (header_next(&message, &field) == 1)
        count += span_equal_nocase(field.name, name);
    return count;
}

void header_unfold(struct span body, struct text *out, uint32_t *places)
{
    for (size_t i = 0; i < body.size; i++) {
        if (body.data[i] == '\r' || body.data[i] == '\n')
            continue;
        if (places && text_room(out) > 0)
            places[out->size] = (uint32_t)i;
        text_add_byte(out, body.data[i]);
    }
}

/* Takes "name=value" or "name="quoted value"" off the front of *rest, and the semicolon after it.
 */
static void header_take_parameter(struct span *rest, struct span *ret_name, struct span *ret_value)
{
    size_t equals = min_size(span_find_byte(*rest, '='), rest->size);
    size_t semicolon = min_size(span_find_byte(*rest, ';'), rest->size);

    if (semicolon < equals) {
        *ret_name = span_trim(span_split(rest, ';'));
        *ret_value = (struct span){0};
        return;
    }
    *ret_name = span_trim(span_first(*rest, equals));
    *rest = span_skip(*rest, equals + 1);
    while (rest->size > 0 && header_is_blank(rest->data[0]))
        *rest = span_skip(*rest, 1);
    if (span_starts(*rest, SPAN("\""))) {
        *rest = span_skip(*rest, 1);
        *ret_value = span_split(rest, '"');
        (void)span_split(rest, ';'); /* what stands between the quote and the semicolon */
        return;
    }
    *ret_value = span_trim(span_split(rest, ';'));
}

bool header_parameter(struct span body, struct span name, struct span *ret)
{
    (void)span_split(&body, ';'); /* the type */
    while (body.size > 0) {
        struct span found;
        struct span value;
        header_take_parameter(&body, &found, &value);
        if (span_equal_nocase(found, name)) {
            *ret = value;
            return true;
        }
    }
    return false;
}

static bool header_is_alnum(uint8_t byte)
{
    byte = span_lower_byte(byte);
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
}

bool header_is_dot_atom(struct span text)
{
    bool dot = true;

    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        bool here = byte == '.';
        if (here ? dot
                 : !header_is_alnum(byte) && (byte == 0 || !strchr("!#$%&'*+-/=?^_`{|}~", byte)))
            return false;
        dot = here;
    }
    return !dot;
}

bool header_is_domain(struct span text)
{
    bool edge = true; /* at the start of a label: after a dot */

    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if (byte == '.' ? edge : !header_is_alnum(byte) && byte != '-')
            return false;
        edge = byte == '.';
    }
    return !edge && text.size <= 253;
}

static bool header_is_literal(struct span text)
{
    if (text.size < 3 || text.data[0] != '[' || text.data[text.size - 1] != ']')
        return false;
    text = span_slice(text, 1, text.size - 2);
    for (size_t i = 0; i < text.size; i++) {
        if (!header_is_alnum(text.data[i]) && text.data[i] != '.' && text.data[i] != ':')
            return false;
    }
    return true;
}

static bool header_is_quoted_local(struct span text)
{
    if (text.size < 3 || text.data[0] != '"' || text.data[text.size - 1] != '"')
        return false;
    text = span_slice(text, 1, text.size - 2);
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < 0x20 || text.data[i] > 0x7e || strchr("<>,;:\"\\()", text.data[i]))
            return false;
    }
    return true;
}

bool header_is_mailbox(struct span text)
{
    size_t at = text.size;

    while (at > 0 && text.data[at - 1] != '@')
        at--;
    if (at < 2 || at - 1 > 64 || text.size > 254)
        return false;
    struct span local = span_first(text, at - 1);
    struct span domain = span_skip(text, at);
    return (header_is_dot_atom(local) || header_is_quoted_local(local)) &&
           (header_is_domain(domain) || header_is_literal(domain));
}
