#include "message/template_address.h"

#include <errno.h>
#include <string.h>

#include "message/template_scan.h"
#include "message/words_decode.h"

#define ADDRESS_COMMENTS_MAX 20
/* Octets of an address with braces and brackets. */
#define ADDRESS_TEXT_MAX 2048
/* Nothing of an address was found. */
#define ADDRESS_NONE SIZE_MAX

/* One element of the list; the display name is in header->decoded. */
struct template_address {
    size_t at; /* where the address stands in header->unfolded */
    struct span text;
    bool angle; /* in angle brackets */
    const char *problem;
    size_t problem_at;
};

/* The end of a quoted string that begins at `at`; ADDRESS_NONE when it is not closed. */
static size_t template_address_quoted_end(struct span text, size_t at)
{
    for (at++; at < text.size; at++) {
        if (text.data[at] == '\\')
            at++;
        else if (text.data[at] == '"')
            return at + 1;
    }
    return ADDRESS_NONE;
}

static size_t template_address_comment_end(struct span text, size_t at)
{
    uint32_t depth = 0;

    for (; at < text.size && depth <= ADDRESS_COMMENTS_MAX; at++) {
        if (text.data[at] == '\\')
            at++;
        else if (text.data[at] == '(')
            depth++;
        else if (text.data[at] == ')' && --depth == 0)
            return at + 1;
    }
    return ADDRESS_NONE;
}

/* The end of what begins at `at`: a quoted string, a comment, a tag, or one octet. */
static size_t template_address_unit_end(struct span text, size_t at)
{
    struct template_scan_tag tag;

    if (text.data[at] == '"')
        return template_address_quoted_end(text, at);
    if (text.data[at] == '(')
        return template_address_comment_end(text, at);
    if (span_starts(span_skip(text, at), SPAN("{{")) && template_scan_next(text, at, &tag) == 1 &&
        tag.start == at)
        return tag.end;
    return at + 1;
}

static void template_address_space(struct text *out, uint32_t *places, size_t place)
{
    if (out->size == 0 || out->data[out->size - 1] == ' ' || text_room(out) == 0)
        return;
    places[out->size] = (uint32_t)place;
    text_add_byte(out, ' ');
}

/* Adds a quoted string's content to the display name. */
static void template_address_add_quoted(struct template_header *header, size_t at, size_t end)
{
    struct text *out = &header->decoded;

    template_address_space(out, header->decoded_places, header->places[at]);
    for (at++; at + 1 < end; at++) {
        if (header->unfolded.data[at] == '\\')
            at++;
        if (text_room(out) > 0)
            header->decoded_places[out->size] = header->places[at];
        text_add_byte(out, header->unfolded.data[at]);
    }
}

/* Adds atoms and encoded words to the display name. False: one is in a foreign charset. */
static bool template_address_add_atoms(struct template_header *header, size_t at, size_t end)
{
    struct span atoms = span_slice(text_span(&header->unfolded), at, end - at);
    size_t before = header->decoded.size;
    bool known = words_decode(atoms, &header->decoded, header->decoded_places);

    for (size_t i = before; i < header->decoded.size; i++)
        header->decoded_places[i] = header->places[at + header->decoded_places[i]];
    return known;
}

/* Reads the display name in [at, end); returns where the problem is, or ADDRESS_NONE. */
static size_t template_address_name(struct template_header *header, size_t at, size_t end,
                                    const char **ret_problem)
{
    struct span text = span_first(text_span(&header->unfolded), end);

    while (at < end) {
        size_t next = template_address_unit_end(text, at);
        bool unit = text.data[at] == '"' || text.data[at] == '(';
        *ret_problem = "a group or a special character in a display name";
        if (!unit && (text.data[at] == ':' || text.data[at] == ';' || text.data[at] == '@'))
            return at;
        if (text.data[at] == '(') {
            *ret_problem = "no field may stand in a comment";
            if (span_find(span_slice(text, at, next - at), SPAN("{{")) != SPAN_NOT_FOUND)
                return at;
        } else if (unit) {
            template_address_add_quoted(header, at, next);
        } else {
            while (next < end && !strchr("\"(:;@", text.data[next]))
                next = template_address_unit_end(text, next);
            *ret_problem = "an encoded word in a charset other than UTF-8, US-ASCII or ISO-8859-1";
            if (!template_address_add_atoms(header, at, next))
                return at;
        }
        at = next;
    }
    return ADDRESS_NONE;
}

