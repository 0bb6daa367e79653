/* cmd_suppress.c - `ringpost suppress`: who is not to be mailed, and why. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/utc.h"
#include "bounce/hygiene_change.h"
#include "engine/query_suppress.h"
#include "tools/exit_code.h"
#include "tools/sender.h"
#include "tools/suppress_ask.h"
#include "tools/suppress_import.h"
#include "tools/suppress_options.h"
#include "tools/verb.h"

struct suppress_command {
    struct suppress_options options;
    bool failed; /* an answer was an error */
    FILE *out;
};

/* --- showing answers --- */

static void print_standing(const struct suppress_command *command, struct span line)
{
    static const char *const keys[] = {"score",   "delivered",  "hard", "soft",
                                       "senders", "complaints", NULL};
    struct span domain = sender_value(line, "domain"), state = sender_value(line, "state");

    (void)fprintf(command->out, "%.*s: %.*s", (int)domain.size, (const char *)domain.data,
                  (int)state.size, (const char *)state.data);
    for (const char *const *key = keys; *key != NULL; key++) {
        struct span value = sender_value(line, *key);

        if (value.size > 0)
            (void)fprintf(command->out, "  %s=%.*s", *key, (int)value.size,
                          (const char *)value.data);
    }
    (void)fprintf(command->out, "\n");
}

static void print_plain(const struct suppress_command *command, struct span line)
{
    static const char *const keys[] = {"class",  "source",   "time", "until", "tenant",
                                       "stream", "provider", "note", NULL};
    struct span address = sender_value(line, "address"), words = sender_value(line, "explanation");
    struct span state = sender_value(line, "state"), counts = sender_value(line, "done");

    if (span_starts(line, SPAN("{\"domain\":"))) {
        print_standing(command, line);
        return;
    }
    if (address.size == 0) {
        (void)fprintf(command->out, "done=%.*s\n", (int)counts.size, (const char *)counts.data);
        return;
    }
    (void)fprintf(command->out, "%.*s: %.*s: %.*s\n", (int)address.size, (const char *)address.data,
                  (int)state.size, (const char *)state.data, (int)words.size,
                  (const char *)words.data);
    for (const char *const *key = keys; *key != NULL; key++) {
        struct span value = sender_value(line, *key);

        if (value.size > 0 && span_find(line, SPAN("\"class\"")) != SPAN_NOT_FOUND &&
            !span_equal(state, SPAN("counted")) && !span_equal(value, SPAN("null")))
            (void)fprintf(command->out, "  %s=%.*s", *key, (int)value.size,
                          (const char *)value.data);
    }
    (void)fprintf(command->out, "\n");
    if (span_find(line, SPAN("\"standing\":")) != SPAN_NOT_FOUND)
        print_standing(command, span_skip(line, span_find(line, SPAN("\"standing\":"))));
}

static void take(void *context, struct span line)
{
    struct suppress_command *command = context;
    struct span error = sender_value(line, "error");

    if (span_starts(line, SPAN("{\"error\":"))) {
        (void)fprintf(stderr, "ringpost suppress: %.*s\n", (int)error.size,
                      (const char *)error.data);
        command->failed = true;
    } else if (command->options.json || strcmp(command->options.verb, "export") == 0) {
        (void)fprintf(command->out, "%.*s\n", (int)line.size, (const char *)line.data);
    } else {
        print_plain(command, line);
    }
}

/* --- requests --- */

/* For ever, a moment, or "+30d" from now. */
static int read_until(const struct suppress_options *options, struct suppress_ask *ask,
                      uint64_t *ret_s)
{
    uint64_t ns;

    *ret_s = HYGIENE_CHANGE_FOREVER;
    if (options->until == NULL)
        return 0;
    if (options->until[0] == '+' && config_parse_duration(span_cstr(options->until + 1), &ns))
        *ret_s = (io_wall_ns(ask->spool.io) + ns) / NS_PER_S;
    else if (!utc_read(span_cstr(options->until), ret_s))
        return verb_complain("suppress", "--until takes 2026-12-24, 2026-12-24T18:00:00Z or +30d");
    if (*ret_s <= io_wall_ns(ask->spool.io) / NS_PER_S)
        return verb_complain("suppress", "--until %s is over already", options->until);
    return 0;
}

static int write_until(const struct suppress_options *options, struct suppress_ask *ask,
                       struct text *request)
{
    uint64_t seconds;
    int result = read_until(options, ask, &seconds);

