#include "http/http_request.h"

#include <errno.h>

static bool is_word(struct span span)
{
    return span.size > 0 && span_is_ascii(span) && !span_has_control(span) &&
           span_find_byte(span, ' ') == SPAN_NOT_FOUND;
}

static bool is_value(struct span span)
{
    return span.size > 0 && span_is_ascii(span) && !span_has_control(span);
}

static void add_field(struct text *out, const char *name, struct span value)
{
    text_add_cstr(out, name);
    text_add_cstr(out, ": ");
    text_add(out, value);
    text_add(out, SPAN("\r\n"));
}

int http_request_write(const struct http_request *request, struct text *out)
{
    bool post = request->content_type.size > 0;
    size_t before = out->size;

    if (!is_word(request->host) || !is_word(request->target) || request->target.data[0] != '/' ||
        !is_value(request->agent) || (post && !is_value(request->content_type)))
        return -EINVAL;

    text_add(out, post ? SPAN("POST ") : SPAN("GET "));
    text_add(out, request->target);
    text_add(out, SPAN(" HTTP/1.1\r\n"));
    add_field(out, "Host", request->host);
    add_field(out, "User-Agent", request->agent);
    add_field(out, "Accept", SPAN("*/*"));
    add_field(out, "Connection", SPAN("close"));
    if (post) {
        add_field(out, "Content-Type", request->content_type);
        text_add(out, SPAN("Content-Length: "));
        text_add_u64(out, request->body_size);
        text_add(out, SPAN("\r\n"));
    }
    text_add(out, SPAN("\r\n"));
    if (!out->overflow)
        return 0;
    out->size = before;
    return -ENOSPC;
}
