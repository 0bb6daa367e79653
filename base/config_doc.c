#include "base/check.h"
#include "base/config.h"
#include "base/config_row.h"
#include "base/config_unit.h"
#include "base/config_value.h"
#include "base/json_put.h"

static const char *type_name(enum config_type type)
{
    switch (type) {
    case CONFIG_BOOL:
        return "true or false";
    case CONFIG_U32:
        return "number";
    case CONFIG_SIZE:
        return "size";
    case CONFIG_DURATION:
        return "time";
    case CONFIG_RATE:
        return "rate";
    case CONFIG_STRING:
        return "text";
    case CONFIG_ENUM:
        return "one of";
    case CONFIG_DURATION_LIST:
        return "list of times";
    case CONFIG_STRING_LIST:
        return "text or list of texts";
    case CONFIG_SUBTREE:
        return "list or map";
    }
    UNREACHABLE("config type");
}

/* Within a cell of a Markdown table. */
static void add_cell(struct text *out, const char *string)
{
    for (; *string != 0; string++) {
        if (*string == '|')
            text_add_byte(out, '\\');
        text_add_byte(out, *string == '\n' ? ' ' : (uint8_t)*string);
    }
}

static void add_quantity(struct text *out, enum config_type type, uint64_t quantity)
{
    if (type == CONFIG_SIZE)
        config_unit_write_size(out, quantity);
    else if (type == CONFIG_DURATION)
        config_unit_write_duration(out, quantity);
    else if (type == CONFIG_RATE)
        config_unit_write_rate(out, quantity);
    else
        text_add_u64(out, quantity);
}

static void add_limits(struct text *out, const struct config_row *row)
{
    if (row->type == CONFIG_ENUM) {
        for (uint32_t i = 0; row->names[i] != NULL; i++) {
            text_add_cstr(out, i == 0 ? "" : ", ");
            text_add_cstr(out, row->names[i]);
        }
        return;
    }
    if (row->type == CONFIG_BOOL || (row->min == 0 && row->max == 0))
        return;
    if (row->type == CONFIG_STRING) {
        text_add_format(out, "at most %llu bytes", (unsigned long long)row->max);
        return;
    }
    if (config_value_is_list(row->type) || row->type == CONFIG_SUBTREE) {
        text_add_format(out, "at most %llu", (unsigned long long)row->max);
        return;
    }
    add_quantity(out, row->type, row->min);
    text_add_cstr(out, row->max == 0 ? " or more" : " to ");
    if (row->max != 0)
        add_quantity(out, row->type, row->max);
}

/* `owner` and what stands between: "dkim[].", "routes.<key>." */
static void add_row(struct text *out, const char *owner, const char *between,
                    const struct config_row *row)
{
    text_add_cstr(out, "| `");
    text_add_cstr(out, owner);
    text_add_cstr(out, between);
    text_add_cstr(out, row->name);
    text_add_cstr(out, "` | ");
    text_add_cstr(out, type_name(row->type));
    text_add_cstr(out, " | ");
    if (row->initial != NULL && row->initial[0] != 0) {
        text_add_byte(out, '`');
        add_cell(out, row->initial);
        text_add_byte(out, '`');
    }
    text_add_cstr(out, " | ");
    add_limits(out, row);
    text_add_cstr(out, " | ");
    add_cell(out, row->doc);
    text_add_cstr(out, " |\n");
}

void config_reference(const struct config_schema *schema, struct text *out)
{
    text_add_cstr(out, "| setting | type | default | limits | meaning |\n"
                       "|---|---|---|---|---|\n");
    for (uint32_t i = 0; i < schema->rows_count; i++) {
        const struct config_row *row = &schema->rows[i];

        add_row(out, "", "", row);
        if (row->type != CONFIG_SUBTREE)
            continue;
        for (uint32_t j = 0; j < row->subtree->rows_count; j++)
            add_row(out, row->name, row->subtree->key_offset == SIZE_MAX ? "[]." : ".<key>.",
                    &row->subtree->rows[j]);
    }
}

#define DURATION_PATTERN "^(0|([0-9]+(w|d|h|m|s|ms|us|ns))+)$"
#define SIZE_PATTERN "^[0-9]+(B|[kK]B|MB|GB|TB|KiB|MiB|GiB|TiB)?$"
#define RATE_PATTERN "^[0-9]+(/(s|sec|second|min|minute|h|hour|d|day))?$"

static void add_types(struct text *out, const char *first, const char *second)
{
    json_put_key(out, "type");
    json_put_open(out, '[');
    json_put_cstr(out, first);
    json_put_cstr(out, second);
    json_put_close(out, ']');
}

static void add_enum(struct text *out, const struct config_row *row)
{
    json_put_key(out, "enum");
    json_put_open(out, '[');
    for (uint32_t i = 0; row->names[i] != NULL; i++)
        json_put_cstr(out, row->names[i]);
    json_put_close(out, ']');
}

