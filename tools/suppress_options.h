/* suppress_options.h - the command line of `ringpost suppress`.
 *
 * Whatever can be judged without a spool is judged here, before anything is ordered. Borrows argv,
 * in which --scope is cut into tenant and stream. */
#ifndef TOOLS_SUPPRESS_OPTIONS_H
#define TOOLS_SUPPRESS_OPTIONS_H

#include "base/base.h"

struct suppress_options {
    const char *verb;
    const char *config;
    const char *spool;
    const char *class;  /* or NULL */
    const char *reason; /* a class of the vocabulary, or words: then it is the class or the note */
    const char *source; /* or NULL */
    const char *until;  /* or NULL */
    const char *tenant; /* "" = all */
    const char *stream;
    char *scope; /* tenant and stream in one, as it was given */
    const char *note;
    const char *domain; /* or NULL */
    bool json;
    bool held;
    bool yes;
    char **objects; /* behind the verb */
    int objects_count;
};

/* 0, or an exit code after the complaint was printed. */
MUST_USE int suppress_options_parse(struct suppress_options *options, int argc, char **argv);
/* Whether the verb is one of those that take addresses, and at least one. */
MUST_USE bool suppress_options_takes_addresses(const struct suppress_options *options);

#endif
