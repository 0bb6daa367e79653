#include "tls/tlsrpt_report.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "base/check.h"
#include "base/json_put.h"
#include "message/base64.h"
#include "message/merge.h"

#define ESCAPED 6      /* octets of JSON that one octet can take */
#define LINE_OCTETS 57 /* 76 characters of base64 */

/* A domain's details, its policies' lines (twice: mx-host), and the names. */
static_assert(TLSRPT_TABLE_DETAILS_MAX *
                          ((TLSRPT_TABLE_HOST_MAX + TLSRPT_TABLE_REASON_MAX) * ESCAPED + 512) +
                      TLSRPT_POLICIES * (2 * TLSRPT_TABLE_POLICY_MAX * ESCAPED + 1024) +
                      8 * 256 * ESCAPED <=
                  TLSRPT_REPORT_JSON_MAX,
              "a report does not fit");

static const char *const policy_names[] = {
    [TLSRPT_NO_POLICY] = "no-policy-found", [TLSRPT_STS] = "sts", [TLSRPT_TLSA] = "tlsa"};

/* --- words --- */

/* Days since 1970 as a civil date (proleptic Gregorian). */
static void add_day(struct text *out, uint64_t day)
{
    uint64_t shifted = day + 719468, era = shifted / 146097, of_era = shifted % 146097;
    uint64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    uint64_t month = (5 * of_year + 2) / 153;

    text_add_padded(out, year + era * 400 + (month >= 10 ? 1 : 0), 4);
    text_add_byte(out, '-');
    text_add_padded(out, month < 10 ? month + 3 : month - 9, 2);
    text_add_byte(out, '-');
    text_add_padded(out, of_year - (153 * month + 2) / 5 + 1, 2);
}

void tlsrpt_report_id(const struct tlsrpt_report *report, struct text *out)
{
    char buffer[TLSRPT_REPORT_ID_MAX];
    struct text id;

    text_init(&id, buffer, sizeof(buffer));
    add_day(&id, report->day_s / TLSRPT_REPORT_DAY_S);
    text_add_byte(&id, '.');
    text_add_u64(&id, report->number);
    text_add_byte(&id, '.');
    text_add(&id, span_first(report->domain, text_room(&id)));
    text_add(out, text_span(&id));
}

void tlsrpt_report_file_name(const struct tlsrpt_report *report, struct text *out)
{
    text_add(out, report->submitter);
    text_add_byte(out, '!');
    text_add(out, report->domain);
    text_add_byte(out, '!');
    text_add_u64(out, report->day_s);
    text_add_byte(out, '!');
    text_add_u64(out, report->day_s + TLSRPT_REPORT_DAY_S - 1);
    text_add_byte(out, '!');
    text_add_u64(out, report->number);
    text_add_cstr(out, ".json.gz");
}

/* --- JSON --- */

static void put_time(struct text *out, const char *key, uint64_t day_s, const char *hour)
{
    char buffer[32];
    struct text text;

    text_init(&text, buffer, sizeof(buffer));
    add_day(&text, day_s / TLSRPT_REPORT_DAY_S);
    text_add_cstr(&text, hour);
    json_put_key_string(out, key, text_span(&text));
}

static void put_ip(struct text *out, const char *key, const struct ip *ip)
{
    char buffer[64];
    struct text text;

    if (ip->family == IP_NONE)
        return;
    text_init(&text, buffer, sizeof(buffer));
    ip_write(&text, ip);
    json_put_key_string(out, key, text_span(&text));
}

/* The lines; or of those that begin with `prefix` what is behind it. False: there was none. */
static bool put_lines(struct text *out, const struct tlsrpt_count *count, const char *key,
                      struct span prefix)
{
    struct span rest = span_make(count->lines, count->lines_size);
    bool open = false;

    while (rest.size > 0) {
        struct span line = span_split(&rest, '\n');

        if (!span_starts(line, prefix))
            continue;
        if (!open) {
            json_put_key(out, key);
            json_put_open(out, '[');
            open = true;
        }
        json_put_string(out, span_trim(span_skip(line, prefix.size)));
    }
    if (open)
        json_put_close(out, ']');
    return open;
}

