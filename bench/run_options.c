#include "bench/run_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/span.h"

#define EXIT_USAGE 2
#define MESSAGES_MAX (1u << 25)

static const char help[] =
    "usage: ringpost-bench run [options]\n"
    "\n"
    "Fills a queue with generated mail, starts a sink on loopback, drains, and reports.\n"
    "\n"
    "  --json                       one JSON object on standard output\n"
    "  --messages N                 (20000)\n"
    "  --size BYTES                 of one message, about (4096)\n"
    "  --recipients-per-domain N    (40)\n"
    "  --shards N                   sending threads; 0 = one a core (0)\n"
    "  --connections N              at once (32)\n"
    "  --messages-per-connection N  before it is closed (100, as in the configuration)\n"
    "  --durability HOW             durable, os or memory (durable)\n"
    "  --no-pipelining              the sink does not offer PIPELINING\n"
    "  --no-chunking                the sink does not offer CHUNKING (BDAT)\n"
    "  --delay MS                   the sink answers each flight that much later (0)\n"
    "  --sink-threads N             (1)\n"
    "  --spool DIR                  where the spool is made ($TMPDIR or /tmp)\n"
    "  --keep                       do not remove the spool, and say where it is\n"
    "  --tls                        everything behind STARTTLS (TLS is demanded)\n"
    "  --dkim FILE                  signs every message with this key; twice: with both\n"
    "  --sign-threads N             make the signatures; 0 = the sending threads do (0)\n"
    "  --verp                       a keyed return path for each recipient\n"
    "  --help\n";

enum option_id {
    OPTION_JSON = 256,
    OPTION_MESSAGES,
    OPTION_SIZE,
    OPTION_DOMAIN,
    OPTION_SHARDS,
    OPTION_CONNECTIONS,
    OPTION_PER_CONNECTION,
    OPTION_DURABILITY,
    OPTION_NO_PIPELINING,
    OPTION_NO_CHUNKING,
    OPTION_DELAY,
    OPTION_SINK_THREADS,
    OPTION_SPOOL,
    OPTION_KEEP,
    OPTION_TLS,
    OPTION_DKIM,
    OPTION_SIGN_THREADS,
    OPTION_VERP,
    OPTION_HELP
};

static const struct option long_options[] = {
    {"json", no_argument, NULL, OPTION_JSON},
    {"messages", required_argument, NULL, OPTION_MESSAGES},
    {"size", required_argument, NULL, OPTION_SIZE},
    {"recipients-per-domain", required_argument, NULL, OPTION_DOMAIN},
    {"shards", required_argument, NULL, OPTION_SHARDS},
    {"connections", required_argument, NULL, OPTION_CONNECTIONS},
    {"messages-per-connection", required_argument, NULL, OPTION_PER_CONNECTION},
    {"durability", required_argument, NULL, OPTION_DURABILITY},
    {"no-pipelining", no_argument, NULL, OPTION_NO_PIPELINING},
    {"no-chunking", no_argument, NULL, OPTION_NO_CHUNKING},
    {"delay", required_argument, NULL, OPTION_DELAY},
    {"sink-threads", required_argument, NULL, OPTION_SINK_THREADS},
    {"spool", required_argument, NULL, OPTION_SPOOL},
    {"keep", no_argument, NULL, OPTION_KEEP},
    {"tls", no_argument, NULL, OPTION_TLS},
    {"dkim", required_argument, NULL, OPTION_DKIM},
    {"sign-threads", required_argument, NULL, OPTION_SIGN_THREADS},
    {"verp", no_argument, NULL, OPTION_VERP},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

static int complain(const char *value, const char *what)
{
    (void)fprintf(stderr, "ringpost-bench run: %s: %s\n", value, what); /* nobody to tell */
    return EXIT_USAGE;
}

static int take_u32(const char *value, uint32_t min, uint32_t max, uint32_t *ret)
{
    uint64_t number;

    if (!span_number(span_cstr(value), max, &number) || number < min)
        return complain(value, "not a number, or out of range");
    *ret = (uint32_t)number;
    return 0;
}

static int take_durability(struct run_options *options, const char *value)
{
    static const char *const known[] = {"durable", "os", "memory"};

    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (strcmp(value, known[i]) == 0) {
            options->durability = known[i];
            return 0;
        }
    return complain(value, "durable, os or memory is expected");
}

static int take_key(struct run_options *options, const char *value)
{
    if (options->dkim_count == RUN_OPTIONS_KEYS_MAX)
        return complain(value, "two keys are all that one domain can sign with");
    options->dkim[options->dkim_count++] = value;
    return 0;
}

static int take_number(struct run_options *options, int option, const char *value)
{
    switch (option) {
    case OPTION_MESSAGES:
        return take_u32(value, 1, MESSAGES_MAX, &options->messages);
    case OPTION_SIZE:
        return take_u32(value, 512, 16 * 1024 * 1024, &options->size);
    case OPTION_DOMAIN:
        return take_u32(value, 1, MESSAGES_MAX, &options->recipients_per_domain);
    case OPTION_SHARDS:
        return take_u32(value, 0, 64, &options->shards);
    case OPTION_CONNECTIONS:
        return take_u32(value, 1, 100000, &options->connections);
    case OPTION_PER_CONNECTION:
        return take_u32(value, 1, 1000000, &options->messages_per_connection);
    case OPTION_SIGN_THREADS:
        return take_u32(value, 0, 64, &options->sign_threads);
    case OPTION_DELAY:
        return take_u32(value, 0, 60000, &options->delay_ms);
    default:
        return take_u32(value, 1, 64, &options->sink_threads);
    }
}

static int take_option(struct run_options *options, int option)
{
    switch (option) {
    case OPTION_JSON:
        options->json = true;
        return 0;
    case OPTION_DURABILITY:
        return take_durability(options, optarg);
    case OPTION_NO_PIPELINING:
        options->no_pipelining = true;
        return 0;
    case OPTION_NO_CHUNKING:
        options->no_chunking = true;
        return 0;
    case OPTION_SPOOL:
        options->spool = optarg;
        return 0;
    case OPTION_KEEP:
        options->keep = true;
        return 0;
    case OPTION_TLS:
        options->tls = true;
        return 0;
    case OPTION_DKIM:
        return take_key(options, optarg);
    case OPTION_VERP:
        options->verp = true;
        return 0;
    case '?':
        (void)fputs("try `ringpost-bench run --help`\n", stderr);
        return EXIT_USAGE;
    default:
        return take_number(options, option, optarg);
    }
}

int run_options_parse(struct run_options *options, int count, char **arguments, int *ret_status)
{
    const char *folder = getenv("TMPDIR");
    int option;

    *options = (struct run_options){
        .messages = 20000,
        .size = 4096,
        .recipients_per_domain = 40,
        .connections = 32,
        .messages_per_connection = 100,
        .sink_threads = 1,
        .durability = "durable",
        .spool = folder != NULL && folder[0] != '\0' ? folder : "/tmp",
    };
    while ((option = getopt_long(count, arguments, "", long_options, NULL)) != -1) {
        if (option == OPTION_HELP) {
            (void)fputs(help, stdout);
            *ret_status = fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
            return -1;
        }
        *ret_status = take_option(options, option);
        if (*ret_status != 0)
            return -1;
    }
    if (optind == count)
        return 0;
    *ret_status = complain(arguments[optind], "no such option");
    return -1;
}
