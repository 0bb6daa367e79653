#include "dns/dns_name.h"

#include <string.h>

#include "base/ip.h"

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

/* RFC 1123 2.1, and '_', which is no host name but is published and answered all the same. */
static bool label_is_host(struct span label)
{
    if (label.size == 0 || label.size > DNS_LABEL_SIZE_MAX)
        return false;
    if (label.data[0] == '-' || label.data[label.size - 1] == '-')
        return false;
    for (size_t i = 0; i < label.size; i++) {
        uint8_t byte = span_lower_byte(label.data[i]);

        if (!is_digit(byte) && !(byte >= 'a' && byte <= 'z') && byte != '-' && byte != '_')
            return false;
    }
    return true;
}

/* No top level is all digits (RFC 3696 2): such a name is an IPv4 address, or a slip of one. */
static bool label_is_number(struct span label)
{
    for (size_t i = 0; i < label.size; i++) {
        if (!is_digit(label.data[i]))
            return false;
    }
    return true;
}

bool dns_name_parse(struct span text, struct dns_name *ret_name)
{
    struct dns_name name = {0};
    struct span label = {0};
    size_t size = 0;

    if (text.size > 0 && text.data[text.size - 1] == '.')
        text.size--;
    if (text.size == 0 || text.size > DNS_NAME_TEXT_SIZE - 1)
        return false;
    for (size_t from = 0; from <= text.size; from += label.size + 1) {
        label = span_skip(text, from);
        label = span_first(label, min_size(span_find_byte(label, '.'), label.size));
        if (!label_is_host(label))
            return false;
        name.bytes[size++] = (uint8_t)label.size;
        for (size_t i = 0; i < label.size; i++)
            name.bytes[size++] = span_lower_byte(label.data[i]);
    }
    if (label_is_number(label))
        return false;
    name.bytes[size++] = 0;
    name.size = (uint8_t)size;
    *ret_name = name;
    return true;
}

bool dns_name_from_wire(struct span wire, struct dns_name *ret_name)
{
    size_t at = 0;

    if (wire.size == 0 || wire.size > DNS_NAME_SIZE_MAX)
        return false;
    while (at < wire.size && wire.data[at] != 0) {
        if (wire.data[at] > DNS_LABEL_SIZE_MAX)
            return false;
        at += (size_t)wire.data[at] + 1;
    }
    if (at != wire.size - 1)
        return false;
    /* A length octet is at most 63, below every letter: lowering all octets leaves it alone. */
    for (size_t i = 0; i < wire.size; i++)
        ret_name->bytes[i] = span_lower_byte(wire.data[i]);
    ret_name->size = (uint8_t)wire.size;
    return true;
}

bool dns_name_is_root(const struct dns_name *name)
{
    return name->size == 1;
}

bool dns_name_is_host(const struct dns_name *name)
{
    struct span label = {0};

    if (name->size <= 1)
        return false;
    for (size_t at = 0; name->bytes[at] != 0; at += label.size + 1) {
        label = span_make(&name->bytes[at + 1], name->bytes[at]);
        if (!label_is_host(label))
            return false;
    }
    return !label_is_number(label);
}

static bool is_plain(uint8_t byte)
{
    return byte > 0x20 && byte < 0x7f && byte != '.' && byte != '\\';
}

static void write_label(struct span label, struct text *text)
{
    while (label.size > 0) {
        size_t plain = 0;

        while (plain < label.size && is_plain(label.data[plain]))
            plain++;
        text_add(text, span_first(label, plain));
        label = span_skip(label, plain);
        if (label.size == 0)
            return;
        text_add_byte(text, '\\');
        text_add_padded(text, label.data[0], 3);
        label = span_skip(label, 1);
    }
}

void dns_name_write(const struct dns_name *name, struct text *text)
{
    for (size_t at = 0; at < name->size && name->bytes[at] != 0;
         at += (size_t)name->bytes[at] + 1) {
        if (at > 0)
            text_add_byte(text, '.');
        write_label(span_make(&name->bytes[at + 1], name->bytes[at]), text);
    }
}

bool dns_name_within(const struct dns_name *name, const struct dns_name *zone)
{
    size_t at = 0;

    if (zone->size == 0)
        return false;
    while ((size_t)name->size - at > zone->size)
        at += (size_t)name->bytes[at] + 1;
    return span_equal(span_skip(dns_name_span(name), at), dns_name_span(zone));
}

bool dns_name_equal(const struct dns_name *a, const struct dns_name *b)
{
    return span_equal(dns_name_span(a), dns_name_span(b));
}

struct span dns_name_span(const struct dns_name *name)
{
    return span_make(name->bytes, name->size);
}
