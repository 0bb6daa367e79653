#include "bounce/report.h"

#include "bounce/complaint.h"
#include "bounce/delivery_status.h"
#include "bounce/mailbox.h"
#include "bounce/report_cloud.h"
#include "bounce/report_returned.h"
#include "bounce/report_status.h"
#include "bounce/report_text.h"
#include "bounce/report_verdict.h"
#include "bounce/report_workspace.h"
#include "bounce/status_text.h"
#include "message/mime_body.h"
#include "message/mime_words.h"

/* Of a subject only so much is read. */
#define REPORT_SUBJECT_MAX (4 * KIB)

size_t report_cost(void)
{
    return arena_cost(1, sizeof(struct report_reader)) + charset_cost() +
           2 * notice_phrases_cost(notice_words_count);
}

struct report_reader *report_open(struct arena *arena, const struct classifier *classifier)
{
    struct report_reader *reader = arena_alloc(arena, 1, sizeof(*reader));
    struct notice_phrases *stages;

    reader->charset = charset_open(arena);
    reader->phrases = notice_phrases_open(arena, notice_words_table, notice_words_count);
    stages = notice_phrases_open_some(arena, notice_words_table, notice_words_count,
                                      UINT32_MAX << NOTICE_STAGE_SHIFT);
    reader->verdict = (struct report_verdict){.classifier = classifier, .phrases = stages};
    text_init(&reader->octets, reader->octets_buffer, sizeof(reader->octets_buffer));
    text_init(&reader->texts, reader->texts_buffer, sizeof(reader->texts_buffer));
    text_init(&reader->store, reader->store_buffer, sizeof(reader->store_buffer));
    return reader;
}

void report_close(struct report_reader *reader)
{
    if (reader != NULL)
        charset_close(reader->charset);
}

const char *report_kind_name(enum report_kind kind)
{
    static const char *const names[REPORT_KIND_COUNT] = {
        [REPORT_NORMAL] = "normal",       [REPORT_BOUNCE] = "bounce",
        [REPORT_DELAYED] = "delayed",     [REPORT_SUCCESS] = "success",
        [REPORT_COMPLAINT] = "complaint", [REPORT_UNSUBSCRIBE] = "unsubscribe",
        [REPORT_MACHINE] = "report",      [REPORT_AUTO_REPLY] = "auto-reply",
        [REPORT_CHALLENGE] = "challenge",
    };

    return names[kind];
}

const char *report_action_name(enum report_action action)
{
    static const char *const names[REPORT_ACTION_COUNT] = {
        [REPORT_FAILED] = "failed",       [REPORT_RETRIED] = "delayed",
        [REPORT_DELIVERED] = "delivered", [REPORT_RELAYED] = "relayed",
        [REPORT_EXPANDED] = "expanded",
    };

    return names[action];
}

static bool has_at(struct span mailbox)
{
    return span_find_byte(mailbox, '@') != SPAN_NOT_FOUND;
}

static void add_plain(struct report *report, struct span mailbox, enum bounce_class class)
{
    struct report_recipient *into;

    if (!has_at(mailbox))
        return;
    into = report_workspace_add(report);
    if (into == NULL)
        return;
    into->address = mailbox;
    into->class = class;
}

static enum bounce_class class_of_kind(enum report_kind kind)
{
    return kind == REPORT_UNSUBSCRIBE ? BOUNCE_UNSUBSCRIBE : BOUNCE_COMPLAINT;
}

static bool read_complaint(struct report_reader *reader, struct span subject, struct report *report)
{
    const struct report_survey *survey = &reader->survey;
    struct complaint complaint;

    if (survey->feedback != REPORT_SURVEY_NONE) {
        const struct mime_part *part = &reader->mime.parts[survey->feedback];

        complaint_read(mime_body_octets(part, &reader->octets), &complaint);
        if (complaint.reporter.size > 0)
            report->reporter = report_status_value(complaint.reporter);
    } else if (!complaint_recognise(&reader->mime.header, subject, &complaint) &&
               !(survey->returned != REPORT_SURVEY_NONE &&
                 complaint_recognise(&reader->returned_header, SPAN(""), &complaint))) {
        return false;
    }
    report->kind = complaint.kind;
    report->feedback = complaint.feedback;
    /* It says the same as the Return-Path, which may be hidden or not be ours any more. */
    report->returned.mail_from = complaint.mail_from;
    if (report->returned.return_path.size == 0)
        report->returned.return_path = complaint.mail_from;
    if (report->kind == REPORT_MACHINE)
        return true;
    struct span mailbox = complaint.recipient;
    if (!has_at(mailbox))
        mailbox = complaint.removal;
    if (!has_at(mailbox))
        mailbox = mailbox_of_field(report->returned.to);
    add_plain(report, mailbox, class_of_kind(report->kind));
    return true;
}

/* Receipts that were read are reports; one that says "deleted" for a rejected mail is a failure. */
static bool read_receipt(struct report_reader *reader, struct report *report)
{
    const struct report_survey *survey = &reader->survey;

    if (survey->receipt == REPORT_SURVEY_NONE)
        return false;
    report_workspace_transcript(reader);
    report->kind = REPORT_MACHINE;
    if ((reader->evidence.subject & NOTICE_FAILED) == 0)
        return true;
    struct delivery_status_reader status = {
        .rest = mime_body_octets(&reader->mime.parts[survey->receipt], &reader->octets)};
    struct delivery_status group;
    report->kind = REPORT_BOUNCE;
    if (delivery_status_next(&status, &group))
        report_text_add(reader, mailbox_of_field(group.final), report);
    if (report->recipients_count == 0)
        report_text_name(reader, report);
    return true;
}

