/* verb.h - one verb of the program: its name, its help, its function. The table in main.c is what
 * help and completions are made from. */
#ifndef TOOLS_VERB_H
#define TOOLS_VERB_H

struct verb {
    const char *name;
    const char *summary;               /* one line */
    const char *usage;                 /* several lines */
    int (*run)(int argc, char **argv); /* argv[0] is the verb; returns an exit code */
};

int verb_send(int argc, char **argv);
int verb_run(int argc, char **argv);
int verb_queue(int argc, char **argv);
int verb_bounce(int argc, char **argv);
int verb_suppress(int argc, char **argv);
int verb_tlsrpt(int argc, char **argv);
int verb_resolve(int argc, char **argv);
int verb_key(int argc, char **argv);
int verb_check(int argc, char **argv);
int verb_config(int argc, char **argv);
int verb_version(int argc, char **argv);
/* Prints "ringpost VERB: what" and where help is, and returns EXIT_USAGE. */
int verb_complain(const char *verb, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
