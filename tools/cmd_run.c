/* cmd_run.c - `ringpost run`: the service: sends what is in the spool, takes what comes back, until
 * it is stopped. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/front.h"
#include "tools/exit_code.h"
#include "tools/option_reader.h"
#include "tools/reload.h"
#include "tools/spool.h"
#include "tools/tls_reports.h"
#include "tools/verb.h"

#define PEM_SIZE_MAX MIB

struct run {
    const char *config;
    const char *folder;
    struct spool spool;
    struct listener listener;
    struct tls_reports reports;
    const struct policy *first_policy; /* in force at the start; kept to compare with */
    uint8_t *certificate;
    uint8_t *key;
    bool told_ready;
    uint64_t told_rounds; /* of reports about TLS */
    bool told_control;
    bool told_events;
    bool cannot_listen;
};

static int parse(struct run *run, int argc, char **argv)
{
    static const struct option long_options[] = {{"config", required_argument, NULL, 'c'},
                                                 {"spool", required_argument, NULL, 's'},
                                                 {NULL, 0, NULL, 0}};
    struct option_reader reader;
    int option;

    option_reader_init(&reader, argc, argv, long_options);
    while ((option = option_reader_next(&reader)) != -1) {
        if (option == 'c')
            run->config = optarg;
        else if (option == 's')
            run->folder = optarg;
        else
            return verb_complain("run", "%s", reader.problem);
    }
    return optind == argc ? 0 : verb_complain("run", "\"%s\" is not understood", argv[optind]);
}

/* Where the service keeps its queue when neither --spool nor the configuration says so: a service
 * has no folder that it is called from. */
static int choose_folder(struct run *run)
{
    struct settings settings;
    int result;

    if (run->folder != NULL)
        return 0;
    result = settings_load_policy(&settings, run->config, NULL);
    if (result != 0)
        return result;
    if (policy_line(settings.policy, "spool") == 0)
        run->folder = SETTINGS_SERVICE_SPOOL;
    settings_free(&settings);
    return 0;
}

/* --- the listener --- */

static int read_pem(const char *path, uint8_t **ret_data, struct span *ret_pem)
{
    size_t size = 0;
    int result = settings_read_file(path, PEM_SIZE_MAX, ret_data, &size);

    if (result < 0) {
        (void)fprintf(stderr, "ringpost run: %s: %s\n", path, strerror(-result));
        return EXIT_USAGE;
    }
    *ret_pem = span_make(*ret_data, size);
    return 0;
}

static int open_listener(struct run *run)
{
    const struct policy *policy = run->spool.settings.policy;
    struct listener_options options = {
        .io = run->spool.io,
        .policy = policy,
        .keys = &run->spool.settings.keys,
        .hygiene = engine_hygiene(run->spool.engine),
        .queue = store_queue(engine_store(run->spool.engine)),
        .classifier = policy->classifier,
    };
    char buffer[512];
    struct text error;
    int result = 0;

    if (policy->bounces_tls_cert[0] != '\0' && policy->bounces_listen.count > 0) {
        result = read_pem(policy->bounces_tls_cert, &run->certificate, &options.certificate_pem);
        if (result == 0)
            result = read_pem(policy->bounces_tls_key, &run->key, &options.key_pem);
    }
    if (result != 0)
        return result;
    text_init(&error, buffer, sizeof(buffer));
    result = listener_open(&run->listener, &options, &error);
    if (result == 0)
        return 0;
    if (error.size == 0)
        text_add_cstr(&error, strerror(-result));
    (void)fprintf(stderr, "ringpost run: %s\n", text_cstr_end(&error));
    return result == -EINVAL ? EXIT_USAGE : EXIT_NO_SERVICE;
}

static void close_listener(struct run *run)
{
    listener_close(&run->listener);
    free(run->certificate);
    free(run->key);
}

/* --- running --- */

static void tell_ready(struct run *run)
{
    const struct policy *policy = run->first_policy;

    run->told_ready = true;
    (void)fprintf(stderr, "ringpost run: the spool %s is being sent", policy->spool);
    for (uint32_t i = 0; i < policy->bounces_listen.count; i++)
        (void)fprintf(stderr, "%s%s", i == 0 ? "; mail that comes back is taken on " : ", ",
                      policy->bounces_listen_items[i]);
    (void)fprintf(stderr, "\n");
}

