#include "bounce/transcript_rank.h"

#include "base/base.h"
#include "bounce/mailbox.h"
#include "bounce/status_text.h"
#include "bounce/transcript_marks.h"

/* Of a line, in front of an address, only so much is looked at. */
#define BEFORE_MAX 256

/* Words in front of an address that say whose it is. */
static const struct span words_not_to[] = {
    SPAN_INIT("from"),       SPAN_INIT("sender"),      SPAN_INIT("contact"),
    SPAN_INIT("sent by"),    SPAN_INIT("by"),          SPAN_INIT("us at"),
    SPAN_INIT("us"),         SPAN_INIT("write to"),    SPAN_INIT("reply to"),
    SPAN_INIT("reply-to"),   SPAN_INIT("behalf of"),   SPAN_INIT("message-id"),
    SPAN_INIT("id"),         SPAN_INIT("return-path"), SPAN_INIT("support"),
    SPAN_INIT("postmaster"), SPAN_INIT("assistance"),  SPAN_INIT("administrator"),
    SPAN_INIT("forward to"), SPAN_INIT("bcc"),         SPAN_INIT("cc"),
    SPAN_INIT("dear"),       SPAN_INIT("hello"),       SPAN_INIT("hi"),
    SPAN_INIT("sorry"),      SPAN_INIT("email to"),    SPAN_INIT("mail to postmaster"),
    SPAN_INIT("owner"),      SPAN_INIT("url"),         SPAN_INIT("mail admin"),
    SPAN_INIT("program at"), SPAN_INIT("to reach"),    SPAN_INIT("complaints to"),
    SPAN_INIT("helo"),       SPAN_INIT("ehlo"),        SPAN_INIT("for help"),
    SPAN_INIT("fwd"),        SPAN_INIT("visit"),
};

/* Words at the end of a line that say it of an address on the next one. */
static const struct span words_above[] = {
    SPAN_INIT("sent by"), SPAN_INIT("from"),     SPAN_INIT("contact"),
    SPAN_INIT("sender"),  SPAN_INIT("write to"),
};

/* Words in front of an address that say that it is the one. */
static const struct span words_to[] = {
    SPAN_INIT("recipient"),     SPAN_INIT("recipients"),   SPAN_INIT("to"),
    SPAN_INIT("user"),          SPAN_INIT("for"),          SPAN_INIT("address"),
    SPAN_INIT("addresses"),     SPAN_INIT("mailbox"),      SPAN_INIT("account"),
    SPAN_INIT("userid"),        SPAN_INIT("receiver"),     SPAN_INIT("attempts"),
    SPAN_INIT("full"),          SPAN_INIT("person"),       SPAN_INIT("known"),
    SPAN_INIT("recipient is"),  SPAN_INIT("address(es)"),  SPAN_INIT("recipient(s)"),
    SPAN_INIT("undeliverable"), SPAN_INIT("destinatario"), SPAN_INIT("empf\xc3\xa4nger"),
    SPAN_INIT("destinataire"),  SPAN_INIT("failed"),       SPAN_INIT("user unknown"),
};

static bool ends_with_word(struct span text, const struct span *words, size_t count)
{
    uint8_t last = text.size > 0 ? text.data[text.size - 1] : 0;

    for (size_t i = 0; i < count; i++) {
        struct span word = words[i];

        if (((last ^ word.data[word.size - 1]) & 0xdf) != 0 || !span_ends_nocase(text, word))
            continue;
        if (text.size == word.size)
            return true;
        uint8_t before = span_lower_byte(text.data[text.size - word.size - 1]);
        if (!(before >= 'a' && before <= 'z') && before < 0x80)
            return true;
    }
    return false;
}

static bool contains_nocase(struct span text, struct span what)
{
    for (size_t i = 0; i + what.size <= text.size; i++)
        if (((text.data[i] ^ what.data[0]) & 0xdf) == 0 &&
            span_starts_nocase(span_skip(text, i), what))
            return true;
    return false;
}

/* Without the type of the address that may stand last: "[SMTP:", "rfc822;". */
static struct span without_type(struct span words)
{
    if (span_ends_nocase(words, SPAN("smtp")))
        return transcript_marks_trim_end(span_first(words, words.size - 4));
    if (span_ends_nocase(words, SPAN("rfc822")))
        return transcript_marks_trim_end(span_first(words, words.size - 6));
    return words;
}

