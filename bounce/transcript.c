#include "bounce/transcript.h"

#include "base/base.h"
#include "bounce/mailbox.h"
#include "bounce/status_text.h"
#include "bounce/transcript_cut.h"
#include "bounce/transcript_marks.h"
#include "bounce/transcript_rank.h"
#include "bounce/transcript_reason.h"

/* Addresses that are looked at; a report has a few, a bomb has thousands. */
#define LOOKS_MAX 2000

/* Reading. */
struct walk {
    struct transcript *transcript;
    struct span own;
    struct transcript_cut cut;
    size_t hit;      /* the next one */
    uint32_t before; /* what the line before means */
    uint32_t looks;
    struct transcript_rank_line line;
};

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
    struct span line = span_trim(walk->line.text);

    if (walk->line.text.size == 0 ||
        (walk->line.text.data[0] != '\t' && walk->line.text.data[0] != ' ') ||
        (walk->line.meanings & NOTICE_LIST) == 0 || walk->line.session || line.size < 3 ||
        line.size > 64 || transcript->bare_count == TRANSCRIPT_BARE_MAX)
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

    while (walk->looks < LOOKS_MAX && mailbox_find(walk->line.text, from, &mailbox)) {
        size_t at = (size_t)(mailbox.data - walk->line.text.data);

        walk->looks++;
        rank = transcript_rank_of(&walk->line, mailbox, rank,
                                  span_slice(walk->line.text, from, at - from));
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

    if (span_trim(walk->line.text).size == 0)
        return; /* what the line above says holds for the next one */
    while (walk->hit < walk->cut.hits_count && walk->cut.hits[walk->hit].at < end)
        here |= walk->cut.hits[walk->hit++].meaning;
    walk->line.here = here | walk->before;
    walk->before = here;
    walk->line.meanings |= here;
    if ((here & NOTICE_SESSION) != 0)
        walk->line.session = true;
    else if ((here & NOTICE_LIST) != 0 && span_starts(span_trim(walk->line.text), SPAN("---")))
        walk->line.session = false; /* sendmail's headings */
}

static void read_lines(struct walk *walk)
{
    struct span text = walk->transcript->text;
    size_t at = 0;

    while (at < text.size) {
        size_t size = min_size(span_find_byte(span_skip(text, at), '\n'), text.size - at);

        walk->line.text = span_slice(text, at, size);
        if (walk->line.text.size > 0 && walk->line.text.data[size - 1] == '\r')
            walk->line.text.size--;
        read_hits(walk, at + size);
        read_line(walk);
        if (span_trim(walk->line.text).size > 0)
            walk->line.above = transcript_marks_trim_end(walk->line.text);
        at += size + 1;
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
    walk->line.meanings = walk->line.here = walk->before = 0;
    walk->line.session = false;
    walk->looks = 0;
    walk->line.text = walk->line.above = (struct span){NULL, 0};
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
    ret->meanings = walk.line.meanings;
    demote_own(&walk);
    transcript_reason_end(ret);
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

        if (mailbox_same(found, mailbox) && status_text_has_reply(before))
            return span_slice(text, begin, transcript_cut_line_end(text, at) - begin);
        from = at + found.size;
    }
    return (struct span){NULL, 0};
}
