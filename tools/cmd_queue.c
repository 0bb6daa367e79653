/* cmd_queue.c - `ringpost queue`: questions and orders, beside a running sender or on a spool at
 * rest. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/json_put.h"
#include "engine/event_json.h"
#include "engine/query.h"
#include "queue/journal.h"
#include "tools/exit_code.h"
#include "tools/option_reader.h"
#include "tools/sender.h"
#include "tools/sender_line.h"
#include "tools/spool.h"
#include "tools/verb.h"

#define TRIES_MAX 3     /* of senders that answer and end before the next question */
#define ANSWER_SIZE MIB /* longer than any line */

struct queue_command {
    const char *verb;
    const char *campaign;
    const char *domain;
    const char *id;
    const char *config;
    const char *spool;
    const char *folder; /* of the sender */
    bool json;
    bool yes;
    bool failed;   /* an answer was an error */
    bool answered; /* with a line at least */
};

/* --- showing answers --- */

static void print_keys(struct span line, const char *const *keys)
{
    for (; *keys != NULL; keys++) {
        struct span value = sender_value(line, *keys);

        if (value.size > 0)
            (void)printf("%s=%.*s ", *keys, (int)value.size, (const char *)value.data);
    }
    (void)printf("\n");
}

static void show_line(struct queue_command *command, struct span line)
{
    static const char *const campaign_keys[] = {
        "campaign",    "tenant",         "domain",
        "lane",        "state",          "at_domain",
        "recipients",  "queued",         "deferred",
        "in_flight",   "accepted",       "failed",
        "expired",     "suppressed",     "cancelled",
        "unsure",      "domains_paused", "domains_cancelled",
        "require_tls", "held_because",   NULL};
    static const char *const record_keys[] = {
        "id", "recipient", "state", "attempts", "next_attempt", "unsure", "held_because", NULL};
    static const char *const status_keys[] = {
        "ready",    "in_flight",        "sessions",      "opening",         "no_socket",
        "accepted", "deferrals",        "failed",        "expired",         "sessions_peak",
        "connects", "connect_failures", "dns_questions", "longest_turn_us", NULL};
    static const char *const stop_keys[] = {"domain", "state", "campaign", "tenant", "since", NULL};
    static const char *const event_keys[] = {"type",    "timestamp", "site",         "code",
                                             "content", "name",      "num_attempts", NULL};
    struct span error = sender_value(line, "error");

    command->answered = true;
    if (span_starts(line, SPAN("{\"error\":"))) {
        (void)fprintf(stderr, "ringpost queue: %.*s\n", (int)error.size, (const char *)error.data);
        command->failed = true;
    } else if (command->json) {
        (void)printf("%.*s\n", (int)line.size, (const char *)line.data);
    } else if (span_starts(line, SPAN("{\"campaign\":"))) {
        print_keys(line, campaign_keys);
    } else if (span_starts(line, SPAN("{\"domain\":"))) {
        print_keys(line, stop_keys);
    } else if (span_starts(line, SPAN("{\"id\":"))) {
        print_keys(line, record_keys);
    } else if (span_starts(line, SPAN("{\"ready\":"))) {
        print_keys(line, status_keys);
    } else {
        print_keys(line, event_keys);
    }
}

/* Shows the complete lines of *text and keeps the rest at its front. */
static void show(struct queue_command *command, struct text *text)
{
    struct span rest = text_span(text);
    size_t end;

    while ((end = span_find_byte(rest, '\n')) != SPAN_NOT_FOUND) {
        show_line(command, span_first(rest, end));
        rest = span_skip(rest, end + 1);
    }
    if (rest.size > 0)
        memmove(text->data, rest.data, rest.size);
    text->size = rest.size;
}

/* --- beside a running sender --- */

/* An end that comes from a sender's death looks like the end of an answer, and one without a line
 * like the answer of an empty queue. Whoever still answers was alive all the time. */
static bool is_alive(const struct queue_command *command)
{
    char buffer[4096];
    struct text answer;

    text_init(&answer, buffer, sizeof(buffer));
    return sender_line_ask(command->folder, SPAN("status"), &answer) == 0 && answer.size > 0;
}

/* Whether an answer that seems to be whole has to be asked about. */
static bool is_doubtful(const struct queue_command *command)
{
    return strcmp(command->verb, "status") != 0 &&
           (!command->answered || strcmp(command->verb, "list") == 0);
}

