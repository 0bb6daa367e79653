/* config_problem.h - what is wrong with a file of settings: "name:line:column: what".
 *
 * The words are collected in `why` and printed at the place of an event of libyaml's, or where its
 * parser stopped. Knows nothing of settings. Part of config.c's work. Borrows the file's name and
 * the text that is written. */
#ifndef BASE_CONFIG_PROBLEM_H
#define BASE_CONFIG_PROBLEM_H

#include <yaml.h>

#include "base/text.h"

struct config_problem {
    const char *name;   /* of the file */
    struct text *error; /* where it is printed */
    struct text why;    /* said so far, of the event that is being read */
    char why_buffer[512];
};

void config_problem_init(struct config_problem *problem, const char *name, struct text *error);
/* Adds words of the file or of a table, in quotation marks, cut at a limit. */
void config_problem_quote(struct config_problem *problem, struct span words);

/* Each prints, and returns -EINVAL: what has been said so far; that and what more; that, a name in
 * quotation marks and what is wrong with it. */
MUST_USE int config_problem_at(struct config_problem *problem, const yaml_event_t *event);
MUST_USE int config_problem_what(struct config_problem *problem, const yaml_event_t *event,
                                 const char *what);
MUST_USE int config_problem_name(struct config_problem *problem, const yaml_event_t *event,
                                 struct span name, const char *what);
/* The same for libyaml's own errors in the file `yaml`. */
MUST_USE int config_problem_yaml(struct config_problem *problem, const yaml_parser_t *parser,
                                 struct span yaml);

#endif
