#include "message/template.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "message/template_build.h"
#include "message/template_header.h"
#include "message/template_value.h"
#include "message/template_walk.h"

/* How the lent memory is carved. */
struct template_layout {
    size_t pieces_max;
    size_t fields_size; /* with room for the names behind */
    size_t out_size;
    size_t header_size;
    size_t scratch_size;
};

static struct template_layout template_layout(size_t source_size)
{
    return (struct template_layout){
        .pieces_max = min_size(TEMPLATE_PIECES_MAX, source_size + 64),
        .fields_size = TEMPLATE_FIELDS_MAX * (sizeof(struct template_field) + TEMPLATE_NAME_MAX),
        /* Quoted-printable takes three octets for one and a soft break every 75; every part may
         * get two header fields more. */
        .out_size = (source_size / 4 * 13 + 32 * KIB) / 16 * 16,
        .header_size = (template_header_memory_size(source_size) + 15) / 16 * 16,
        .scratch_size = 2 * source_size + 64,
    };
}

size_t template_memory_size(size_t source_size)
{
    struct template_layout layout = template_layout(source_size);

    return layout.pieces_max * sizeof(struct template_piece) + layout.fields_size +
           layout.out_size + layout.header_size + layout.scratch_size;
}

static void template_lend(struct template_build *build, struct span_mut memory)
{
    struct template_layout layout = template_layout(build->source.size);
    uint8_t *at = memory.data;

    build->pieces = (struct template_piece *)(void *)at;
    build->pieces_max = (uint32_t)layout.pieces_max;
    at += layout.pieces_max * sizeof(struct template_piece);
    build->fields = (struct template_field *)(void *)at;
    at += layout.fields_size;
    build->header_scratch = (struct span_mut){at + layout.out_size, layout.header_size};
    build->scratch =
        (struct span_mut){at + layout.out_size + layout.header_size, layout.scratch_size};
    text_init(&build->out, at, layout.out_size);
}

/* What merge_begin must check again: everything that goes out without quoting. */
static uint32_t template_atoms(const struct template_build *build)
{
    uint32_t set = 0;

    for (uint32_t i = 0; i < build->template->fields_count; i++)
        set |= build->fields[i].contexts;
    return set & ~(1U << TEMPLATE_BODY_TEXT | 1U << TEMPLATE_BODY_HTML | 1U << TEMPLATE_WORD |
                   1U << TEMPLATE_PHRASE);
}

int template_compile(struct template *template, struct span source, struct span_mut memory,
                     struct template_error *ret_error)
{
    struct template_build build = {
        .template = template,
        .source = source,
        .line = 1,
        .error = ret_error,
    };

    *ret_error = (struct template_error){0};
    *template = (struct template){0};
    if (source.size > TEMPLATE_SOURCE_MAX)
        return -EFBIG;
    CHECK(memory.size >= template_memory_size(source.size));
    CHECK((uintptr_t)memory.data % 16 == 0);
    template_lend(&build, memory);
    int r = template_walk(&build);
    if (r == 0)
        r = template_build_end(&build);
    if (r < 0)
        return r;
    template->data = build.out.data;
    template->pieces = build.pieces;
    template->fields = build.fields;
    template->atom_contexts = template_atoms(&build);
    template->memory_used = (size_t)(build.out.data + build.out.size - memory.data);
    return 0;
}

/* Octets of literal text. */
static size_t template_data_size(const struct template *template)
{
    return template->memory_used - (size_t)(template->data - (const uint8_t *)template->pieces);
}

size_t template_packed_size(const struct template *template)
{
    return template->pieces_count * sizeof(struct template_piece) +
           template->fields_count * (sizeof(struct template_field) + TEMPLATE_NAME_MAX) + 16 +
           template_data_size(template);
}

