#include "base/config.h"

#include <errno.h>
#include <string.h>
#include <yaml.h>

#include "base/check.h"
#include "base/config_frame.h"
#include "base/config_problem.h"
#include "base/config_row.h"
#include "base/config_value.h"

struct reader {
    const struct config_schema *schema;
    struct config_origin *origin;
    uint8_t *place;
    struct config_problem problem;
    struct config_frames frames;
    uint32_t documents_count;
};

static struct span scalar_of(const yaml_event_t *event)
{
    return span_make(event->data.scalar.value, event->data.scalar.length);
}

static uint32_t line_of(const yaml_event_t *event)
{
    return (uint32_t)event->start_mark.line + 1;
}

static uint32_t column_of(const yaml_event_t *event)
{
    return (uint32_t)event->start_mark.column + 1;
}

static bool is_null(const yaml_event_t *event)
{
    struct span value;

    if (event->type != YAML_SCALAR_EVENT || event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    value = scalar_of(event);
    return value.size == 0 || span_equal(value, SPAN("~")) || span_equal(value, SPAN("null"));
}

static int read_scalar(struct reader *reader, const yaml_event_t *event,
                       const struct config_row *row, void *place)
{
    config_problem_quote(&reader->problem, span_cstr(row->name));
    text_add_byte(&reader->problem.why, ' ');
    if (is_null(event))
        return config_value_set_null(row, place)
                   ? 0
                   : config_problem_what(&reader->problem, event, "needs a value");
    if (!config_value_set(row, scalar_of(event), place, &reader->problem.why))
        return config_problem_at(&reader->problem, event);
    return 0;
}

/* The start of a subtree: a sequence of maps, or a map with free keys. */
static int open_subtree(struct reader *reader, const yaml_event_t *event,
                        const struct config_row *row, struct config_list *list)
{
    bool is_map = row->subtree->key_offset != SIZE_MAX;

    list->count = 0;
    if (is_null(event))
        return 0;
    if (is_map && event->type == YAML_MAPPING_START_EVENT) {
        config_frame_push_row(&reader->frames, CONFIG_FRAME_KEYS, row, list);
        return 0;
    }
    if (!is_map && event->type == YAML_SEQUENCE_START_EVENT) {
        config_frame_push_row(&reader->frames, CONFIG_FRAME_ITEMS, row, list);
        return 0;
    }
    return config_problem_name(&reader->problem, event, span_cstr(row->name),
                               is_map ? "needs a map (key: value)" : "needs a list (- item)");
}

static int read_value(struct reader *reader, const yaml_event_t *event,
                      const struct config_row *row, void *place)
{
    if (row->type == CONFIG_SUBTREE)
        return open_subtree(reader, event, row, place);
    if (config_value_is_list(row->type)) {
        ((struct config_list *)place)->count = 0;
        if (event->type == YAML_SEQUENCE_START_EVENT) {
            config_frame_push_row(&reader->frames, CONFIG_FRAME_LIST, row, place);
            return 0;
        }
    }
    if (event->type != YAML_SCALAR_EVENT)
        return config_problem_name(&reader->problem, event, span_cstr(row->name),
                                   config_value_is_list(row->type) ? "needs a list"
                                                                   : "needs one value");
    return read_scalar(reader, event, row, place);
}

/* The end of an item's map: does it lack a string that it must have? */
static int end_section(struct reader *reader, const yaml_event_t *event,
                       const struct config_frame *frame)
{
    bool is_item = frame->schema.rows != reader->schema->rows && frame->section.size == 0;

    for (uint32_t i = 0; is_item && i < frame->schema.rows_count; i++) {
        const struct config_row *row = &frame->schema.rows[i];
        bool required = row->type == CONFIG_STRING && row->min > 0 && row->initial == NULL;

        if (required && config_row_depth(row->name) == 0 && !config_frame_saw(frame, i))
            return config_problem_name(&reader->problem, event, span_cstr(row->name),
                                       "is missing before this place");
    }
    config_frame_pop(&reader->frames);
    return 0;
}

static int read_setting_key(struct reader *reader, const yaml_event_t *event,
                            struct config_frame *frame)
{
    struct config_row_match match;
    struct span key;

    if (event->type == YAML_MAPPING_END_EVENT)
        return end_section(reader, event, frame);
    if (event->type != YAML_SCALAR_EVENT)
        return config_problem_what(&reader->problem, event, "a key must be a name");
    key = scalar_of(event);
    match = config_row_find(&frame->schema, frame->section, key);
    if (!match.found) {
        text_add_cstr(&reader->problem.why, "unknown key ");
        config_problem_quote(&reader->problem, key);
        config_row_suggest(&frame->schema, frame->section, key, &reader->problem.why);
        return config_problem_at(&reader->problem, event);
    }
    if (config_frame_saw(frame, match.index))
        return config_problem_name(&reader->problem, event, key, "is here twice");
    config_frame_see(frame, match.index);
    if (frame->schema.rows == reader->schema->rows && !match.is_section) {
        reader->origin->line[match.index] = line_of(event);
        reader->origin->column[match.index] = column_of(event);
    }
    frame->match = match;
    frame->has_key = true;
    return 0;
}

static int on_section(struct reader *reader, const yaml_event_t *event, struct config_frame *frame)
{
    const struct config_row *row;

    if (!frame->has_key)
        return read_setting_key(reader, event, frame);
    frame->has_key = false;
    row = &frame->schema.rows[frame->match.index];
    if (!frame->match.is_section)
        return read_value(reader, event, row, frame->place + row->offset);
    if (event->type == YAML_MAPPING_START_EVENT) {
        config_frame_push_section(&reader->frames, frame->schema, frame->match.section,
                                  frame->place);
        return 0;
    }
    if (is_null(event))
        return 0;
    return config_problem_name(&reader->problem, event,
                               span_first(frame->match.section, frame->match.section.size - 1),
                               "needs settings below it (name: value)");
}

static int on_list(struct reader *reader, const yaml_event_t *event, struct config_frame *frame)
{
    if (event->type == YAML_SEQUENCE_END_EVENT) {
        config_frame_pop(&reader->frames);
        return 0;
    }
    if (event->type != YAML_SCALAR_EVENT || is_null(event))
        return config_problem_name(&reader->problem, event, span_cstr(frame->row->name),
                                   "takes single values only");
    return read_scalar(reader, event, frame->row, frame->place);
}

static int fail_full(struct reader *reader, const yaml_event_t *event,
                     const struct config_frame *frame)
{
    struct config_list *list = (void *)frame->place;

    config_problem_quote(&reader->problem, span_cstr(frame->row->name));
    text_add_format(&reader->problem.why, " takes at most %u items",
                    (unsigned)config_value_items_max(frame->row, list));
    return config_problem_at(&reader->problem, event);
}

static int on_items(struct reader *reader, const yaml_event_t *event, struct config_frame *frame)
{
    uint8_t *item;

    if (event->type == YAML_SEQUENCE_END_EVENT) {
        config_frame_pop(&reader->frames);
        return 0;
    }
    if (event->type != YAML_MAPPING_START_EVENT)
        return config_problem_name(&reader->problem, event, span_cstr(frame->row->name),
                                   "takes items with settings (name: value)");
    item = config_frame_add_item(frame, line_of(event), column_of(event));
    if (item == NULL)
        return fail_full(reader, event, frame);
    config_frame_push_item(&reader->frames, item);
    return 0;
}

static int read_free_key(struct reader *reader, const yaml_event_t *event,
                         struct config_frame *frame)
{
    const struct config_list *list = (const void *)frame->place;
    size_t key_offset = frame->row->subtree->key_offset;
    struct span key;
    uint8_t *item;

    if (event->type == YAML_MAPPING_END_EVENT) {
        config_frame_pop(&reader->frames);
        return 0;
    }
    if (event->type != YAML_SCALAR_EVENT)
        return config_problem_what(&reader->problem, event, "a key must be a name");
    key = scalar_of(event);
    if (key.size == 0 || key.size >= CONFIG_ITEM_MAX || span_has_control(key))
        return config_problem_name(&reader->problem, event, key,
                                   "is empty, too long or has control characters");
    for (uint32_t i = 0; i < list->count; i++)
        if (span_equal(config_frame_key(frame, config_frame_item(frame, i)), key))
            return config_problem_name(&reader->problem, event, key, "is here twice");
    item = config_frame_add_item(frame, line_of(event), column_of(event));
    if (item == NULL)
        return fail_full(reader, event, frame);
    memcpy(item + key_offset, key.data, key.size);
    item[key_offset + key.size] = 0;
    frame->has_key = true;
    return 0;
}

static int on_keys(struct reader *reader, const yaml_event_t *event, struct config_frame *frame)
{
    const struct config_subtree *subtree = frame->row->subtree;
    const struct config_list *list = (const void *)frame->place;
    uint8_t *item;

    if (!frame->has_key)
        return read_free_key(reader, event, frame);
    frame->has_key = false;
    item = config_frame_item(frame, list->count - 1);
    if (event->type == YAML_MAPPING_START_EVENT &&
        (!subtree->scalar_items || subtree->rows_count > 1)) {
        config_frame_push_item(&reader->frames, item);
        return 0;
    }
    if (subtree->scalar_items)
        return read_value(reader, event, &subtree->rows[0], item + subtree->rows[0].offset);
    return config_problem_name(&reader->problem, event, config_frame_key(frame, item),
                               "needs settings below it (name: value)");
}

static int on_content(struct reader *reader, const yaml_event_t *event)
{
    struct config_frame *frame;

    reader->problem.why.size = 0;
    if (reader->frames.depth == 0) {
        if (is_null(event))
            return 0;
        if (event->type != YAML_MAPPING_START_EVENT)
            return config_problem_what(&reader->problem, event,
                                       "the file must hold settings (name: value)");
        config_frame_push_section(&reader->frames, *reader->schema, (struct span){0},
                                  reader->place);
        return 0;
    }
    frame = config_frame_top(&reader->frames);
    switch (frame->kind) {
    case CONFIG_FRAME_SECTION:
        return on_section(reader, event, frame);
    case CONFIG_FRAME_LIST:
        return on_list(reader, event, frame);
    case CONFIG_FRAME_ITEMS:
        return on_items(reader, event, frame);
    case CONFIG_FRAME_KEYS:
        return on_keys(reader, event, frame);
    }
    UNREACHABLE("frame kind");
}

/* Anchors, aliases and tags: YAML that no setting needs, and a way to make a small file large. */
static bool is_adorned(const yaml_event_t *event)
{
    if (event->type == YAML_SCALAR_EVENT)
        return event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL;
    if (event->type == YAML_SEQUENCE_START_EVENT)
        return event->data.sequence_start.anchor != NULL || event->data.sequence_start.tag != NULL;
    if (event->type == YAML_MAPPING_START_EVENT)
        return event->data.mapping_start.anchor != NULL || event->data.mapping_start.tag != NULL;
    return event->type == YAML_ALIAS_EVENT;
}

/* 1: go on; 0: the end; or -EINVAL. */
static int on_event(struct reader *reader, const yaml_event_t *event)
{
    int status;

    if (event->type == YAML_STREAM_END_EVENT)
        return 0;
    if (event->type == YAML_DOCUMENT_START_EVENT && reader->documents_count++ > 0)
        return config_problem_what(&reader->problem, event, "a second document in the file");
    if (event->type == YAML_STREAM_START_EVENT || event->type == YAML_DOCUMENT_START_EVENT ||
        event->type == YAML_DOCUMENT_END_EVENT)
        return 1;
    if (is_adorned(event))
        return config_problem_what(&reader->problem, event,
                                   "anchors (&), aliases (*) and tags (!) are not taken");
    status = on_content(reader, event);
    return status < 0 ? status : 1;
}

void config_defaults(const struct config_schema *schema, void *place)
{
    config_row_check(schema);
    for (uint32_t i = 0; i < schema->rows_count; i++)
        config_value_set_initial(&schema->rows[i], (uint8_t *)place + schema->rows[i].offset);
}

int config_read(const struct config_schema *schema, struct span yaml, const char *name, void *place,
                struct config_origin *ret_origin, struct text *error)
{
    struct reader reader = {.schema = schema, .origin = ret_origin, .place = place};
    yaml_parser_t parser;
    yaml_event_t event;
    int status = 1;

    *ret_origin = (struct config_origin){0};
    config_problem_init(&reader.problem, name, error);
    if (yaml_parser_initialize(&parser) == 0)
        return -ENOMEM;
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, yaml.data, yaml.size);
    while (status > 0) {
        if (yaml_parser_parse(&parser, &event) == 0) {
            status = config_problem_yaml(&reader.problem, &parser, yaml);
            break;
        }
        status = on_event(&reader, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return status;
}
