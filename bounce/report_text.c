#include "bounce/report_text.h"

#include "bounce/mailbox.h"
#include "bounce/report_returned.h"
#include "bounce/transcript_origin.h"

/* How much must speak for a failure in a message without a machine-readable part. */
#define FAILURE_WEIGHT 6
#define TEXT_WEIGHT_MAX 4
/* Of a field with addresses only so much is read. */
#define FIELD_MAX (64 * KIB)

uint32_t report_text_meanings(const struct report_reader *reader)
{
    return reader->evidence.subject | reader->transcript.meanings;
}

static enum transcript_rank best_rank(const struct transcript *transcript)
{
    enum transcript_rank best = TRANSCRIPT_NOBODY;

    for (uint32_t i = 0; i < transcript->places_count; i++)
        if (transcript->places[i].rank > best)
            best = transcript->places[i].rank;
    return best;
}

/* What the header says for a failure, and against it. */
static int weigh_header(const struct report_reader *reader)
{
    const struct report_evidence *evidence = &reader->evidence;
    int weight = 0;

    weight += evidence->daemon ? 3 : 0;
    weight += evidence->null_sender ? 2 : 0;
    weight += evidence->failed.size > 0 ? 4 : 0;
    weight += (evidence->subject & (NOTICE_FAILED | NOTICE_DELAYED)) != 0 ? 3 : 0;
    weight += reader->survey.report ? 2 : 0;
    weight -= evidence->personal ? 4 : 0;
    weight -= evidence->away ? 2 : 0;
    /* Anybody can write about a failure; without a mark of a mail server it takes more. */
    if (!evidence->daemon && !evidence->null_sender && !reader->survey.report &&
        evidence->failed.size == 0)
        weight--;
    return weight;
}

/* What the text says for it: at most TEXT_WEIGHT_MAX. */
static int weigh_text(const struct report_reader *reader)
{
    const struct transcript *transcript = &reader->transcript;
    int weight = 0;

    weight += (transcript->meanings & (NOTICE_FAILED | NOTICE_DELAYED)) != 0 ? 2 : 0;
    weight += best_rank(transcript) >= TRANSCRIPT_SAID ? 1 : 0;
    weight +=
        transcript->returned.size > 0 || reader->survey.returned != REPORT_SURVEY_NONE ? 1 : 0;
    return weight;
}

/* `original`: what the mailbox was made from, or empty. */
static void add_recipient(struct report_reader *reader, struct span mailbox, struct span original,
                          struct report *report)
{
    struct report_recipient *into;
    bool late = report->kind == REPORT_DELAYED;

    for (uint32_t i = 0; i < report->recipients_count; i++)
        if (mailbox_same(report->recipients[i].address, mailbox))
            return;
    into = report_workspace_add(report);
    if (into == NULL)
        return;
    into->address = mailbox;
    into->original = original;
    into->action = late ? REPORT_RETRIED : REPORT_FAILED;
    if (report->recipients_count <= REPORT_WORKSPACE_LOOKUPS_MAX)
        report_workspace_judge(reader, report->reporter, into);
    if (late && into->class == BOUNCE_UNKNOWN)
        into->class = BOUNCE_DELAYED;
}

void report_text_add(struct report_reader *reader, struct span mailbox, struct report *report)
{
    add_recipient(reader, mailbox, (struct span){NULL, 0}, report);
}

static void add_ranked(struct report_reader *reader, enum transcript_rank rank,
                       struct report *report)
{
    const struct transcript *transcript = &reader->transcript;

    for (uint32_t i = 0; i < transcript->places_count; i++) {
        const struct transcript_place *place = &transcript->places[i];
        struct span original = {NULL, 0};

        if (place->rank != rank)
            continue;
        if (rank < TRANSCRIPT_LISTED || !transcript_origin_of(place->reason, &original))
            original.size = 0;
        add_recipient(reader, place->mailbox, original, report);
    }
}

