#include "tools/suppress_options.h"

#include <string.h>

#include "bounce/bounce_class.h"
#include "bounce/hygiene_change.h"
#include "engine/hygiene_feed.h"
#include "tools/option_reader.h"
#include "tools/suppress_columns.h"
#include "tools/verb.h"

static const char *or_empty(const char *text)
{
    return text != NULL ? text : "";
}

/* "--reason mailbox-full" names a class, "--reason 'asked on the phone'" says why. */
static int take_reason(struct suppress_options *options)
{
    enum bounce_class class;
    bool is_class;

    if (options->reason == NULL)
        return 0;
    is_class = bounce_class_from_name(span_cstr(options->reason), &class);
    if (is_class ? options->class != NULL : options->note != NULL)
        return verb_complain("suppress", "--reason says it a second time: --%s is there",
                             is_class ? "class" : "note");
    if (is_class)
        options->class = options->reason;
    else
        options->note = options->reason;
    return 0;
}

static int take_scope(struct suppress_options *options)
{
    struct span tenant, stream;
    char *slash;

    if (options->scope == NULL)
        return 0;
    if (options->tenant != NULL || options->stream != NULL)
        return verb_complain("suppress", "--scope says it a second time: --tenant or --stream is "
                                         "there");
    if (!suppress_columns_scope(span_cstr(options->scope), &tenant, &stream))
        return verb_complain("suppress",
                             "--scope takes TENANT, TENANT/STREAM, /STREAM or *, not \"%s\"",
                             options->scope);
    if (strcmp(options->scope, "*") == 0)
        return 0;
    slash = strchr(options->scope, '/');
    options->tenant = options->scope;
    if (slash == NULL)
        return 0;
    *slash = '\0';
    options->stream = slash + 1;
    return 0;
}

/* Words that can be judged here are: a wrong one is a fault of the command line. */
static int check_words(const struct suppress_options *options)
{
    enum hygiene_source source;
    enum bounce_class class;

    if (options->source != NULL &&
        !hygiene_change_source_from_name(span_cstr(options->source), &source))
        return verb_complain("suppress",
                             "--source takes session, report, complaint, unsubscribe, operator or "
                             "import, not \"%s\": who said so in other words is for --note",
                             options->source);
    if (options->class != NULL && !bounce_class_from_name(span_cstr(options->class), &class))
        return verb_complain("suppress",
                             "--class \"%s\" is not in the vocabulary (no-user, complaint, "
                             "unsubscribe, ...)",
                             options->class);
    return 0;
}

static int read_options(struct suppress_options *options, int argc, char **argv)
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
        ['f'] = &options->config, ['s'] = &options->spool, ['c'] = &options->class,
        ['o'] = &options->source, ['u'] = &options->until, ['t'] = &options->tenant,
        ['r'] = &options->stream, ['n'] = &options->note,  ['d'] = &options->domain,
        ['w'] = &options->reason,
    };
    struct option_reader reader;
    int option;

    option_reader_init(&reader, argc, argv, long_options);
    while ((option = option_reader_next(&reader)) != -1) {
        if (option == 'j')
            options->json = true;
        else if (option == 'h')
            options->held = true;
        else if (option == 'y')
            options->yes = true;
        else if (option == 'p')
            options->scope = optarg;
        else if (option > 0 && option < 256 && texts[option] != NULL)
            *texts[option] = optarg;
        else
            return verb_complain("suppress", "%s", reader.problem);
    }
    if (optind == argc)
        return verb_complain("suppress",
                             "add, remove, show, list, import, export, release or confirm?");
    options->verb = argv[optind++];
    options->objects = argv + optind;
    options->objects_count = argc - optind;
    return 0;
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
static int check_addresses(const struct suppress_options *options)
{
    uint8_t key[HYGIENE_CHANGE_KEY_MAX];

    if (strcmp(options->verb, "add") != 0 && strcmp(options->verb, "remove") != 0 &&
        strcmp(options->verb, "show") != 0)
        return 0;
    for (int i = 0; i < options->objects_count; i++)
        if (options->objects[i][0] != '@' &&
            hygiene_feed_key(span_cstr(options->objects[i]), key).size == 0)
            return verb_complain("suppress", "\"%s\" is no mail address; nothing was done",
                                 options->objects[i]);
    return 0;
}

static int check(const struct suppress_options *options)
{
    int objects = objects_of(options->verb), count = options->objects_count;

    if (objects == 0)
        return verb_complain("suppress", "\"%s\" is not a question or an order", options->verb);
    if (options->domain != NULL && strcmp(options->verb, "show") != 0)
        return verb_complain("suppress", "--domain goes with show only");
    if (objects == 1 && count == 0 && options->domain == NULL)
        return verb_complain("suppress", "%s takes at least one object", options->verb);
    if ((objects == 2 && count > 1) || (count == 0 && strcmp(options->verb, "import") == 0))
        return verb_complain("suppress", "%s takes one file", options->verb);
    if (objects == 3 && count > 0)
        return verb_complain("suppress", "%s takes none", options->verb);
    if (!suppress_columns_is_stream(span_cstr(options->stream)))
        return verb_complain("suppress", "a stream is bulk, transactional or a list's address");
    return 0;
}

bool suppress_options_takes_addresses(const struct suppress_options *options)
{
    return objects_of(options->verb) == 1;
}

int suppress_options_parse(struct suppress_options *options, int argc, char **argv)
{
    int result = read_options(options, argc, argv);

    if (result == 0)
        result = take_reason(options);
    if (result == 0)
        result = take_scope(options);
    if (result == 0)
        result = check_words(options);
    options->tenant = or_empty(options->tenant);
    options->stream = or_empty(options->stream);
    options->note = or_empty(options->note);
    if (result == 0)
        result = check(options);
    return result != 0 ? result : check_addresses(options);
}
