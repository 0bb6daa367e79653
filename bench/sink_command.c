#include "bench/sink_command.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/json_put.h"
#include "bench/sink.h"

#define EXIT_USAGE 2
#define PERSONA_FILE_MAX (1 * MIB)
#define PEM_FILE_MAX (1 * MIB)
#define CONNECTIONS_DEFAULT 4096
#define DOUBLES_DEFAULT 16000000

static const char help[] =
    "usage: ringpost-bench sink --listen ADDR:PORT [options]\n"
    "\n"
    "An SMTP server that accepts mail as fast as the machine and keeps nothing but counts.\n"
    "Prints `listening ADDR:PORT` on standard error when ready, and one JSON object on standard\n"
    "output at its end (SIGTERM, SIGINT or --for).\n"
    "\n"
    "  --listen ADDR:PORT     where to listen; may be repeated; port 0 takes a free one\n"
    "  --threads N            rings, each with its own thread (1)\n"
    "  --connections N        at once, in each thread (4096)\n"
    "  --no-pipelining        do not offer PIPELINING, count who uses it all the same\n"
    "  --no-chunking          do not offer CHUNKING (BDAT)\n"
    "  --delay MS             answer each flight that much later\n"
    "  --reject CODE:PERCENT  refuse that part of the recipients\n"
    "  --persona FILE         misbehave (docs/personas.md)\n"
    "  --ledger FILE          one NDJSON line a message; FILE is written anew\n"
    "  --tls-cert FILE        offer STARTTLS with this certificate and its chain (PEM)\n"
    "  --tls-key FILE         the certificate's private key (PEM)\n"
    "  --tls-at-once          TLS before the greeting, as on port 465, instead of STARTTLS\n"
    "  --for SECONDS          stop after that time\n"
    "  --capacity N           recipients remembered to find duplicates (16000000)\n"
    "  --help\n";

enum option_id {
    OPTION_LISTEN = 256,
    OPTION_THREADS,
    OPTION_CONNECTIONS,
    OPTION_NO_PIPELINING,
    OPTION_NO_CHUNKING,
    OPTION_DELAY,
    OPTION_REJECT,
    OPTION_PERSONA,
    OPTION_LEDGER,
    OPTION_FOR,
    OPTION_CAPACITY,
    OPTION_TLS_CERT,
    OPTION_TLS_KEY,
    OPTION_TLS_AT_ONCE,
    OPTION_HELP
};

static const struct option long_options[] = {
    {"listen", required_argument, NULL, OPTION_LISTEN},
    {"threads", required_argument, NULL, OPTION_THREADS},
    {"connections", required_argument, NULL, OPTION_CONNECTIONS},
    {"no-pipelining", no_argument, NULL, OPTION_NO_PIPELINING},
    {"no-chunking", no_argument, NULL, OPTION_NO_CHUNKING},
    {"delay", required_argument, NULL, OPTION_DELAY},
    {"reject", required_argument, NULL, OPTION_REJECT},
    {"persona", required_argument, NULL, OPTION_PERSONA},
    {"ledger", required_argument, NULL, OPTION_LEDGER},
    {"for", required_argument, NULL, OPTION_FOR},
    {"capacity", required_argument, NULL, OPTION_CAPACITY},
    {"tls-cert", required_argument, NULL, OPTION_TLS_CERT},
    {"tls-key", required_argument, NULL, OPTION_TLS_KEY},
    {"tls-at-once", no_argument, NULL, OPTION_TLS_AT_ONCE},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

static struct persona_set personas;

static int complain(const char *what, const char *value)
{
    (void)fprintf(stderr, "ringpost-bench sink: %s: %s\n", value, what); /* nobody to tell */
    return EXIT_USAGE;
}

/* A number from 1 (or 0, when `zero` allows it) to max. */
static int take_u32(const char *value, uint32_t min, uint32_t max, uint32_t *ret)
{
    uint64_t number;

    if (!span_number(span_cstr(value), max, &number) || number < min)
        return complain("not a number, or out of range", value);
    *ret = (uint32_t)number;
    return 0;
}

/* Port 0 is no address to ip_parse_port: it means "a free one" here only. */
static int take_listener(const char *value, struct sink_options *options)
{
    struct ip_port *address = &options->listeners[options->listeners_count];
    struct span text = span_cstr(value);
    bool any = span_ends_nocase(text, SPAN(":0"));

    if (options->listeners_count == SINK_LISTENERS_MAX)
        return complain("more than 64 listeners", value);
    if (any)
        text = span_first(text, text.size - 2);
    if (!ip_parse_port(text, any ? 1 : 25, address))
        return complain("an address like 127.0.0.1:2525 or [::1]:2525 is expected", value);
    if (any)
        address->port = 0;
    options->listeners_count++;
    return 0;
}

static int take_reject(const char *value, struct receiver_options *receiver)
{
    struct span rest = span_cstr(value);
    struct span word = span_split(&rest, ':');
    uint64_t code;
    uint64_t percent;

    if (!span_number(word, 599, &code) || code < 400 || !span_number(rest, 100, &percent))
        return complain("CODE:PERCENT is expected, as in 550:10", value);
    receiver->reject_code = (uint16_t)code;
    receiver->reject_percent = (uint32_t)percent;
    return 0;
}

static int read_whole(const char *path, char *buffer, size_t capacity, size_t *ret_size)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = 0;
    int error_number;

    if (file < 0)
        return -errno;
    *ret_size = 0;
    do {
        size = read(file, buffer + *ret_size, capacity - *ret_size);
        *ret_size += size > 0 ? (size_t)size : 0;
    } while (size > 0 && *ret_size < capacity);
    error_number = errno;
    (void)close(file); /* was read only */
    if (size < 0)
        return -error_number;
    return *ret_size == capacity ? -EFBIG : 0;
}

