/* option_reader.h - the options behind a verb, one after the other, and what is wrong with one.
 *
 * All of them have long names, which may be cut short as getopt_long has it; words that are no
 * options may stand between them and come last, from argv[optind] on. A word with one dash is never
 * an option, and is named as it stands. Knows nothing of what options mean. Borrows argv and the
 * table. */
#ifndef TOOLS_OPTION_READER_H
#define TOOLS_OPTION_READER_H

#include <getopt.h>

#include "base/base.h"

#define OPTION_READER_WRONG '?'
#define OPTION_READER_PROBLEM_MAX 256

struct option_reader {
    int argc;
    char **argv;                             /* argv[0] is passed over */
    const struct option *known;              /* ends with a name of NULL */
    char problem[OPTION_READER_PROBLEM_MAX]; /* one clause, after OPTION_READER_WRONG */
};

/* One reader at a time: it uses getopt's variables. */
void option_reader_init(struct option_reader *reader, int argc, char **argv,
                        const struct option *known);
/* An option's `val`, with its value in optarg; OPTION_READER_WRONG: nothing is read any more; -1:
 * that was all. */
MUST_USE int option_reader_next(struct option_reader *reader);

#endif
