/* ringpost-bench: the harness. One table of verbs, from which help comes; each verb reads its own
 * options. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "bench/audit.h"
#include "bench/micro.h"
#include "bench/run.h"
#include "bench/sink_command.h"

#define EXIT_USAGE 2

static const struct verb {
    const char *name;
    int (*run)(int count, char **arguments); /* the exit status */
    const char *what;
} verbs[] = {
    {"sink", sink_command_run, "an SMTP server that accepts mail and keeps counts or a ledger"},
    {"audit", audit_run, "the sink's ledger against the event log: lost, duplicates, strangers"},
    {"micro", micro_run, "one micro-benchmark, of these:"},
    {"run", run_command, "fills a queue, starts a sink, drains, and reports"},
};

static void print_help(FILE *file)
{
    (void)fputs("usage: ringpost-bench VERB [options]\n\n", file);
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        (void)fprintf(file, "  %-8s %s\n", verbs[i].name, verbs[i].what);
        if (verbs[i].run == micro_run)
            micro_print_names(file, 11);
    }
    (void)fputs("\n`ringpost-bench VERB --help` says more.\n", file);
}

int main(int count, char **arguments)
{
    if (count < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(arguments[1], "--help") == 0 || strcmp(arguments[1], "help") == 0) {
        print_help(stdout);
        return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        if (strcmp(arguments[1], verbs[i].name) == 0)
            return verbs[i].run(count - 1, arguments + 1);
    (void)fprintf(stderr, "ringpost-bench: no verb `%s`; try --help\n", arguments[1]);
    return EXIT_USAGE;
}
