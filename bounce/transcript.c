#include "bounce/transcript.h"

#include <string.h>

#include "base/base.h"
#include "bounce/mailbox.h"
#include "bounce/status_text.h"
#include "bounce/transcript_cut.h"

/* Of a line, in front of an address, only so much is looked at. */
#define BEFORE_MAX 256
/* And of a next paragraph. */
#define NEXT_MAX 512
/* Blank lines within a reason. */
#define PARAGRAPHS_MAX 6
/* Addresses that are looked at; a report has a few, a bomb has thousands. */
#define LOOKS_MAX 2000

/* Reading. */
struct walk {
    struct transcript *transcript;
    struct span own;
    struct transcript_cut cut;
    size_t hit;        /* the next one */
    uint32_t meanings; /* up to and with this line */
    uint32_t here;     /* of this line and the one before */
    uint32_t before;   /* of the line before */
    bool session;
    uint32_t looks;
    struct span line;
    struct span above; /* the last line with something in it, without what decorates its end */
};

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

static bool is_decoration(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '<' || byte == '>' || byte == '"' ||
           byte == '\'' || byte == '*' || byte == '-' || byte == '[' || byte == '(' ||
           byte == '|' || byte == '=' || byte == '.' || byte == '#' || byte == '\\' ||
           byte == '`' || byte == '+' || byte == '\r';
}

/* `text` without what decorates its end: brackets, quotes, blanks, colons. */
static struct span trim_end(struct span text)
{
    while (text.size > 0) {
        uint8_t last = text.data[text.size - 1];

        if (!is_decoration(last) && last != ':' && last != ';' && last != ',')
            break;
        text.size--;
    }
    return text;
}

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

/* Whether nothing but brackets and marks stands here. */
static bool is_bare_end(struct span text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];

        if (!is_decoration(byte) && byte != ')' && byte != ']' && byte != ':' && byte != ';' &&
            byte != ',')
            return false;
    }
    return true;
}

/* Without the type of the address that may stand last: "[SMTP:", "rfc822;". */
static struct span without_type(struct span words)
{
    if (span_ends_nocase(words, SPAN("smtp")))
        return trim_end(span_first(words, words.size - 4));
    if (span_ends_nocase(words, SPAN("rfc822")))
        return trim_end(span_first(words, words.size - 6));
    return words;
}

