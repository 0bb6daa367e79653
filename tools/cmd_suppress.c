/* cmd_suppress.c - `ringpost suppress`: who is not to be mailed, and why. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/utc.h"
#include "bounce/bounce_class.h"
#include "engine/hygiene_feed.h"
#include "engine/query_suppress.h"
#include "tools/exit_code.h"
#include "tools/option_reader.h"
#include "tools/sender.h"
#include "tools/suppress_ask.h"
#include "tools/suppress_columns.h"
#include "tools/suppress_import.h"
#include "tools/verb.h"

struct suppress_command {
    const char *verb;
    const char *config;
    const char *spool;
    const char *class;
    const char *reason; /* a class of the vocabulary, or words: then the note */
    const char *source;
    const char *until;
    const char *tenant;
    const char *stream;
    char *scope; /* tenant and stream in one */
    const char *note;
    const char *domain;
    bool json;
    bool held;
    bool yes;
    bool failed; /* an answer was an error */
    FILE *out;
};

/* "--reason mailbox-full" names a class, "--reason 'asked on the phone'" says why. */
static int take_reason(struct suppress_command *command)
{
    enum bounce_class class;
    bool is_class;

    if (command->reason == NULL)
        return 0;
    is_class = bounce_class_from_name(span_cstr(command->reason), &class);
    if (is_class ? command->class != NULL : command->note != NULL)
        return verb_complain("suppress", "--reason says it a second time: --%s is there",
                             is_class ? "class" : "note");
    if (is_class)
        command->class = command->reason;
    else
        command->note = command->reason;
    return 0;
}

static int take_scope(struct suppress_command *command)
{
    struct span tenant, stream;
    char *slash;

    if (command->scope == NULL)
        return 0;
    if (command->tenant != NULL || command->stream != NULL)
        return verb_complain("suppress", "--scope says it a second time: --tenant or --stream is "
                                         "there");
    if (!suppress_columns_scope(span_cstr(command->scope), &tenant, &stream))
        return verb_complain("suppress",
                             "--scope takes TENANT, TENANT/STREAM, /STREAM or *, not \"%s\"",
                             command->scope);
    if (strcmp(command->scope, "*") == 0)
        return 0;
    slash = strchr(command->scope, '/');
    command->tenant = command->scope;
    if (slash == NULL)
        return 0;
    *slash = '\0';
    command->stream = slash + 1;
    return 0;
}

/* Words that can be judged here are: a wrong one is a fault of the command line. */
static int check_words(const struct suppress_command *command)
{
    enum hygiene_source source;
    enum bounce_class class;

    if (command->source != NULL &&
        !hygiene_change_source_from_name(span_cstr(command->source), &source))
        return verb_complain("suppress",
                             "--source takes session, report, complaint, unsubscribe, operator or "
                             "import, not \"%s\": who said so in other words is for --note",
                             command->source);
    if (command->class != NULL && !bounce_class_from_name(span_cstr(command->class), &class))
        return verb_complain("suppress",
                             "--class \"%s\" is not in the vocabulary (no-user, complaint, "
                             "unsubscribe, ...)",
                             command->class);
    return 0;
}

