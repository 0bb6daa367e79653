#include "message/template_build.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"

static void template_build_count(struct template_build *build, size_t source_at)
{
    const uint8_t *data = build->source.data;

    if (source_at < build->line_at) {
        build->line_at = 0;
        build->line_start = 0;
        build->line = 1;
    }
    while (build->line_at < source_at) {
        uint8_t byte = data[build->line_at++];
        bool pair =
            byte == '\r' && build->line_at < build->source.size && data[build->line_at] == '\n';
        if ((byte == '\r' && !pair) || byte == '\n') {
            build->line++;
            build->line_start = build->line_at;
        }
    }
}

size_t template_build_at(const struct template_build *build, struct span part)
{
    return (size_t)(part.data - build->source.data);
}

void template_build_place(struct template_build *build, size_t source_at, uint32_t *ret_line,
                          uint32_t *ret_column)
{
    template_build_count(build, min_size(source_at, build->source.size));
    *ret_line = build->line;
    *ret_column = (uint32_t)(build->line_at - build->line_start) + 1;
}

int template_build_error(struct template_build *build, size_t source_at, const char *what,
                         struct span detail)
{
    struct template_error *error = build->error;
    struct text text;

    if (error->what[0] != 0)
        return -EINVAL;
    if (source_at == SIZE_MAX)
        error->line = error->column = 0;
    else
        template_build_place(build, source_at, &error->line, &error->column);
    text_init(&text, error->what, sizeof(error->what));
    text_add_cstr(&text, what);
    if (detail.size > 0) {
        text_add_cstr(&text, ": ");
        text_add_printable(&text, detail, 60 / 4);
        if (detail.size > 60 / 4)
            text_add_cstr(&text, "...");
    }
    (void)text_cstr_end(&text); /* it is error->what */
    return -EINVAL;
}

static struct template_piece *template_build_next(struct template_build *build)
{
    struct template *template = build->template;

    if (template->pieces_count >= build->pieces_max) {
        template->pieces_count = build->pieces_max + 1; /* template_build_end tells */
        return &build->waste;
    }
    struct template_piece *piece = &build->pieces[template->pieces_count++];
    memset(piece, 0, sizeof(*piece)); /* padding, too: the same octets every time */
    return piece;
}

void template_build_close(struct template_build *build)
{
    struct span data = span_skip(text_span(&build->out), build->literal_start);
    bool after_field = build->after_field;
    bool dot = build->dot;

    build->after_field = false;
    build->dot = false;
    if (data.size == 0)
        return;
    struct template_piece *piece = template_build_next(build);
    size_t head = span_find(data, SPAN("\r\n"));
    size_t tail = data.size;
    piece->kind = TEMPLATE_LITERAL;
    piece->at = (uint32_t)build->literal_start;
    piece->size = (uint32_t)data.size;
    piece->after_field = after_field;
    piece->dot = dot;
    piece->has_break = head != SPAN_NOT_FOUND;
    while (piece->has_break && data.data[tail - 1] != '\n')
        tail--;
    piece->head = (uint16_t)min_size(piece->has_break ? head : data.size + 1, UINT16_MAX);
    piece->tail = (uint16_t)min_size(piece->has_break ? data.size - tail : 0, UINT16_MAX);
    build->literal_start = build->out.size;
}

void template_build_dot(struct template_build *build)
{
    template_build_close(build);
    build->dot = true;
}

struct template_piece *template_build_piece(struct template_build *build,
                                            enum template_piece_kind kind)
{
    template_build_close(build);
    struct template_piece *piece = template_build_next(build);
    piece->kind = (uint8_t)kind;
    build->after_field = kind == TEMPLATE_FIELD;
    return piece;
}

static void template_build_note(struct template_build *build, struct template_field *field,
                                size_t source_at, enum template_context context)
{
    uint32_t column;

    field->contexts |= 1U << context;
    if (context > TEMPLATE_BODY_HTML && field->header_line == 0)
        template_build_place(build, source_at, &field->header_line, &column);
}

int template_build_field(struct template_build *build, struct span name, size_t source_at,
                         enum template_context context, uint32_t size_max)
{
    struct template *template = build->template;
    uint32_t i = 0;

    while (i < template->fields_count && !span_equal(build->fields[i].name, name))
        i++;
    if (i == TEMPLATE_FIELDS_MAX)
        return template_build_error(build, source_at, "more than 256 different fields", name);
    if (template->pieces_count >= build->pieces_max)
        return template_build_error(build, source_at, "fields are used too often", name);
    struct template_field *field = &build->fields[i];
    if (i == template->fields_count) {
        uint8_t *names = (uint8_t *)(build->fields + TEMPLATE_FIELDS_MAX);
        uint8_t *copy = names + (size_t)i * TEMPLATE_NAME_MAX;
        CHECK(name.size <= TEMPLATE_NAME_MAX);
        *field = (struct template_field){.size_max = size_max};
        for (size_t k = 0; k < name.size; k++)
            copy[k] = name.data[k];
        field->name = span_make(copy, name.size);
        template_build_place(build, source_at, &field->line, &field->column);
        template->fields_count++;
    }
    field->size_max = (uint32_t)min_size(field->size_max, size_max);
    template_build_note(build, field, source_at, context);
    return (int)i;
}

int template_build_end(struct template_build *build)
{
    template_build_close(build);
    if (build->out.overflow)
        return template_build_error(build, SIZE_MAX, "the message grows too large", SPAN(""));
    if (build->template->pieces_count > build->pieces_max)
        return template_build_error(build, SIZE_MAX, "the message has too many pieces", SPAN(""));
    return 0;
}
