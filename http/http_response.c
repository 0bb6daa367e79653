#include "http/http_response.h"

#include <string.h>

#include "base/check.h"

static const char *const problem_texts[] = {
    [HTTP_PROBLEM_NONE] = "no problem",
    [HTTP_PROBLEM_STATUS] = "the answer is not HTTP/1.1",
    [HTTP_PROBLEM_FIELD] = "a header field is malformed",
    [HTTP_PROBLEM_HEAD_LARGE] = "the header fields are too large",
    [HTTP_PROBLEM_FRAMING] = "the length of the body is ambiguous",
    [HTTP_PROBLEM_CHUNK] = "a chunk is malformed",
    [HTTP_PROBLEM_BODY_LARGE] = "the body is too large",
    [HTTP_PROBLEM_LOST] = "the connection ended before the response",
    [HTTP_PROBLEM_TIMEOUT] = "no whole response in time",
};

static enum http_response_state fail(struct http_response *response,
                                     enum http_response_problem problem)
{
    response->problem = problem;
    return HTTP_RESPONSE_FAILED;
}

/* "HTTP/1.1 200 OK"; the reason may be missing, and its blank too. */
static enum http_response_state on_status(struct http_response *response, struct span line)
{
    struct span version = span_first(line, 8);
    struct span code = span_slice(line, 9, 3);
    uint64_t number;

    response->old = span_equal(version, SPAN("HTTP/1.0"));
    if (line.size < 12 || (!response->old && !span_equal(version, SPAN("HTTP/1.1"))) ||
        line.data[8] != ' ' || (line.size > 12 && line.data[12] != ' ') ||
        !span_number(code, 599, &number) || number < 100 || number == 101)
        return fail(response, HTTP_PROBLEM_STATUS);
    response->status = (uint32_t)number;
    response->has_length = false;
    response->chunked = false;
    response->has_type = false;
    response->type_size = 0;
    return HTTP_RESPONSE_FIELDS;
}

static enum http_response_state after_fields(struct http_response *response)
{
    if (response->status < 200)
        return HTTP_RESPONSE_STATUS;
    if (response->chunked && (response->has_length || response->old))
        return fail(response, HTTP_PROBLEM_FRAMING);
    response->has_head = true;
    if (response->status == 204 || response->status == 304)
        return HTTP_RESPONSE_DONE;
    if (response->chunked)
        return HTTP_RESPONSE_CHUNK_SIZE;
    if (!response->has_length)
        return HTTP_RESPONSE_UNTIL_CLOSE;
    if (response->length > response->body.size)
        return fail(response, HTTP_PROBLEM_BODY_LARGE);
    response->left = response->length;
    return response->left > 0 ? HTTP_RESPONSE_LENGTH : HTTP_RESPONSE_DONE;
}

static enum http_response_state on_length(struct http_response *response, struct span value)
{
    if (response->has_length || !span_number(value, INT64_MAX, &response->length))
        return fail(response, HTTP_PROBLEM_FRAMING);
    response->has_length = true;
    return HTTP_RESPONSE_FIELDS;
}

static enum http_response_state on_coding(struct http_response *response, struct span value)
{
    if (response->chunked || !span_equal_nocase(value, SPAN("chunked")))
        return fail(response, HTTP_PROBLEM_FRAMING);
    response->chunked = true;
    return HTTP_RESPONSE_FIELDS;
}

/* Two types are none. */
static enum http_response_state on_type(struct http_response *response, struct span value)
{
    bool usable =
        !response->has_type && value.size <= sizeof(response->type) && !span_has_control(value);

    response->has_type = true;
    response->type_size = usable ? (uint32_t)value.size : 0;
    if (usable && value.size > 0)
        memcpy(response->type, value.data, value.size);
    return HTTP_RESPONSE_FIELDS;
}

