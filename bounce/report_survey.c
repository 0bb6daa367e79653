#include "bounce/report_survey.h"

#include "message/mime_parameter.h"

static bool is_archive(const struct mime_part *part)
{
    static const struct span names[] = {
        SPAN_INIT("zip"),         SPAN_INIT("gzip"),  SPAN_INIT("x-zip-compressed"),
        SPAN_INIT("x-gzip"),      SPAN_INIT("x-zip"), SPAN_INIT("tlsrpt+gzip"),
        SPAN_INIT("tlsrpt+json"),
    };

    if (!span_equal_nocase(part->type, SPAN("application")))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (span_equal_nocase(part->subtype, names[i]))
            return true;
    return false;
}

static void read_report_type(const struct mime_part *root, struct report_survey *ret)
{
    uint8_t buffer[64];
    struct text text;
    struct span type;

    ret->report = mime_is(root, "multipart", "report");
    text_init(&text, buffer, sizeof(buffer));
    if (!mime_parameter_find(root->content, SPAN("report-type"), NULL, &text, &type))
        return;
    ret->receipt_report = span_equal_nocase(type, SPAN("disposition-notification"));
    ret->feedback_report = span_equal_nocase(type, SPAN("feedback-report"));
    ret->tls_report = span_equal_nocase(type, SPAN("tlsrpt"));
}

static void set(uint16_t *place, uint32_t index)
{
    if (*place == REPORT_SURVEY_NONE)
        *place = (uint16_t)index;
}

static void file_message(const struct mime_part *part, uint32_t i, struct report_survey *ret)
{
    if (mime_is(part, "message", "delivery-status") ||
        mime_is(part, "message", "global-delivery-status"))
        set(&ret->status, i);
    else if (mime_is(part, "message", "feedback-report"))
        set(&ret->feedback, i);
    else if (mime_is(part, "message", "disposition-notification") ||
             mime_is(part, "message", "global-disposition-notification"))
        set(&ret->receipt, i);
    else
        set(&ret->returned, i); /* rfc822, global, global-headers, partial ... */
}

static void file(const struct mime *mime, uint32_t i, struct report_survey *ret)
{
    const struct mime_part *part = &mime->parts[i];

    if (span_equal_nocase(part->type, SPAN("message")))
        file_message(part, i, ret);
    else if (mime_is(part, "text", "rfc822-headers") || mime_is(part, "text", "rfc822-header"))
        set(&ret->returned, i);
    else if (mime_is(part, "text", "calendar"))
        ret->calendar = true;
    else if (span_equal_nocase(part->type, SPAN("text")) && ret->returned == REPORT_SURVEY_NONE &&
             ret->texts_count < REPORT_SURVEY_TEXTS_MAX)
        ret->texts[ret->texts_count++] = (uint16_t)i;
    else if (is_archive(part))
        ret->archive = true;
    if (span_starts_nocase(part->subtype, SPAN("tlsrpt")))
        ret->tls_report = true;
}

void report_survey_read(const struct mime *mime, struct report_survey *ret)
{
    *ret = (struct report_survey){.status = REPORT_SURVEY_NONE,
                                  .feedback = REPORT_SURVEY_NONE,
                                  .receipt = REPORT_SURVEY_NONE,
                                  .returned = REPORT_SURVEY_NONE};
    read_report_type(&mime->parts[0], ret);
    for (uint32_t i = 0; i < mime->parts_count; i++)
        file(mime, i, ret);
    /* A multipart without parts: its text stands where the preamble does. */
    if (ret->texts_count == 0 && mime->parts_count == 1)
        ret->texts[ret->texts_count++] = 0;
}
