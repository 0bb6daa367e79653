#include "message/template_part.h"

#include <errno.h>

#include "message/base64.h"
#include "message/body.h"
#include "message/quoted.h"
#include "message/template_header.h"
#include "message/template_scan.h"

static void template_part_read_type(struct template_part *part, struct span body)
{
    struct span rest = body;
    struct span type = span_trim(span_split(&rest, ';'));

    part->has_type = true;
    part->html = span_equal_nocase(type, SPAN("text/html")) ||
                 span_equal_nocase(type, SPAN("text/x-amp-html"));
    part->is_digest = span_equal_nocase(type, SPAN("multipart/digest"));
    part->has_charset = header_parameter(body, SPAN("charset"), &part->charset);
    if (!header_parameter(body, SPAN("boundary"), &part->boundary))
        part->boundary = (struct span){0};
    if (span_starts_nocase(type, SPAN("text/")))
        part->type = TEMPLATE_PART_TEXT_TYPE;
    else if (span_starts_nocase(type, SPAN("message/")) ||
             span_equal_nocase(type, SPAN("multipart/signed")))
        part->type = TEMPLATE_PART_OPAQUE;
    else if (span_starts_nocase(type, SPAN("multipart/")))
        part->type = TEMPLATE_PART_MULTIPART;
    else
        part->type = TEMPLATE_PART_OTHER;
}

static enum template_part_encoding template_part_read_encoding(struct span body)
{
    struct span name = span_trim(body);

    if (span_equal_nocase(name, SPAN("quoted-printable")))
        return TEMPLATE_PART_QUOTED;
    if (span_equal_nocase(name, SPAN("base64")))
        return TEMPLATE_PART_BASE64;
    if (span_equal_nocase(name, SPAN("7bit")) || span_equal_nocase(name, SPAN("8bit")) ||
        span_equal_nocase(name, SPAN("binary")) || name.size == 0)
        return TEMPLATE_PART_IDENTITY;
    return TEMPLATE_PART_FOREIGN;
}

static void template_part_read(struct template_part *part, const struct header_field *field)
{
    if (span_equal_nocase(field->name, SPAN("Content-Type"))) {
        template_part_read_type(part, field->body);
    } else if (span_equal_nocase(field->name, SPAN("Content-Transfer-Encoding"))) {
        part->encoding = template_part_read_encoding(field->body);
        part->has_encoding = true;
    }
}

/* Whether the field stands a second time where it may stand once. */
static bool template_part_repeats(const struct template_part *part,
                                  const struct header_field *field)
{
    struct header_field first;

    return header_is_single(field->name) && header_find(part->headers, field->name, &first) &&
           first.whole.data != field->whole.data;
}

static int template_part_check(struct template_build *build, const struct template_part *part)
{
    if (part->type != TEMPLATE_PART_MULTIPART)
        return 0;
    if (part->boundary.size == 0 || part->boundary.size > 70 || !span_is_ascii(part->boundary))
        return template_build_error(build, template_build_at(build, part->headers),
                                    "a multipart without a boundary of 1 to 70 octets", SPAN(""));
    if (part->encoding != TEMPLATE_PART_IDENTITY) /* RFC 2045 6.4 */
        return template_build_error(build, template_build_at(build, part->headers),
                                    "a multipart in a transfer encoding", SPAN(""));
    return 0;
}

int template_part_open(struct template_build *build, struct span *rest, struct template_part *part)
{
    struct header_field field;
    uint32_t count = 0;
    int r;

    part->headers = *rest;
    part->type = part->digest ? TEMPLATE_PART_OPAQUE : TEMPLATE_PART_TEXT_TYPE;
    while ((r = header_next(rest, &field)) == 1) {
        if (++count > TEMPLATE_PART_HEADERS_MAX)
            return template_build_error(build, template_build_at(build, field.whole),
                                        "more than 1000 header fields", SPAN(""));
        if (template_part_repeats(part, &field))
            return template_build_error(build, template_build_at(build, field.whole),
                                        "this header field may stand only once", field.name);
        template_part_read(part, &field);
    }
    if (r < 0) {
        struct span line = header_line(rest);
        return template_build_error(build, template_build_at(build, line),
                                    "this line is no header field", line);
    }
    part->headers = span_first(part->headers, part->headers.size - rest->size);
    return template_part_check(build, part);
}