static void put_policy(struct text *out, const struct tlsrpt_report *report,
                       const struct tlsrpt_count *count, enum tlsrpt_policy policy)
{
    json_put_key(out, "policy");
    json_put_open(out, '{');
    json_put_key_cstr(out, "policy-type", policy_names[policy]);
    (void)put_lines(out, count, "policy-string", SPAN(""));
    json_put_key_string(out, "policy-domain", report->domain);
    if (policy == TLSRPT_STS)
        (void)put_lines(out, count, "mx-host", SPAN("mx:"));
    json_put_close(out, '}');
    json_put_key(out, "summary");
    json_put_open(out, '{');
    json_put_key_u64(out, "total-successful-session-count", count->good);
    json_put_key_u64(out, "total-failure-session-count", count->failed);
    json_put_close(out, '}');
}

static void put_detail(struct text *out, const struct tlsrpt_detail *detail)
{
    json_put_open(out, '{');
    json_put_key_cstr(out, "result-type", tls_demand_fault_name(detail->fault));
    put_ip(out, "sending-mta-ip", &detail->source_ip);
    if (detail->host_size > 0)
        json_put_key_string(out, "receiving-mx-hostname",
                            span_make(detail->host, detail->host_size));
    put_ip(out, "receiving-ip", &detail->mx_ip);
    json_put_key_u64(out, "failed-session-count", detail->count);
    if (detail->reason_size > 0)
        json_put_key_string(out, "failure-reason-code",
                            span_make(detail->reason, detail->reason_size));
    json_put_close(out, '}');
}

static void put_details(struct text *out, const struct tlsrpt_table *table,
                        const struct tlsrpt_domain *domain, enum tlsrpt_policy policy)
{
    json_put_key(out, "failure-details");
    json_put_open(out, '[');
    for (const struct tlsrpt_detail *detail = tlsrpt_table_detail(table, domain, NULL);
         detail != NULL; detail = tlsrpt_table_detail(table, domain, detail))
        if (detail->policy == policy)
            put_detail(out, detail);
    json_put_close(out, ']');
}

void tlsrpt_report_json(const struct tlsrpt_report *report, const struct tlsrpt_table *table,
                        const struct tlsrpt_domain *domain, struct text *out)
{
    char buffer[TLSRPT_REPORT_ID_MAX];
    struct text id;

    text_init(&id, buffer, sizeof(buffer));
    tlsrpt_report_id(report, &id);
    json_put_open(out, '{');
    json_put_key_string(out, "organization-name", report->organization);
    json_put_key(out, "date-range");
    json_put_open(out, '{');
    put_time(out, "start-datetime", report->day_s, "T00:00:00Z");
    put_time(out, "end-datetime", report->day_s, "T23:59:59Z");
    json_put_close(out, '}');
    json_put_key_string(out, "contact-info", report->contact);
    json_put_key_string(out, "report-id", text_span(&id));
    json_put_key(out, "policies");
    json_put_open(out, '[');
    for (uint32_t i = 0; i < TLSRPT_POLICIES; i++) {
        const struct tlsrpt_count *count = &domain->counts[i];

        if (count->good == 0 && count->failed == 0)
            continue;
        json_put_open(out, '{');
        put_policy(out, report, count, (enum tlsrpt_policy)i);
        if (count->failed > 0)
            put_details(out, table, domain, (enum tlsrpt_policy)i);
        json_put_close(out, '}');
    }
    json_put_close(out, ']');
    json_put_close(out, '}');
}

/* --- packing --- */

static void *take(void *opaque, uInt count, uInt size)
{
    struct text *workspace = opaque;
    size_t wanted = ((size_t)count * size + 15) & ~(size_t)15;
    void *piece = workspace->data + workspace->size;

    if (wanted > text_room(workspace))
        return Z_NULL;
    memset(piece, 0, wanted);
    workspace->size += wanted;
    return piece;
}

static void give(void *opaque, void *piece)
{
    (void)opaque; /* all at once, with the workspace */
    (void)piece;
}

