#include "tools/send_options.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/config.h"
#include "tools/exit_code.h"
#include "tools/option_reader.h"
#include "tools/verb.h"

enum {
    OPTION_FROM = 256,
    OPTION_TEMPLATE,
    OPTION_RECIPIENTS,
    OPTION_MESSAGE,
    OPTION_TO,
    OPTION_CAMPAIGN,
    OPTION_TENANT,
    OPTION_EMAIL_COLUMN,
    OPTION_METADATA,
    OPTION_CONFIG,
    OPTION_SPOOL,
    OPTION_LANE,
    OPTION_AT,
    OPTION_RATE,
    OPTION_UNTIL,
    OPTION_REQUIRE_TLS,
    OPTION_DRY_RUN,
    OPTION_JSON,
    OPTION_YES,
};

static const struct option long_options[] = {
    {"from", required_argument, NULL, OPTION_FROM},
    {"template", required_argument, NULL, OPTION_TEMPLATE},
    {"recipients", required_argument, NULL, OPTION_RECIPIENTS},
    {"message", required_argument, NULL, OPTION_MESSAGE},
    {"to", required_argument, NULL, OPTION_TO},
    {"campaign", required_argument, NULL, OPTION_CAMPAIGN},
    {"tenant", required_argument, NULL, OPTION_TENANT},
    {"email-column", required_argument, NULL, OPTION_EMAIL_COLUMN},
    {"metadata", required_argument, NULL, OPTION_METADATA},
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"spool", required_argument, NULL, OPTION_SPOOL},
    {"lane", required_argument, NULL, OPTION_LANE},
    {"at", required_argument, NULL, OPTION_AT},
    {"rate", required_argument, NULL, OPTION_RATE},
    {"until", required_argument, NULL, OPTION_UNTIL},
    {"require-tls", no_argument, NULL, OPTION_REQUIRE_TLS},
    {"dry-run", no_argument, NULL, OPTION_DRY_RUN},
    {"json", no_argument, NULL, OPTION_JSON},
    {"yes", no_argument, NULL, OPTION_YES},
    {NULL, 0, NULL, 0},
};

static bool parse_lane(const char *text, enum lane *ret_lane)
{
    if (strcmp(text, "bulk") == 0)
        *ret_lane = LANE_BULK;
    else if (strcmp(text, "transactional") == 0)
        *ret_lane = LANE_TRANSACTIONAL;
    else
        return false;
    return true;
}

static bool parse_at(const char *text, uint64_t *ret_s)
{
    struct tm moment = {0};
    uint64_t ns;
    char *rest;
    time_t seconds;

    if (text[0] == '+') {
        if (!config_parse_duration(span_cstr(text + 1), &ns))
            return false;
        *ret_s = (uint64_t)time(NULL) + ns / NS_PER_S;
        return true;
    }
    rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &moment);
    if (rest == NULL || strcmp(rest, "Z") != 0)
        return false;
    seconds = timegm(&moment);
    *ret_s = (uint64_t)seconds;
    return seconds > 0;
}

static bool parse_until(struct send_options *options, const char *text)
{
    if (strcmp(text, "idle") == 0) {
        options->goal = FRONT_UNTIL_IDLE;
        return true;
    }
    options->goal = FRONT_UNTIL_DONE;
    return strcmp(text, "done") == 0 ||
           (config_parse_duration(span_cstr(text), &options->duration_ns) &&
            options->duration_ns > 0);
}

/* Options whose value must be understood. NULL when it was, else what it should be. */
static const char *take_value(struct send_options *options, int option)
{
    switch (option) {
    case OPTION_LANE:
        return parse_lane(optarg, &options->lane) ? NULL : "--lane is bulk or transactional";
    case OPTION_AT:
        return parse_at(optarg, &options->not_before_s)
                   ? NULL
                   : "--at is a time such as 2026-12-24T18:00:00Z or +30m";
    case OPTION_RATE:
        return config_parse_rate(span_cstr(optarg), &options->rate_per_hour)
                   ? NULL
                   : "--rate is a rate such as 100/min or 50 (a second)";
    case OPTION_UNTIL:
        return parse_until(options, optarg) ? NULL : "--until is idle, done or a time such as 2h";
    case OPTION_TO:
        if (options->to_count == SEND_TO_MAX)
            return "--to is given too often: use --recipients";
        options->to[options->to_count++] = optarg;
        return NULL;
    default:
        return "an option is not known";
    }
}

