#include "base/config_problem.h"

#include <errno.h>

static int fail(struct config_problem *problem, uint64_t line, uint64_t column)
{
    text_add_cstr(problem->error, problem->name);
    text_add_byte(problem->error, ':');
    text_add_u64(problem->error, line);
    text_add_byte(problem->error, ':');
    text_add_u64(problem->error, column);
    text_add_cstr(problem->error, ": ");
    text_add(problem->error, text_span(&problem->why));
    return -EINVAL;
}

void config_problem_init(struct config_problem *problem, const char *name, struct text *error)
{
    problem->name = name;
    problem->error = error;
    text_init(&problem->why, problem->why_buffer, sizeof(problem->why_buffer));
}

void config_problem_quote(struct config_problem *problem, struct span words)
{
    text_add_byte(&problem->why, '"');
    text_add_printable(&problem->why, words, 64);
    text_add_byte(&problem->why, '"');
}

int config_problem_at(struct config_problem *problem, const yaml_event_t *event)
{
    return fail(problem, event->start_mark.line + 1, event->start_mark.column + 1);
}

int config_problem_what(struct config_problem *problem, const yaml_event_t *event, const char *what)
{
    text_add_cstr(&problem->why, what);
    return config_problem_at(problem, event);
}

int config_problem_name(struct config_problem *problem, const yaml_event_t *event, struct span name,
                        const char *what)
{
    config_problem_quote(problem, name);
    text_add_byte(&problem->why, ' ');
    return config_problem_what(problem, event, what);
}

/* The errors of the encoding have an offset only. */
int config_problem_yaml(struct config_problem *problem, const yaml_parser_t *parser,
                        struct span yaml)
{
    uint64_t line = 1, column = 1;

    problem->why.size = 0;
    if (parser->error == YAML_MEMORY_ERROR)
        text_add_cstr(&problem->why, "not enough memory");
    else
        text_add_cstr(&problem->why, parser->problem == NULL ? "not YAML" : parser->problem);
    if (parser->error == YAML_SCANNER_ERROR || parser->error == YAML_PARSER_ERROR)
        return fail(problem, parser->problem_mark.line + 1, parser->problem_mark.column + 1);
    yaml = span_first(yaml, parser->problem_offset);
    for (size_t i = 0; i < yaml.size; i++) {
        column = yaml.data[i] == '\n' ? 1 : column + 1;
        line += yaml.data[i] == '\n';
    }
    return fail(problem, line, column);
}
