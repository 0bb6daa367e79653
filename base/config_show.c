#include "base/check.h"
#include "base/config.h"
#include "base/config_row.h"
#include "base/config_value.h"
#include "base/json_put.h"

static void add_indent(struct text *out, uint32_t level)
{
    text_add_fill(out, ' ', (size_t)level * 2);
}

/* A key that need not be quoted stands as it is. */
static void add_key(struct text *out, struct span key)
{
    bool plain = key.size > 0;

    for (size_t i = 0; i < key.size; i++) {
        uint8_t byte = span_lower_byte(key.data[i]);

        plain = plain && ((byte >= 'a' && byte <= 'z') || byte == '_');
    }
    if (plain)
        text_add(out, key);
    else
        json_put_string(out, key); /* JSON's quoting is YAML's too */
    text_add_byte(out, ':');
}

/* Opens the sections that a row stands in and the row before it did not. */
static void add_sections(struct text *out, const char *before, const char *name, uint32_t indent)
{
    for (uint32_t level = config_row_shared(before, name); level < config_row_depth(name);
         level++) {
        add_indent(out, indent + level);
        add_key(out, config_row_part(name, level));
        text_add_byte(out, '\n');
    }
}

static void add_row_key(struct text *out, const struct config_row *row, uint32_t indent)
{
    uint32_t depth = config_row_depth(row->name);

    add_indent(out, indent + depth);
    add_key(out, config_row_part(row->name, depth));
}

/* One item of a subtree, all of its settings. */
static void show_item(const struct config_row *row, const uint8_t *item, uint32_t indent,
                      struct text *out)
{
    const struct config_subtree *subtree = row->subtree;
    const char *before = NULL;

    if (subtree->key_offset != SIZE_MAX) {
        add_indent(out, indent);
        add_key(out, span_cstr((const char *)item + subtree->key_offset));
        if (subtree->scalar_items && subtree->rows_count == 1) {
            text_add_byte(out, ' ');
            config_value_write(&subtree->rows[0], item + subtree->rows[0].offset, out);
            text_add_byte(out, '\n');
            return;
        }
        text_add_byte(out, '\n');
    } else {
        add_indent(out, indent);
        text_add_cstr(out, "-\n");
    }
    for (uint32_t i = 0; i < subtree->rows_count; i++) {
        const struct config_row *inner = &subtree->rows[i];

        add_sections(out, before, inner->name, indent + 1);
        add_row_key(out, inner, indent + 1);
        text_add_byte(out, ' ');
        config_value_write(inner, item + inner->offset, out);
        text_add_byte(out, '\n');
        before = inner->name;
    }
}

static void show_items(const struct config_row *row, const struct config_list *list,
                       struct text *out)
{
    uint32_t indent = config_row_depth(row->name) + 1;

    for (uint32_t i = 0; i < list->count; i++)
        show_item(row, (const uint8_t *)list->items + i * row->subtree->item_size, indent, out);
}

static void add_origin(struct text *out, const char *name, uint32_t line)
{
    text_add_cstr(out, "  # ");
    if (line == 0) {
        text_add_cstr(out, "default");
    } else {
        text_add_cstr(out, name);
        text_add_byte(out, ':');
        text_add_u64(out, line);
    }
}

void config_show(const struct config_schema *schema, const void *place,
                 const struct config_origin *origin, const char *name, bool with_origin,
                 struct text *out)
{
    const char *before = NULL;

    for (uint32_t i = 0; i < schema->rows_count; i++) {
        const struct config_row *row = &schema->rows[i];
        const uint8_t *value = (const uint8_t *)place + row->offset;
        bool has_items = false;

        add_sections(out, before, row->name, 0);
        add_row_key(out, row, 0);
        if (row->type == CONFIG_SUBTREE) {
            has_items = ((const struct config_list *)(const void *)value)->count > 0;
            if (!has_items)
                text_add_cstr(out, row->subtree->key_offset == SIZE_MAX ? " []" : " {}");
        } else {
            text_add_byte(out, ' ');
            config_value_write(row, value, out);
        }
        if (with_origin)
            add_origin(out, name, origin->line[i]);
        text_add_byte(out, '\n');
        if (has_items)
            show_items(row, (const void *)value, out);
        before = row->name;
    }
}