/* An exit code; -errno: there was no answer and may be one from the spool in a moment. */
static int ask_sender(struct queue_command *command, int handle, struct span request)
{
    static uint8_t buffer[ANSWER_SIZE];
    struct text text;
    ssize_t got = 0;

    text_init(&text, buffer, sizeof(buffer));
    if (send(handle, request.data, request.size, MSG_NOSIGNAL) != (ssize_t)request.size)
        got = -1;
    while (got >= 0) {
        got = recv(handle, text.data + text.size, text.capacity - text.size, 0);
        if (got < 0 && errno == EINTR)
            got = 0;
        else if (got == 0)
            break;
        if (got > 0)
            text.size += (size_t)got;
        show(command, &text);
    }
    (void)close(handle);
    if (got < 0 && !command->answered)
        return errno != 0 ? -errno : -ECONNRESET; /* it was ending, or was killed a moment ago */
    if (got < 0) {
        (void)fprintf(stderr, "ringpost queue: the sender's control socket: %s: try again\n",
                      strerror(errno));
        return EXIT_TRY_AGAIN;
    }
    if (is_doubtful(command) && !is_alive(command)) {
        if (!command->answered)
            return -ECONNRESET;
        (void)fprintf(stderr, "ringpost queue: the sender ended while it answered: something may "
                              "be missing, try again\n");
        return EXIT_TRY_AGAIN;
    }
    if (!command->answered && strcmp(command->verb, "list") != 0 &&
        strcmp(command->verb, "summary") != 0) {
        (void)fprintf(stderr, "ringpost queue: the sender gave no answer: try again\n");
        return EXIT_TRY_AGAIN;
    }
    return command->failed ? EXIT_SOME_FAILED : EXIT_ALL_ACCEPTED;
}

/* --- at rest --- */

static int ask_spool(struct queue_command *command, struct span request)
{
    static uint8_t buffer[ANSWER_SIZE];
    struct spool spool;
    struct query query;
    struct query_world world = {0};
    struct text text;
    bool complete = false;
    int result = spool_open(&spool, command->config, command->spool, true);

    if (result != 0)
        return result;
    text_init(&text, buffer, sizeof(buffer));
    query_parse(&query, span_trim(request));
    world.store = engine_store(spool.engine);
    world.contents = engine_contents(spool.engine);
    world.classifier = spool.settings.policy->classifier;
    while (!complete) {
        world.wall_ns = io_wall_ns(spool.io);
        complete = query_step(&query, &world, &text);
        if (!complete && text.size == 0)
            spool_turn(&spool, NS_PER_MS);
        show(command, &text);
    }
    if (spool_close(&spool) < 0)
        return EXIT_TRY_AGAIN;
    return command->failed ? EXIT_SOME_FAILED : EXIT_ALL_ACCEPTED;
}

static void show_problem(void *context, const struct store_problem *problem)
{
    struct queue_command *command = context;

    if (command->json)
        (void)printf("{\"file\":\"%s\",\"offset\":%llu,\"lost\":%s,\"what\":\"%s\"}\n",
                     problem->file, (unsigned long long)problem->offset,
                     problem->lost ? "true" : "false", problem->what);
    else
        (void)printf("%s at %llu: %s%s\n", problem->file, (unsigned long long)problem->offset,
                     problem->what, problem->lost ? "" : " (nothing is lost by it)");
}

static int verify(struct queue_command *command)
{
    struct spool spool;
    struct store_verify_totals totals = {0};
    int result = spool_open(&spool, command->config, command->spool, false);

    if (result != 0)
        return result;
    result = store_verify(spool.io, spool.settings.policy->spool, show_problem, command, &totals);
    if (result < 0)
        (void)fprintf(stderr, "ringpost queue: %s: %s\n", spool.settings.policy->spool,
                      result == -EWOULDBLOCK ? "in use: verify needs a spool at rest"
                                             : strerror(-result));
    else if (command->json)
        (void)printf("{\"files\":%u,\"bytes\":%llu,\"batches\":%llu,\"records\":%llu,"
                     "\"recipients\":%llu,\"outcomes\":%llu,\"problems\":%u}\n",
                     totals.files_count, (unsigned long long)totals.bytes,
                     (unsigned long long)totals.batches_count,
                     (unsigned long long)totals.records_count,
                     (unsigned long long)totals.recipients_count,
                     (unsigned long long)totals.outcomes_count, totals.problems_count);
    else
        (void)printf("%u files, %llu octets, %llu recipients, %llu outcomes, %u problems\n",
                     totals.files_count, (unsigned long long)totals.bytes,
                     (unsigned long long)totals.recipients_count,
                     (unsigned long long)totals.outcomes_count, totals.problems_count);
    (void)spool_close(&spool); /* nothing was written */
    if (result < 0)
        return EXIT_TRY_AGAIN;
    return totals.problems_count > 0 ? EXIT_SOME_FAILED : EXIT_ALL_ACCEPTED;
}

/* --- the command --- */

static int parse(struct queue_command *command, int argc, char **argv)
{
    static const struct option long_options[] = {
        {"campaign", required_argument, NULL, 'c'},
        {"domain", required_argument, NULL, 'd'},
        {"config", required_argument, NULL, 'f'},
        {"spool", required_argument, NULL, 's'},
        {"json", no_argument, NULL, 'j'},
        {"yes", no_argument, NULL, 'y'},
        {NULL, 0, NULL, 0},
    };
    const char **texts[256] = {['c'] = &command->campaign,
                               ['d'] = &command->domain,
                               ['f'] = &command->config,
                               ['s'] = &command->spool};
    struct option_reader reader;
    int option;

    option_reader_init(&reader, argc, argv, long_options);
    while ((option = option_reader_next(&reader)) != -1) {
        if (option == 'j')
            command->json = true;
        else if (option == 'y')
            command->yes = true;
        else if (option > 0 && option < 256 && texts[option] != NULL)
            *texts[option] = optarg;
        else
            return verb_complain("queue", "%s", reader.problem);
    }
    if (optind == argc)
        return verb_complain("queue", "summary, status, list, show, pause, resume, cancel or "
                                      "verify?");
    command->verb = argv[optind++];
    if (strcmp(command->verb, "show") == 0)
        command->id = optind < argc ? argv[optind++] : "";
    if (optind < argc)
        return verb_complain("queue", "\"%s\" is not understood", argv[optind]);
    return 0;
}

