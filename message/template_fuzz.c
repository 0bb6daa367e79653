/* Template and values as one input: the template up to the first "\xff\xff", then values, each up
 * to the next. Whatever they are, the message is 7-bit in short CRLF lines, no line is a lone dot
 * but the last, the header has the template's fields and no others, and the message as a template
 * of its own is itself. */
#define MERGE_TESTING_OUT_MAX MIB
#include "message/header.h"
#include "tests/merge_testing.h"

#define FUZZ_VALUES_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct span fuzz_split(struct span *rest)
{
    size_t at = span_find(*rest, SPAN("\xff\xff"));
    struct span part = span_first(*rest, at);

    *rest = span_skip(*rest, at == SPAN_NOT_FOUND ? rest->size : at + 2);
    return part;
}

static void fuzz_check_lines(struct span message, bool stuffed)
{
    while (message.size > 0) {
        size_t end = span_find(message, SPAN("\r\n"));
        CHECK(end != SPAN_NOT_FOUND);
        struct span line = span_first(message, end);
        CHECK(end <= 998 + (stuffed ? 1 : 0));
        CHECK(span_is_ascii(line));
        CHECK(span_find_byte(line, 0) == SPAN_NOT_FOUND);
        CHECK(span_find_byte(line, '\r') == SPAN_NOT_FOUND);
        CHECK(span_find_byte(line, '\n') == SPAN_NOT_FOUND);
        message = span_skip(message, end + 2);
        if (stuffed && span_starts(line, SPAN(".")))
            CHECK(message.size == 0 ? line.size == 1 : span_starts(line, SPAN("..")));
    }
}

static bool fuzz_is_added(struct span name)
{
    static const struct span names[] = {
        SPAN_INIT("Date"),         SPAN_INIT("Message-ID"),
        SPAN_INIT("To"),           SPAN_INIT("MIME-Version"),
        SPAN_INIT("Content-Type"), SPAN_INIT("Content-Transfer-Encoding")};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (span_equal_nocase(name, names[i]))
            return true;
    }
    return false;
}

/* Header fields that ringpost neither adds nor removes, by name. */
static void fuzz_list_header(struct span message, struct text *out)
{
    struct header_field field;

    while (header_next(&message, &field) == 1) {
        if (fuzz_is_added(field.name) || header_kind(field.name) == HEADER_REMOVED)
            continue;
        text_add(out, field.name);
        text_add_byte(out, '\n');
    }
}

static void fuzz_check_header(struct span source, struct span message)
{
    size_t capacity = source.size + message.size;
    struct text before;
    struct text after;

    if (span_starts(source, SPAN("\xef\xbb\xbf")))
        source = span_skip(source, 3);
    text_init(&before, malloc(capacity), capacity);
    text_init(&after, malloc(capacity), capacity);
    fuzz_list_header(source, &before);
    fuzz_list_header(message, &after);
    CHECK(span_equal(text_span(&before), text_span(&after)));
    CHECK(header_count(message, SPAN("Date")) == 1);
    CHECK(header_count(message, SPAN("To")) == 1);
    CHECK(header_count(message, SPAN("From")) == 1);
    free(before.data);
    free(after.data);
}

/* Values may hold braces, so the second template may have fields or be none. */
static void fuzz_check_again(struct merge_testing *testing, uint32_t parts)
{
    struct merge_testing again;

    merge_testing_open(&again, text_span(&testing->out));
    if (again.result == 0 && again.template.fields_count == 0) {
        CHECK(again.template.parts_count == parts);
        CHECK(merge_testing_merge(&again, NULL, false, 4096) == 0);
        CHECK(span_equal(text_span(&testing->out), text_span(&again.out)));
    }
    merge_testing_close(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct merge_testing testing;
    struct span rest = span_make(data, min_size(size, 16 * KIB));
    struct span source = fuzz_split(&rest);
    struct span given[FUZZ_VALUES_MAX];
    struct span values[TEMPLATE_FIELDS_MAX];
    char why_data[300];
    struct text why;

    for (uint32_t i = 0; i < FUZZ_VALUES_MAX; i++)
        given[i] = span_first(fuzz_split(&rest), MIB / 8 / (source.size + 1)); /* room for all */
    merge_testing_open(&testing, source);
    CHECK((testing.result < 0) == (testing.error.what[0] != 0));
    text_init(&why, why_data, sizeof(why_data));
    for (uint32_t i = 0; testing.result == 0 && i < testing.template.fields_count; i++) {
        values[i] = given[i % FUZZ_VALUES_MAX];
        if (template_check_value(&testing.template, i, values[i], &why) < 0)
            values[i] = SPAN("a@b"); /* and may still be refused: then merge_begin says so */
    }
    if (testing.result == 0 && merge_testing_merge(&testing, values, true, 2048) == 0) {
        fuzz_check_lines(text_span(&testing.out), true);
        CHECK(merge_testing_merge(&testing, values, false, 5000) == 0);
        fuzz_check_lines(text_span(&testing.out), false);
        CHECK(merge_testing_size(&testing, values) == testing.out.size);
        fuzz_check_header(source, text_span(&testing.out));
        fuzz_check_again(&testing, testing.template.parts_count);
    }
    merge_testing_close(&testing);
    return 0;
}