static bool template_part_is_utf8_charset(const struct template_part *part)
{
    return !part->has_charset || span_equal_nocase(part->charset, SPAN("utf-8")) ||
           span_equal_nocase(part->charset, SPAN("utf8")) ||
           span_equal_nocase(part->charset, SPAN("us-ascii")) ||
           span_equal_nocase(part->charset, SPAN("ascii"));
}

/* The first well-made field; what else stands between braces means nothing outside of text. */
static bool template_part_has_field(struct span text)
{
    struct template_scan_tag tag = {0};
    size_t at = 0;
    int r;

    while ((r = template_scan_next(text, at, &tag)) < 0)
        at = tag.start + 1;
    return r == 1;
}

/* Decodes into the scratch memory; identity: the source itself. */
static void template_part_decode(struct template_build *build, struct template_part *part)
{
    struct text out;

    part->decoded = part->content;
    if (part->encoding == TEMPLATE_PART_IDENTITY || part->encoding == TEMPLATE_PART_FOREIGN)
        return;
    text_init(&out, build->scratch.data, build->scratch.size);
    if (part->encoding == TEMPLATE_PART_QUOTED)
        quoted_decode(part->content, &out);
    else
        (void)base64_decode(part->content, &out); /* stray octets are left out: RFC 2045 6.8 */
    build->out.overflow = build->out.overflow || out.overflow;
    part->decoded = text_span(&out);
}

static int template_part_decide_text(struct template_build *build, struct template_part *part,
                                     bool clean, bool eight_bit)
{
    bool tagged = span_find(part->decoded, SPAN("{{")) != SPAN_NOT_FOUND;
    bool unicode = template_part_is_utf8_charset(part);
    size_t place = template_build_at(build, part->content);

    if (tagged && part->encoding == TEMPLATE_PART_BASE64)
        return template_build_error(build, place,
                                    "a field in a base64 part: write the part in "
                                    "quoted-printable or as it is",
                                    SPAN(""));
    if (part->encoding == TEMPLATE_PART_FOREIGN && (tagged || !clean))
        return template_build_error(build, place,
                                    tagged ? "a field in an unknown transfer encoding"
                                           : "8-bit octets, a long line or a NUL in "
                                             "an unknown transfer encoding",
                                    SPAN(""));
    if (tagged && !unicode)
        return template_build_error(build, place,
                                    "fields need the charset utf-8 or us-ascii, "
                                    "not this one",
                                    part->charset);
    part->recode = tagged || !clean;
    if (part->recode && part->encoding == TEMPLATE_PART_BASE64)
        return 0;
    if (part->recode && unicode && !span_is_utf8(part->decoded))
        return template_build_error(build, place,
                                    "this part is not UTF-8, and names no other "
                                    "charset",
                                    SPAN(""));
    if (part->recode && span_find_byte(part->decoded, 0) != SPAN_NOT_FOUND)
        return template_build_error(build, place, "a NUL octet in a text part", SPAN(""));
    part->utf8 = unicode && (tagged || eight_bit);
    return 0;
}

int template_part_decide(struct template_build *build, struct template_part *part,
                         struct span content)
{
    struct body_scan scan = {0};
    size_t place = template_build_at(build, content);

    part->content = content;
    body_scan_add(&scan, content);
    body_scan_end(&scan);
    template_part_decode(build, part);
    bool clean = !scan.eight_bit && scan.nul == 0 && scan.breaks == 0;
    if (part->type == TEMPLATE_PART_TEXT_TYPE) {
        bool dots = scan.dots > 0 && part->encoding != TEMPLATE_PART_FOREIGN;
        return template_part_decide_text(build, part, clean && !dots, scan.eight_bit);
    }
    if (template_part_has_field(part->decoded))
        return template_build_error(build, place, "a field in a part that is not text", SPAN(""));
    bool fixed = part->type == TEMPLATE_PART_OPAQUE || part->encoding == TEMPLATE_PART_FOREIGN;
    if (fixed && !clean)
        return template_build_error(build, place,
                                    "8-bit octets, a long line or a NUL in a part "
                                    "that must not be changed",
                                    SPAN(""));
    part->recode = !fixed && (!clean || scan.dots > 0);
    return 0;
}

