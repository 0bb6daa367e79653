/* cmd_check.c - `ringpost check`, `ringpost config` and `ringpost version`: what is configured,
 * what it costs, what this program is. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/memory_sheet.h"
#include "tools/dkim_keys.h"
#include "tools/exit_code.h"
#include "tools/option_reader.h"
#include "tools/preflight.h"
#include "tools/settings.h"
#include "tools/spool.h"
#include "tools/verb.h"

#define OUTPUT_SIZE (256 * KIB)
static char output[OUTPUT_SIZE];

static int print(const struct text *text)
{
    (void)fwrite(text->data, 1, text->size, stdout);
    return text->overflow ? EXIT_TRY_AGAIN : EXIT_ALL_ACCEPTED;
}

struct check_options {
    const char *config;
    const char *from;
    bool memory;
    bool origin;
};

static const struct option options_of_check[] = {{"config", required_argument, NULL, 'f'},
                                                 {"from", required_argument, NULL, 'a'},
                                                 {"memory", no_argument, NULL, 'm'},
                                                 {NULL, 0, NULL, 0}};
static const struct option options_of_config[] = {{"config", required_argument, NULL, 'f'},
                                                  {"origin", no_argument, NULL, 'o'},
                                                  {NULL, 0, NULL, 0}};

/* One word may stand beside the options: `ret_word`, NULL without. */
static int parse(const struct option *known, struct check_options *options, const char **ret_word,
                 int argc, char **argv)
{
    const char *verb = known == options_of_check ? "check" : "config";
    struct option_reader reader;
    int option;

    memset(options, 0, sizeof(*options));
    option_reader_init(&reader, argc, argv, known);
    while ((option = option_reader_next(&reader)) != -1) {
        switch (option) {
        case 'f':
            options->config = optarg;
            break;
        case 'a':
            options->from = optarg;
            break;
        case 'm':
            options->memory = true;
            break;
        case 'o':
            options->origin = true;
            break;
        default:
            return verb_complain(verb, "%s", reader.problem);
        }
    }
    if (argc - optind > 1)
        return verb_complain(verb, "\"%s\" is one word too many", argv[optind + 1]);
    *ret_word = optind < argc ? argv[optind] : NULL;
    return 0;
}

/* What is allowed, and may not be what was meant. */
static void print_notes(const struct policy *policy)
{
    char buffer[512];
    struct text error;

    text_init(&error, buffer, sizeof(buffer) - 1);
    if (dkim_keys_fit_again(policy, &error) < 0)
        (void)printf("note: a reload holds the new keys of dkim: beside the old ones, and they do "
                     "not fit: %s\n",
                     text_cstr_end(&error));
    if (policy->tls_dane && !policy->dns_trust_ad && policy->tls_mode != POLICY_TLS_OFF)
        (void)printf("note: tls.dane has no effect while dns.trust_ad is off: no resolver is "
                     "trusted to tell secure answers\n");
}

/* Mail from that address, as large receivers see it. */
static int check_sender(const struct check_options *options)
{
    struct preflight preflight = {.from = options->from, .lane = LANE_BULK, .out = stdout};
    struct spool spool;
    struct address address;
    const char *problem = NULL;
    int result;

    if (!address_parse(span_cstr(options->from), &address, &problem))
        return verb_complain("check", "--from: \"%s\" is not an address: %s", options->from,
                             problem);
    result = spool_open(&spool, options->config, NULL, false);
    if (result != 0)
        return result;
    preflight_run(&preflight, &spool);
    if (preflight.warnings == 0)
        (void)printf("%s: signed, and its SPF and DMARC records are there\n", options->from);
    (void)spool_close(&spool); /* nothing was written */
    return 0;
}

static int print_memory(const struct policy *policy)
{
    struct memory_sheet sheet = {.policy = policy};
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct io_options ring;
    pthread_attr_t thread;
    struct text text;

    engine_limits_fill(&sheet.limits, policy, cores > 0 ? (uint32_t)cores : 1);
    ring = spool_ring(sheet.limits.shards_count);
    sheet.front_ring_size = io_cost(&ring);
    if (pthread_attr_init(&thread) == 0) { /* what a thread gets unless it asks for more */
        (void)pthread_attr_getstacksize(&thread, &sheet.stack_size);
        (void)pthread_attr_destroy(&thread);
    }
    text_init(&text, output, sizeof(output));
    memory_sheet_write(&sheet, &text);
    return print(&text);
}

int verb_check(int argc, char **argv)
{
    struct check_options options;
    struct settings settings;
    struct preflight preflight = {.lane = LANE_BULK, .out = stdout};
    const char *file = NULL;
    int result = parse(options_of_check, &options, &file, argc, argv);

    if (result == 0 && file != NULL && options.config != NULL)
        return verb_complain("check", "two files: %s and %s", options.config, file);
    if (file != NULL)
        options.config = file;
    if (result == 0)
        result = settings_load(&settings, options.config, NULL);
    if (result != 0)
        return result;
    result = dkim_keys_load(settings.policy, settings.policy);
    if (result != 0) {
        settings_free(&settings);
        return result;
    }
    if (options.memory) {
        result = print_memory(settings.policy);
    } else {
        (void)printf("%s: good\n",
                     settings.policy->file[0] != '\0' ? settings.policy->file : "defaults");
        print_notes(settings.policy);
        if (options.from == NULL)
            preflight_settings(&preflight, &settings);
    }
    settings_free(&settings);
    return result != 0 || options.from == NULL ? result : check_sender(&options);
}

int verb_config(int argc, char **argv)
{
    struct check_options options;
    struct settings settings;
    struct text text;
    const char *what = NULL;
    int result = parse(options_of_config, &options, &what, argc, argv);

    if (result != 0)
        return result;
    if (what == NULL)
        what = "show";
    text_init(&text, output, sizeof(output));
    if (strcmp(what, "reference") == 0) {
        config_reference(policy_schema(), &text);
        return print(&text);
    }
    if (strcmp(what, "schema") == 0) {
        config_json_schema(policy_schema(), &text);
        return print(&text);
    }
    if (strcmp(what, "show") != 0)
        return verb_complain("config", "\"%s\" is not show, reference or schema", what);
    result = settings_load_policy(&settings, options.config, NULL);
    if (result != 0)
        return result;
    config_show(policy_schema(), settings.policy, &settings.policy->origin, settings.policy->file,
                options.origin, &text);
    if (options.origin && policy_line(settings.policy, "spool") == 0)
        text_add_cstr(&text,
                      "# spool: ringpost run without --spool takes " SETTINGS_SERVICE_SPOOL "\n");
    settings_free(&settings);
    return print(&text);
}

int verb_version(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--json") == 0)
        (void)printf("{\"version\":\"%s\"}\n", RINGPOST_VERSION);
    else
        (void)printf("ringpost %s\n", RINGPOST_VERSION);
    return EXIT_ALL_ACCEPTED;
}
