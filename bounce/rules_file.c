#include "bounce/rules_file.h"

#include <errno.h>
#include <yaml.h>

#include "base/check.h"
#include "bounce/rules_draft.h"

enum place {
    PLACE_START, /* before the file's map */
    PLACE_TOP,   /* in it, at a key or the end */
    PLACE_VERSION,
    PLACE_RULES, /* before the list of rules */
    PLACE_LIST,  /* in it, at a rule or the end */
    PLACE_RULE,  /* in a rule, at a key or the end */
    PLACE_VALUE, /* behind a rule's key */
    PLACE_ITEMS, /* in a list behind a rule's key */
};

struct reader {
    const char *name;
    struct text *error;
    enum place place;
    bool has_rules;
    uint32_t documents_count;
    uint64_t rule_line; /* where the rule began that is being read */
    struct rules_draft draft;
};

static int fail_line(struct reader *reader, uint64_t line, uint64_t column, const char *what)
{
    text_add_cstr(reader->error, reader->name);
    text_add_byte(reader->error, ':');
    text_add_u64(reader->error, line);
    text_add_byte(reader->error, ':');
    text_add_u64(reader->error, column);
    text_add_cstr(reader->error, ": ");
    text_add(reader->error, text_span(&reader->draft.why));
    text_add_cstr(reader->error, what);
    return -EINVAL;
}

static int fail(struct reader *reader, const yaml_event_t *event, const char *what)
{
    return fail_line(reader, event->start_mark.line + 1, event->start_mark.column + 1, what);
}

static struct span scalar_of(const yaml_event_t *event)
{
    return span_make(event->data.scalar.value, event->data.scalar.length);
}

static int on_top(struct reader *reader, const yaml_event_t *event)
{
    struct span value;

    if (event->type == YAML_MAPPING_END_EVENT)
        return reader->has_rules && reader->draft.rules.version > 0
                   ? 0
                   : fail(reader, event, "the file needs version and rules");
    if (event->type != YAML_SCALAR_EVENT)
        return fail(reader, event, "version or rules is expected here");
    value = scalar_of(event);
    if (span_equal(value, SPAN("version")) && reader->draft.rules.version == 0)
        reader->place = PLACE_VERSION;
    else if (span_equal(value, SPAN("rules")) && !reader->has_rules)
        reader->place = PLACE_RULES;
    else
        return fail(reader, event, "only version and rules stand here, once each");
    return 0;
}

static int on_version(struct reader *reader, const yaml_event_t *event)
{
    uint64_t version;

    if (event->type != YAML_SCALAR_EVENT || !span_number(scalar_of(event), UINT32_MAX, &version) ||
        version == 0)
        return fail(reader, event, "the version is a number from 1 on");
    reader->draft.rules.version = (uint32_t)version;
    reader->place = PLACE_TOP;
    return 0;
}

static int on_list(struct reader *reader, const yaml_event_t *event)
{
    if (event->type == YAML_SEQUENCE_END_EVENT) {
        reader->place = PLACE_TOP;
        return 0;
    }
    if (event->type != YAML_MAPPING_START_EVENT)
        return fail(reader, event, "a rule is a map");
    rules_draft_begin(&reader->draft);
    reader->rule_line = event->start_mark.line + 1;
    reader->place = PLACE_RULE;
    return 0;
}

static int on_rule_value(struct reader *reader, const yaml_event_t *event)
{
    if (reader->place == PLACE_VALUE && event->type == YAML_SEQUENCE_START_EVENT &&
        rules_draft_takes_list(&reader->draft)) {
        reader->place = PLACE_ITEMS;
        return 0;
    }
    if (reader->place == PLACE_ITEMS && event->type == YAML_SEQUENCE_END_EVENT) {
        reader->place = PLACE_RULE;
        return 0;
    }
    if (event->type != YAML_SCALAR_EVENT)
        return fail(reader, event,
                    rules_draft_takes_list(&reader->draft) ? "text or a list of texts is expected"
                                                           : "text is expected");
    if (reader->place == PLACE_VALUE)
        reader->place = PLACE_RULE;
    return rules_draft_value(&reader->draft, scalar_of(event)) == 0 ? 0 : fail(reader, event, "");
}

