#include "engine/finished.h"

#include "base/check.h"
#include "message/header.h"
#include "message/merge.h"

#define ADDED_MAX 256 /* the added fields without the sender */

size_t finished_head_size(struct span message, const struct finished_origin *origin)
{
    return message.size + 2 * origin->sender.size + ADDED_MAX;
}

static struct span domain_of(struct span address)
{
    struct span domain = address;

    for (size_t i = 0; i < address.size; i++)
        if (address.data[i] == '@')
            domain = span_skip(address, i + 1);
    return domain;
}

/* "From somebody Thu Jan ...", and the ">From " that careless programs put before a header. */
static void skip_mailbox_line(struct span *message)
{
    if (span_starts(*message, SPAN("From ")) || span_starts(*message, SPAN(">From ")))
        (void)header_line(message);
}

static void add_missing(struct span header, const struct finished_origin *origin, struct text *head)
{
    if (header_count(header, SPAN("Date")) == 0)
        merge_write_date(origin->date_s, head);
    if (header_count(header, SPAN("Message-ID")) == 0) {
        text_add_cstr(head, "Message-ID: <");
        text_add_hex(head, origin->campaign, 16);
        text_add_byte(head, '@');
        text_add(head, domain_of(origin->sender));
        text_add_cstr(head, ">\r\n");
    }
    if (header_count(header, SPAN("From")) == 0) {
        text_add_cstr(head, "From: ");
        text_add(head, origin->sender);
        text_add_cstr(head, "\r\n");
    }
}

static bool ends_with_line_end(struct span text)
{
    return text.size > 0 && (text.data[text.size - 1] == '\n' || text.data[text.size - 1] == '\r');
}

void finished_write(struct span message, const struct finished_origin *origin, struct text *head,
                    struct span *ret_body)
{
    struct header_field field;
    struct span rest, header;

    skip_mailbox_line(&message);
    rest = message;
    while (header_next(&rest, &field) > 0)
        continue;
    /* Up to the blank line, or to the line that is no field: with that the body begins. */
    header = span_first(message, message.size - rest.size);
    add_missing(header, origin, head);
    rest = message;
    while (header_next(&rest, &field) > 0) {
        if (header_kind(field.name) == HEADER_REMOVED)
            continue;
        text_add(head, field.whole);
        if (!ends_with_line_end(field.whole))
            text_add_cstr(head, "\r\n");
    }
    text_add_cstr(head, "\r\n");
    CHECK(!head->overflow);
    *ret_body = rest;
}