/* RFC 9110 5.6.2 */
static bool is_token(struct span name)
{
    for (size_t i = 0; i < name.size; i++) {
        uint8_t byte = name.data[i];
        bool alphanumeric = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
                            (byte >= 'a' && byte <= 'z');

        if (!alphanumeric && (byte == 0 || strchr("!#$%&'*+-.^_`|~", byte) == NULL))
            return false;
    }
    return name.size > 0;
}

static enum http_response_state on_field(struct http_response *response, struct span line,
                                         bool whole)
{
    struct span value = line;
    struct span name;

    if (line.size == 0)
        return after_fields(response);
    if (span_find_byte(line, ':') == SPAN_NOT_FOUND)
        return fail(response, HTTP_PROBLEM_FIELD);
    name = span_split(&value, ':');
    value = span_trim(value);
    if (!is_token(name))
        return fail(response, HTTP_PROBLEM_FIELD);
    if (span_equal_nocase(name, SPAN("content-length")))
        return whole ? on_length(response, value) : fail(response, HTTP_PROBLEM_FRAMING);
    if (span_equal_nocase(name, SPAN("transfer-encoding")))
        return whole ? on_coding(response, value) : fail(response, HTTP_PROBLEM_FRAMING);
    if (span_equal_nocase(name, SPAN("content-type")))
        return on_type(response, whole ? value : span_make(NULL, 0));
    return HTTP_RESPONSE_FIELDS;
}

static bool hex_digit(uint8_t byte, uint64_t *ret_digit)
{
    uint8_t lower = span_lower_byte(byte);

    if (byte >= '0' && byte <= '9')
        *ret_digit = (uint64_t)(byte - '0');
    else if (lower >= 'a' && lower <= 'f')
        *ret_digit = (uint64_t)lower - 'a' + 10;
    else
        return false;
    return true;
}

/* RFC 9112 7.1; extensions are passed over. */
static enum http_response_state on_chunk_size(struct http_response *response, struct span line)
{
    uint64_t size = 0, digit;
    size_t digits = 0;

    while (digits < line.size && digits < 8 && hex_digit(line.data[digits], &digit)) {
        size = size * 16 + digit;
        digits++;
    }
    if (digits == 0)
        return fail(response, HTTP_PROBLEM_CHUNK);
    if (digits == 8 && line.size > 8 && hex_digit(line.data[8], &digit))
        return fail(response, HTTP_PROBLEM_BODY_LARGE);
    line = span_trim(span_skip(line, digits));
    if (line.size > 0 && line.data[0] != ';')
        return fail(response, HTTP_PROBLEM_CHUNK);
    if (size > response->body.size - response->body_size)
        return fail(response, HTTP_PROBLEM_BODY_LARGE);
    response->left = size;
    return size > 0 ? HTTP_RESPONSE_CHUNK_DATA : HTTP_RESPONSE_TRAILERS;
}

static enum http_response_state on_line(struct http_response *response, struct span line,
                                        bool whole)
{
    switch (response->state) {
    case HTTP_RESPONSE_STATUS:
        return on_status(response, line);
    case HTTP_RESPONSE_FIELDS:
        return on_field(response, line, whole);
    case HTTP_RESPONSE_CHUNK_SIZE:
        return on_chunk_size(response, line);
    case HTTP_RESPONSE_CHUNK_END:
        return line.size == 0 ? HTTP_RESPONSE_CHUNK_SIZE : fail(response, HTTP_PROBLEM_CHUNK);
    case HTTP_RESPONSE_TRAILERS:
        return line.size == 0 ? HTTP_RESPONSE_DONE : HTTP_RESPONSE_TRAILERS;
    case HTTP_RESPONSE_LENGTH:
    case HTTP_RESPONSE_CHUNK_DATA:
    case HTTP_RESPONSE_UNTIL_CLOSE:
    case HTTP_RESPONSE_DONE:
    case HTTP_RESPONSE_FAILED:
        break;
    }
    UNREACHABLE("a line where none is read");
}

static enum http_response_problem line_problem(enum http_response_state state)
{
    if (state == HTTP_RESPONSE_STATUS)
        return HTTP_PROBLEM_STATUS;
    return state == HTTP_RESPONSE_FIELDS ? HTTP_PROBLEM_FIELD : HTTP_PROBLEM_CHUNK;
}