static int on_rule(struct reader *reader, const yaml_event_t *event)
{
    if (event->type == YAML_MAPPING_END_EVENT) {
        reader->place = PLACE_LIST;
        return rules_draft_end(&reader->draft) == 0 ? 0
                                                    : fail_line(reader, reader->rule_line, 1, "");
    }
    if (event->type != YAML_SCALAR_EVENT)
        return fail(reader, event, "a key is expected");
    reader->place = PLACE_VALUE;
    return rules_draft_key(&reader->draft, scalar_of(event)) == 0 ? 0 : fail(reader, event, "");
}

static int on_content(struct reader *reader, const yaml_event_t *event)
{
    switch (reader->place) {
    case PLACE_START:
        reader->place = PLACE_TOP;
        return event->type == YAML_MAPPING_START_EVENT ? 0
                                                       : fail(reader, event, "a map is expected");
    case PLACE_TOP:
        return on_top(reader, event);
    case PLACE_VERSION:
        return on_version(reader, event);
    case PLACE_RULES:
        reader->has_rules = true;
        reader->place = PLACE_LIST;
        return event->type == YAML_SEQUENCE_START_EVENT ? 0
                                                        : fail(reader, event, "a list is expected");
    case PLACE_LIST:
        return on_list(reader, event);
    case PLACE_RULE:
        return on_rule(reader, event);
    case PLACE_VALUE:
    case PLACE_ITEMS:
        return on_rule_value(reader, event);
    }
    UNREACHABLE("place in a file of rules");
}

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
        return reader->documents_count == 1 ? 0 : fail(reader, event, "the file is empty");
    if (event->type == YAML_DOCUMENT_START_EVENT && reader->documents_count++ > 0)
        return fail(reader, event, "a second document in the file");
    if (event->type == YAML_STREAM_START_EVENT || event->type == YAML_DOCUMENT_START_EVENT ||
        event->type == YAML_DOCUMENT_END_EVENT)
        return 1;
    if (is_adorned(event))
        return fail(reader, event, "anchors (&), aliases (*) and tags (!) are not taken");
    status = on_content(reader, event);
    return status < 0 ? status : 1;
}

static int fail_yaml(struct reader *reader, const yaml_parser_t *parser)
{
    const char *problem = parser->problem == NULL ? "not YAML" : parser->problem;

    if (parser->error == YAML_MEMORY_ERROR)
        return -ENOMEM;
    return fail_line(reader, parser->problem_mark.line + 1, parser->problem_mark.column + 1,
                     problem);
}

static int parse(struct reader *reader, struct span yaml)
{
    yaml_parser_t parser;
    yaml_event_t event;
    int status = 1;

    if (yaml_parser_initialize(&parser) == 0)
        return -ENOMEM;
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, yaml.data, yaml.size);
    while (status > 0) {
        if (yaml_parser_parse(&parser, &event) == 0) {
            status = fail_yaml(reader, &parser);
            break;
        }
        status = on_event(reader, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return status;
}

size_t rules_file_memory(void)
{
    return arena_cost(1, sizeof(struct reader)) + rules_draft_memory(RULES_FILE_TEXT_MAX);
}

int rules_file_read(struct arena *arena, struct span yaml, const char *name,
                    const struct rules **ret_rules, struct text *error)
{
    struct reader *reader = arena_alloc(arena, 1, sizeof(*reader));
    int status;

    reader->name = name;
    reader->error = error;
    rules_draft_open(&reader->draft, arena, RULES_FILE_TEXT_MAX);
    if (yaml.size > RULES_FILE_SIZE_MAX)
        return fail_line(reader, 1, 1, "the file is larger than 2 MiB");
    status = parse(reader, yaml);
    if (status == 0 && rules_draft_finish(&reader->draft, ret_rules) < 0)
        status = fail_line(reader, 1, 1, "");
    return status;
}
