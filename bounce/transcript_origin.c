#include "bounce/transcript_origin.h"

#include "bounce/mailbox.h"

/* Of an address in it so much is looked at. */
#define ORIGIN_LINE_MAX 512

/* "(expanded from: <ann@example.org>)", with or without its first bracket. */
static bool read_line(struct span line, struct span *ret_mailbox)
{
    static const struct span words[] = {
        SPAN_INIT("generated from"),
        SPAN_INIT("ultimately generated from"),
        SPAN_INIT("expanded from"),
    };
    struct span mailbox;

    line = span_first(line, ORIGIN_LINE_MAX);
    if (span_starts(line, SPAN("(")))
        line = span_skip(line, 1);
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        struct span rest = span_skip(line, words[i].size);

        if (!span_starts_nocase(line, words[i]))
            continue;
        if (span_starts(rest, SPAN(":")))
            rest = span_skip(rest, 1);
        rest = span_trim(rest);
        if (span_starts(rest, SPAN("<")))
            rest = span_skip(rest, 1);
        if (!mailbox_find(rest, 0, &mailbox) || mailbox.data != rest.data ||
            span_find_byte(mailbox_domain(mailbox), '.') == SPAN_NOT_FOUND)
            return false;
        *ret_mailbox = mailbox;
        return true;
    }
    return false;
}

bool transcript_origin_of(struct span reason, struct span *ret_mailbox)
{
    while (reason.size > 0) {
        struct span line = span_trim(span_split(&reason, '\n'));

        if (read_line(line, ret_mailbox))
            return true;
        if (!span_starts_nocase(line, SPAN("(reason:")) &&
            !span_starts_nocase(line, SPAN("reason:")))
            return false;
    }
    return false;
}

bool transcript_origin_next(struct span *rest, struct span *ret_mailbox)
{
    while (rest->size > 0) {
        struct span line = span_trim(span_split(rest, '\n'));

        if (span_starts(line, SPAN("(")) && span_ends_nocase(line, SPAN(")")) &&
            read_line(line, ret_mailbox))
            return true;
    }
    return false;
}
