#include "engine/tls_reporting.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/crc.h"
#include "engine/tag.h"
#include "engine/tls_reporting_job.h"

#define CACHE_ENTRIES_MAX 2048
#define QUESTIONS_MAX 64

/* --- opening --- */

static struct resolver_options resolver_options(const struct policy *policy, uint64_t seed)
{
    return (struct resolver_options){.policy = policy,
                                     .cache_entries_max = CACHE_ENTRIES_MAX,
                                     .questions_max = QUESTIONS_MAX,
                                     .seed = seed};
}

size_t tls_reporting_cost(const struct policy *policy)
{
    struct resolver_options resolver = resolver_options(policy, 0);

    return tls_report_day_cost() + resolver_cost(&resolver) + https_cost() +
           arena_cost(TLS_REPORT_DAY_DOMAINS_MAX, 1) + arena_cost(1, TLSRPT_REPORT_JSON_MAX) +
           arena_cost(1, TLSRPT_REPORT_MAIL_MAX) + arena_cost(1, TLSRPT_REPORT_WORKSPACE) +
           TLS_REPORTING_JOBS_MAX * arena_cost(1, TLSRPT_REPORT_GZIP_MAX);
}

static void open_buffers(struct tls_reporting *reporting)
{
    struct arena *arena = &reporting->arena;

    reporting->ended = arena_alloc(arena, TLS_REPORT_DAY_DOMAINS_MAX, 1);
    text_init(&reporting->json, arena_alloc(arena, 1, TLSRPT_REPORT_JSON_MAX),
              TLSRPT_REPORT_JSON_MAX);
    text_init(&reporting->letter, arena_alloc(arena, 1, TLSRPT_REPORT_MAIL_MAX),
              TLSRPT_REPORT_MAIL_MAX);
    reporting->workspace = arena_alloc(arena, 1, TLSRPT_REPORT_WORKSPACE);
    for (uint32_t i = 0; i < TLS_REPORTING_JOBS_MAX; i++)
        text_init(&reporting->jobs[i].gzip, arena_alloc(arena, 1, TLSRPT_REPORT_GZIP_MAX),
                  TLSRPT_REPORT_GZIP_MAX);
}

/* Looks like chance, is the same every day, and differs from host to host. */
static uint64_t delay_of(const struct policy *policy)
{
    uint64_t hash = crc_add(0, span_cstr(policy->hostname));

    return TLS_REPORTING_DELAY_MIN_S +
           hash % (TLS_REPORTING_DELAY_MAX_S - TLS_REPORTING_DELAY_MIN_S);
}

int tls_reporting_open(struct tls_reporting *reporting, const struct tls_reporting_options *options)
{
    struct resolver_options resolver;
    struct https_options https = {.io = options->io,
                                  .tls = options->tls,
                                  .allow_special = options->policy->allow_private_addresses};
    uint64_t seed = 0;
    int result;

    memset(reporting, 0, sizeof(*reporting));
    result = io_entropy(options->io, &seed, sizeof(seed));
    if (result < 0)
        return result;
    result = arena_open(&reporting->arena, tls_reporting_cost(options->policy));
    if (result < 0)
        return result;
    reporting->io = options->io;
    reporting->policy = options->policy;
    reporting->queue = options->store != NULL ? store_queue(options->store) : NULL;
    reporting->tls = options->tls;
    reporting->scheduled = options->scheduled;
    reporting->tell = options->tell;
    reporting->context = options->context;
    reporting->delay_s = delay_of(options->policy);
    tls_report_day_init(&reporting->day, &reporting->arena, options->io, options->policy);
    resolver = resolver_options(options->policy, seed);
    resolver_init(&reporting->resolver, &reporting->arena, options->io, &resolver);
    https.dns = reporting->resolver.dns;
    https_init(&reporting->https, &reporting->arena, &https);
    open_buffers(reporting);
    arena_seal(&reporting->arena);
    self_mail_init(&reporting->mail, options->store, options->contents);
    return 0;
}

void tls_reporting_close(struct tls_reporting *reporting)
{
    arena_close(&reporting->arena);
}

void tls_reporting_policy(struct tls_reporting *reporting, const struct policy *policy)
{
    reporting->policy = policy;
}

/* --- days and rounds --- */