static bool read_machine(const struct report_reader *reader, struct report *report)
{
    const struct report_evidence *evidence = &reader->evidence;
    bool dmarc = (evidence->subject & NOTICE_DMARC) != 0;

    if (!reader->survey.tls_report && !(dmarc && reader->survey.archive) &&
        !(dmarc && span_starts_nocase(mailbox_local(evidence->from), SPAN("dmarc"))) &&
        !((evidence->subject & NOTICE_RECEIPT) != 0 && reader->survey.receipt_report))
        return false;
    report->kind = REPORT_MACHINE;
    return true;
}

/* Some come as a report of a failure, so this is asked before. */
static bool read_challenge(struct report_reader *reader, struct report *report)
{
    const struct report_evidence *evidence = &reader->evidence;

    if (evidence->daemon || evidence->bulk)
        return false;
    if ((evidence->subject & NOTICE_CHALLENGE) == 0 && !reader->survey.report &&
        !evidence->subject_reply && !evidence->answered)
        return false;
    report_workspace_transcript(reader);
    if ((report_text_meanings(reader) & NOTICE_CHALLENGE) == 0)
        return false;
    report->kind = REPORT_CHALLENGE;
    add_plain(report, evidence->from, BOUNCE_CHALLENGE);
    return true;
}

static bool read_answer(struct report_reader *reader, struct report *report)
{
    const struct report_evidence *evidence = &reader->evidence;

    if (!evidence->answered && !evidence->away && (evidence->subject & NOTICE_AWAY) == 0)
        return false;
    report->kind = REPORT_AUTO_REPLY;
    add_plain(report, evidence->from, BOUNCE_AUTO_REPLY);
    return true;
}

static void read_returned(struct report_reader *reader, struct report *report)
{
    uint16_t index = reader->survey.returned;

    if (index == REPORT_SURVEY_NONE)
        return;
    struct span text = mime_body_octets(&reader->mime.parts[index], &reader->octets);
    report_returned_read(text, &reader->returned_header, &report->returned);
}

static void reset(struct report_reader *reader, struct report *report)
{
    text_reset(&reader->octets);
    text_reset(&reader->texts);
    text_reset(&reader->store);
    reader->transcript_read = false;
    reader->verdict.session = (struct span){NULL, 0};
    reader->returned_header.count = 0;
    report->kind = REPORT_NORMAL;
    report->reporter = report->feedback = report->to = (struct span){NULL, 0};
    report->returned = (struct report_returned){.from = {NULL, 0}};
    report->recipients_count = report->recipients_more = 0;
}

/* A status part, or fields like one in the text. */
static bool read_fields(struct report_reader *reader, struct report *report)
{
    const struct report_survey *survey = &reader->survey;

    if (survey->status != REPORT_SURVEY_NONE &&
        report_status_read(
            reader, mime_body_octets(&reader->mime.parts[survey->status], &reader->octets), report))
        return true;
    if (!reader->evidence.daemon && !survey->report && !reader->evidence.null_sender)
        return false;
    report_workspace_transcript(reader);
    return (report_text_meanings(reader) & (NOTICE_FAILED | NOTICE_DELAYED)) != 0 &&
           report_status_read(reader, reader->transcript.text, report);
}

/* A notice in JSON is the whole text of its mail. */
static bool read_cloud(struct report_reader *reader, struct report *report)
{
    struct span text;

    if (reader->survey.texts_count == 0)
        return false;
    text = report_workspace_text(reader, reader->survey.texts[0]);
    text = span_trim(span_first(text, REPORT_CLOUD_SIZE_MAX));
    if (!span_starts(text, SPAN("{")) || !report_cloud_read(text, report))
        return false;
    for (uint32_t i = 0; i < report->recipients_count; i++) {
        struct report_recipient *recipient = &report->recipients[i];

        if (report->kind == REPORT_BOUNCE)
            report_verdict_add(&reader->verdict, report->reporter, recipient->diagnostic,
                               recipient);
        else
            recipient->class = report->kind == REPORT_SUCCESS ? BOUNCE_SUCCESS : BOUNCE_COMPLAINT;
    }
    return true;
}

void report_read(struct report_reader *reader, struct span message, struct report *ret)
{
    struct span subject;

    reset(reader, ret);
    mime_read(&reader->mime, span_first(message, REPORT_MESSAGE_MAX), false);
    report_survey_read(&reader->mime, &reader->survey);
    subject = header_list_find(&reader->mime.header, SPAN("Subject"));
    subject =
        mime_words_decode(span_first(subject, REPORT_SUBJECT_MAX), reader->charset, &reader->store);
    report_evidence_read(&reader->mime.header, subject, reader->phrases, &reader->evidence);
    ret->to = reader->evidence.to;
    ret->reporter = mailbox_domain(reader->evidence.from);
    read_returned(reader, ret);
    if (read_complaint(reader, subject, ret) || read_challenge(reader, ret) ||
        read_fields(reader, ret) || read_receipt(reader, ret) || read_machine(reader, ret))
        return;
    if (read_cloud(reader, ret))
        return;
    if (report_text_read(reader, ret) || read_answer(reader, ret))
        return;
    if (reader->evidence.unsubscribe) {
        ret->kind = REPORT_UNSUBSCRIBE;
        add_plain(ret, reader->evidence.from, BOUNCE_UNSUBSCRIBE);
    }
}