static int take_personas(const char *path)
{
    char *buffer = malloc(PERSONA_FILE_MAX);
    char error_buffer[256];
    struct text error;
    size_t size = 0;
    int result;

    if (buffer == NULL)
        return complain("no memory", path);
    result = read_whole(path, buffer, PERSONA_FILE_MAX, &size);
    if (result < 0) {
        free(buffer);
        return complain(strerrordesc_np(-result), path);
    }
    text_init(&error, error_buffer, sizeof(error_buffer));
    result = persona_read(&personas, span_make(buffer, size), &error);
    free(buffer);
    return result < 0 ? complain(text_cstr_end(&error), path) : 0;
}

/* The text stays for the life of the process. */
static int take_pem(const char *path, struct span *ret_pem)
{
    char *buffer = malloc(PEM_FILE_MAX);
    size_t size = 0;
    int result = buffer == NULL ? -ENOMEM : read_whole(path, buffer, PEM_FILE_MAX, &size);

    if (result < 0 || size == 0) {
        free(buffer);
        return complain(result < 0 ? strerrordesc_np(-result) : "an empty file", path);
    }
    *ret_pem = span_make(buffer, size);
    return 0;
}

static int take_seconds(const char *value, struct sink_options *options)
{
    char *end;
    double seconds;

    errno = 0;
    seconds = strtod(value, &end);
    if (*end != '\0' || end == value || errno != 0 || !(seconds > 0) || seconds > 1e9)
        return complain("a number of seconds is expected", value);
    options->for_ns = (uint64_t)(seconds * 1e9);
    return 0;
}

static int take_option(int option, struct sink_options *options)
{
    uint32_t number = 0;
    int result = 0;

    switch (option) {
    case OPTION_LISTEN:
        return take_listener(optarg, options);
    case OPTION_THREADS:
        return take_u32(optarg, 1, SINK_THREADS_MAX, &options->threads);
    case OPTION_CONNECTIONS:
        return take_u32(optarg, 1, 1000000, &options->connections_max);
    case OPTION_NO_PIPELINING:
        options->receiver.no_pipelining = true;
        return 0;
    case OPTION_NO_CHUNKING:
        options->receiver.no_chunking = true;
        return 0;
    case OPTION_DELAY:
        result = take_u32(optarg, 0, 3600000, &number);
        options->delay_ns = number * NS_PER_MS;
        return result;
    case OPTION_REJECT:
        return take_reject(optarg, &options->receiver);
    case OPTION_PERSONA:
        return take_personas(optarg);
    case OPTION_LEDGER:
        options->ledger = optarg;
        options->receiver.hashing = true;
        return 0;
    case OPTION_FOR:
        return take_seconds(optarg, options);
    case OPTION_CAPACITY:
        result = take_u32(optarg, 1, UINT32_MAX, &number);
        options->doubles_max = number;
        return result;
    case OPTION_TLS_CERT:
        return take_pem(optarg, &options->identity.certificate_pem);
    case OPTION_TLS_KEY:
        return take_pem(optarg, &options->identity.key_pem);
    case OPTION_TLS_AT_ONCE:
        options->tls_at_once = true;
        return 0;
    default:
        (void)fputs("try `ringpost-bench sink --help`\n", stderr);
        return EXIT_USAGE;
    }
}

