#include "bounce/report_cloud.h"

#include "bounce/status_text.h"

static bool is_between(uint8_t byte)
{
    return byte == '\\' || byte == '"' || byte == ' ' || byte == ':' || byte == '\r' ||
           byte == '\n' || byte == '\t';
}

/* Octets up to the quote that ends a string, or a comma or bracket that ends another value. */
static size_t value_size(struct span text, size_t from, bool quoted)
{
    size_t size = 0;

    while (from + size < text.size) {
        uint8_t byte = text.data[from + size];

        if (byte == '"' || (!quoted && (byte == ',' || byte == '}' || byte == ']')))
            break;
        size++;
    }
    while (size > 0 && text.data[from + size - 1] == '\\')
        size--;
    return size;
}

/* The value behind "key" at or after *from, which moves behind it. */
static bool find_value(struct span text, struct span key, size_t *from, struct span *ret)
{
    while (*from < text.size) {
        size_t found = span_find(span_skip(text, *from), key);
        bool quoted = false;

        if (found == SPAN_NOT_FOUND)
            return false;
        size_t at = *from + found + key.size;
        *from = at;
        if (at >= text.size || (text.data[at] != '"' && text.data[at] != '\\'))
            continue; /* a longer key */
        uint32_t quotes = 0;
        while (at < text.size && is_between(text.data[at]))
            quotes += text.data[at++] == '"';
        quoted = quotes > 1;
        *ret = span_slice(text, at, value_size(text, at, quoted));
        *from = at + ret->size;
        return true;
    }
    return false;
}

static void read_failure(struct span text, size_t from, size_t end, struct report_recipient *into)
{
    struct span part = span_slice(text, from, end - from);
    struct span value;
    size_t at = 0;

    if (find_value(part, SPAN("diagnosticCode"), &at, &value))
        into->diagnostic = value;
    at = 0;
    if (find_value(part, SPAN("status"), &at, &value) &&
        !status_text_enhanced_at(value, into->status))
        into->status[0] = 0;
}

static void add(struct report *report, struct span text, struct span address, size_t at)
{
    struct report_recipient *into;
    struct span next;
    size_t end = at;

    if (report->recipients_count == REPORT_RECIPIENTS_MAX) {
        report->recipients_more++;
        return;
    }
    into = &report->recipients[report->recipients_count++];
    *into = (struct report_recipient){.address = address, .final = address};
    if (report->kind == REPORT_SUCCESS)
        into->action = REPORT_DELIVERED;
    if (report->kind != REPORT_BOUNCE)
        return;
    into->action = REPORT_FAILED;
    end = find_value(text, SPAN("emailAddress"), &end, &next) ? end : text.size;
    read_failure(text, at, end, into);
}

static void read_recipients(struct span text, struct report *report)
{
    struct span value;
    size_t at = 0;

    while (find_value(text, SPAN("emailAddress"), &at, &value))
        if (span_find_byte(value, '@') != SPAN_NOT_FOUND)
            add(report, text, value, at);
    at = 0;
    if (report->recipients_count == 0 && report->kind == REPORT_SUCCESS &&
        find_value(text, SPAN("recipients"), &at, &value)) {
        while (value.size > 0 && (value.data[0] == '[' || is_between(value.data[0])))
            value = span_skip(value, 1);
        if (value.size == 0 && at < text.size) { /* ["a@b"]: the string behind the bracket */
            while (at < text.size && (text.data[at] == '[' || is_between(text.data[at])))
                at++;
            value = span_slice(text, at, value_size(text, at, true));
        }
        if (span_find_byte(value, '@') != SPAN_NOT_FOUND)
            add(report, text, value, at);
    }
}

bool report_cloud_read(struct span text, struct report *report)
{
    struct span type, value;
    size_t at = 0;

    if (!find_value(text, SPAN("notificationType"), &at, &type)) {
        at = 0;
        if (span_find(text, SPAN("\"mail")) == SPAN_NOT_FOUND ||
            !find_value(text, SPAN("eventType"), &at, &type))
            return false;
    }
    if (span_equal_nocase(type, SPAN("Bounce")))
        report->kind = REPORT_BOUNCE;
    else if (span_equal_nocase(type, SPAN("Complaint")))
        report->kind = REPORT_COMPLAINT;
    else if (span_equal_nocase(type, SPAN("Delivery")))
        report->kind = REPORT_SUCCESS;
    else
        return false;
    at = 0;
    if (find_value(text, SPAN("bounceType"), &at, &value) &&
        span_equal_nocase(value, SPAN("Transient")))
        report->feedback = value;
    read_recipients(text, report);
    return true;
}