static void add_each(struct report_reader *reader, struct span field, struct report *report)
{
    struct span mailbox;
    size_t from = 0;

    field = span_first(field, FIELD_MAX);
    while (mailbox_find(field, from, &mailbox)) {
        report_text_add(reader, mailbox, report);
        from = (size_t)(mailbox.data - field.data) + mailbox.size;
    }
}

/* The mailbox in `field` with that local part. */
static bool find_local(struct span field, struct span local, struct span *ret)
{
    size_t from = 0;

    while (mailbox_find(field, from, ret)) {
        if (span_equal_nocase(mailbox_local(*ret), local))
            return true;
        from = (size_t)(ret->data - field.data) + ret->size;
    }
    return false;
}

/* Names without a domain: of the returned message's recipients, else at the reporting domain. */
static void add_bare(struct report_reader *reader, struct report *report)
{
    const struct transcript *transcript = &reader->transcript;

    for (uint32_t i = 0; i < transcript->bare_count; i++) {
        struct span local = transcript->bare[i];
        struct span domain = mailbox_domain(reader->evidence.from);
        struct span mailbox;
        size_t before = reader->store.size;

        if (find_local(report->returned.to, local, &mailbox)) {
            report_text_add(reader, mailbox, report);
        } else if (domain.size > 0 && text_room(&reader->store) > local.size + domain.size) {
            text_add(&reader->store, local);
            text_add_byte(&reader->store, '@');
            text_add(&reader->store, domain);
            report_text_add(reader, span_skip(text_span(&reader->store), before), report);
        }
    }
}

/* Those that the text does not tell, by whom they were made from; the text is short. */
static void add_origins(struct report_reader *reader, struct report *report)
{
    struct span rest = reader->transcript.text, origin;

    while (transcript_origin_next(&rest, &origin))
        report_text_add(reader, origin, report);
}

/* Whom a report without a machine-readable part is about; by the best place that there is. */
void report_text_name(struct report_reader *reader, struct report *report)
{
    const struct report_evidence *evidence = &reader->evidence;
    enum transcript_rank best = best_rank(&reader->transcript);

    if (best == TRANSCRIPT_LISTED)
        add_ranked(reader, best, report);
    if (report->recipients_count == 0 && evidence->failed.size > 0)
        add_each(reader, evidence->failed, report);
    if (report->recipients_count == 0)
        add_origins(reader, report);
    if (report->recipients_count == 0)
        add_bare(reader, report);
    if (report->recipients_count == 0 && best == TRANSCRIPT_SAID)
        add_ranked(reader, best, report);
    if (report->recipients_count == 0 && report->returned.to.size > 0)
        add_each(reader, report->returned.to, report);
    if (report->recipients_count == 0 && best == TRANSCRIPT_NAMED)
        add_ranked(reader, best, report);
}

bool report_text_read(struct report_reader *reader, struct report *report)
{
    const struct report_evidence *evidence = &reader->evidence;
    int weight = weigh_header(reader);

    if (weight + TEXT_WEIGHT_MAX < FAILURE_WEIGHT)
        return false; /* whatever the text says */
    report_workspace_transcript(reader);
    uint32_t all = report_text_meanings(reader);
    if (weight + weigh_text(reader) < FAILURE_WEIGHT ||
        ((all & (NOTICE_FAILED | NOTICE_DELAYED)) == 0 && evidence->failed.size == 0))
        return false;
    bool late = (evidence->subject & NOTICE_DELAYED) != 0 ||
                ((all & NOTICE_DELAYED) != 0 && (evidence->subject & NOTICE_FAILED) == 0);
    report->kind = late ? REPORT_DELAYED : REPORT_BOUNCE;
    if (report->returned.to.size == 0)
        report_returned_read(reader->transcript.returned, &reader->returned_header,
                             &report->returned);
    report_text_name(reader, report);
    return true;
}
