#include "bounce/transcript_cut.h"

#include <string.h>

#include "base/base.h"

size_t transcript_cut_line_begin(struct span text, size_t at)
{
    size_t low = at > TRANSCRIPT_CUT_LINE_MAX ? at - TRANSCRIPT_CUT_LINE_MAX : 0;

    while (at > low && text.data[at - 1] != '\n')
        at--;
    return at;
}

size_t transcript_cut_line_end(struct span text, size_t at)
{
    return at + min_size(span_find_byte(span_skip(text, at), '\n') + 1, text.size - at);
}

/* With which one of them begins. */
static bool is_first(uint8_t byte)
{
    uint8_t lower = byte | 0x20;

    return lower == 'r' || lower == 'd' || lower == 'm' || lower == 'x' || lower == 'a';
}

/* Fields that only a returned message has at the start of a line. */
static bool begins_returned(struct span rest)
{
    static const struct span names[] = {
        SPAN_INIT("Received:"),       SPAN_INIT("Return-Path:"),
        SPAN_INIT("DKIM-Signature:"), SPAN_INIT("MIME-Version:"),
        SPAN_INIT("Delivered-To:"),   SPAN_INIT("X-Mailer:"),
        SPAN_INIT("ARC-Seal:"),       SPAN_INIT("Received-SPF:"),
        SPAN_INIT("X-Received:"),     SPAN_INIT("X-Google-Smtp-Source:"),
    };

    while (rest.size > 0 && (rest.data[0] == '>' || rest.data[0] == ' ') && rest.data[0] != '\n')
        rest = span_skip(rest, 1);
    if (rest.size < 9 || !is_first(rest.data[0]))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (span_starts_nocase(rest, names[i]))
            return true;
    return false;
}

/* Where the header of the returned message begins, or the end. */
static size_t find_returned_header(struct span text)
{
    size_t at = 0;

    while (at < text.size) {
        if (at > 0 && begins_returned(span_skip(text, at)))
            return at;
        at += min_size(span_find_byte(span_skip(text, at), '\n'), text.size - at) + 1;
    }
    return text.size;
}

/* "--- Below this line", "=== Original message ===", and the like. */
static bool is_rule(struct span line)
{
    line = span_trim(line);
    return line.size > 2 &&
           (line.data[0] == '-' || line.data[0] == '=' || line.data[0] == '*' ||
            line.data[0] == '_' || line.data[0] == '#') &&
           line.data[1] == line.data[0];
}

/* "The following addresses did not receive a copy of your message:" ends nothing. */
static bool is_heading(const struct transcript_cut *cut, size_t begin, size_t end)
{
    for (size_t i = 0; i < cut->hits_count; i++)
        if (cut->hits[i].at >= begin && cut->hits[i].at < end &&
            (cut->hits[i].meaning & NOTICE_LIST) != 0)
            return true;
    return false;
}

/* Whether this phrase ends what the server wrote. */
static bool is_cut(const struct transcript_cut *cut, struct span text,
                   const struct notice_phrases_hit *hit)
{
    size_t begin = transcript_cut_line_begin(text, hit->at);
    struct span line = span_slice(text, begin, transcript_cut_line_end(text, hit->at) - begin);

    if ((hit->meaning & (NOTICE_RETURNED | NOTICE_COPY)) == 0 || begin == 0 ||
        is_heading(cut, begin, begin + line.size))
        return false;
    return (hit->meaning & NOTICE_RETURNED) != 0 || is_rule(line);
}

void transcript_cut_find(const struct notice_phrases *phrases, struct span text,
                         struct transcript_cut *ret)
{
    size_t end = find_returned_header(text);
    size_t behind = end;

    ret->hits_count =
        notice_phrases_find(phrases, span_first(text, end), ret->hits, TRANSCRIPT_CUT_HITS_MAX);
    for (size_t i = 0; i < ret->hits_count; i++) {
        if (!is_cut(ret, text, &ret->hits[i]))
            continue;
        end = transcript_cut_line_begin(text, ret->hits[i].at);
        behind = transcript_cut_line_end(text, ret->hits[i].at);
        ret->hits_count = i;
        break;
    }
    ret->text = span_first(text, end);
    ret->returned = span_skip(text, behind);
}
