/* Text of a header field: written and read again it is itself; reading anything stays in its
 * bounds. */
#include <stdlib.h>

#include "base/check.h"
#include "message/words.h"
#include "message/words_decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_check_lines(struct span field)
{
    while (field.size > 0) {
        struct span line = span_split(&field, '\n');
        CHECK(span_is_ascii(line));
        CHECK(line.size <= 998);
        if (field.size > 0) { /* a fold, and what follows it */
            CHECK(line.size > 0 && line.data[line.size - 1] == '\r');
            CHECK(field.size > 1 && field.data[0] == ' ' && field.data[1] != ' ');
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span source = span_make(data, min_size(size, 4096));
    size_t capacity = 16384;
    uint32_t *places = malloc(4 * capacity * sizeof(*places));
    struct text read;
    struct text out;
    struct text again;

    text_init(&read, malloc(capacity), 2 * source.size);
    text_init(&out, malloc(4 * capacity), 4 * capacity);
    text_init(&again, malloc(4 * capacity), 4 * capacity);
    CHECK(places && read.data && out.data && again.data);
    (void)!words_decode(source, &read, places);
    CHECK(!read.overflow);
    for (size_t i = 0; i < read.size; i++)
        CHECK(places[i] < source.size);

    struct words_line line = {.column = 8, .first = true};
    enum words_form form = words_form_text(source);
    size_t offset = 0;
    CHECK(words_put(&line, form, source, &offset, &out));
    CHECK(!out.overflow);
    fuzz_check_lines(text_span(&out));
    for (size_t i = 0; i < out.size; i++)
        out.data[i] = out.data[i] == '\r' || out.data[i] == '\n' ? ' ' : out.data[i];
    CHECK(words_decode(text_span(&out), &again, places));
    CHECK(span_equal(text_span(&again), source));

    text_reset(&out);
    offset = 0;
    line = (struct words_line){.column = 8, .first = true};
    CHECK(words_put(&line, words_form_phrase(source), source, &offset, &out));
    fuzz_check_lines(text_span(&out));
    free(places);
    free(read.data);
    free(out.data);
    free(again.data);
    return 0;
}