static double cpu_seconds(void)
{
    struct rusage usage;

    if (getrusage(RUSAGE_SELF, &usage) < 0)
        return 0;
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void print_counts(const struct sink_counts *counts)
{
    char buffer[1024];
    struct text text;

    text_init(&text, buffer, sizeof(buffer));
    json_put_open(&text, '{');
    json_put_key_u64(&text, "connections", counts->connections);
    json_put_key_u64(&text, "messages", counts->messages);
    json_put_key_u64(&text, "recipients", counts->recipients);
    json_put_key_u64(&text, "rejected", counts->rejected);
    json_put_key_u64(&text, "bytes", counts->bytes);
    json_put_key_u64(&text, "duplicates", counts->duplicates);
    json_put_key_u64(&text, "untracked", counts->untracked);
    json_put_key_u64(&text, "without_message_id", counts->without_message_id);
    json_put_key_u64(&text, "protocol_errors", counts->protocol_errors);
    json_put_key_u64(&text, "turned_away", counts->surplus);
    json_put_key_u64(&text, "peak_connections", counts->peak_connections);
    json_put_key_u64(&text, "tls_sessions", counts->tls_sessions);
    json_put_key_u64(&text, "tls_resumed", counts->tls_resumed);
    json_put_key_u64(&text, "tls_failures", counts->tls_failures);
    json_put_key_u64(&text, "tls_messages", counts->tls_messages);
    json_put_key_double(&text, "cpu_seconds", cpu_seconds(), 6);
    json_put_close(&text, '}');
    text_add_byte(&text, '\n');
    (void)fwrite(text.data, 1, text.size, stdout); /* fflush says whether it went out */
}

static int run(const struct sink_options *options)
{
    struct sink_counts counts;
    char error_buffer[512];
    struct text error;
    int result;

    text_init(&error, error_buffer, sizeof(error_buffer));
    result = sink_run(options, &counts, &error);
    if (result < 0) {
        (void)fprintf(stderr, "ringpost-bench sink: %s\n",
                      error.size > 0 ? text_cstr_end(&error) : strerrordesc_np(-result));
        return EXIT_FAILURE;
    }
    print_counts(&counts);
    if (counts.ledger_error != 0) {
        (void)fprintf(stderr, "ringpost-bench sink: %s: %s\n", options->ledger,
                      strerrordesc_np(counts.ledger_error));
        return EXIT_FAILURE;
    }
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int sink_command_run(int count, char **arguments)
{
    static struct sink_options options = {.threads = 1,
                                          .connections_max = CONNECTIONS_DEFAULT,
                                          .doubles_max = DOUBLES_DEFAULT,
                                          .receiver = {.personas = &personas}};
    int option;

    while ((option = getopt_long(count, arguments, "", long_options, NULL)) != -1) {
        int result;

        if (option == OPTION_HELP) {
            (void)fputs(help, stdout);
            return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
        }
        result = take_option(option, &options);
        if (result != 0)
            return result;
    }
    if (optind < count)
        return complain("no such option", arguments[optind]);
    if (options.listeners_count == 0)
        return complain("at least one --listen ADDR:PORT is needed", "--listen");
    if ((options.identity.certificate_pem.size > 0) != (options.identity.key_pem.size > 0) ||
        (options.tls_at_once && options.identity.key_pem.size == 0))
        return complain("TLS needs both --tls-cert and --tls-key", "--tls-cert");
    options.receiver.starttls = options.identity.key_pem.size > 0 && !options.tls_at_once;
    return run(&options);
}