/* Copies up to the end of `text`, every line end as CRLF; a last line end is left out. */
static void template_part_copy_lines(struct template_build *build, struct span text)
{
    for (;;) {
        text_add(&build->out, header_line(&text));
        if (text.size == 0)
            return;
        text_add_cstr(&build->out, "\r\n");
    }
}

/* Content-Type with charset=utf-8 instead of what it says, or added. */
static int template_part_put_type(struct template_build *build, const struct template_part *part,
                                  const struct header_field *field)
{
    struct span body = field->body;

    if (body.size > BODY_LINE_MAX - 100)
        return template_build_error(build, template_build_at(build, field->whole),
                                    "this header field is too long", field->name);
    text_add_cstr(&build->out, "Content-Type:");
    if (part->has_charset) {
        size_t before = (size_t)(part->charset.data - body.data);
        template_part_copy_lines(build, span_first(body, before));
        text_add_cstr(&build->out, "utf-8");
        body = span_skip(body, before + part->charset.size);
        template_part_copy_lines(build, body);
        text_add_cstr(&build->out, "\r\n");
        return 0;
    }
    while (body.size > 0 && (body.data[body.size - 1] <= ' ' || body.data[body.size - 1] == ';'))
        body.size--;
    template_part_copy_lines(build, body);
    text_add_cstr(&build->out, "; charset=utf-8\r\n");
    return 0;
}

static const char *template_part_encoding_line(const struct template_part *part)
{
    if (!part->recode)
        return "Content-Transfer-Encoding: 7bit\r\n";
    bool quoted = part->type == TEMPLATE_PART_TEXT_TYPE && part->encoding != TEMPLATE_PART_BASE64;
    return quoted ? "Content-Transfer-Encoding: quoted-printable\r\n"
                  : "Content-Transfer-Encoding: base64\r\n";
}

static int template_part_put_field(struct template_build *build, const struct template_part *part,
                                   const struct header_field *field)
{
    bool type = span_equal_nocase(field->name, SPAN("Content-Type"));

    if (span_equal_nocase(field->name, SPAN("Content-Transfer-Encoding")) &&
        (part->recode || part->encoding == TEMPLATE_PART_IDENTITY)) {
        text_add_cstr(&build->out, template_part_encoding_line(part));
        return 0;
    }
    if (type && part->utf8 && !span_equal_nocase(part->charset, SPAN("utf-8"))) {
        if (span_find(field->body, SPAN("{{")) == SPAN_NOT_FOUND && span_is_ascii(field->body))
            return template_part_put_type(build, part, field);
    }
    return template_header_put(build, field);
}

/* What the author left out of the message's own header. */
static int template_part_put_missing(struct template_build *build, const struct template_part *part)
{
    struct template *template = build->template;
    struct header_field field;
    bool version = header_find(part->headers, SPAN("MIME-Version"), &field);
    bool mime = part->has_type || part->has_encoding || part->recode || part->utf8;

    template->has_date = header_find(part->headers, SPAN("Date"), &field);
    template->has_message_id = header_find(part->headers, SPAN("Message-ID"), &field);
    template->has_to = header_find(part->headers, SPAN("To"), &field);
    if (!header_find(part->headers, SPAN("From"), &field))
        return template_build_error(build, SIZE_MAX, "the header field From is missing", SPAN(""));
    if (!template->has_date)
        (void)template_build_piece(build, TEMPLATE_DATE);
    if (!template->has_message_id)
        (void)template_build_piece(build, TEMPLATE_MESSAGE_ID);
    if (!template->has_to)
        (void)template_build_piece(build, TEMPLATE_TO);
    if (mime && !version)
        text_add_cstr(&build->out, "MIME-Version: 1.0\r\n");
    return 0;
}

