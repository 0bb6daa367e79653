#include "bench/micro.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "bench/micro_bounce.h"
#include "bench/micro_queue.h"
#include "bench/micro_resolver.h"
#include "bench/micro_small.h"
#include "bench/micro_suppressions.h"

#define EXIT_USAGE 2
#define COLUMNS_MAX 76

static const struct {
    const char *name;
    int (*run)(int count, char **arguments);
    const char *what;
} benchmarks[] = {
    {"queue", micro_queue_run, "load, open and settle a durable queue, without network"},
    {"template", micro_small_run, "compile a template, merge 4 KiB messages"},
    {"smtp", micro_small_run, "the SMTP machine against a server that always agrees"},
    {"dns", micro_resolver_run, "routes of new and of cached domains; look-ups from a real server"},
    {"crc", micro_small_run, "CRC-32C of records and of blocks"},
    {"csv", micro_small_run, "rows of a recipient list"},
    {"bounce", micro_bounce_run,
     "reading and classing messages that came back: a folder, or samples"},
    {"classify", micro_small_run, "the class of replies, by the rules compiled in"},
    {"hygiene", micro_small_run, "whether an address is suppressed, and the filter in front"},
    {"suppressions", micro_suppressions_run,
     "the store of suppressions on disk: adding, answers, starts, memory"},
    {"event", micro_small_run, "journal records and event lines"},
    {"tls", micro_small_run,
     "handshakes of the client, octets through the filter, memory a session"},
    {"sign", micro_small_run, "DKIM's signatures: RSA-2048 one by one and side by side, Ed25519"},
};

void micro_print_names(FILE *file, int indent)
{
    int column = 0;

    for (size_t i = 0; i < ARRAY_LEN(benchmarks); i++) {
        const char *end = i + 1 < ARRAY_LEN(benchmarks) ? "," : "\n";

        if (column == 0 || column + (int)strlen(benchmarks[i].name) > COLUMNS_MAX)
            column =
                fprintf(file, "%s%*s%s%s", i == 0 ? "" : "\n", indent, "", benchmarks[i].name, end);
        else
            column += fprintf(file, " %s%s", benchmarks[i].name, end);
    }
}

int micro_run(int count, char **arguments)
{
    bool asked = count >= 2 && strcmp(arguments[1], "--help") == 0;
    FILE *out = asked ? stdout : stderr;

    for (size_t i = 0; i < ARRAY_LEN(benchmarks) && count >= 2; i++)
        if (strcmp(arguments[1], benchmarks[i].name) == 0)
            return benchmarks[i].run(count - 1, arguments + 1);
    (void)fputs("usage: ringpost-bench micro NAME [options]\n\n", out);
    for (size_t i = 0; i < ARRAY_LEN(benchmarks); i++)
        (void)fprintf(out, "  %-12s %s\n", benchmarks[i].name, benchmarks[i].what);
    return asked ? EXIT_SUCCESS : EXIT_USAGE;
}
