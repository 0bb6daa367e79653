#include "tls/tlsrpt_record.h"

#include <string.h>

#include "base/check.h"
#include "message/address.h"

static bool hex_digit(uint8_t byte, uint8_t *ret_digit)
{
    uint8_t lower = span_lower_byte(byte);

    if (byte >= '0' && byte <= '9')
        *ret_digit = (uint8_t)(byte - '0');
    else if (lower >= 'a' && lower <= 'f')
        *ret_digit = (uint8_t)(lower - 'a' + 10);
    else
        return false;
    return true;
}

/* Of an address; in a URL the encoding is the server's to undo. False: not a URI. */
static bool add_decoded(struct text *out, struct span uri)
{
    for (size_t i = 0; i < uri.size; i++) {
        uint8_t high, low;

        if (uri.data[i] != '%') {
            text_add_byte(out, uri.data[i]);
            continue;
        }
        if (i + 2 >= uri.size || !hex_digit(uri.data[i + 1], &high) ||
            !hex_digit(uri.data[i + 2], &low))
            return false;
        text_add_byte(out, (uint8_t)(high << 4 | low));
        i += 2;
    }
    return true;
}

static bool is_printable(struct span uri)
{
    for (size_t i = 0; i < uri.size; i++)
        if (uri.data[i] <= ' ' || uri.data[i] >= 0x7f)
            return false;
    return uri.size > 0;
}

/* Other schemes are passed over: they may come one day. */
static bool add_target(struct tlsrpt_record *record, struct span uri)
{
    bool mail = span_starts_nocase(uri, SPAN("mailto:"));
    struct tlsrpt_target target = {.mail = mail, .at = (uint16_t)record->text_size};
    const char *problem;
    struct address address;
    struct text out;

    if (!is_printable(uri))
        return false;
    if ((!mail && !span_starts_nocase(uri, SPAN("https://"))) ||
        record->targets_count == TLSRPT_RECORD_TARGETS_MAX)
        return true;
    text_init(&out, record->text + target.at, sizeof(record->text) - target.at);
    if (!mail)
        text_add(&out, uri);
    else if (!add_decoded(&out, span_split(&(struct span){uri.data + 7, uri.size - 7}, '?')) ||
             !address_parse(text_span(&out), &address, &problem) || address.utf8)
        return false;
    if (out.overflow)
        return true; /* no place for it */
    target.size = (uint16_t)out.size;
    record->text_size += target.size;
    record->targets[record->targets_count++] = target;
    return true;
}

static bool add_targets(struct tlsrpt_record *record, struct span list)
{
    bool good = list.size > 0;

    while (good && list.size > 0)
        good = add_target(record, span_trim(span_split(&list, ',')));
    return good;
}

void tlsrpt_record_init(struct tlsrpt_record *record)
{
    memset(record, 0, sizeof(*record));
}

void tlsrpt_record_add(struct tlsrpt_record *record, struct span txt)
{
    struct span version = span_split(&txt, ';');
    bool found = false, good = true;

    if (!span_starts(version, SPAN("v=TLSRPTv1")) || span_trim(span_skip(version, 10)).size > 0 ||
        txt.size == 0)
        return;
    if (++record->count > 1)
        return;
    while (good && txt.size > 0) {
        struct span value = span_trim(span_split(&txt, ';'));
        struct span name = span_split(&value, '=');

        if (!span_equal(name, SPAN("rua")))
            continue; /* an extension */
        good = !found && add_targets(record, value);
        found = true;
    }
    record->malformed = !good || !found;
}

bool tlsrpt_record_is_usable(const struct tlsrpt_record *record)
{
    return record->count == 1 && !record->malformed && record->targets_count > 0;
}

struct span tlsrpt_record_target(const struct tlsrpt_record *record, uint32_t index)
{
    CHECK(index < record->targets_count);
    return span_make(record->text + record->targets[index].at, record->targets[index].size);
}
