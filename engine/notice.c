#include "engine/notice.h"

#include <string.h>

#include "base/check.h"
#include "bounce/confirmations.h"
#include "engine/event_json.h"

/* Without control characters, cut at the border of a character. */
static uint8_t keep(struct span from, char *into, size_t size_max)
{
    size_t kept = 0;

    while (from.size > 0) {
        size_t size = span_utf8_size(from);

        if (size == 0) {
            from = span_skip(from, 1);
            continue;
        }
        if (kept + size > size_max)
            break;
        memcpy(into + kept, from.data, size);
        if (size == 1 && (from.data[0] < 0x20 || from.data[0] == 0x7f))
            into[kept] = ' ';
        kept += size;
        from = span_skip(from, size);
    }
    return (uint8_t)kept;
}

static void take_recipient(struct notice *notice, const struct report_recipient *recipient,
                           struct span reporter)
{
    struct span host = recipient->host.size > 0 ? recipient->host : reporter;

    notice->class = recipient->class;
    notice->code = recipient->code;
    memcpy(notice->status, recipient->status, sizeof(notice->status));
    notice->host_size = keep(host, notice->host, sizeof(notice->host));
    notice->note_size = keep(recipient->diagnostic, notice->note, sizeof(notice->note));
}

static bool failed_for_good(const struct report *report, const struct report_recipient *recipient)
{
    if (report->kind != REPORT_BOUNCE)
        return false;
    return recipient == NULL || recipient->action == REPORT_FAILED ||
           recipient->action == REPORT_ACTION_NONE;
}

void notice_make(struct notice *notice, const struct report *report, const struct proof *proof,
                 enum notice_door door, struct span address)
{
    const struct report_recipient *recipient = proof_recipient(report, address);

    *notice = (struct notice){.verdict = proof->verdict,
                              .identity = proof->identity,
                              .day = proof->day,
                              .kind = report->kind,
                              .class = BOUNCE_UNKNOWN};
    notice->host_size = keep(report->reporter, notice->host, sizeof(notice->host));
    if (recipient != NULL)
        take_recipient(notice, recipient, report->reporter);
    if (door == NOTICE_DOOR_UNSUBSCRIBE && report->kind == REPORT_NORMAL)
        notice->kind = REPORT_UNSUBSCRIBE;
    if (notice->kind == REPORT_COMPLAINT)
        notice->class = BOUNCE_COMPLAINT;
    if (notice->kind == REPORT_UNSUBSCRIBE)
        notice->class = BOUNCE_UNSUBSCRIBE;
    notice->asks = notice->kind == REPORT_COMPLAINT || notice->kind == REPORT_UNSUBSCRIBE ||
                   failed_for_good(report, recipient);
}

enum seen_tags_about notice_about(const struct notice *notice)
{
    if (notice->kind == REPORT_COMPLAINT)
        return SEEN_TAGS_COMPLAINT;
    return notice->kind == REPORT_UNSUBSCRIBE ? SEEN_TAGS_UNSUBSCRIBE : SEEN_TAGS_BOUNCE;
}

const char *notice_event_type(const struct notice *notice)
{
    static const char *const names[SEEN_TAGS_ABOUT_COUNT] = {
        [SEEN_TAGS_BOUNCE] = "OOB",
        [SEEN_TAGS_COMPLAINT] = "Feedback",
        [SEEN_TAGS_UNSUBSCRIBE] = "Unsubscribe",
    };

    return names[notice_about(notice)];
}

bool notice_is_of_list(const struct notice *notice)
{
    return notice->verdict != VERP_VALID && notice->list.reports_min > 0;
}

static void write_whose(const struct notice *notice, struct text *out)
{
    const struct notice_list *list = &notice->list;

    if (notice->verdict == VERP_VALID) {
        event_json_id(out, notice->identity);
        text_add_format(out, "\t%u", notice->day);
        return;
    }
    text_add_format(out, "list\t%u\t%u\t%u\t", list->reports_min, list->days_max, list->message);
    text_add(out, span_make(list->list, list->list_size));
    text_add_byte(out, '\t');
    text_add(out, span_make(list->address, list->address_size));
}

void notice_write(const struct notice *notice, struct text *out)
{
    write_whose(notice, out);
    text_add_format(out, "\t%u\t%s\t%u\t%u\t%u.%u.%u\t", (unsigned)notice->kind,
                    bounce_class_name(notice->class), notice->asks ? 1U : 0U, notice->code,
                    notice->status[0], notice->status[1], notice->status[2]);
    text_add(out, span_make(notice->host, notice->host_size));
    text_add_byte(out, '\t');
    text_add(out, span_make(notice->note, notice->note_size));
}

static bool take_number(struct span *rest, uint8_t separator, uint64_t max, uint64_t *ret)
{
    return span_number(span_split(rest, separator), max, ret);
}

static bool take_status(struct span *line, uint16_t status[3])
{
    struct span word = span_split(line, '\t');

    for (uint32_t i = 0; i < 3; i++) {
        uint64_t number;

        if (!take_number(&word, '.', 999, &number))
            return false;
        status[i] = (uint16_t)number;
    }
    return true;
}

/* As it was written: a name that is longer than its room was not. */
static bool take_name(struct span *line, char *into, size_t size_max, size_t *ret_size)
{
    struct span name = span_split(line, '\t');

    if (name.size == 0 || name.size > size_max || span_has_control(name))
        return false;
    memcpy(into, name.data, name.size);
    *ret_size = name.size;
    return true;
}

static bool read_list(struct span *line, struct notice *notice)
{
    struct notice_list *list = &notice->list;
    uint64_t reports, days, message;
    size_t list_size, address_size;

    if (!take_number(line, '\t', CONFIRMATIONS_DAYS, &reports) || reports == 0 ||
        !take_number(line, '\t', UINT16_MAX, &days) ||
        !take_number(line, '\t', UINT32_MAX, &message) ||
        !take_name(line, list->list, sizeof(list->list), &list_size) ||
        !take_name(line, list->address, sizeof(list->address), &address_size))
        return false;
    notice->verdict = VERP_ABSENT;
    list->reports_min = (uint8_t)reports;
    list->days_max = (uint16_t)days;
    list->message = (uint32_t)message;
    list->list_size = (uint8_t)list_size;
    list->address_size = (uint16_t)address_size;
    return true;
}

static bool read_whose(struct span *line, struct notice *notice)
{
    struct span word = span_split(line, '\t');
    uint64_t day;

    if (span_equal(word, SPAN("list")))
        return read_list(line, notice);
    if (!event_json_parse_id(word, &notice->identity) || !take_number(line, '\t', UINT16_MAX, &day))
        return false;
    notice->day = (uint16_t)day;
    return true;
}

bool notice_read(struct span line, struct notice *ret_notice)
{
    struct notice notice = {.verdict = VERP_VALID};
    uint64_t kind, asks, code;

    if (!read_whose(&line, &notice) || !take_number(&line, '\t', REPORT_KIND_COUNT - 1, &kind) ||
        !bounce_class_from_name(span_split(&line, '\t'), &notice.class) ||
        !take_number(&line, '\t', 1, &asks) || !take_number(&line, '\t', 999, &code) ||
        !take_status(&line, notice.status))
        return false;
    notice.kind = (enum report_kind)kind;
    notice.asks = asks == 1;
    notice.code = (uint16_t)code;
    notice.host_size = keep(span_split(&line, '\t'), notice.host, sizeof(notice.host));
    notice.note_size = keep(line, notice.note, sizeof(notice.note));
    *ret_notice = notice;
    return true;
}
