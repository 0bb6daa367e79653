#include "message/added_fields.h"

#include "message/header.h"

#define LOCAL_PART_MAX 64 /* RFC 5321 4.5.3.1.1 */
#define TAG_SIZE 40       /* with a plus sign it becomes a part of the local part */
#define NAME_SIZE_MAX 64  /* octets of a campaign's name in Feedback-ID */

/* What a setting may name. */
enum added_fields_name { NAME_CAMPAIGN, NAME_TENANT, NAME_STREAM, NAME_COUNT };
static const struct span added_fields_names[NAME_COUNT] = {
    [NAME_CAMPAIGN] = SPAN_INIT("{{campaign}}"),
    [NAME_TENANT] = SPAN_INIT("{{tenant}}"),
    [NAME_STREAM] = SPAN_INIT("{{stream}}"),
};

uint32_t added_fields_own(struct span message)
{
    uint32_t own = 0;

    if (header_count(message, SPAN("List-Unsubscribe")) > 0 ||
        header_count(message, SPAN("List-Unsubscribe-Post")) > 0)
        own |= ADDED_FIELDS_OWN_UNSUBSCRIBE;
    if (header_count(message, SPAN("Feedback-ID")) > 0)
        own |= ADDED_FIELDS_OWN_FEEDBACK;
    if (header_count(message, SPAN("CFBL-Address")) > 0)
        own |= ADDED_FIELDS_OWN_CFBL;
    if (header_count(message, SPAN("CFBL-Feedback-ID")) > 0)
        own |= ADDED_FIELDS_OWN_CFBL_ID;
    return own;
}

