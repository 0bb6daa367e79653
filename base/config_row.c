#include "base/config_row.h"

#include "base/check.h"
#include "base/nearest.h"

/* The key that leads from `section` towards a row; false when the row lies elsewhere. */
static bool key_below(const struct config_row *row, struct span section, struct span *ret_key,
                      struct span *ret_rest)
{
    struct span name = span_cstr(row->name);

    if (!span_starts(name, section))
        return false;
    name = span_skip(name, section.size);
    *ret_key = span_split(&name, '.');
    *ret_rest = name;
    return true;
}

struct config_row_match config_row_find(const struct config_schema *schema, struct span section,
                                        struct span key)
{
    struct span known, rest;

    for (uint32_t i = 0; i < schema->rows_count; i++) {
        const struct config_row *row = &schema->rows[i];

        if (!key_below(row, section, &known, &rest) || !span_equal(known, key))
            continue;
        return (struct config_row_match){
            .index = i,
            .found = true,
            .is_section = rest.size > 0,
            .section = span_first(span_cstr(row->name), section.size + key.size + 1),
        };
    }
    return (struct config_row_match){0};
}

static struct span last_part(const char *name)
{
    return config_row_part(name, config_row_depth(name));
}

void config_row_suggest(const struct config_schema *schema, struct span section, struct span key,
                        struct text *why)
{
    struct nearest nearest;
    struct span known, rest;

    nearest_init(&nearest, key);
    for (uint32_t i = 0; i < schema->rows_count; i++) {
        if (key_below(&schema->rows[i], section, &known, &rest))
            nearest_offer(&nearest, known);
    }
    known = nearest_found(&nearest);
    for (uint32_t i = 0; known.size == 0 && i < schema->rows_count; i++) {
        if (span_equal(last_part(schema->rows[i].name), key))
            known = span_cstr(schema->rows[i].name);
    }
    if (known.size == 0)
        return;
    text_add_cstr(why, ", did you mean \"");
    text_add(why, known);
    text_add_byte(why, '"');
}

uint32_t config_row_depth(const char *name)
{
    uint32_t depth = 0;

    for (; *name != 0; name++)
        depth += *name == '.';
    return depth;
}

struct span config_row_part(const char *name, uint32_t level)
{
    struct span rest = span_cstr(name);
    struct span part = span_split(&rest, '.');

    for (uint32_t i = 0; i < level; i++)
        part = span_split(&rest, '.');
    return part;
}

uint32_t config_row_shared(const char *before, const char *name)
{
    uint32_t shared = 0;

    if (before == NULL)
        return 0;
    while (shared < config_row_depth(before) && shared < config_row_depth(name) &&
           span_equal(config_row_part(before, shared), config_row_part(name, shared)))
        shared++;
    return shared;
}

/* Looked up by its parts, a row must lead to itself: no doubles, no row that is a section too. */
static void check_name(const struct config_schema *schema, uint32_t index)
{
    const char *name = schema->rows[index].name;
    uint32_t depth = config_row_depth(name);
    struct span section = {0};
    struct config_row_match match;

    CHECK(depth <= CONFIG_ROW_SECTIONS_MAX);
    for (uint32_t level = 0; level <= depth; level++) {
        struct span part = config_row_part(name, level);

        CHECK(part.size > 0);
        match = config_row_find(schema, section, part);
        CHECK(match.found);
        CHECK(match.is_section == (level < depth));
        section = match.section;
        /* A section seen before must still be open: its rows stand together. */
        if (level < depth && match.index != index)
            CHECK(config_row_shared(schema->rows[index - 1].name, name) > level);
    }
    CHECK(match.index == index);
}

static void check_type(const struct config_row *row, bool in_subtree)
{
    CHECK(row->doc != NULL);
    switch (row->type) {
    case CONFIG_STRING:
        CHECK(row->max > 0);
        CHECK(row->min <= row->max);
        break;
    case CONFIG_U32:
        CHECK(row->max <= UINT32_MAX);
        CHECK(row->min <= row->max);
        break;
    case CONFIG_ENUM:
        CHECK(row->names != NULL);
        break;
    case CONFIG_SUBTREE:
        CHECK(!in_subtree);
        CHECK(row->subtree != NULL);
        CHECK(row->subtree->rows_count > 0);
        CHECK(row->subtree->item_size > 0);
        break;
    case CONFIG_BOOL:
    case CONFIG_SIZE:
    case CONFIG_DURATION:
    case CONFIG_RATE:
    case CONFIG_DURATION_LIST:
    case CONFIG_STRING_LIST:
        CHECK(row->max == 0 || row->min <= row->max);
        break;
    }
}

static void check_table(const struct config_schema *schema, bool in_subtree)
{
    CHECK(schema->rows_count <= CONFIG_ROWS_MAX);
    for (uint32_t i = 0; i < schema->rows_count; i++) {
        check_name(schema, i);
        check_type(&schema->rows[i], in_subtree);
    }
}

void config_row_check(const struct config_schema *schema)
{
    check_table(schema, false);
    for (uint32_t i = 0; i < schema->rows_count; i++) {
        if (schema->rows[i].type == CONFIG_SUBTREE) {
            struct config_schema subtree = config_row_subtree(&schema->rows[i]);

            check_table(&subtree, true);
        }
    }
}

struct config_schema config_row_subtree(const struct config_row *row)
{
    return (struct config_schema){row->subtree->rows, row->subtree->rows_count};
}
