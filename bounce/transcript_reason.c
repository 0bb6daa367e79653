#include "bounce/transcript_reason.h"

#include "base/base.h"
#include "bounce/status_text.h"
#include "bounce/transcript_marks.h"

/* Of a next paragraph only so much is looked at. */
#define NEXT_MAX 512
/* Blank lines within a reason. */
#define PARAGRAPHS_MAX 6

/* What may stand between an address and what is said of it. */
static bool is_between(uint8_t byte)
{
    return (transcript_marks_is(byte) && byte != '-' && byte != '=') || byte == ':' ||
           byte == ';' || byte == ',' || byte == ')' || byte == ']' || byte == '\n';
}

/* Whether the reason does not end with this paragraph: "because:" and the like promise one more,
 * and a reply that did not come yet may be in the next one. */
static bool goes_on(struct span before, struct span behind)
{
    before = span_trim(before);
    behind = span_trim(span_first(behind, NEXT_MAX));
    behind = span_first(behind, min_size(span_find(behind, SPAN("\n\n")), behind.size));
    return span_ends_nocase(before, SPAN(":")) ||
           (!status_text_has_reply(before) && status_text_has_reply(behind));
}

/* `reason` is without its first quotation mark: without the last one too, if it has no others. */
static struct span without_quote(struct span reason)
{
    struct span trimmed = span_trim(reason);
    size_t quote = span_find_byte(trimmed, '"');

    return quote != SPAN_NOT_FOUND && quote + 1 == trimmed.size ? span_first(trimmed, quote)
                                                                : reason;
}

/* The first paragraph of what stands behind the address; none where a heading comes first. */
static struct span first_paragraph(struct span reason)
{
    size_t size = 0;
    uint32_t paragraphs = 0;
    bool quoted = false;

    while (reason.size > 0 && is_between(reason.data[0])) {
        quoted = reason.data[0] == '"';
        reason = span_skip(reason, 1);
    }
    if (span_starts(reason, SPAN("---")) || span_starts(reason, SPAN("===")))
        return span_first(reason, 0);
    while (reason.size > 0 && (reason.data[0] == '-' || reason.data[0] == ' '))
        reason = span_skip(reason, 1);
    while (size < reason.size) {
        size_t end =
            size + min_size(span_find_byte(span_skip(reason, size), '\n'), reason.size - size);

        if (span_trim(span_slice(reason, size, end - size)).size == 0 &&
            (++paragraphs > PARAGRAPHS_MAX ||
             !goes_on(span_first(reason, size), span_skip(reason, end))))
            break;
        size = end + 1;
    }
    return quoted ? without_quote(span_first(reason, size)) : span_first(reason, size);
}

void transcript_reason_end(struct transcript *transcript)
{
    for (uint32_t i = 0; i < transcript->places_count; i++) {
        struct transcript_place *place = &transcript->places[i];

        for (uint32_t j = 0; j < transcript->places_count; j++) {
            const struct transcript_place *other = &transcript->places[j];
            const uint8_t *end = place->reason.data + place->reason.size;

            if (other->rank == TRANSCRIPT_LISTED && other->mailbox.data > place->mailbox.data &&
                other->mailbox.data < end)
                place->reason.size = (size_t)(other->mailbox.data - place->reason.data);
        }
        if (place->rank == TRANSCRIPT_LISTED)
            place->reason = first_paragraph(place->reason);
        else
            place->reason.size = 0;
    }
}