/* One byte of a line. CR stands before LF and nowhere else; no control characters but the tab. */
static enum http_response_state on_line_byte(struct http_response *response, uint8_t byte)
{
    struct span line =
        span_make(response->line, min_size(response->line_size, sizeof(response->line)));
    bool whole = response->line_size == line.size;

    if (++response->head_size > HTTP_RESPONSE_HEAD_MAX)
        return fail(response, HTTP_PROBLEM_HEAD_LARGE);
    if (response->after_cr != (byte == '\n') || (byte < ' ' && strchr("\t\r\n", byte) == NULL) ||
        byte == 0 || byte == 0x7f)
        return fail(response, line_problem(response->state));
    if (byte == '\r') {
        response->after_cr = true;
        return response->state;
    }
    if (byte == '\n') {
        response->after_cr = false;
        response->line_size = 0;
        return on_line(response, line, whole);
    }
    if (whole && line.size < sizeof(response->line))
        response->line[line.size] = byte;
    response->line_size++;
    return response->state;
}

/* Some bytes of the body. */
static size_t on_body(struct http_response *response, struct span bytes)
{
    bool counted = response->state != HTTP_RESPONSE_UNTIL_CLOSE;
    size_t room = response->body.size - response->body_size;
    size_t size = counted ? (size_t)min_u64(bytes.size, response->left) : bytes.size;

    if (size > room) {
        response->state = fail(response, HTTP_PROBLEM_BODY_LARGE);
        return 0;
    }
    memcpy(response->body.data + response->body_size, bytes.data, size);
    response->body_size += size;
    if (!counted)
        return size;
    response->left -= size;
    if (response->left == 0)
        response->state =
            response->state == HTTP_RESPONSE_LENGTH ? HTTP_RESPONSE_DONE : HTTP_RESPONSE_CHUNK_END;
    return size;
}

void http_response_init(struct http_response *response, struct span_mut body, uint64_t deadline_ns)
{
    memset(response, 0, sizeof(*response));
    response->body = body;
    response->deadline_ns = deadline_ns;
}

size_t http_response_feed(struct http_response *response, struct span bytes)
{
    size_t used = 0;

    while (used < bytes.size && !http_response_ended(response)) {
        if (response->state == HTTP_RESPONSE_LENGTH ||
            response->state == HTTP_RESPONSE_CHUNK_DATA ||
            response->state == HTTP_RESPONSE_UNTIL_CLOSE) {
            used += on_body(response, span_skip(bytes, used));
        } else {
            response->state = on_line_byte(response, bytes.data[used]);
            used++;
        }
    }
    return used;
}

void http_response_end(struct http_response *response, bool clean)
{
    if (http_response_ended(response))
        return;
    if (response->state == HTTP_RESPONSE_UNTIL_CLOSE && clean)
        response->state = HTTP_RESPONSE_DONE;
    else
        response->state = fail(response, HTTP_PROBLEM_LOST);
}

void http_response_expire(struct http_response *response, uint64_t now_ns)
{
    if (!http_response_ended(response) && now_ns >= response->deadline_ns)
        response->state = fail(response, HTTP_PROBLEM_TIMEOUT);
}

bool http_response_ended(const struct http_response *response)
{
    return response->state == HTTP_RESPONSE_DONE || response->state == HTTP_RESPONSE_FAILED;
}

bool http_response_has_head(const struct http_response *response)
{
    return response->has_head;
}

struct span http_response_body(const struct http_response *response)
{
    return span_make(response->body.data, response->body_size);
}

struct span http_response_type(const struct http_response *response)
{
    struct span rest = span_make(response->type, response->type_size);

    return span_trim(span_split(&rest, ';'));
}

const char *http_response_problem_text(enum http_response_problem problem)
{
    CHECK((size_t)problem < ARRAY_LEN(problem_texts));
    return problem_texts[problem];
}