/* What the last round of reports about TLS came to. */
static void tell_reports(struct run *run)
{
    const struct tls_reporting *reporting = &run->reports.reporting;
    const struct tls_reporting_counts *counts = &reporting->counts;

    if (run->told_rounds == reporting->rounds_count || !tls_reporting_is_settled(reporting))
        return;
    run->told_rounds = reporting->rounds_count;
    if (counts->domains == 0)
        return;
    (void)fprintf(stderr, "ringpost run: reports about TLS with %llu domains",
                  (unsigned long long)counts->domains);
    for (uint32_t i = 0; i < TLS_REPORTING_NEWS_COUNT; i++)
        if (counts->news[i] > 0)
            (void)fprintf(stderr, ", %llu %s", (unsigned long long)counts->news[i],
                          tls_reporting_news_name((enum tls_reporting_news)i));
    (void)fprintf(stderr, "%s\n",
                  reporting->state == TLS_REPORTING_PAUSE ? "; tried again in an hour" : "");
}

static bool look(void *context, const struct front_picture *picture)
{
    struct run *run = context;

    tell_reports(run);

    if (picture->listen_error != 0 && !run->cannot_listen) {
        run->cannot_listen = true;
        (void)fprintf(stderr, "ringpost run: bounces.listen: %s: %s\n",
                      run->first_policy->bounces_listen_items[picture->listen_index],
                      strerrordesc_np(-picture->listen_error));
    }
    if (picture->control_error != 0 && !run->told_control) {
        run->told_control = true;
        (void)fprintf(stderr,
                      "ringpost run: %s/control cannot be used (%s): ringpost queue, suppress and "
                      "bounce ingest will not reach this service\n",
                      run->first_policy->spool, strerrordesc_np(-picture->control_error));
    }
    if (picture->event_error != 0 && !run->told_events)
        (void)fprintf(stderr, "ringpost run: events cannot be written now: %s\n",
                      strerrordesc_np(-picture->event_error));
    run->told_events = picture->event_error != 0;
    if (!run->told_ready && listener_is_up(&run->listener))
        tell_ready(run);
    return run->cannot_listen;
}

static const struct policy *reload(void *context)
{
    struct run *run = context;

    return reload_policy("run", &run->spool.settings, run->first_policy, run->config, run->folder);
}

static void retire(void *context, const struct policy *policy)
{
    const struct run *run = context;

    if (policy != run->first_policy)
        settings_free_policy(policy);
}

static void tell_end(const struct run *run)
{
    const struct listener_counts *counts = &run->listener.counts;

    (void)fprintf(stderr, "ringpost run: stopped; %llu messages came back",
                  (unsigned long long)counts->messages_count);
    for (uint32_t i = 0; i < INTAKE_DECISION_COUNT; i++)
        if (counts->decisions[i] > 0)
            (void)fprintf(stderr, ", %llu %s", (unsigned long long)counts->decisions[i],
                          intake_decision_name((enum intake_decision)i));
    (void)fprintf(stderr, "\n");
}

static int serve(struct run *run)
{
    struct front_options front = {
        .engine = run->spool.engine,
        .io = run->spool.io,
        .policy = run->spool.settings.policy,
        .listener = &run->listener,
        .reporting = &run->reports.reporting,
        .goal = FRONT_FOREVER,
        .uid = (uint32_t)getuid(),
        .look = look,
        .reload = reload,
        .retire = retire,
        .look_context = run,
    };
    char buffer[1024];
    struct text error;
    int result;

    text_init(&error, buffer, sizeof(buffer));
    result = front_run(&front, NULL, &error);
    if (error.size > 0)
        (void)fprintf(stderr, "ringpost run: %s\n", text_cstr_end(&error));
    tell_end(run);
    if (run->cannot_listen)
        return EXIT_NO_SERVICE;
    return result == 0 || result == -EINTR ? EXIT_ALL_ACCEPTED : EXIT_TRY_AGAIN;
}

int verb_run(int argc, char **argv)
{
    static struct run run;
    struct tls_reports_options reports = {.spool = &run.spool, .scheduled = true};
    const struct policy *last;
    int result = parse(&run, argc, argv);

    if (result == 0)
        result = choose_folder(&run);
    if (result == 0)
        result = spool_open(&run.spool, run.config, run.folder, true);
    if (result != 0)
        return result;
    run.first_policy = run.spool.settings.policy;
    result = open_listener(&run);
    if (result == 0)
        result = tls_reports_open(&run.reports, &reports);
    if (result == 0)
        result = serve(&run);
    close_listener(&run);
    tls_reports_close(&run.reports);
    last = run.spool.settings.policy;
    if (spool_close(&run.spool) < 0 && result == 0)
        result = EXIT_TRY_AGAIN;
    if (run.first_policy != last)
        settings_free_policy(run.first_policy);
    return result;
}