void template_pack(struct template *template, struct span_mut memory)
{
    size_t data_size = template_data_size(template);
    size_t pieces_size = template->pieces_count * sizeof(struct template_piece);
    /* Fields hold pointers: their place is a multiple of 8. */
    struct template_field *fields =
        (struct template_field *)(void *)(memory.data + (pieces_size + 7) / 8 * 8);
    uint8_t *names = (uint8_t *)(fields + template->fields_count);
    uint8_t *data = names + (size_t) template->fields_count * TEMPLATE_NAME_MAX;

    CHECK(memory.size >= template_packed_size(template));
    CHECK((uintptr_t)memory.data % 16 == 0);
    memcpy(memory.data, template->pieces, pieces_size);
    for (uint32_t i = 0; i < template->fields_count; i++) {
        uint8_t *name = names + (size_t)i * TEMPLATE_NAME_MAX;

        fields[i] = template->fields[i];
        if (fields[i].name.size > 0)
            memcpy(name, fields[i].name.data, fields[i].name.size);
        fields[i].name = span_make(name, fields[i].name.size);
    }
    memcpy(data, template->data, data_size);
    template->pieces = (const struct template_piece *)(void *)memory.data;
    template->fields = fields;
    template->data = data;
    template->memory_used = (size_t)(data + data_size - memory.data);
}

int template_find_field(const struct template *template, struct span name)
{
    for (uint32_t i = 0; i < template->fields_count; i++) {
        if (span_equal(template->fields[i].name, name))
            return (int)i;
    }
    return -ENOENT;
}

static void template_refuse(const struct template_field *field, bool header, const char *problem,
                            struct text *why)
{
    text_add_cstr(why, problem);
    if (header)
        text_add_format(why, ", and line %u of the template puts it into a header",
                        field->header_line);
}

int template_check_value(const struct template *template, uint32_t field_index, struct span value,
                         struct text *why)
{
    CHECK(field_index < template->fields_count);
    const struct template_field *field = &template->fields[field_index];
    bool token = (field->contexts & 1U << TEMPLATE_TOKEN) != 0;
    size_t size = token ? template_value_token_size(value) : value.size;

    if (size > field->size_max) {
        text_add_format(why, "has more than %u octets", field->size_max);
        if (field->header_line > 0)
            text_add_format(why, ", and line %u of the template puts it into a header",
                            field->header_line);
        return -EINVAL;
    }
    for (uint32_t context = 0; context < TEMPLATE_CONTEXT_COUNT; context++) {
        if ((field->contexts & 1U << context) == 0)
            continue;
        const char *problem = template_value_problem((enum template_context)context, value);
        if (problem) {
            template_refuse(field, context > TEMPLATE_BODY_HTML, problem, why);
            return -EINVAL;
        }
    }
    return 0;
}

void template_describe(const struct template *template, struct text *out)
{
    text_add_format(out, "%u part%s", template->parts_count, template->parts_count == 1 ? "" : "s");
    if (template->recoded_count > 0)
        text_add_format(out, ", %u written in another transfer encoding", template->recoded_count);
    if (template->removed_count > 0)
        text_add_format(out, ", %u header field%s left out", template->removed_count,
                        template->removed_count == 1 ? "" : "s");
    text_add_cstr(out, "\n");
    if (!template->has_date || !template->has_message_id || !template->has_to) {
        text_add_cstr(out, "added for each recipient:");
        text_add_cstr(out, template->has_date ? "" : " Date");
        text_add_cstr(out, template->has_message_id ? "" : " Message-ID");
        text_add_cstr(out, template->has_to ? "" : " To");
        text_add_cstr(out, "\n");
    }
    for (uint32_t i = 0; i < template->fields_count; i++) {
        const struct template_field *field = &template->fields[i];
        text_add_cstr(out, "field ");
        text_add(out, field->name);
        text_add_format(out, ": line %u, column %u", field->line, field->column);
        text_add_cstr(out, field->header_line > 0 ? ", in a header\n" : "\n");
    }
}