/* Where an element ends, and its angle brackets. */
struct template_address_extent {
    size_t end;
    size_t open;
    size_t close;
};

/* False when a quote, comment or bracket stays open. */
static bool template_address_extent(struct span text, size_t at,
                                    struct template_address_extent *ret)
{
    *ret = (struct template_address_extent){.open = ADDRESS_NONE, .close = ADDRESS_NONE};
    while (at < text.size) {
        bool inside = ret->open != ADDRESS_NONE && ret->close == ADDRESS_NONE;
        uint8_t byte = text.data[at];
        if (byte == ',' && !inside)
            break;
        if (byte == '<' && ret->open == ADDRESS_NONE)
            ret->open = at;
        else if (byte == '>' && inside)
            ret->close = at;
        else if (byte == '<' || byte == '>')
            return false;
        at = template_address_unit_end(text, at);
        if (at == ADDRESS_NONE)
            return false;
    }
    ret->end = at;
    return (ret->open == ADDRESS_NONE) == (ret->close == ADDRESS_NONE);
}

/* Skips blanks and comments; none of them holds a field (*held: one does). */
static size_t template_address_skip(struct span text, size_t at, bool *held)
{
    while (at < text.size && strchr(" \t(", text.data[at])) {
        size_t end = template_address_unit_end(text, at);
        *held = *held || span_find(span_slice(text, at, end - at), SPAN("{{")) != SPAN_NOT_FOUND;
        at = end;
    }
    return at;
}

/* Takes one element off. 1: *ret; 0: the end; -EINVAL: ret->problem at ret->problem_at. */
static int template_address_next(struct template_header *header, size_t *at,
                                 struct template_address *ret)
{
    struct span text = text_span(&header->unfolded);
    struct template_address_extent extent;
    bool held = false;

    *ret = (struct template_address){.problem = "this is no list of addresses"};
    while (*at < text.size &&
           (text.data[*at] == ',' || span_trim(span_slice(text, *at, 1)).size == 0))
        (*at)++;
    if (*at == text.size)
        return 0;
    ret->problem_at = *at;
    if (!template_address_extent(text, *at, &extent))
        return -EINVAL;
    text_reset(&header->decoded);
    struct span element = span_first(text, extent.end);
    ret->angle = extent.open != ADDRESS_NONE;
    if (ret->angle) {
        const char *problem;
        size_t name_at = template_address_name(header, *at, extent.open, &problem);
        size_t rest_at = template_address_skip(element, extent.close + 1, &held);
        ret->text = span_trim(span_slice(text, extent.open + 1, extent.close - extent.open - 1));
        if (name_at != ADDRESS_NONE) {
            ret->problem = problem;
            ret->problem_at = name_at;
            return -EINVAL;
        }
        if (rest_at != element.size || held)
            return -EINVAL;
    } else {
        size_t start = template_address_skip(element, *at, &held);
        size_t end = start;
        while (end < element.size && element.data[end] != '(')
            end = template_address_unit_end(element, end);
        ret->text = span_trim(span_slice(element, start, end - start));
        if (template_address_skip(element, end, &held) != element.size || held)
            return -EINVAL;
    }
    ret->at = ret->text.size == 0 ? extent.end : (size_t)(ret->text.data - text.data);
    *at = extent.end;
    return 1;
}

/* Puts "x" where the tags are; the result is a mailbox if the address is well made. */
static bool template_address_is_sound(struct span text, size_t *ret_at_sign)
{
    uint8_t probe_data[256];
    struct text probe;
    struct template_scan_tag tag;
    size_t at = 0;

    text_init(&probe, probe_data, sizeof(probe_data));
    *ret_at_sign = text.size;
    while (template_scan_next(text, at, &tag) == 1) {
        text_add(&probe, span_slice(text, at, tag.start - at));
        text_add_byte(&probe, 'x');
        at = tag.end;
    }
    text_add(&probe, span_skip(text, at));
    while (*ret_at_sign > 0 && text.data[*ret_at_sign - 1] != '@')
        (*ret_at_sign)--;
    return !probe.overflow && header_is_mailbox(text_span(&probe)) &&
           (at == 0 || !span_starts(text, SPAN("\"")));
}

