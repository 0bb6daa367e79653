#include "bounce/report_workspace.h"

#include "bounce/mailbox.h"
#include "bounce/markup.h"
#include "bounce/report_verdict.h"
#include "message/mime_body.h"

/* Of one text, decoded, and of HTML before its tags are taken out. */
#define TEXT_MAX (32 * KIB)
#define HTML_MAX (128 * KIB)

/* A writer into what is left of `text`, no more than one text needs. */
static struct text some_room(struct text *text)
{
    struct text room;

    text_init(&room, text->data + text->size, min_size(text_room(text), TEXT_MAX));
    return room;
}

struct span report_workspace_text(struct report_reader *reader, uint16_t index)
{
    const struct mime_part *part = &reader->mime.parts[index];
    struct text octets = some_room(&reader->octets), texts = some_room(&reader->texts), plain;
    struct span text = mime_body_text(part, reader->charset, &octets, &texts);

    reader->octets.size += octets.size;
    reader->texts.size += texts.size;
    if (!mime_is(part, "text", "html"))
        return text;
    plain = some_room(&reader->texts);
    markup_text(span_first(text, HTML_MAX), &plain);
    reader->texts.size += plain.size;
    return text_span(&plain);
}

static bool names_somebody(const struct transcript *transcript)
{
    for (uint32_t i = 0; i < transcript->places_count; i++)
        if (transcript->places[i].rank >= TRANSCRIPT_SAID)
            return true;
    return false;
}

void report_workspace_transcript(struct report_reader *reader)
{
    const struct report_survey *survey = &reader->survey;

    if (reader->transcript_read)
        return;
    reader->transcript_read = true;
    reader->transcript.text = reader->transcript.returned = (struct span){NULL, 0};
    reader->transcript.meanings = 0;
    reader->transcript.places_count = reader->transcript.bare_count = 0;
    reader->transcript.commands_count = 0;
    for (uint32_t i = 0; i < survey->texts_count; i++) {
        struct span text = report_workspace_text(reader, survey->texts[i]);
        uint32_t meanings = reader->transcript.meanings;

        if (span_trim(span_first(text, 1024)).size == 0 && i + 1 < survey->texts_count)
            continue;
        transcript_read(reader->phrases, text, reader->evidence.to, &reader->transcript);
        reader->transcript.meanings |= meanings;
        reader->verdict.session = reader->transcript.text;
        if (names_somebody(&reader->transcript))
            return;
    }
}

struct report_recipient *report_workspace_add(struct report *report)
{
    struct report_recipient *into;

    if (report->recipients_count == REPORT_RECIPIENTS_MAX) {
        report->recipients_more++;
        return NULL;
    }
    into = &report->recipients[report->recipients_count++];
    *into = (struct report_recipient){.class = BOUNCE_UNKNOWN};
    return into;
}

/* One more text; what is short of letters says nothing. */
static void judge(struct report_reader *reader, struct span host, struct span text,
                  struct report_recipient *recipient)
{
    struct span unfolded;

    if (span_trim(text).size < 3)
        return;
    unfolded = report_verdict_unfold(text, &reader->store);
    report_verdict_add(&reader->verdict, host, unfolded, recipient);
    if (recipient->diagnostic.size == 0)
        recipient->diagnostic = unfolded;
}

static bool is_enough(const struct report_recipient *recipient)
{
    return recipient->class != BOUNCE_UNKNOWN &&
           (recipient->step == CLASSIFY_PROVIDER || recipient->step == CLASSIFY_STATUS ||
            recipient->step == CLASSIFY_PHRASE);
}

struct span report_workspace_reason(const struct report_reader *reader,
                                    const struct report_recipient *recipient)
{
    const struct transcript *transcript = &reader->transcript;

    for (uint32_t i = 0; i < transcript->places_count; i++) {
        const struct transcript_place *place = &transcript->places[i];

        if (place->rank == TRANSCRIPT_LISTED && (mailbox_same(place->mailbox, recipient->address) ||
                                                 mailbox_same(place->mailbox, recipient->final)))
            return place->reason;
    }
    return (struct span){NULL, 0};
}

static uint32_t listed_count(const struct transcript *transcript)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < transcript->places_count; i++)
        count += transcript->places[i].rank == TRANSCRIPT_LISTED;
    return count;
}

void report_workspace_judge(struct report_reader *reader, struct span host,
                            struct report_recipient *recipient)
{
    const struct transcript *transcript = &reader->transcript;
    bool told = recipient->code != 0; /* what the server said is known, if not understood */

    report_workspace_transcript(reader);
    if (listed_count(transcript) <= 1)
        reader->verdict.around =
            (enum outcome_stage)transcript_command(transcript, transcript->text);
    judge(reader, host, report_workspace_reason(reader, recipient), recipient);
    if (!is_enough(recipient))
        judge(reader, host, transcript_said(transcript, recipient->address), recipient);
    if (!is_enough(recipient) && !(told && recipient->class != BOUNCE_UNKNOWN))
        judge(reader, host, transcript->text, recipient);
    if (recipient->status[0] == 0 && listed_count(transcript) <= 1)
        report_verdict_codes(transcript->text, recipient);
    reader->verdict.around = STAGE_NONE;
}
