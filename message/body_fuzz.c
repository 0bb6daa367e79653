/* A finished message in pieces: the first octet says how large they are. What a receiver unstuffs
 * has the same octets but for line ends; no line is too long; body_scan said how large it would be.
 */
#include <stdlib.h>

#include "base/check.h"
#include "message/body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_write(struct span source, bool stuffed, size_t step, struct text *out)
{
    struct body body;

    body_init(&body, stuffed);
    while (source.size > 0) {
        struct span part = span_first(source, step);
        source = span_skip(source, part.size);
        CHECK(body_put(&body, &part, out));
    }
    CHECK(body_end(&body, out));
    CHECK(!out->overflow);
}

static void fuzz_check_stuffing(struct span stuffed, struct span plain)
{
    while (!span_equal(stuffed, SPAN(".\r\n"))) {
        size_t end = span_find(stuffed, SPAN("\r\n"));
        CHECK(end != SPAN_NOT_FOUND);
        struct span line = span_first(stuffed, end);
        CHECK(!span_equal(line, SPAN(".")));
        line = span_skip(line, span_starts(line, SPAN(".")) ? 1 : 0);
        CHECK(line.size <= BODY_LINE_MAX);
        CHECK(span_find_byte(line, '\r') == SPAN_NOT_FOUND);
        CHECK(span_find_byte(line, '\n') == SPAN_NOT_FOUND);
        CHECK(span_starts(plain, line));
        plain = span_skip(plain, line.size);
        CHECK(span_starts(plain, SPAN("\r\n")));
        plain = span_skip(plain, 2);
        stuffed = span_skip(stuffed, end + 2);
    }
    CHECK(plain.size == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct span source = span_make(data + 1, size - 1);
    size_t step = (size_t)data[0] + 1;
    size_t capacity = source.size * 4 + 64;
    struct body_scan scan = {0};
    struct text stuffed;
    struct text plain;

    text_init(&stuffed, malloc(capacity), capacity);
    text_init(&plain, malloc(capacity), capacity);
    CHECK(stuffed.data && plain.data);
    fuzz_write(source, true, step, &stuffed);
    fuzz_write(source, false, 100, &plain);
    fuzz_check_stuffing(text_span(&stuffed), text_span(&plain));
    for (struct span rest = source; rest.size > 0; rest = span_skip(rest, step))
        body_scan_add(&scan, span_first(rest, step));
    body_scan_end(&scan);
    CHECK(body_scan_size(&scan) == plain.size);
    CHECK(scan.dots == stuffed.size - plain.size - 3);
    free(stuffed.data);
    free(plain.data);
    return 0;
}