static int parse(struct suppress_command *command, int argc, char **argv)
{
    static const struct option long_options[] = {
        {"config", required_argument, NULL, 'f'},
        {"spool", required_argument, NULL, 's'},
        {"class", required_argument, NULL, 'c'},
        {"reason", required_argument, NULL, 'w'},
        {"source", required_argument, NULL, 'o'},
        {"until", required_argument, NULL, 'u'},
        {"expires", required_argument, NULL, 'u'},
        {"expiry", required_argument, NULL, 'u'},
        {"scope", required_argument, NULL, 'p'},
        {"tenant", required_argument, NULL, 't'},
        {"stream", required_argument, NULL, 'r'},
        {"note", required_argument, NULL, 'n'},
        {"json", no_argument, NULL, 'j'},
        {"held", no_argument, NULL, 'h'},
        {"yes", no_argument, NULL, 'y'},
        {"domain", required_argument, NULL, 'd'},
        {NULL, 0, NULL, 0},
    };
    const char **texts[256] = {
        ['f'] = &command->config, ['s'] = &command->spool, ['c'] = &command->class,
        ['o'] = &command->source, ['u'] = &command->until, ['t'] = &command->tenant,
        ['r'] = &command->stream, ['n'] = &command->note,  ['d'] = &command->domain,
        ['w'] = &command->reason,
    };
    struct option_reader reader;
    int option, result;

    option_reader_init(&reader, argc, argv, long_options);
    while ((option = option_reader_next(&reader)) != -1) {
        if (option == 'j')
            command->json = true;
        else if (option == 'h')
            command->held = true;
        else if (option == 'y')
            command->yes = true;
        else if (option == 'p')
            command->scope = optarg;
        else if (option > 0 && option < 256 && texts[option] != NULL)
            *texts[option] = optarg;
        else
            return verb_complain("suppress", "%s", reader.problem);
    }
    if (optind == argc)
        return verb_complain("suppress",
                             "add, remove, show, list, import, export, release or confirm?");
    command->verb = argv[optind++];
    result = take_reason(command);
    if (result == 0)
        result = take_scope(command);
    return result != 0 ? result : check_words(command);
}

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
    } else if (command->json || strcmp(command->verb, "export") == 0) {
        (void)fprintf(command->out, "%.*s\n", (int)line.size, (const char *)line.data);
    } else {
        print_plain(command, line);
    }
}

/* --- requests --- */

static const char *or_empty(const char *text)
{
    return text != NULL ? text : "";
}

/* For ever, a moment, or "+30d" from now. */
static int read_until(const struct suppress_command *command, struct suppress_ask *ask,
                      uint64_t *ret_s)
{
    uint64_t ns;

    *ret_s = HYGIENE_CHANGE_FOREVER;
    if (command->until == NULL)
        return 0;
    if (command->until[0] == '+' && config_parse_duration(span_cstr(command->until + 1), &ns))
        *ret_s = (io_wall_ns(ask->spool.io) + ns) / NS_PER_S;
    else if (!utc_read(span_cstr(command->until), ret_s))
        return verb_complain("suppress", "--until takes 2026-12-24, 2026-12-24T18:00:00Z or +30d");
    if (*ret_s <= io_wall_ns(ask->spool.io) / NS_PER_S)
        return verb_complain("suppress", "--until %s is over already", command->until);
    return 0;
}

static int write_until(const struct suppress_command *command, struct suppress_ask *ask,
                       struct text *request)
{
    uint64_t seconds;
    int result = read_until(command, ask, &seconds);

    if (result == 0 && command->until != NULL)
        utc_write(request, seconds);
    return result;
}

static int request_one(struct suppress_command *command, struct suppress_ask *ask,
                       const char *object)
{
    uint8_t bytes[QUERY_SUPPRESS_LINE_MAX];
    struct text request;
    int result = 0;

    text_init(&request, bytes, sizeof(bytes));
    text_add_format(&request, "suppress\t%s", command->verb);
    if (object != NULL)
        text_add_format(&request, "\t%s", object);
    if (strcmp(command->verb, "add") == 0) {
        text_add_format(&request, "\t%s\t%s\t", command->class != NULL ? command->class : "no-user",
                        command->source != NULL ? command->source : "operator");
        result = write_until(command, ask, &request);
    }
    if (strcmp(command->verb, "add") == 0 || strcmp(command->verb, "remove") == 0)
        text_add_format(&request, "\t%s\t%s\t%s", or_empty(command->tenant),
                        or_empty(command->stream), or_empty(command->note));
    if (command->held)
        text_add_cstr(&request, "\theld");
    if (result != 0)
        return result;
    if (request.overflow || span_find_byte(text_span(&request), '\n') != SPAN_NOT_FOUND)
        return verb_complain("suppress", "the request is too long, or holds a line break");
    return suppress_ask_request(ask, text_span(&request));
}

static int request_domain(struct suppress_command *command, struct suppress_ask *ask)
{
    char object[512];
    int size = snprintf(object, sizeof(object), "@%s", command->domain);

    if (size < 0 || (size_t)size >= sizeof(object))
        return verb_complain("suppress", "the domain is too long");
    return request_one(command, ask, object);
}