static void add_list(struct text *out, const struct config_row *row)
{
    json_put_key(out, "type");
    json_put_open(out, '[');
    json_put_cstr(out, "array");
    json_put_cstr(out, "string");
    json_put_cstr(out, "null");
    json_put_close(out, ']');
    json_put_key(out, "items");
    json_put_open(out, '{');
    json_put_key_cstr(out, "type", "string");
    if (row->type == CONFIG_DURATION_LIST)
        json_put_key_cstr(out, "pattern", DURATION_PATTERN);
    json_put_close(out, '}');
    if (row->max > 0)
        json_put_key_u64(out, "maxItems", row->max);
}

/* The members that describe a single value or a list of them. */
static void add_value_members(struct text *out, const struct config_row *row)
{
    json_put_key_cstr(out, "description", row->doc);
    switch (row->type) {
    case CONFIG_BOOL:
        json_put_key_cstr(out, "type", "boolean");
        return;
    case CONFIG_U32:
        json_put_key_cstr(out, "type", "integer");
        json_put_key_u64(out, "minimum", row->min);
        json_put_key_u64(out, "maximum", row->max);
        return;
    case CONFIG_SIZE:
    case CONFIG_RATE:
        add_types(out, "string", "integer");
        json_put_key_cstr(out, "pattern", row->type == CONFIG_SIZE ? SIZE_PATTERN : RATE_PATTERN);
        return;
    case CONFIG_DURATION:
        add_types(out, "string", "integer");
        json_put_key_cstr(out, "pattern", DURATION_PATTERN);
        return;
    case CONFIG_STRING:
        add_types(out, "string", row->min == 0 ? "null" : "number");
        json_put_key_u64(out, "maxLength", row->max);
        return;
    case CONFIG_ENUM:
        add_enum(out, row);
        return;
    case CONFIG_DURATION_LIST:
    case CONFIG_STRING_LIST:
        add_list(out, row);
        return;
    case CONFIG_SUBTREE:
        break;
    }
    UNREACHABLE("a subtree is not one value");
}

static void open_object(struct text *out)
{
    json_put_key_cstr(out, "type", "object");
    json_put_key_bool(out, "additionalProperties", false);
    json_put_key(out, "properties");
    json_put_open(out, '{');
}

static void add_part_key(struct text *out, const char *name, uint32_t level)
{
    struct span part = config_row_part(name, level);

    json_put_string(out, part);
    text_add_byte(out, ':');
}

/* Closes the sections that end before `name` (NULL: all) and opens those that begin with it. */
static void move_sections(struct text *out, const char *before, const char *name)
{
    uint32_t shared = name == NULL ? 0 : config_row_shared(before, name);
    uint32_t open = before == NULL ? 0 : config_row_depth(before);
    uint32_t wanted = name == NULL ? 0 : config_row_depth(name);

    for (; open > shared; open--) {
        json_put_close(out, '}');
        json_put_close(out, '}');
    }
    for (; open < wanted; open++) {
        add_part_key(out, name, open);
        json_put_open(out, '{');
        open_object(out);
    }
}

/* An object with all rows of a subtree's item. */
static void add_item_object(struct text *out, const struct config_subtree *subtree)
{
    const char *before = NULL;

    json_put_open(out, '{');
    open_object(out);
    for (uint32_t i = 0; i < subtree->rows_count; i++) {
        const struct config_row *row = &subtree->rows[i];

        move_sections(out, before, row->name);
        add_part_key(out, row->name, config_row_depth(row->name));
        json_put_open(out, '{');
        add_value_members(out, row);
        json_put_close(out, '}');
        before = row->name;
    }
    move_sections(out, before, NULL);
    json_put_close(out, '}');
    json_put_close(out, '}');
}

static void add_item_schema(struct text *out, const struct config_subtree *subtree)
{
    if (!subtree->scalar_items) {
        add_item_object(out, subtree);
        return;
    }
    json_put_open(out, '{');
    json_put_key(out, "anyOf");
    json_put_open(out, '[');
    json_put_open(out, '{');
    add_value_members(out, &subtree->rows[0]);
    json_put_close(out, '}');
    if (subtree->rows_count > 1)
        add_item_object(out, subtree);
    json_put_close(out, ']');
    json_put_close(out, '}');
}

static void add_subtree_members(struct text *out, const struct config_row *row)
{
    bool is_map = row->subtree->key_offset != SIZE_MAX;

    json_put_key_cstr(out, "description", row->doc);
    add_types(out, is_map ? "object" : "array", "null");
    json_put_key(out, is_map ? "additionalProperties" : "items");
    add_item_schema(out, row->subtree);
}

void config_json_schema(const struct config_schema *schema, struct text *out)
{
    const char *before = NULL;

    json_put_open(out, '{');
    json_put_key_cstr(out, "$schema", "https://json-schema.org/draft/2020-12/schema");
    json_put_key_cstr(out, "title", "ringpost configuration");
    open_object(out);
    for (uint32_t i = 0; i < schema->rows_count; i++) {
        const struct config_row *row = &schema->rows[i];

        move_sections(out, before, row->name);
        add_part_key(out, row->name, config_row_depth(row->name));
        json_put_open(out, '{');
        if (row->type == CONFIG_SUBTREE)
            add_subtree_members(out, row);
        else
            add_value_members(out, row);
        json_put_close(out, '}');
        before = row->name;
    }
    move_sections(out, before, NULL);
    json_put_close(out, '}');
    json_put_close(out, '}');
    text_add_byte(out, '\n');
}