static const char *take(struct send_options *options, int option)
{
    const char **const texts[] = {
        [OPTION_FROM - 256] = &options->from,
        [OPTION_TEMPLATE - 256] = &options->template_file,
        [OPTION_RECIPIENTS - 256] = &options->recipients_file,
        [OPTION_MESSAGE - 256] = &options->message_file,
        [OPTION_CAMPAIGN - 256] = &options->campaign,
        [OPTION_TENANT - 256] = &options->tenant,
        [OPTION_EMAIL_COLUMN - 256] = &options->email_column,
        [OPTION_METADATA - 256] = &options->metadata,
        [OPTION_CONFIG - 256] = &options->config,
        [OPTION_SPOOL - 256] = &options->spool,
    };

    if (option >= 256 && option - 256 < (int)ARRAY_LEN(texts) && texts[option - 256] != NULL) {
        *texts[option - 256] = optarg;
        return NULL;
    }
    switch (option) {
    case OPTION_REQUIRE_TLS:
        options->require_tls = true;
        return NULL;
    case OPTION_DRY_RUN:
        options->dry_run = true;
        return NULL;
    case OPTION_JSON:
        options->json = true;
        return NULL;
    case OPTION_YES:
        options->yes = true;
        return NULL;
    default:
        return take_value(options, option);
    }
}

static const char *check_names(const struct send_options *options)
{
    if (options->campaign != NULL && options->campaign[0] == '\0')
        return "--campaign is a name of at least one octet";
    if (options->campaign != NULL && strlen(options->campaign) > CAMPAIGN_NAME_MAX)
        return "--campaign is a name of at most 255 octets";
    if (strlen(options->tenant) > CAMPAIGN_NAME_MAX)
        return "--tenant is a name of at most 255 octets";
    if (span_has_control(span_cstr(options->tenant)) ||
        (options->campaign != NULL && span_has_control(span_cstr(options->campaign))))
        return "--campaign and --tenant take no control characters";
    return NULL;
}

static const char *check(const struct send_options *options)
{
    bool list = options->template_file != NULL || options->recipients_file != NULL;
    bool single = options->message_file != NULL || options->to_count > 0;

    if (options->from == NULL)
        return "--from is missing";
    if (list == single)
        return "it takes either --template with --recipients, or --message with --to";
    if (list && (options->template_file == NULL || options->recipients_file == NULL))
        return "--template and --recipients go together";
    if (single && (options->message_file == NULL || options->to_count == 0))
        return "--message and --to go together";
    if (single && (options->email_column != NULL || options->metadata != NULL))
        return "--email-column and --metadata belong to --recipients";
    if (list && strcmp(options->template_file, "-") == 0)
        return "the template cannot come from standard input";
    return check_names(options);
}

int send_options_parse(struct send_options *options, int argc, char **argv)
{
    const char *problem = NULL;
    struct option_reader reader;
    int option;

    memset(options, 0, sizeof(*options));
    options->lane = LANE_BULK;
    options->tenant = "";
    options->to = calloc(SEND_TO_MAX, sizeof(options->to[0]));
    if (options->to == NULL)
        return EXIT_TRY_AGAIN;
    option_reader_init(&reader, argc, argv, long_options);
    while (problem == NULL && (option = option_reader_next(&reader)) != -1) {
        if (option == OPTION_READER_WRONG)
            return verb_complain("send", "%s", reader.problem);
        problem = take(options, option);
    }
    /* More addresses may stand behind --to ADDRESS. */
    while (problem == NULL && optind < argc && options->to_count > 0 &&
           options->to_count < SEND_TO_MAX)
        options->to[options->to_count++] = argv[optind++];
    if (problem == NULL && optind < argc)
        return verb_complain("send", "\"%s\" is not understood", argv[optind]);
    if (problem == NULL)
        problem = check(options);
    return problem == NULL ? 0 : verb_complain("send", "%s", problem);
}
