#include "bounce/complaint.h"

#include "bounce/mailbox.h"

/* What each Feedback-Type is to a list (RFC 5965 7.3, RFC 6430, RFC 6591, RFC 6650). */
static const struct {
    struct span type;
    enum report_kind kind;
} types[] = {
    {SPAN_INIT("abuse"), REPORT_COMPLAINT},
    {SPAN_INIT("fraud"), REPORT_COMPLAINT},
    {SPAN_INIT("virus"), REPORT_COMPLAINT},
    {SPAN_INIT("other"), REPORT_COMPLAINT},
    {SPAN_INIT("miscategorized"), REPORT_COMPLAINT},
    {SPAN_INIT("complaint"), REPORT_COMPLAINT},
    {SPAN_INIT("opt-out"), REPORT_UNSUBSCRIBE},
    {SPAN_INIT("opt-out-list"), REPORT_UNSUBSCRIBE},
    {SPAN_INIT("auth-failure"), REPORT_MACHINE},
    {SPAN_INIT("not-spam"), REPORT_MACHINE},
    {SPAN_INIT("dkim"), REPORT_MACHINE},
    {SPAN_INIT("dmarc"), REPORT_MACHINE},
};

static enum report_kind kind_of(struct span type)
{
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (span_equal_nocase(type, types[i].type))
            return types[i].kind;
    return REPORT_COMPLAINT; /* RFC 5965 3.1: an unknown type is read as "other" */
}

static void file(struct complaint *complaint, const struct header_field *field)
{
    struct span value = span_trim(field->body);

    if (span_equal_nocase(field->name, SPAN("Feedback-Type"))) {
        complaint->feedback = span_trim(span_first(value, span_find_byte(value, ';')));
        complaint->kind = kind_of(complaint->feedback);
    } else if (span_equal_nocase(field->name, SPAN("Original-Rcpt-To"))) {
        complaint->recipient = mailbox_of_field(value);
    } else if (span_equal_nocase(field->name, SPAN("Removal-Recipient"))) {
        complaint->removal = mailbox_of_field(value);
    } else if (span_equal_nocase(field->name, SPAN("Original-Mail-From"))) {
        complaint->mail_from = mailbox_of_field(value);
    } else if (span_equal_nocase(field->name, SPAN("Source-IP"))) {
        complaint->source_ip = value;
    } else if (span_equal_nocase(field->name, SPAN("Reporting-MTA")) ||
               (complaint->reporter.size == 0 &&
                span_equal_nocase(field->name, SPAN("User-Agent")))) {
        complaint->reporter = value;
    }
}

void complaint_read(struct span fields, struct complaint *ret)
{
    struct header_field field;

    *ret = (struct complaint){.kind = REPORT_COMPLAINT};
    while (fields.size > 0) {
        int result = header_list_next(&fields, &field);

        if (result < 0)
            (void)span_split(&fields, '\n'); /* no field: passed over */
        else if (result > 0)
            file(ret, &field);
    }
}

/* Subjects of feedback loops that send no machine-readable part. */
static bool is_complaint_subject(struct span subject)
{
    static const struct span beginnings[] = {
        SPAN_INIT("complaint about message from"),
        SPAN_INIT("email feedback report for ip"),
        SPAN_INIT("abuse report"),
        SPAN_INIT("spam report"),
        SPAN_INIT("email abuse report"),
        SPAN_INIT("complaint about"),
        SPAN_INIT("client tos notification"),
    };

    for (size_t i = 0; i < ARRAY_LEN(beginnings); i++)
        if (span_starts_nocase(subject, beginnings[i]))
            return true;
    return false;
}

bool complaint_recognise(const struct header_list *header, struct span subject,
                         struct complaint *ret)
{
    struct span recipient = header_list_find(header, SPAN("X-HmXmrOriginalRecipient"));
    struct span from = mailbox_of_field(header_list_find(header, SPAN("From")));
    bool known = recipient.size > 0 || (span_equal_nocase(mailbox_local(from), SPAN("scomp")) &&
                                        span_ends_nocase(from, SPAN("aol.net")));

    if (!known && !is_complaint_subject(subject))
        return false;
    *ret = (struct complaint){.kind = REPORT_COMPLAINT, .feedback = SPAN("abuse")};
    ret->recipient = mailbox_of_field(recipient);
    return true;
}
