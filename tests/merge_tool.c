/* merge_tool.c - merges a template for tests in other languages.
 *
 * merge_tool TEMPLATE HOST DATE CAMPAIGN-HEX, requests on standard input, answers on standard
 * output. First the fields: their number (u32), then each name (u32 size, octets). Then for each
 * request - ordinal (u32), recipient and one value a field (u32 size, octets each) - one answer:
 * status (u32: 0 message, 1 refused), text (u32 size, octets): the message without dot-stuffing, or
 * "field: why". Numbers are little-endian. A template that does not compile: exit 2 and
 * "line:column: what" on standard output.
 *
 * Each message is merged four times, with other buffers and with stuffing, and must be the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "message/merge.h"

#define TOOL_MESSAGE_MAX (64 * MIB)

static struct span_mut tool_read_file(const char *path)
{
    struct span_mut data = {malloc(TEMPLATE_SOURCE_MAX + 1), 0};
    FILE *file = fopen(path, "rb");

    CHECK(file != NULL && data.data != NULL);
    data.size = fread(data.data, 1, TEMPLATE_SOURCE_MAX + 1, file);
    (void)fclose(file);
    return data;
}

static bool tool_read_u32(uint32_t *ret)
{
    return fread(ret, 1, sizeof(*ret), stdin) == sizeof(*ret);
}

static struct span tool_read_span(void)
{
    uint32_t size = 0;

    CHECK(tool_read_u32(&size));
    uint8_t *data = malloc(size + 1);
    CHECK(data != NULL);
    CHECK(fread(data, 1, size, stdin) == size);
    return span_make(data, size);
}

static void tool_write_u32(uint32_t number)
{
    CHECK(fwrite(&number, 1, sizeof(number), stdout) == sizeof(number));
}

static void tool_write_span(struct span span)
{
    tool_write_u32((uint32_t)span.size);
    CHECK(fwrite(span.data, 1, span.size, stdout) == span.size);
}

static void tool_merge(const struct template *template, const struct merge_values *values,
                       bool stuffed, size_t room, struct text *out)
{
    static uint8_t buffer[65536];
    struct merge merge;
    enum merge_state state;
    uint32_t idle = 0;

    text_reset(out);
    CHECK(merge_begin(&merge, template, values, stuffed) == 0);
    uint64_t size = merge_size(&merge);
    do {
        struct text piece;
        text_init(&piece, buffer, room);
        state = merge_step(&merge, &piece);
        CHECK(!piece.overflow);
        idle = piece.size == 0 ? idle + 1 : 0;
        CHECK(idle < 2);
        text_add(out, text_span(&piece));
    } while (state == MERGE_MORE);
    CHECK(!out->overflow);
    CHECK(stuffed || size == out->size);
}

/* RFC 5321 4.5.2, as a receiver does it. */
static void tool_unstuff(struct span from, struct text *out)
{
    text_reset(out);
    while (!span_equal(from, SPAN(".\r\n"))) {
        size_t end = span_find(from, SPAN("\r\n"));
        CHECK(end != SPAN_NOT_FOUND);
        CHECK(!span_starts(from, SPAN(".\r\n")));
        struct span line = span_first(from, end + 2);
        from = span_skip(from, end + 2);
        text_add(out, span_starts(line, SPAN(".")) ? span_skip(line, 1) : line);
    }
    CHECK(!out->overflow);
}

static void tool_answer(const struct template *template, const struct merge_values *values)
{
    static uint8_t *memory[3];
    struct text message;
    struct text stuffed;
    struct text other;

    for (uint32_t i = 0; i < 3; i++)
        memory[i] = memory[i] ? memory[i] : malloc(TOOL_MESSAGE_MAX);
    text_init(&message, memory[0], TOOL_MESSAGE_MAX);
    text_init(&stuffed, memory[1], TOOL_MESSAGE_MAX);
    text_init(&other, memory[2], TOOL_MESSAGE_MAX);
    tool_merge(template, values, false, 65536, &message);
    tool_merge(template, values, false, 2049, &other);
    CHECK(span_equal(text_span(&message), text_span(&other)));
    tool_merge(template, values, true, 2048, &stuffed);
    tool_merge(template, values, true, 3001, &other);
    CHECK(span_equal(text_span(&stuffed), text_span(&other)));
    tool_unstuff(text_span(&stuffed), &other);
    CHECK(span_equal(text_span(&message), text_span(&other)));
    tool_write_u32(0);
    tool_write_span(text_span(&message));
}

static bool tool_refused(const struct template *template, const struct span *fields)
{
    char why_data[300];
    struct text why;

    text_init(&why, why_data, sizeof(why_data));
    for (uint32_t i = 0; i < template->fields_count; i++) {
        text_reset(&why);
        text_add(&why, template->fields[i].name);
        text_add_cstr(&why, ": ");
        if (template_check_value(template, i, fields[i], &why) == 0)
            continue;
        tool_write_u32(1);
        tool_write_span(text_span(&why));
        return true;
    }
    return false;
}

static void tool_serve(const struct template *template, struct merge_values *values)
{
    struct span fields[TEMPLATE_FIELDS_MAX];

    tool_write_u32(template->fields_count);
    for (uint32_t i = 0; i < template->fields_count; i++)
        tool_write_span(template->fields[i].name);
    values->fields = fields;
    while (tool_read_u32(&values->identity.ordinal)) {
        values->recipient = tool_read_span();
        for (uint32_t i = 0; i < template->fields_count; i++)
            fields[i] = tool_read_span();
        if (!tool_refused(template, fields))
            tool_answer(template, values);
        free((void *)(uintptr_t)values->recipient.data);
        for (uint32_t i = 0; i < template->fields_count; i++)
            free((void *)(uintptr_t)fields[i].data);
    }
}

int main(int argc, char **argv)
{
    struct template template;
    struct template_error error;

    CHECK(argc == 5);
    struct span_mut source = tool_read_file(argv[1]);
    struct span_mut memory = {.size = template_memory_size(source.size)};
    memory.data = malloc(memory.size);
    CHECK(memory.data != NULL);
    int r = template_compile(&template, span_from_mut(source), memory, &error);
    memset(source.data, 0xee, source.size); /* the template must not need it any more */
    free(source.data);
    if (r < 0) {
        (void)printf("%u:%u: %s\n", error.line, error.column, error.what);
        free(memory.data);
        return 2;
    }
    struct merge_values values = {
        .host = span_cstr(argv[2]),
        .date_s = strtoull(argv[3], NULL, 10),
        .identity.campaign = strtoull(argv[4], NULL, 16),
    };
    tool_serve(&template, &values);
    free(memory.data);
    return 0;
}
