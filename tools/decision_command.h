/* decision_command.h - starts a program for one decision and waits for what becomes of it.
 *
 * No shell: the configured list is program and arguments, "{address}" and the other names of
 * decision_words.h are replaced within each of them, and stand in the environment too, as
 * RINGPOST_ADDRESS and so on. Standard input is empty, standard output goes where standard error
 * goes. A program that takes too long is killed with all that it started.
 *
 * What a report names comes from strangers: an argument that would begin with '-' only because of
 * a word that was put in is refused, so that no address is ever taken for an option. */
#ifndef TOOLS_DECISION_COMMAND_H
#define TOOLS_DECISION_COMMAND_H

#include "tools/decision_words.h"

#define DECISION_COMMAND_ARGS_MAX 32

struct decision_command {
    const char *items[DECISION_COMMAND_ARGS_MAX]; /* lent */
    uint32_t items_count;
    uint64_t timeout_ns;
};

enum decision_fate {
    DECISION_DONE = 0,   /* exit status 0 */
    DECISION_FAILED,     /* another status, a signal, or too slow: *why says so */
    DECISION_REFUSED,    /* its words cannot be arguments, and never will be: *why says so */
    DECISION_NOT_STARTED /* the program cannot be started: for no decision */
};

/* Whether all names in braces are known. False: *ret_name, the unknown one's argument. */
MUST_USE bool decision_command_check(const struct decision_command *command, const char **ret_item);
MUST_USE enum decision_fate decision_command_run(const struct decision_command *command,
                                                 const struct decision_words *decision,
                                                 struct text *why);

#endif