/* A local part in a URI (RFC 6068 2): what could end it or mean something goes as %XX. */
static void put_local(struct span local, struct text *out)
{
    static const struct span plain = SPAN_INIT("!$*'+-._~");

    for (size_t i = 0; i < local.size; i++) {
        uint8_t byte = local.data[i];
        uint8_t lower = span_lower_byte(byte);

        if ((lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9') ||
            span_find_byte(plain, byte) != SPAN_NOT_FOUND) {
            text_add_byte(out, byte);
        } else {
            text_add_byte(out, '%');
            text_add_byte(out, (uint8_t) "0123456789ABCDEF"[byte >> 4]);
            text_add_byte(out, (uint8_t) "0123456789ABCDEF"[byte & 15]);
        }
    }
}

static void put_mailto(struct span address, struct span tag, struct text *out)
{
    size_t at = span_find_byte(address, '@');

    text_add_cstr(out, "<mailto:");
    put_local(span_first(address, at), out);
    text_add_byte(out, '+');
    text_add(out, tag);
    text_add(out, span_skip(address, at));
    text_add_cstr(out, "?subject=unsubscribe>");
}

/* The address by https first: RFC 2369 3.5 has them in the order of preference. */
static void put_unsubscribe(const struct added_fields_settings *settings, struct span tag,
                            struct text *out)
{
    text_add_cstr(out, "List-Unsubscribe: ");
    if (settings->url.size > 0) {
        text_add_byte(out, '<');
        text_add(out, settings->url);
        text_add(out, tag);
        text_add_byte(out, '>');
    }
    if (settings->mailto.size > 0) {
        if (settings->url.size > 0)
            text_add_cstr(out, ",\r\n ");
        put_mailto(settings->mailto, tag, out);
    }
    text_add_cstr(out, "\r\n");
    if (settings->url.size > 0)
        text_add_cstr(out, "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n");
}

/* A name as one part of the field: nothing that a reader of it would stumble over. */
static void put_name(struct span name, struct text *out)
{
    for (size_t i = 0; i < min_size(name.size, NAME_SIZE_MAX); i++) {
        uint8_t byte = name.data[i];
        uint8_t lower = span_lower_byte(byte);
        bool plain = (lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9') ||
                     byte == '-' || byte == '.' || byte == '_';

        text_add_byte(out, plain ? byte : '_');
    }
}

/* Takes a name in braces off *rest. NAME_COUNT: there is none at its front. */
static enum added_fields_name take_name(struct span *rest)
{
    for (uint32_t i = 0; i < NAME_COUNT; i++) {
        if (!span_starts(*rest, added_fields_names[i]))
            continue;
        *rest = span_skip(*rest, added_fields_names[i].size);
        return (enum added_fields_name)i;
    }
    return NAME_COUNT;
}

static void put_feedback(struct span rest, const struct added_fields_values *values,
                         struct text *out)
{
    const struct span names[NAME_COUNT] = {
        [NAME_CAMPAIGN] = values->campaign,
        [NAME_TENANT] = values->tenant,
        [NAME_STREAM] = values->stream,
    };

    text_add_cstr(out, "Feedback-ID: ");
    while (rest.size > 0) {
        enum added_fields_name name = take_name(&rest);

        if (name != NAME_COUNT) {
            put_name(names[name], out);
            continue;
        }
        text_add_byte(out, rest.data[0]);
        rest = span_skip(rest, 1);
    }
    text_add_cstr(out, "\r\n");
}

/* The author's own address is not ours to be told about. */
static void put_cfbl(const struct added_fields_settings *settings,
                     const struct added_fields_values *values, struct text *out)
{
    if (settings->cfbl.size == 0 || (values->own & ADDED_FIELDS_OWN_CFBL) != 0)
        return;
    text_add_cstr(out, "CFBL-Address: ");
    text_add(out, settings->cfbl);
    text_add_cstr(out, "; report=arf\r\n");
    if (!settings->cfbl_id || values->tag.size == 0 ||
        (values->own & ADDED_FIELDS_OWN_CFBL_ID) != 0)
        return;
    text_add_cstr(out, "CFBL-Feedback-ID: ");
    text_add(out, values->tag);
    text_add_cstr(out, "\r\n");
}

void added_fields_write(const struct added_fields_settings *settings,
                        const struct added_fields_values *values, struct text *out)
{
    if (values->is_bulk && values->tag.size > 0 && settings->mailto.size + settings->url.size > 0 &&
        (values->own & ADDED_FIELDS_OWN_UNSUBSCRIBE) == 0)
        put_unsubscribe(settings, values->tag, out);
    if (settings->feedback.size > 0 && (values->own & ADDED_FIELDS_OWN_FEEDBACK) == 0)
        put_feedback(settings->feedback, values, out);
    put_cfbl(settings, values, out);
}

/* --- settings --- */

static bool is_plain_mailbox(struct span address)
{
    size_t at = span_find_byte(address, '@');

    return address.size <= ADDED_FIELDS_ADDRESS_MAX && at != SPAN_NOT_FOUND &&
           header_is_mailbox(address) && header_is_dot_atom(span_first(address, at));
}

const char *added_fields_mailto_problem(struct span mailto)
{
    if (!is_plain_mailbox(mailto))
        return "is not a plain address (user@example.com)";
    if (span_find_byte(mailto, '@') > LOCAL_PART_MAX - 1 - TAG_SIZE)
        return "has more than 23 octets before the @: no room for a tag";
    return NULL;
}

const char *added_fields_cfbl_problem(struct span address)
{
    return is_plain_mailbox(address) ? NULL : "is not a plain address (user@example.com)";
}

const char *added_fields_url_problem(struct span url)
{
    struct span rest = span_skip(url, 8);

    if (!span_starts_nocase(url, SPAN("https://")) || rest.size == 0 || rest.data[0] == '/')
        return "is not an https address: one-click unsubscribing needs one (RFC 8058)";
    if (url.size > ADDED_FIELDS_URL_MAX)
        return "has more than 512 octets";
    for (size_t i = 0; i < url.size; i++)
        if (url.data[i] <= ' ' || url.data[i] >= 0x7f ||
            span_find_byte(SPAN("<>\"\\^`{|},#"), url.data[i]) != SPAN_NOT_FOUND)
            return "has an octet that cannot stand in a URL before the tag";
    return NULL;
}

const char *added_fields_feedback_problem(struct span feedback)
{
    struct span rest = feedback;
    size_t sender_size = 0, size = 0;
    uint32_t colons = 0;

    while (rest.size > 0) {
        uint8_t byte = rest.data[0];

        if (take_name(&rest) != NAME_COUNT) {
            size += NAME_SIZE_MAX;
            continue;
        }
        if (byte <= ' ' || byte >= 0x7f || byte == '{' || byte == '}')
            return "has something else than printable ASCII and {{campaign}}, {{tenant}}, "
                   "{{stream}}";
        colons += byte == ':';
        sender_size = byte == ':' ? 0 : sender_size + 1;
        rest = span_skip(rest, 1);
        size++;
    }
    if (colons != 3 || sender_size == 0)
        return "has not the form a:b:c:sender (a, b and c may be empty, the sender may not)";
    return size > ADDED_FIELDS_FEEDBACK_MAX ? "can become longer than 255 octets" : NULL;
}