static uint64_t now_s(const struct tls_reporting *reporting)
{
    return io_wall_ns(reporting->io) / NS_PER_S;
}

static uint64_t day_of(uint64_t time_s)
{
    return time_s - time_s % TLSRPT_REPORT_DAY_S;
}

static bool is_on(const struct tls_reporting *reporting)
{
    return reporting->policy->tlsrpt_enabled && reporting->policy->tlsrpt_from[0] != '\0';
}

bool tls_reporting_is_wanted(const struct tls_reporting *reporting)
{
    return reporting->policy->tlsrpt_from[0] != '\0' && (is_on(reporting) || reporting->forced);
}

/* The last day whose reports are due. */
static uint64_t due_day(const struct tls_reporting *reporting)
{
    uint64_t now = now_s(reporting), later = reporting->delay_s + TLSRPT_REPORT_DAY_S;

    return now > later ? day_of(now - later) : 0;
}

static bool is_resting(const struct tls_reporting *reporting)
{
    return reporting->state == TLS_REPORTING_REST || reporting->state == TLS_REPORTING_PAUSE;
}

static void begin_day(struct tls_reporting *reporting, uint64_t day_s)
{
    tls_report_day_begin(&reporting->day, day_s,
                         reporting->policy->durability == DURABILITY_DURABLE);
    memset(reporting->ended, 0, TLS_REPORT_DAY_DOMAINS_MAX);
    reporting->counts = (struct tls_reporting_counts){0};
    reporting->state = TLS_REPORTING_READING;
}

static void begin_round(struct tls_reporting *reporting)
{
    reporting->next_item = 0;
    memset(reporting->counts.news, 0, sizeof(reporting->counts.news));
    reporting->state = TLS_REPORTING_ROUND;
}

/* More domains into free jobs; the end of the round when there are none. */
static void step_round(struct tls_reporting *reporting)
{
    const struct slab *domains = &reporting->day.table.domains;
    bool wanted = tls_reporting_is_wanted(reporting);

    if (!wanted)
        reporting->next_item = domains->slots_max;
    for (; reporting->next_item < domains->slots_max &&
           reporting->jobs_count < TLS_REPORTING_JOBS_MAX;
         reporting->next_item++)
        if (slab_at(domains, reporting->next_item) != NULL &&
            reporting->ended[reporting->next_item] == 0)
            tls_reporting_job_start(reporting, reporting->next_item);
    for (uint32_t i = 0; i < TLS_REPORTING_JOBS_MAX; i++)
        tls_reporting_job_step(reporting, &reporting->jobs[i]);
    if (reporting->next_item < domains->slots_max || reporting->jobs_count > 0)
        return;
    reporting->state = !wanted || reporting->counts.news[TLS_REPORTING_FAILED] > 0
                           ? TLS_REPORTING_PAUSE
                           : TLS_REPORTING_REST;
    reporting->round_ns = io_now_ns(reporting->io) + TLS_REPORTING_AGAIN_NS;
    reporting->rounds_count++;
}

static void count_domains(struct tls_reporting *reporting)
{
    reporting->counts.domains = reporting->day.table.domains.claimed_count;
}

static void look_at_clock(struct tls_reporting *reporting)
{
    uint64_t today_s = day_of(now_s(reporting));

    if (!reporting->scheduled || !is_resting(reporting) ||
        !tls_report_day_is_idle(&reporting->day) || reporting->stopping)
        return;
    if (reporting->cleaned_s != today_s) {
        reporting->cleaned_s = today_s;
        tls_report_day_clean(&reporting->day, today_s);
        return;
    }
    if (is_on(reporting) && due_day(reporting) > reporting->last_day_s) {
        reporting->last_day_s = due_day(reporting);
        reporting->forced = false;
        begin_day(reporting, reporting->last_day_s);
    } else if (reporting->state == TLS_REPORTING_PAUSE && is_on(reporting) &&
               io_now_ns(reporting->io) >= reporting->round_ns) {
        reporting->forced = false;
        begin_round(reporting);
    }
}