/* Whether nothing that means something stands in front of an address. */
static bool is_label(struct span before)
{
    return without_type(transcript_marks_trim_end(before)).size == 0;
}

/* What stands behind an address that begins its line, when it is one of a list. */
static bool ends_as_listed(struct span after)
{
    while (after.size > 0 && (after.data[0] == '>' || after.data[0] == '"' ||
                              after.data[0] == ']' || after.data[0] == '\''))
        after = span_skip(after, 1);
    struct span trimmed = span_trim(after);
    if (trimmed.size == 0 || after.data[0] == ':' || after.data[0] == ';' || after.data[0] == ',')
        return true;
    return after.data[0] == ' ' || after.data[0] == '\t' || after.data[0] == '(' ||
           span_starts(after, SPAN("..")) || span_starts(after, SPAN("<mailto:")) ||
           span_starts(after, SPAN("<"));
}

/* The rank of an address that begins its line. */
static enum transcript_rank rank_at_start(const struct transcript_rank_line *line,
                                          struct span after)
{
    if (ends_with_word(line->above, words_above, ARRAY_LEN(words_above)))
        return TRANSCRIPT_NOBODY; /* A message sent by <address> */
    if (line->session)
        return TRANSCRIPT_SAID;
    if (span_starts(after, SPAN(">:")) && line->text.data[0] == '<')
        return TRANSCRIPT_LISTED; /* qmail's form, and of those who took it over */
    if (!ends_as_listed(after))
        return TRANSCRIPT_NAMED;
    if ((line->meanings & (NOTICE_LIST | NOTICE_FAILED | NOTICE_DELAYED)) != 0)
        return TRANSCRIPT_LISTED;
    return TRANSCRIPT_SAID;
}

static enum transcript_rank rank_in_line(const struct transcript_rank_line *line,
                                         struct span before, struct span after)
{
    bool about_failure = (line->here & (NOTICE_FAILED | NOTICE_DELAYED | NOTICE_LIST)) != 0;
    struct span words = without_type(transcript_marks_trim_end(before));

    if (ends_with_word(words, words_not_to, ARRAY_LEN(words_not_to)) ||
        contains_nocase(words, SPAN("envelope-from")) || span_ends_nocase(before, SPAN("//")))
        return TRANSCRIPT_NOBODY;
    if (span_ends_nocase(before, SPAN("mailto:")))
        return TRANSCRIPT_NAMED;
    if (span_ends_nocase(words, SPAN("rcpt to")))
        return TRANSCRIPT_SAID;
    if (status_text_has_reply(before) || line->session)
        return TRANSCRIPT_SAID;
    if (span_equal_nocase(span_trim(words), SPAN("to"))) /* a line of the returned header */
        return TRANSCRIPT_NAMED;
    if (ends_with_word(words, words_to, ARRAY_LEN(words_to)) && about_failure)
        return TRANSCRIPT_LISTED;
    /* Name <address>, Name (address) */
    if (transcript_marks_only(after) && before.size < 80 &&
        (span_ends_nocase(before, SPAN("<")) || span_ends_nocase(before, SPAN("("))) &&
        (line->meanings & NOTICE_LIST) != 0 && span_find_byte(before, ':') == SPAN_NOT_FOUND)
        return TRANSCRIPT_LISTED;
    return about_failure ? TRANSCRIPT_SAID : TRANSCRIPT_NAMED;
}

enum transcript_rank transcript_rank_of(const struct transcript_rank_line *line,
                                        struct span mailbox, enum transcript_rank previous,
                                        struct span gap)
{
    size_t at = (size_t)(mailbox.data - line->text.data);
    size_t skipped = at > BEFORE_MAX ? at - BEFORE_MAX : 0;
    struct span before = span_slice(line->text, skipped, at - skipped);
    struct span after = span_slice(line->text, at + mailbox.size, BEFORE_MAX);
    enum transcript_rank rank;

    if (previous != TRANSCRIPT_NOBODY && transcript_marks_only(gap)) /* a, b, c */
        return previous;
    rank = is_label(before) ? rank_at_start(line, after) : rank_in_line(line, before, after);
    if (mailbox_is_daemon(mailbox) && rank < TRANSCRIPT_LISTED)
        return TRANSCRIPT_NOBODY;
    if (span_find_byte(mailbox_domain(mailbox), '.') == SPAN_NOT_FOUND &&
        mailbox.data[mailbox.size - 1] != ']' && rank < TRANSCRIPT_LISTED)
        return TRANSCRIPT_NOBODY;
    return rank;
}