static bool template_address_has_tag(struct span text)
{
    return span_find(text, SPAN("{{")) != SPAN_NOT_FOUND;
}

static int template_address_fail(struct template_header *header,
                                 const struct template_address *address, const char *problem)
{
    size_t size = header->unfolded.size;
    size_t place = size == 0 ? 0 : header->places[min_size(address->problem_at, size - 1)];

    return template_header_error(header, place, problem, header->field->name);
}

int template_address_look(struct template_header *header)
{
    struct template_address address;
    size_t at = 0;
    size_t at_sign;
    bool tagged = template_address_has_tag(text_span(&header->unfolded));
    uint32_t mailboxes = 0;
    int r;

    while ((r = template_address_next(header, &at, &address)) == 1) {
        tagged = tagged || template_address_has_tag(text_span(&header->decoded));
        mailboxes += template_address_has_tag(address.text) ||
                     template_address_is_sound(address.text, &at_sign);
    }
    bool from = span_equal_nocase(header->field->name, SPAN("From"));
    if (r < 0 && (tagged || from))
        return template_address_fail(header, &address, address.problem);
    if (from && mailboxes == 0)
        return template_address_fail(header, &address, "no mailbox in the header field");
    return tagged;
}

/* Writes the address with its brackets into `out`, and where each octet came from. */
static void template_address_bracket(const struct template_header *header,
                                     const struct template_address *address, struct text *out,
                                     uint32_t *places)
{
    if (address->angle) {
        places[out->size] = header->places[address->at];
        text_add_byte(out, '<');
    }
    for (size_t i = 0; i < address->text.size && text_room(out) > 1; i++) {
        places[out->size] = header->places[address->at + i];
        text_add_byte(out, address->text.data[i]);
    }
    if (address->angle) {
        places[out->size] = places[out->size - 1];
        text_add_byte(out, '>');
    }
}

static int template_address_put_mailbox(struct template_header *header,
                                        const struct template_address *address)
{
    uint8_t buffer[ADDRESS_TEXT_MAX];
    uint32_t places[ADDRESS_TEXT_MAX];
    struct text text;
    struct template_scan_tag tag;
    struct template_header_token token = {
        .places = places,
        .form = TEMPLATE_TOKEN_ATOM,
        .context = TEMPLATE_LOCAL,
        .after = TEMPLATE_DOMAIN,
    };

    if (address->text.size > ADDRESS_TEXT_MAX - 3)
        return template_address_fail(header, address, "an address is too long");
    if (template_scan_next(address->text, 0, &tag) == 1 && tag.start == 0 &&
        tag.end == address->text.size)
        token.context = token.after = TEMPLATE_MAILBOX;
    else if (!template_address_is_sound(address->text, &token.after_at))
        return template_address_fail(header, address, "this is no mailbox");
    text_init(&text, buffer, sizeof(buffer));
    template_address_bracket(header, address, &text, places);
    token.text = text_span(&text);
    token.after_at += address->angle;
    return template_header_token(header, &token);
}

static int template_address_put_one(struct template_header *header,
                                    const struct template_address *address)
{
    struct template_header_token name = {
        .text = text_span(&header->decoded),
        .places = header->decoded_places,
        .form = TEMPLATE_TOKEN_PHRASE,
        .context = TEMPLATE_PHRASE,
        .after = TEMPLATE_PHRASE,
    };

    if (!span_is_utf8(name.text))
        return template_address_fail(header, address, "a header field that is not UTF-8 text");
    while (name.text.size > 0 && name.text.data[name.text.size - 1] == ' ')
        name.text.size--;
    while (name.text.size > 0 && name.text.data[0] == ' ') {
        name.text = span_skip(name.text, 1);
        name.places++;
    }
    int r = name.text.size == 0 ? 0 : template_header_token(header, &name);
    return r < 0 ? r : template_address_put_mailbox(header, address);
}

int template_address_put(struct template_header *header)
{
    struct template_address address;
    size_t at = 0;
    uint32_t count = 0;
    int r;

    while ((r = template_address_next(header, &at, &address)) == 1) {
        if (count++ > 0)
            template_header_bytes(header, SPAN(","));
        r = template_address_put_one(header, &address);
        if (r < 0)
            return r;
    }
    return r < 0 ? template_address_fail(header, &address, address.problem) : 0;
}