    if (result == 0 && options->until != NULL)
        utc_write(request, seconds);
    return result;
}

static int request_one(const struct suppress_options *options, struct suppress_ask *ask,
                       const char *object)
{
    uint8_t bytes[QUERY_SUPPRESS_LINE_MAX];
    struct text request;
    int result = 0;

    text_init(&request, bytes, sizeof(bytes));
    text_add_format(&request, "suppress\t%s", options->verb);
    if (object != NULL)
        text_add_format(&request, "\t%s", object);
    if (strcmp(options->verb, "add") == 0) {
        text_add_format(&request, "\t%s\t%s\t", options->class != NULL ? options->class : "no-user",
                        options->source != NULL ? options->source : "operator");
        result = write_until(options, ask, &request);
    }
    if (strcmp(options->verb, "add") == 0 || strcmp(options->verb, "remove") == 0)
        text_add_format(&request, "\t%s\t%s\t%s", options->tenant, options->stream, options->note);
    if (options->held)
        text_add_cstr(&request, "\theld");
    if (result != 0)
        return result;
    if (request.overflow || span_find_byte(text_span(&request), '\n') != SPAN_NOT_FOUND)
        return verb_complain("suppress", "the request is too long, or holds a line break");
    return suppress_ask_request(ask, text_span(&request));
}

static int request_domain(const struct suppress_options *options, struct suppress_ask *ask)
{
    char object[512];
    int size = snprintf(object, sizeof(object), "@%s", options->domain);

    if (size < 0 || (size_t)size >= sizeof(object))
        return verb_complain("suppress", "the domain is too long");
    return request_one(options, ask, object);
}

static int run(const struct suppress_options *options, struct suppress_ask *ask)
{
    int result = 0;

    if (strcmp(options->verb, "import") == 0) {
        struct suppress_import import = {
            .file = options->objects[0],
            .class = options->class != NULL ? options->class : "no-user",
            .source = options->source != NULL ? options->source : "import",
            .tenant = options->tenant,
            .stream = options->stream,
            .note = options->note,
        };

        result = read_until(options, ask, &import.until_s);
        if (result == 0)
            result = suppress_import_pack(&import, ask);
        if (result == 0)
            result = request_one(options, ask, import.path);
        suppress_import_remove(&import);
        return result;
    }
    if (options->domain != NULL)
        result = request_domain(options, ask);
    else if (!suppress_options_takes_addresses(options))
        return request_one(options, ask, NULL);
    for (int i = 0; i < options->objects_count && result == 0; i++)
        result = request_one(options, ask, options->objects[i]);
    return result;
}

/* Asks and prints the answers. */
static int ask_sender(struct suppress_command *command)
{
    const struct suppress_options *options = &command->options;
    struct suppress_ask ask = {
        .looks_only = strcmp(options->verb, "add") != 0 && strcmp(options->verb, "import") != 0,
        .take = take,
        .context = command,
    };
    int result = suppress_ask_open(&ask, options->config, options->spool), closed;

    if (result != 0)
        return result;
    if (strcmp(options->verb, "export") == 0 && options->objects_count == 1 &&
        strcmp(options->objects[0], "-") != 0)
        command->out = fopen(options->objects[0], "we"); /* not before: it may hold an older one */
    if (command->out == NULL) {
        perror(options->objects[0]);
        result = EXIT_CANNOT_CREATE;
    } else {
        result = run(options, &ask);
    }
    closed = suppress_ask_close(&ask);
    return result != 0 ? result : closed;
}

/* False: something that was printed is lost, now or on the way; errno says why. */
static bool end_output(FILE *out)
{
    bool lost = ferror(out) != 0;

    if ((out != stdout ? fclose(out) : fflush(stdout)) != 0)
        return false;
    if (lost)
        errno = EIO;
    return !lost;
}

int verb_suppress(int argc, char **argv)
{
    struct suppress_command command = {.options = {.verb = ""}, .out = stdout};
    int result = suppress_options_parse(&command.options, argc, argv);

    if (result != 0)
        return result;
    result = ask_sender(&command);
    if (command.out != NULL && !end_output(command.out) && result == 0) {
        perror("ringpost suppress");
        result = EXIT_IO;
    }
    return result != 0 ? result : command.failed ? EXIT_SOME_FAILED : EXIT_ALL_ACCEPTED;
}