/* One campaign at a time, or one domain. */
static int check_order(const struct queue_command *command)
{
    if (command->campaign == NULL && command->domain == NULL)
        return verb_complain("queue",
                             "%s what? Say --campaign C (or TENANT/C: queue summary shows their "
                             "names), --domain D, or both; each is a command of its own",
                             command->verb);
    if (command->domain != NULL &&
        (command->domain[0] == '\0' || strlen(command->domain) > JOURNAL_STOP_NAME_MAX ||
         strpbrk(command->domain, "@ \t\r\n") != NULL))
        return verb_complain("queue", "\"%s\" is no domain", command->domain);
    return 0;
}

static int check(const struct queue_command *command)
{
    static const char *const verbs[] = {"summary", "list",   "show",   "pause",
                                        "resume",  "cancel", "verify", "status"};
    struct identity identity;
    bool known = false;

    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        known = known || strcmp(command->verb, verbs[i]) == 0;
    if (!known)
        return verb_complain("queue", "\"%s\" is not a question or an order", command->verb);
    if (strcmp(command->verb, "pause") == 0 || strcmp(command->verb, "resume") == 0 ||
        strcmp(command->verb, "cancel") == 0)
        return check_order(command);
    if (command->domain != NULL && strcmp(command->verb, "list") != 0 &&
        strcmp(command->verb, "summary") != 0)
        return verb_complain("queue", "--domain goes with summary, list, pause, resume and cancel");
    if (command->id != NULL && command->id[0] == '\0')
        return verb_complain("queue",
                             "show needs the id of a message: queue list and events have it");
    if (command->id != NULL && !event_json_parse_id(span_cstr(command->id), &identity))
        return verb_complain("queue", "\"%s\" is not an id such as queue list and events have it",
                             command->id);
    return 0;
}

static int ask_about(struct queue_command *command, const char *spool, const char *verb,
                     const char *first, const char *second)
{
    char line[QUERY_LINE_MAX];
    int size = snprintf(line, sizeof(line), "%s\t%s\t%s\n", verb, first, second);
    struct span request = span_make(line, (size_t)size);
    int handle = 0, result = -ECONNRESET;

    if (size < 0 || (size_t)size >= sizeof(line))
        return verb_complain("queue", "the names are too long");
    command->folder = spool;
    if (second[0] == '\0')
        request = span_make(line, (size_t)(size - 2)), line[size - 2] = '\n', request.size++;
    for (int i = 0; handle >= 0 && result < 0 && i < TRIES_MAX; i++) {
        handle = sender_line_reach(spool);
        result = handle < 0 ? handle : ask_sender(command, handle, request);
    }
    if (result >= 0)
        return result;
    if (handle >= 0 || result == -ECONNRESET || result == -EPIPE) {
        (void)fprintf(stderr, "ringpost queue: the sender's control socket: %s: try again\n",
                      strerror(-result));
        return EXIT_TRY_AGAIN;
    }
    if (strcmp(verb, "status") == 0) {
        (void)fprintf(stderr, "ringpost queue: no sender is running on %s\n", spool);
        return EXIT_NO_SERVICE;
    }
    return ask_spool(command, request);
}

int verb_queue(int argc, char **argv)
{
    struct queue_command command = {.verb = ""};
    struct settings settings;
    char folder[POLICY_PATH_MAX + 1];
    const char *campaign, *domain;
    int result = parse(&command, argc, argv);

    if (result == 0)
        result = check(&command);
    if (result != 0)
        return result;
    result = settings_load_policy(&settings, command.config, command.spool);
    if (result != 0)
        return result;
    (void)snprintf(folder, sizeof(folder), "%s", settings.policy->spool);
    settings_free(&settings);
    if (access(folder, F_OK) != 0)
        return verb_complain("queue", "%s: %s", folder, strerror(errno));
    if (!spool_is_there(folder))
        return verb_complain("queue", "%s is no spool: there is no queue in it", folder);
    if (strcmp(command.verb, "verify") == 0)
        return verify(&command);
    campaign = command.id != NULL ? command.id : command.campaign != NULL ? command.campaign : "";
    domain = command.domain != NULL ? command.domain : "";
    if (strcmp(command.verb, "cancel") == 0 && !command.yes) {
        (void)ask_about(&command, folder, "summary", campaign, domain);
        (void)fprintf(stderr, "nothing was cancelled: say --yes to cancel what is still queued\n");
        return EXIT_USAGE;
    }
    return ask_about(&command, folder, command.verb, campaign, domain);
}
