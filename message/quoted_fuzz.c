/* What is encoded, run by run, decodes to itself but for line ends; decoding anything stays in its
 * bounds. */
#include <stdlib.h>

#include "base/check.h"
#include "message/quoted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_check_places(struct span source, struct span decoded)
{
    struct quoted_place place = {0};
    size_t last = 0;

    for (size_t i = 0; i < decoded.size; i += 1 + decoded.size / 50) {
        size_t at = quoted_source(&place, source, i);
        CHECK(at <= source.size);
        CHECK(at >= last);
        last = at;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span source = span_make(data, min_size(size, 64 * KIB));
    size_t capacity = source.size * 16 + 256;
    struct text decoded;
    struct text encoded;
    struct text again;
    size_t offset = 0;
    uint32_t column = source.size > 0 ? source.data[0] % 76 : 0;
    uint32_t start = column;

    text_init(&decoded, malloc(capacity), 2 * source.size);
    text_init(&encoded, malloc(capacity), capacity);
    text_init(&again, malloc(capacity), capacity);
    CHECK(decoded.data && encoded.data && again.data);
    quoted_decode(source, &decoded);
    CHECK(!decoded.overflow);
    fuzz_check_places(source, text_span(&decoded));

    text_add_fill(&encoded, 'x', start);
    CHECK(quoted_put(text_span(&decoded), false, &offset, &column, &encoded));
    for (struct span rest = text_span(&encoded); rest.size > 0;) {
        struct span line = span_split(&rest, '\n');
        CHECK(line.size <= 77 && span_is_ascii(line));
        CHECK(!span_starts(line, SPAN(".")) && !span_starts(line, SPAN("-")));
    }
    quoted_decode(text_span(&encoded), &again);
    struct span back = span_skip(text_span(&again), start);
    for (struct span rest = text_span(&decoded); rest.size > 0;) {
        bool line_end = rest.data[0] == '\r' || rest.data[0] == '\n';
        size_t taken = span_starts(rest, SPAN("\r\n")) ? 2 : 1;
        CHECK(line_end ? span_starts(back, SPAN("\r\n")) : span_starts(back, span_first(rest, 1)));
        back = span_skip(back, line_end ? 2 : 1);
        rest = span_skip(rest, taken);
    }
    CHECK(back.size == 0);
    free(decoded.data);
    free(encoded.data);
    free(again.data);
    return 0;
}
