#include "tools/tls_reports.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/json_put.h"
#include "engine/front.h"
#include "engine/tag.h"
#include "tools/exit_code.h"
#include "tools/sender.h"
#include "tools/sender_line.h"
#include "tools/verb.h"

struct sending {
    const struct tls_reports_order *order;
    struct spool spool;
    struct tls_reports reports;
    bool failed;
};

int tls_reports_open(struct tls_reports *reports, const struct tls_reports_options *options)
{
    struct spool *spool = options->spool;
    struct tls_context_options tls = {.role = TLS_CLIENT,
                                      .roots_pem = spool->settings.tls.roots_pem};
    struct tls_reporting_options reporting = {
        .io = spool->io,
        .policy = spool->settings.policy,
        .store = spool->engine != NULL ? engine_store(spool->engine) : NULL,
        .contents = spool->engine != NULL ? engine_contents(spool->engine) : NULL,
        .tls = &reports->tls,
        .scheduled = options->scheduled,
        .tell = options->tell,
        .context = options->context,
    };
    char buffer[512];
    struct text error;
    int result;

    memset(reports, 0, sizeof(*reports));
    text_init(&error, buffer, sizeof(buffer));
    result = tls_context_open(&reports->tls, &tls, &error);
    reports->has_tls = result == 0;
    if (result == 0)
        result = tls_reporting_open(&reports->reporting, &reporting);
    if (result == 0)
        return 0;
    if (error.size == 0)
        text_add_cstr(&error, strerror(-result));
    (void)fprintf(stderr, "ringpost: reports about TLS: %s\n", text_cstr_end(&error));
    tls_reports_close(reports);
    return EXIT_NO_SERVICE;
}

void tls_reports_close(struct tls_reports *reports)
{
    tls_reporting_close(&reports->reporting);
    if (reports->has_tls)
        tls_context_close(&reports->tls);
    reports->has_tls = false;
}

/* --- ringpost tlsrpt send --- */

static int read_day(const char *text, uint64_t *ret_day_s)
{
    struct tm day = {0};
    const char *rest;

    if (text == NULL) {
        uint64_t now_s = (uint64_t)time(NULL);

        *ret_day_s = now_s - now_s % TLSRPT_REPORT_DAY_S - TLSRPT_REPORT_DAY_S;
        return 0;
    }
    rest = strptime(text, "%Y-%m-%d", &day);
    if (rest == NULL || *rest != '\0' || timegm(&day) < 0)
        return verb_complain("tlsrpt", "--day: \"%s\" is not a day such as 2026-11-21", text);
    *ret_day_s = (uint64_t)timegm(&day);
    return 0;
}

static void print_json(const struct tls_reporting_line *line)
{
    static uint8_t buffer[TLSRPT_REPORT_JSON_MAX + 8192];
    struct text out;

    text_init(&out, buffer, sizeof(buffer));
    json_put_open(&out, '{');
    json_put_key_string(&out, "domain", line->domain);
    json_put_key_cstr(&out, "news", tls_reporting_news_name(line->news));
    json_put_key_string(&out, "target", line->target);
    if (line->why.size > 0)
        json_put_key_string(&out, "why", line->why);
    if (line->json.size > 0) {
        json_put_key(&out, "report");
        json_put_raw(&out, line->json);
    }
    json_put_close(&out, '}');
    (void)printf("%s\n", text_cstr_end(&out));
}

static void tell(void *context, const struct tls_reporting_line *line)
{
    struct sending *sending = context;
    char buffer[2048];
    struct text out;

    sending->failed = sending->failed || line->news == TLS_REPORTING_FAILED;
    if (sending->order->json) {
        print_json(line);
        return;
    }
    text_init(&out, buffer, sizeof(buffer));
    text_add_printable(&out, line->domain, TLSRPT_TABLE_DOMAIN_MAX);
    text_add_format(&out, ": %s", tls_reporting_news_name(line->news));
    if (line->target.size > 0)
        text_add_byte(&out, ' ');
    text_add_printable(&out, line->target, 300);
    if (line->why.size > 0)
        text_add_cstr(&out, ": ");
    text_add_printable(&out, line->why, 100);
    (void)printf("%s\n", text_cstr_end(&out));
}

static int complain_force(int result)
{
    return result == -EINVAL ? verb_complain("tlsrpt", "tlsrpt.from is not configured: who would "
                                                       "report?")
                             : verb_complain("tlsrpt", "%s", strerror(-result));
}