int tls_reporting_force(struct tls_reporting *reporting, uint64_t day_s)
{
    if (reporting->policy->tlsrpt_from[0] == '\0')
        return -EINVAL;
    if (!is_resting(reporting) || reporting->stopping || !tls_report_day_is_idle(&reporting->day))
        return -EBUSY;
    reporting->forced = true;
    begin_day(reporting, day_of(day_s));
    return 0;
}

bool tls_reporting_is_settled(const struct tls_reporting *reporting)
{
    return is_resting(reporting) && tls_report_day_is_settled(&reporting->day);
}

/* --- a turn --- */

void tls_reporting_event(struct tls_reporting *reporting, const struct io_event *event)
{
    enum tag_op op = tag_op_of(event->tag);

    if (op >= TAG_DNS_SOCKET && op <= TAG_DNS_SHUT)
        resolver_event(&reporting->resolver, event);
    else if (op == TAG_SNAPSHOT)
        tls_report_day_event(&reporting->day, event);
    else
        https_event(&reporting->https, event);
}

static void take_answers(struct tls_reporting *reporting)
{
    struct https_result result;
    uint64_t waiter;

    resolver_expire(&reporting->resolver);
    while (dns_done(reporting->resolver.dns, &waiter)) {
        if ((waiter & HTTPS_WAITER) != 0)
            https_answered(&reporting->https, waiter);
        else
            tls_reporting_job_answered(reporting, waiter);
    }
    https_turn(&reporting->https);
    while (https_done(&reporting->https, &result)) {
        tls_reporting_job_posted(reporting, &result);
        https_release(&reporting->https, result.exchange);
    }
}

/* Posts that are not noted may be repeated by the next process. */
static void tell_unsaved(struct tls_reporting *reporting)
{
    struct tls_reporting_line line = {.news = TLS_REPORTING_FAILED,
                                      .target = SPAN("the list of what was posted")};
    char buffer[128];
    struct text why;
    int error;

    if (!tls_report_day_take_failure(&reporting->day, &error))
        return;
    text_init(&why, buffer, sizeof(buffer));
    text_add_format(&why, "cannot be written: %s", strerror(-error));
    line.why = text_span(&why);
    reporting->counts.news[TLS_REPORTING_FAILED]++;
    if (reporting->tell != NULL)
        reporting->tell(reporting->context, &line);
}

void tls_reporting_turn(struct tls_reporting *reporting)
{
    take_answers(reporting);
    if (reporting->queue != NULL)
        self_mail_turn(&reporting->mail);
    look_at_clock(reporting);
    if (reporting->state == TLS_REPORTING_READING && tls_report_day_read(&reporting->day)) {
        count_domains(reporting);
        begin_round(reporting);
    }
    if (reporting->state == TLS_REPORTING_ROUND && !reporting->stopping)
        step_round(reporting);
    tls_report_day_turn(&reporting->day);
    tell_unsaved(reporting);
    resolver_turn(&reporting->resolver);
}

uint64_t tls_reporting_deadline_ns(const struct tls_reporting *reporting)
{
    uint64_t now_ns = io_now_ns(reporting->io);
    uint64_t deadline_ns =
        min_u64(resolver_deadline_ns(&reporting->resolver), https_deadline_ns(&reporting->https));

    if (reporting->state == TLS_REPORTING_READING)
        return now_ns;
    if (reporting->state == TLS_REPORTING_ROUND)
        return min_u64(deadline_ns, now_ns + 5 * NS_PER_MS);
    return reporting->scheduled ? min_u64(deadline_ns, now_ns + NS_PER_MINUTE) : deadline_ns;
}

bool tls_reporting_stop(struct tls_reporting *reporting)
{
    bool quiet = https_stop(&reporting->https);

    reporting->stopping = true;
    quiet = resolver_stop(&reporting->resolver) && quiet;
    if (reporting->queue != NULL)
        quiet = self_mail_stop(&reporting->mail) && quiet;
    return quiet && tls_report_day_is_idle(&reporting->day);
}

const char *tls_reporting_news_name(enum tls_reporting_news news)
{
    static const char *const names[] = {
        [TLS_REPORTING_WITHOUT] = "without", [TLS_REPORTING_MAILED] = "mailed",
        [TLS_REPORTING_POSTED] = "posted",   [TLS_REPORTING_BEFORE] = "before",
        [TLS_REPORTING_FAILED] = "failed",
    };

    return names[news];
}