int template_part_put_headers(struct template_build *build, const struct template_part *part)
{
    struct span rest = part->headers;
    struct header_field field;
    int r = 0;

    while (r == 0 && header_next(&rest, &field) == 1)
        r = template_part_put_field(build, part, &field);
    if (r == 0 && part->top)
        r = template_part_put_missing(build, part);
    if (part->utf8 && !part->has_type)
        text_add_cstr(&build->out, "Content-Type: text/plain; charset=utf-8\r\n");
    if (part->recode && !part->has_encoding)
        text_add_cstr(&build->out, template_part_encoding_line(part));
    text_add_cstr(&build->out, "\r\n");
    return r;
}

static void template_part_put_base64(struct template_build *build, struct span data)
{
    while (data.size > 0) {
        base64_encode(span_first(data, 57), &build->out); /* 76 octets a line */
        text_add_cstr(&build->out, "\r\n");
        data = span_skip(data, 57);
    }
}

static void template_part_put_kept(struct template_build *build, struct span content)
{
    while (content.size > 0) {
        struct span line = header_line(&content);
        if (span_starts(line, SPAN(".")))
            template_build_dot(build);
        text_add(&build->out, line);
        text_add_cstr(&build->out, "\r\n");
    }
}

static void template_part_put_run(struct template_build *build, struct span run)
{
    size_t offset = 0;
    uint32_t column = 0;

    if (!quoted_put(run, false, &offset, &column, &build->out))
        build->out.overflow = true;
}

static int template_part_put_quoted(struct template_build *build, const struct template_part *part)
{
    struct span text = part->decoded;
    size_t content_at = template_build_at(build, part->content);
    struct quoted_place place = {0};
    struct template_scan_tag tag = {0};
    size_t at = 0;
    int r;

    while ((r = template_scan_next(text, at, &tag)) == 1) {
        enum template_context context =
            part->html && !tag.raw ? TEMPLATE_BODY_HTML : TEMPLATE_BODY_TEXT;
        size_t source_at = content_at + (part->encoding == TEMPLATE_PART_QUOTED
                                             ? quoted_source(&place, part->content, tag.start)
                                             : tag.start);
        template_part_put_run(build, span_slice(text, at, tag.start - at));
        int field = template_build_field(build, tag.name, source_at, context, TEMPLATE_VALUE_MAX);
        if (field < 0)
            return field;
        struct template_piece *piece = template_build_piece(build, TEMPLATE_FIELD);
        piece->context = (uint8_t)context;
        piece->at = (uint32_t)field;
        at = tag.end;
    }
    if (r < 0) {
        size_t source_at = part->encoding == TEMPLATE_PART_QUOTED
                               ? quoted_source(&place, part->content, tag.start)
                               : tag.start;
        return template_build_error(build, content_at + source_at,
                                    "two opening braces that begin no field",
                                    span_skip(text, tag.start));
    }
    template_part_put_run(build, span_skip(text, at));
    uint8_t last = text.size > 0 ? text.data[text.size - 1] : '\n';
    if (last != '\n' && last != '\r')
        text_add_cstr(&build->out, "\r\n");
    return 0;
}

int template_part_put_content(struct template_build *build, const struct template_part *part)
{
    build->template->parts_count++;
    build->template->recoded_count += part->recode;
    if (!part->recode) {
        template_part_put_kept(build, part->content);
        return 0;
    }
    if (part->type == TEMPLATE_PART_TEXT_TYPE && part->encoding != TEMPLATE_PART_BASE64)
        return template_part_put_quoted(build, part);
    struct span data = part->decoded;
    if (part->encoding == TEMPLATE_PART_IDENTITY) { /* the last line end belongs to the boundary */
        if (data.size > 0 && data.data[data.size - 1] == '\n')
            data.size--;
        if (data.size > 0 && data.data[data.size - 1] == '\r')
            data.size--;
    }
    template_part_put_base64(build, data);
    return 0;
}