/* Nothing is sent: no engine, no lock. */
static int look_only(struct sending *sending, uint64_t day_s)
{
    struct tls_reporting *reporting = &sending->reports.reporting;
    struct io *io = sending->spool.io;
    int result = tls_reporting_force(reporting, day_s);

    if (result < 0)
        return complain_force(result);
    do {
        struct io_event events[64];
        uint32_t count =
            io_wait(io, tls_reporting_deadline_ns(reporting), events, ARRAY_LEN(events));

        for (uint32_t i = 0; i < count; i++)
            tls_reporting_event(reporting, &events[i]);
        tls_reporting_turn(reporting);
    } while (!tls_reporting_is_settled(reporting));
    return 0;
}

/* The reports go into the queue, and the queue is sent. */
static int send_all(struct sending *sending, uint64_t day_s)
{
    struct front_options front = {
        .engine = sending->spool.engine,
        .io = sending->spool.io,
        .policy = sending->spool.settings.policy,
        .reporting = &sending->reports.reporting,
        .goal = FRONT_UNTIL_IDLE,
        .uid = (uint32_t)getuid(),
    };
    char buffer[1024];
    struct text error;
    int result = tls_reporting_force(&sending->reports.reporting, day_s);

    if (result < 0)
        return complain_force(result);
    text_init(&error, buffer, sizeof(buffer));
    result = front_run(&front, NULL, &error);
    if (error.size > 0)
        (void)fprintf(stderr, "ringpost tlsrpt: %s\n", text_cstr_end(&error));
    if (result == -EINTR)
        return EXIT_INTERRUPTED;
    return result < 0 ? EXIT_TRY_AGAIN : 0;
}

/* The service does it, and says how much it was. */
static int ask_service(const char *spool, uint64_t day_s)
{
    char request[64], bytes[4096];
    struct text line, answer;
    int result;

    text_init(&line, request, sizeof(request));
    text_add_format(&line, "tlsrpt\t%llu", (unsigned long long)day_s);
    text_init(&answer, bytes, sizeof(bytes) - 1);
    result = sender_line_ask(spool, text_span(&line), &answer);
    if (result < 0) {
        (void)fprintf(stderr, "ringpost tlsrpt: the running service: %s: try again\n",
                      strerror(-result));
        return EXIT_TRY_AGAIN;
    }
    if (sender_value(text_span(&answer), "error").size > 0) {
        struct span error = sender_value(text_span(&answer), "error");

        (void)fprintf(stderr, "ringpost tlsrpt: %.*s\n", (int)error.size, (const char *)error.data);
        return span_equal(sender_value(text_span(&answer), "later"), SPAN("true")) ? EXIT_TRY_AGAIN
                                                                                   : EXIT_USAGE;
    }
    (void)printf("%s", text_cstr_end(&answer));
    return span_equal(sender_value(text_span(&answer), "failed"), SPAN("0")) ? EXIT_ALL_ACCEPTED
                                                                             : EXIT_STILL_QUEUED;
}

static int send_here(const struct tls_reports_order *order, uint64_t day_s)
{
    static struct sending sending;
    struct tls_reports_options options = {
        .spool = &sending.spool, .tell = tell, .context = &sending};
    int result = spool_open(&sending.spool, order->config, NULL, !order->dry_run);

    if (result != 0)
        return result;
    sending.order = order;
    result = tls_reports_open(&sending.reports, &options);
    if (result == 0) {
        result = order->dry_run ? look_only(&sending, day_s) : send_all(&sending, day_s);
        if (result == 0 && sending.reports.reporting.counts.domains == 0)
            (void)fprintf(stderr, "ringpost tlsrpt: nothing was counted on that day\n");
        tls_reports_close(&sending.reports);
    }
    if (spool_close(&sending.spool) < 0 && result == 0)
        result = EXIT_TRY_AGAIN;
    return result == 0 && sending.failed ? EXIT_STILL_QUEUED : result;
}

int tls_reports_send(const struct tls_reports_order *order)
{
    char folder[POLICY_PATH_MAX + 1];
    struct settings settings;
    uint64_t day_s = 0;
    int result = read_day(order->day, &day_s);

    if (result == 0)
        result = settings_load_policy(&settings, order->config, NULL);
    if (result != 0)
        return result;
    (void)snprintf(folder, sizeof(folder), "%s", settings.policy->spool);
    settings_free(&settings);
    if (!order->dry_run && sender_line_is_there(folder))
        return ask_service(folder, day_s);
    return send_here(order, day_s);
}