/* Whether nothing that means something stands in front of an address. */
static bool is_label(struct span before)
{
    return without_type(trim_end(before)).size == 0;
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

static bool has_reply(struct span text)
{
    uint16_t code;
    size_t at;

    return status_text_reply(text, &code, &at);
}

/* The rank of an address that begins its line. */
static enum transcript_rank rank_at_start(const struct walk *walk, struct span after)
{
    if (ends_with_word(walk->above, words_above, ARRAY_LEN(words_above)))
        return TRANSCRIPT_NOBODY; /* A message sent by <address> */
    if (walk->session)
        return TRANSCRIPT_SAID;
    if (span_starts(after, SPAN(">:")) && walk->line.data[0] == '<')
        return TRANSCRIPT_LISTED; /* qmail's form, and of those who took it over */
    if (!ends_as_listed(after))
        return TRANSCRIPT_NAMED;
    if ((walk->meanings & (NOTICE_LIST | NOTICE_FAILED | NOTICE_DELAYED)) != 0)
        return TRANSCRIPT_LISTED;
    return TRANSCRIPT_SAID;
}

static enum transcript_rank rank_in_line(const struct walk *walk, struct span before,
                                         struct span after)
{
    bool about_failure = (walk->here & (NOTICE_FAILED | NOTICE_DELAYED | NOTICE_LIST)) != 0;
    struct span words = without_type(trim_end(before));

    if (ends_with_word(words, words_not_to, ARRAY_LEN(words_not_to)) ||
        contains_nocase(words, SPAN("envelope-from")) || span_ends_nocase(before, SPAN("//")))
        return TRANSCRIPT_NOBODY;
    if (span_ends_nocase(before, SPAN("mailto:")))
        return TRANSCRIPT_NAMED;
    if (span_ends_nocase(words, SPAN("rcpt to")))
        return TRANSCRIPT_SAID;
    if (has_reply(before) || walk->session)
        return TRANSCRIPT_SAID;
    if (span_equal_nocase(span_trim(words), SPAN("to"))) /* a line of the returned header */
        return TRANSCRIPT_NAMED;
    if (ends_with_word(words, words_to, ARRAY_LEN(words_to)) && about_failure)
        return TRANSCRIPT_LISTED;
    /* Name <address>, Name (address) */
    if (is_bare_end(after) && before.size < 80 &&
        (span_ends_nocase(before, SPAN("<")) || span_ends_nocase(before, SPAN("("))) &&
        (walk->meanings & NOTICE_LIST) != 0 && span_find_byte(before, ':') == SPAN_NOT_FOUND)
        return TRANSCRIPT_LISTED;
    return about_failure ? TRANSCRIPT_SAID : TRANSCRIPT_NAMED;
}

static enum transcript_rank rank_of(const struct walk *walk, struct span mailbox,
                                    enum transcript_rank previous, struct span gap)
{
    size_t at = (size_t)(mailbox.data - walk->line.data);
    size_t skipped = at > BEFORE_MAX ? at - BEFORE_MAX : 0;
    struct span before = span_slice(walk->line, skipped, at - skipped);
    struct span after = span_slice(walk->line, at + mailbox.size, BEFORE_MAX);
    enum transcript_rank rank;

    if (previous != TRANSCRIPT_NOBODY && is_bare_end(gap)) /* a, b, c */
        return previous;
    rank = is_label(before) ? rank_at_start(walk, after) : rank_in_line(walk, before, after);
    if (mailbox_is_daemon(mailbox) && rank < TRANSCRIPT_LISTED)
        return TRANSCRIPT_NOBODY;
    if (span_find_byte(mailbox_domain(mailbox), '.') == SPAN_NOT_FOUND &&
        mailbox.data[mailbox.size - 1] != ']' && rank < TRANSCRIPT_LISTED)
        return TRANSCRIPT_NOBODY;
    return rank;
}

static struct transcript_place *known(struct transcript *transcript, struct span mailbox)
{
    for (uint32_t i = 0; i < transcript->places_count; i++)
        if (mailbox_same(transcript->places[i].mailbox, mailbox))
            return &transcript->places[i];
    return NULL;
}

static void add_place(struct walk *walk, struct span mailbox, enum transcript_rank rank)
{
    struct transcript *transcript = walk->transcript;
    struct transcript_place *place = known(transcript, mailbox);
    struct span text = transcript->text;

    if (place == NULL) {
        if (transcript->places_count == TRANSCRIPT_PLACES_MAX)
            return;
        place = &transcript->places[transcript->places_count++];
        *place = (struct transcript_place){.mailbox = mailbox};
    } else if (rank <= place->rank || place->foreign) {
        return;
    }
    place->foreign = rank == TRANSCRIPT_NOBODY;
    place->rank = rank;
    place->mailbox = mailbox;
    place->reason = span_skip(text, (size_t)(mailbox.data - text.data) + mailbox.size);
}

/* A name alone on its line where an address is expected. */
static void add_bare(struct walk *walk)
{
    struct transcript *transcript = walk->transcript;
    struct span line = span_trim(walk->line);

    if (walk->line.size == 0 || (walk->line.data[0] != '\t' && walk->line.data[0] != ' ') ||
        (walk->meanings & NOTICE_LIST) == 0 || walk->session || line.size < 3 || line.size > 64 ||
        transcript->bare_count == TRANSCRIPT_BARE_MAX)
        return;
    for (size_t i = 0; i < line.size; i++) {
        uint8_t lower = span_lower_byte(line.data[i]);

        if (!(lower >= 'a' && lower <= 'z') && !(lower >= '0' && lower <= '9') && lower != '.' &&
            lower != '_' && lower != '-')
            return;
    }
    if (line.data[0] != '-' && line.data[line.size - 1] != '.')
        transcript->bare[transcript->bare_count++] = line;
}

static void read_line(struct walk *walk)
{
    struct span mailbox;
    size_t from = 0;
    enum transcript_rank rank = TRANSCRIPT_NOBODY;

    while (walk->looks < LOOKS_MAX && mailbox_find(walk->line, from, &mailbox)) {
        size_t at = (size_t)(mailbox.data - walk->line.data);

        walk->looks++;
        rank = rank_of(walk, mailbox, rank, span_slice(walk->line, from, at - from));
        add_place(walk, mailbox, rank);
        from = at + mailbox.size;
    }
    if (from == 0)
        add_bare(walk);
}

/* Collects what the phrases of the line [line_at, end) say. */
static void read_hits(struct walk *walk, size_t end)
{
    uint32_t here = 0;

    if (span_trim(walk->line).size == 0)
        return; /* what the line above says holds for the next one */
    while (walk->hit < walk->cut.hits_count && walk->cut.hits[walk->hit].at < end)
        here |= walk->cut.hits[walk->hit++].meaning;
    walk->here = here | walk->before;
    walk->before = here;
    walk->meanings |= here;
    if ((here & NOTICE_SESSION) != 0)
        walk->session = true;
    else if ((here & NOTICE_LIST) != 0 && span_starts(span_trim(walk->line), SPAN("---")))
        walk->session = false; /* sendmail's headings */
}

static void read_lines(struct walk *walk)
{
    struct span text = walk->transcript->text;
    size_t at = 0;

    while (at < text.size) {
        size_t size = min_size(span_find_byte(span_skip(text, at), '\n'), text.size - at);

        walk->line = span_slice(text, at, size);
        if (walk->line.size > 0 && walk->line.data[size - 1] == '\r')
            walk->line.size--;
        read_hits(walk, at + size);
        read_line(walk);
        if (span_trim(walk->line).size > 0)
            walk->above = trim_end(walk->line);
        at += size + 1;
    }
}

/* What may stand between an address and what is said of it. */
static bool is_between(uint8_t byte)
{
    return (is_decoration(byte) && byte != '-' && byte != '=') || byte == ':' || byte == ';' ||
           byte == ',' || byte == ')' || byte == ']' || byte == '\n';
}

/* Whether the reason does not end with this paragraph: "because:" and the like promise one more,
 * and a reply that did not come yet may be in the next one. */
static bool goes_on(struct span before, struct span behind)
{
    before = span_trim(before);
    behind = span_trim(span_first(behind, NEXT_MAX));
    behind = span_first(behind, min_size(span_find(behind, SPAN("\n\n")), behind.size));
    return span_ends_nocase(before, SPAN(":")) || (!has_reply(before) && has_reply(behind));
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

/* Reasons end where the next listed address begins. */
static void end_reasons(struct transcript *transcript)
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

/* The report's own addressee is no recipient if somebody else is. */
static void demote_own(struct walk *walk)
{
    struct transcript *transcript = walk->transcript;
    struct transcript_place *own = walk->own.size > 0 ? known(transcript, walk->own) : NULL;

    if (own == NULL)
        return;
    for (uint32_t i = 0; i < transcript->places_count; i++)
        if (&transcript->places[i] != own &&
            (transcript->places[i].rank == TRANSCRIPT_LISTED ||
             (transcript->places[i].rank >= own->rank && own->rank < TRANSCRIPT_LISTED)))
            own->rank = TRANSCRIPT_NOBODY;
    if (own->rank != TRANSCRIPT_LISTED)
        own->rank = TRANSCRIPT_NOBODY;
}

/* Field by field: the phrases found need no clearing. */
static void begin(struct walk *walk, struct transcript *transcript, struct span own)
{
    walk->transcript = transcript;
    walk->own = own;
    walk->hit = 0;
    walk->meanings = walk->here = walk->before = 0;
    walk->session = false;
    walk->looks = 0;
    walk->line = walk->above = (struct span){NULL, 0};
}

static void keep_commands(const struct transcript_cut *cut, struct transcript *transcript)
{
    transcript->commands_count = 0;
    for (size_t i = 0; i < cut->hits_count; i++)
        if (cut->hits[i].meaning >> NOTICE_STAGE_SHIFT != 0 &&
            transcript->commands_count < TRANSCRIPT_COMMANDS_MAX)
            transcript->commands[transcript->commands_count++] = cut->hits[i];
}

void transcript_read(const struct notice_phrases *phrases, struct span text, struct span own,
                     struct transcript *ret)
{
    struct walk walk;

    begin(&walk, ret, own);

    ret->places_count = ret->bare_count = 0;
    transcript_cut_find(phrases, span_first(text, TRANSCRIPT_SIZE_MAX), &walk.cut);
    ret->text = walk.cut.text;
    ret->returned = walk.cut.returned;
    keep_commands(&walk.cut, ret);
    read_lines(&walk);
    ret->meanings = walk.meanings;
    demote_own(&walk);
    end_reasons(ret);
}

uint32_t transcript_command(const struct transcript *transcript, struct span part)
{
    for (uint32_t i = 0; i < transcript->commands_count; i++) {
        const struct notice_phrases_hit *command = &transcript->commands[i];
        const uint8_t *at = transcript->text.data + command->at;

        if (part.size > 0 && at >= part.data && at + command->size <= part.data + part.size)
            return command->meaning >> NOTICE_STAGE_SHIFT;
    }
    return 0;
}

struct span transcript_said(const struct transcript *transcript, struct span mailbox)
{
    struct span text = transcript->text;
    size_t from = 0;
    uint32_t looks = 0;
    struct span found;

    while (looks++ < LOOKS_MAX && mailbox_find(text, from, &found)) {
        size_t at = (size_t)(found.data - text.data);
        size_t begin = transcript_cut_line_begin(text, at);
        struct span before = span_slice(text, begin, at - begin);

        if (mailbox_same(found, mailbox) && has_reply(before))
            return span_slice(text, begin, transcript_cut_line_end(text, at) - begin);
        from = at + found.size;
    }
    return (struct span){NULL, 0};
}