/* Whether the verb takes addresses (1), one file or none (2), nothing (3); 0: there is no such. */
static int objects_of(const char *verb)
{
    static const struct {
        const char *verb;
        int objects;
    } verbs[] = {{"add", 1},     {"remove", 1}, {"show", 1},   {"release", 1},
                 {"confirm", 1}, {"import", 2}, {"export", 2}, {"list", 3}};

    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        if (strcmp(verb, verbs[i].verb) == 0)
            return verbs[i].objects;
    return 0;
}

/* Before anything is ordered. A provider is any word. */
static int check_addresses(const struct suppress_command *command, int count, char **objects)
{
    uint8_t key[HYGIENE_CHANGE_KEY_MAX];

    if (strcmp(command->verb, "add") != 0 && strcmp(command->verb, "remove") != 0 &&
        strcmp(command->verb, "show") != 0)
        return 0;
    for (int i = 0; i < count; i++)
        if (objects[i][0] != '@' && hygiene_feed_key(span_cstr(objects[i]), key).size == 0)
            return verb_complain("suppress", "\"%s\" is no mail address; nothing was done",
                                 objects[i]);
    return 0;
}

static int run(struct suppress_command *command, struct suppress_ask *ask, int count,
               char **objects)
{
    int result = 0;

    if (strcmp(command->verb, "import") == 0) {
        struct suppress_import import = {
            .file = objects[0],
            .class = command->class != NULL ? command->class : "no-user",
            .source = command->source != NULL ? command->source : "import",
            .tenant = or_empty(command->tenant),
            .stream = or_empty(command->stream),
            .note = or_empty(command->note),
        };

        result = read_until(command, ask, &import.until_s);
        if (result == 0)
            result = suppress_import_pack(&import, ask);
        if (result == 0)
            result = request_one(command, ask, import.path);
        suppress_import_remove(&import);
        return result;
    }
    if (command->domain != NULL)
        result = request_domain(command, ask);
    else if (objects_of(command->verb) != 1)
        return request_one(command, ask, NULL);
    for (int i = 0; i < count && result == 0; i++)
        result = request_one(command, ask, objects[i]);
    return result;
}

static int check(const struct suppress_command *command, int count)
{
    int objects = objects_of(command->verb);

    if (objects == 0)
        return verb_complain("suppress", "\"%s\" is not a question or an order", command->verb);
    if (command->domain != NULL && strcmp(command->verb, "show") != 0)
        return verb_complain("suppress", "--domain goes with show only");
    if (objects == 1 && count == 0 && command->domain == NULL)
        return verb_complain("suppress", "%s takes at least one object", command->verb);
    if ((objects == 2 && count > 1) || (count == 0 && strcmp(command->verb, "import") == 0))
        return verb_complain("suppress", "%s takes one file", command->verb);
    if (objects == 3 && count > 0)
        return verb_complain("suppress", "%s takes none", command->verb);
    if (!suppress_columns_is_stream(span_cstr(or_empty(command->stream))))
        return verb_complain("suppress", "a stream is bulk, transactional or a list's address");
    return 0;
}

/* Asks and prints the answers. */
static int ask_sender(struct suppress_command *command, int count, char **objects)
{
    struct suppress_ask ask = {
        .looks_only = strcmp(command->verb, "add") != 0 && strcmp(command->verb, "import") != 0,
        .take = take,
        .context = command,
    };
    int result = suppress_ask_open(&ask, command->config, command->spool), closed;

    if (result != 0)
        return result;
    if (strcmp(command->verb, "export") == 0 && count == 1 && strcmp(objects[0], "-") != 0)
        command->out = fopen(objects[0], "we"); /* not before: it may hold an earlier export */
    if (command->out == NULL) {
        perror(objects[0]);
        result = EXIT_CANNOT_CREATE;
    } else {
        result = run(command, &ask, count, objects);
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
    struct suppress_command command = {.verb = "", .out = stdout};
    int result = parse(&command, argc, argv), count = argc - optind;

    if (result == 0)
        result = check(&command, count);
    if (result == 0)
        result = check_addresses(&command, count, argv + optind);
    if (result != 0)
        return result;
    result = ask_sender(&command, count, argv + optind);
    if (command.out != NULL && !end_output(command.out) && result == 0) {
        perror("ringpost suppress");
        result = EXIT_IO;
    }
    return result != 0 ? result : command.failed ? EXIT_SOME_FAILED : EXIT_ALL_ACCEPTED;
}
