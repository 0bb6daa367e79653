#include "bounce/report_status.h"

#include "bounce/delivery_status.h"
#include "bounce/mailbox.h"
#include "bounce/report_verdict.h"
#include "bounce/status_text.h"
#include "message/utf8.h"

static enum report_action action_of(struct span value)
{
    static const struct {
        struct span name;
        enum report_action action;
    } actions[] = {
        {SPAN_INIT("fail"), REPORT_FAILED},           {SPAN_INIT("delayed"), REPORT_RETRIED},
        {SPAN_INIT("deferred"), REPORT_RETRIED},      {SPAN_INIT("delivered"), REPORT_DELIVERED},
        {SPAN_INIT("deliverable"), REPORT_DELIVERED}, {SPAN_INIT("relayed"), REPORT_RELAYED},
        {SPAN_INIT("expanded"), REPORT_EXPANDED},     {SPAN_INIT("expired"), REPORT_FAILED},
    };

    for (size_t i = 0; i < ARRAY_LEN(actions); i++)
        if (span_starts_nocase(value, actions[i].name))
            return actions[i].action;
    return REPORT_ACTION_NONE;
}

static bool has_at(struct span mailbox)
{
    return span_find_byte(mailbox, '@') != SPAN_NOT_FOUND;
}

struct span report_status_value(struct span value)
{
    size_t semicolon = span_find_byte(span_first(value, 32), ';');

    return span_trim(semicolon == SPAN_NOT_FOUND ? value : span_skip(value, semicolon + 1));
}

/* The character of "\x{FC}" at the front of `text` (RFC 6533 3, EmbeddedUnicodeChar), and its
 * octets there; 0 when there is none. Of ASCII only what the form itself must escape: no new '@'.
 */
static uint32_t escaped_rune(struct span text, size_t *ret_size)
{
    uint32_t rune = 0;
    size_t at = 3;

    if (!span_starts(text, SPAN("\\x{")))
        return 0;
    for (; at < text.size && at < 9; at++) {
        uint8_t lower = span_lower_byte(text.data[at]);

        if (lower >= '0' && lower <= '9')
            rune = rune << 4 | (uint32_t)(lower - '0');
        else if (lower >= 'a' && lower <= 'f')
            rune = rune << 4 | (uint32_t)(lower - 'a' + 10);
        else
            break;
    }
    if (at >= text.size || text.data[at] != '}' || rune > 0x10ffff ||
        (rune >= 0xd800 && rune <= 0xdfff) ||
        (rune < 0xa0 && rune != '\\' && rune != '+' && rune != '='))
        return 0;
    *ret_size = at + 1;
    return rune;
}

/* An address of a field; those of type utf-8 may be written in ASCII. */
static struct span read_address(struct report_reader *reader, struct span value)
{
    struct text *store = &reader->store;
    size_t begin = store->size;

    if (!span_starts_nocase(value, SPAN("utf-8")) ||
        span_find(value, SPAN("\\x{")) == SPAN_NOT_FOUND || text_room(store) < value.size)
        return mailbox_of_field(value);
    for (size_t at = 0; at < value.size;) {
        size_t size = 1;
        uint32_t rune = escaped_rune(span_skip(value, at), &size);
        uint8_t bytes[4];

        if (rune != 0)
            text_add(store, span_make(bytes, utf8_put(rune, bytes)));
        else
            text_add_byte(store, value.data[at]);
        at += size;
    }
    return mailbox_of_field(span_skip(text_span(store), begin));
}

/* "failed", "permanent failure", "other or undefined status": no more than the status itself says.
 */
static bool is_empty_comment(struct span words)
{
    static const struct span empty[] = {
        SPAN_INIT("code"),        SPAN_INIT("delayed"),   SPAN_INIT("delivered"),
        SPAN_INIT("delivery"),    SPAN_INIT("error"),     SPAN_INIT("fail"),
        SPAN_INIT("failed"),      SPAN_INIT("failure"),   SPAN_INIT("fatal"),
        SPAN_INIT("general"),     SPAN_INIT("generic"),   SPAN_INIT("not"),
        SPAN_INIT("or"),          SPAN_INIT("other"),     SPAN_INIT("permanent"),
        SPAN_INIT("persistent"),  SPAN_INIT("reason"),    SPAN_INIT("status"),
        SPAN_INIT("temporary"),   SPAN_INIT("transient"), SPAN_INIT("undefined"),
        SPAN_INIT("undelivered"), SPAN_INIT("unknown"),   SPAN_INIT("unspecified"),
    };

    while (words.size > 0) {
        struct span word = span_word(&words);
        bool known = word.size == 0;

        for (size_t i = 0; i < ARRAY_LEN(empty) && !known; i++)
            known = span_equal_nocase(word, empty[i]);
        if (!known)
            return false;
    }
    return true;
}

/* "Status: 4.4.3 (host name lookup failure)": without a diagnostic the comment is what the server
 * said, if it says anything; else what stands in the text for people may. */
static void read_comment(struct report_reader *reader, struct span status,
                         struct report_recipient *into)
{
    size_t begin = span_find_byte(status, '(');
    struct span words;

    if (begin == SPAN_NOT_FOUND)
        return;
    words = span_skip(status, begin + 1);
    words = report_verdict_unfold(
        span_first(words, min_size(span_find_byte(words, ')'), words.size)), &reader->store);
    if (is_empty_comment(words))
        return;
    report_verdict_add(&reader->verdict, into->host, words, into);
    if (into->step == CLASSIFY_PHRASE || into->step == CLASSIFY_STATUS)
        into->diagnostic = words;
    into->class = BOUNCE_UNKNOWN;
    into->step = CLASSIFY_NOTHING;
}