int tlsrpt_report_gzip(struct span json, struct span_mut workspace, struct text *out)
{
    size_t skip = (16 - ((uintptr_t)workspace.data & 15)) & 15;
    struct text room;
    z_stream stream = {.zalloc = take, .zfree = give, .opaque = &room};
    int status;

    CHECK(workspace.size >= skip && json.size <= UINT32_MAX && text_room(out) <= UINT32_MAX);
    text_init(&room, workspace.data + skip, workspace.size - skip);
    /* 15 + 16: a window of 32 KiB, and gzip's header. */
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) !=
        Z_OK)
        return -ENOSPC;
    /* zlib of that age takes what it reads as not const. */
    memcpy(&stream.next_in, &json.data, sizeof(stream.next_in));
    stream.avail_in = (uInt)json.size;
    stream.next_out = out->data + out->size;
    stream.avail_out = (uInt)text_room(out);
    status = deflate(&stream, Z_FINISH);
    if (status == Z_STREAM_END)
        out->size += stream.total_out;
    (void)deflateEnd(&stream); /* gives nothing back */
    return status == Z_STREAM_END ? 0 : -ENOSPC;
}

/* --- the message --- */

static void add_lines(struct text *out, struct span gzip)
{
    while (gzip.size > 0) {
        base64_encode(span_first(gzip, LINE_OCTETS), out);
        text_add_cstr(out, "\r\n");
        gzip = span_skip(gzip, LINE_OCTETS);
    }
}

static void add_field(struct text *out, const char *name, struct span value)
{
    text_add_cstr(out, name);
    text_add_cstr(out, ": ");
    text_add(out, value);
    text_add_cstr(out, "\r\n");
}

static void add_header(const struct tlsrpt_report *report, struct span to, struct span id,
                       uint64_t now_s, struct text *out)
{
    merge_write_date(now_s, out);
    add_field(out, "From", report->from.size > 0 ? report->from : report->contact);
    add_field(out, "To", to);
    text_add_cstr(out, "Subject: Report Domain: ");
    text_add(out, report->domain);
    text_add_cstr(out, "\r\n Submitter: ");
    text_add(out, report->submitter);
    text_add_cstr(out, "\r\n Report-ID: <");
    text_add(out, id);
    text_add_byte(out, '@');
    text_add(out, report->submitter);
    text_add_cstr(out, ">\r\nMessage-ID: <");
    text_add(out, id);
    text_add_byte(out, '@');
    text_add(out, report->submitter);
    text_add_cstr(out, ">\r\n");
    add_field(out, "TLS-Report-Domain", report->domain);
    add_field(out, "TLS-Report-Submitter", report->submitter);
    add_field(out, "MIME-Version", SPAN("1.0"));
    add_field(out, "Auto-Submitted", SPAN("auto-generated"));
    /* A failing report must not be kept back by what it reports (RFC 8460 3). */
    add_field(out, "TLS-Required", SPAN("No"));
}

int tlsrpt_report_mail(const struct tlsrpt_report *report, struct span to, struct span gzip,
                       uint64_t now_s, struct text *out)
{
    static const char boundary[] = "=_ringpost-tlsrpt"; /* never in base64 nor in the words */
    char buffer[TLSRPT_REPORT_ID_MAX];
    struct text id;

    text_init(&id, buffer, sizeof(buffer));
    tlsrpt_report_id(report, &id);
    add_header(report, to, text_span(&id), now_s, out);
    text_add_cstr(out, "Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n boundary=\"");
    text_add_cstr(out, boundary);
    text_add_cstr(out, "\"\r\n\r\n--");
    text_add_cstr(out, boundary);
    text_add_cstr(out, "\r\nContent-Type: text/plain; charset=\"us-ascii\"\r\n\r\n"
                       "This is an aggregate TLS report from ");
    text_add(out, report->submitter);
    text_add_cstr(out, "\r\n\r\n--");
    text_add_cstr(out, boundary);
    text_add_cstr(out, "\r\nContent-Type: " TLSRPT_REPORT_TYPE
                       "\r\nContent-Transfer-Encoding: base64\r\n"
                       "Content-Disposition: attachment;\r\n filename=\"");
    tlsrpt_report_file_name(report, out);
    text_add_cstr(out, "\"\r\n\r\n");
    add_lines(out, gzip);
    text_add_cstr(out, "--");
    text_add_cstr(out, boundary);
    text_add_cstr(out, "--\r\n");
    return out->overflow ? -ENOSPC : 0;
}