static void add_status(struct report_reader *reader, const struct delivery_status *group,
                       struct report *report)
{
    struct report_recipient *into = report_workspace_add(report);

    if (into == NULL)
        return;
    into->final = read_address(reader, group->final);
    into->original = read_address(reader, group->original);
    into->address = has_at(into->original) ? into->original : into->final;
    if (!has_at(into->address) && group->actual.size > 0 && has_at(mailbox_of_field(group->actual)))
        into->address = mailbox_of_field(group->actual);
    if (!has_at(into->address) && has_at(mailbox_of_field(reader->evidence.failed)))
        into->address = mailbox_of_field(reader->evidence.failed);
    into->host = report_status_value(group->remote_mta);
    into->action = action_of(group->action);
    if (!status_text_enhanced(group->status, into->status))
        into->status[0] = 0;
    if (group->diagnostic.size > 0)
        into->diagnostic =
            report_verdict_unfold(report_status_value(group->diagnostic), &reader->store);
    else
        read_comment(reader, group->status, into);
}

/* What a report says that names no action follows from the status. */
static void complete_action(struct report_recipient *recipient, struct report_reader *reader)
{
    if (recipient->action != REPORT_ACTION_NONE)
        return;
    report_workspace_transcript(reader);
    if (recipient->status[0] == 2)
        recipient->action = REPORT_DELIVERED;
    else if (recipient->status[0] == 4 &&
             ((reader->evidence.subject | reader->transcript.meanings) & NOTICE_DELAYED) != 0)
        recipient->action = REPORT_RETRIED;
    else
        recipient->action = REPORT_FAILED;
}

/* "No such user" means something else behind the content and behind MAIL, and which command was
 * answered may stand in the text for people alone. */
static void classify_again(struct report_reader *reader, struct span host,
                           struct report_recipient *recipient)
{
    report_workspace_transcript(reader);
    reader->verdict.around = (enum outcome_stage)transcript_command(
        &reader->transcript, report_workspace_reason(reader, recipient));
    recipient->class = BOUNCE_UNKNOWN;
    recipient->step = CLASSIFY_NOTHING;
    report_verdict_add(&reader->verdict, host, recipient->diagnostic, recipient);
    reader->verdict.around = STAGE_NONE;
}

static enum bounce_class class_of_retries(const struct report_recipient *recipient)
{
    return recipient->status[1] == 4 ? BOUNCE_NETWORK : BOUNCE_DELAYED;
}

static void classify_status(struct report_reader *reader, const struct report *report,
                            struct report_recipient *recipient)
{
    struct span host = recipient->host.size > 0 ? recipient->host : report->reporter;
    bool told = recipient->diagnostic.size > 0;

    complete_action(recipient, reader);
    if (recipient->action >= REPORT_DELIVERED) {
        recipient->class = BOUNCE_SUCCESS;
        return;
    }
    report_verdict_add(&reader->verdict, host, recipient->diagnostic, recipient);
    if (recipient->class == BOUNCE_NO_USER)
        classify_again(reader, host, recipient);
    if (recipient->step != CLASSIFY_PHRASE && recipient->step != CLASSIFY_PROVIDER)
        report_workspace_judge(reader, host, recipient);
    if (recipient->action == REPORT_RETRIED && !told &&
        bounce_class_severity(recipient->class) == BOUNCE_SEVERITY_HARD)
        recipient->class = class_of_retries(recipient); /* what the text says is of somebody else */
    if (recipient->action == REPORT_RETRIED && recipient->class == BOUNCE_UNKNOWN)
        recipient->class = BOUNCE_DELAYED;
}

static enum report_kind kind_of_recipients(const struct report *report)
{
    bool retried = false;

    for (uint32_t i = 0; i < report->recipients_count; i++) {
        if (report->recipients[i].action == REPORT_FAILED)
            return REPORT_BOUNCE;
        retried = retried || report->recipients[i].action == REPORT_RETRIED;
    }
    return retried ? REPORT_DELAYED : REPORT_SUCCESS;
}

/* A group without an address belongs to the one before, when a blank line was put in between. */
static bool merge(struct report *report, const struct delivery_status *group)
{
    struct report_recipient *last;

    if (group->final.size > 0 || group->original.size > 0 || report->recipients_count == 0)
        return false;
    last = &report->recipients[report->recipients_count - 1];
    if (last->action != REPORT_ACTION_NONE)
        return false;
    last->action = action_of(group->action);
    if (last->status[0] == 0 && !status_text_enhanced(group->status, last->status))
        last->status[0] = 0;
    return true;
}

bool report_status_read(struct report_reader *reader, struct span fields, struct report *report)
{
    struct delivery_status_reader status = {.rest = span_first(fields, REPORT_STATUS_SIZE_MAX)};
    struct delivery_status group;

    while (delivery_status_next(&status, &group)) {
        if (merge(report, &group))
            continue;
        if (group.final.size > 0 || group.original.size > 0)
            add_status(reader, &group, report);
    }
    if (status.reporting_mta.size > 0)
        report->reporter = report_status_value(status.reporting_mta);
    if (report->recipients_count == 0)
        return false;
    for (uint32_t i = 0; i < report->recipients_count; i++)
        classify_status(reader, report, &report->recipients[i]);
    report->kind = kind_of_recipients(report);
    return true;
}
