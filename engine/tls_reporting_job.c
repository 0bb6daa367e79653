#include "engine/tls_reporting_job.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/crc.h"
#include "http/https_url.h"

#define NAME_MAX_SIZE (TLSRPT_TABLE_DOMAIN_MAX + 64)
#define NAME_DOMAIN_MAX 200

static const struct tlsrpt_domain *domain_of(const struct tls_reporting *reporting,
                                             const struct tls_reporting_job *job)
{
    const struct tlsrpt_domain *domain = slab_at(&reporting->day.table.domains, job->item);

    CHECK(domain != NULL);
    return domain;
}

static struct span name_of(const struct tls_reporting *reporting,
                           const struct tls_reporting_job *job)
{
    const struct tlsrpt_domain *domain = domain_of(reporting, job);

    return span_make(domain->name, domain->name_size);
}

/* --- telling --- */

static void tell(struct tls_reporting *reporting, struct tls_reporting_job *job,
                 enum tls_reporting_news news, struct span target, struct span why)
{
    struct tls_reporting_line line = {
        .news = news, .domain = name_of(reporting, job), .target = target, .why = why};

    if (reporting->queue == NULL && (news == TLS_REPORTING_MAILED || news == TLS_REPORTING_POSTED))
        line.json = text_span(&reporting->json); /* it was composed a moment ago */
    reporting->counts.news[news]++;
    job->failed = job->failed || news == TLS_REPORTING_FAILED;
    if (reporting->tell != NULL)
        reporting->tell(reporting->context, &line);
}

static enum tls_reporting_job_state end(struct tls_reporting *reporting,
                                        struct tls_reporting_job *job)
{
    reporting->ended[job->item] = !job->failed;
    reporting->jobs_count--;
    return TLS_REPORTING_JOB_FREE;
}

/* --- the report --- */

static struct tlsrpt_report describe(const struct tls_reporting *reporting,
                                     const struct tls_reporting_job *job)
{
    const struct policy *policy = reporting->policy;
    struct span from = span_cstr(policy->tlsrpt_from), hostname = span_cstr(policy->hostname);

    return (struct tlsrpt_report){
        .organization = policy->tlsrpt_organization[0] != '\0'
                            ? span_cstr(policy->tlsrpt_organization)
                            : hostname,
        .submitter = hostname,
        .contact = policy->tlsrpt_contact[0] != '\0' ? span_cstr(policy->tlsrpt_contact) : from,
        .from = from,
        .domain = name_of(reporting, job),
        .day_s = reporting->day.day_s,
        .number = 1, /* one a day and domain: whatever repeats it, it is the same one */
    };
}

/* False: it cannot be packed, which no report is too large for. */
static bool compose(struct tls_reporting *reporting, struct tls_reporting_job *job)
{
    struct tlsrpt_report report = describe(reporting, job);
    struct span_mut workspace = {reporting->workspace, TLSRPT_REPORT_WORKSPACE};

    text_reset(&reporting->json);
    text_reset(&job->gzip);
    tlsrpt_report_json(&report, &reporting->day.table, domain_of(reporting, job), &reporting->json);
    return !reporting->json.overflow &&
           tlsrpt_report_gzip(text_span(&reporting->json), workspace, &job->gzip) == 0;
}

/* --- the record --- */

static enum tls_reporting_job_state on_records(struct tls_reporting *reporting,
                                               struct tls_reporting_job *job,
                                               const struct txt_set *set)
{
    tlsrpt_record_init(&job->record);
    for (uint32_t i = 0; i < set->count; i++)
        tlsrpt_record_add(&job->record, txt_set_at(set, i));
    if (!tlsrpt_record_is_usable(&job->record)) {
        if (job->record.count > 0)
            tell(reporting, job, TLS_REPORTING_WITHOUT, SPAN(""),
                 job->record.count > 1 ? SPAN("more than one record")
                                       : SPAN("its record is malformed"));
        else
            reporting->counts.news[TLS_REPORTING_WITHOUT]++;
        return end(reporting, job);
    }
    if (!compose(reporting, job)) {
        tell(reporting, job, TLS_REPORTING_FAILED, SPAN(""), SPAN("the report is too large"));
        return end(reporting, job);
    }
    return TLS_REPORTING_JOB_MAIL;
}

static enum tls_reporting_job_state ask(struct tls_reporting *reporting,
                                        struct tls_reporting_job *job)
{
    static struct txt_set set; /* used within the call, by the front's thread alone */
    char buffer[NAME_MAX_SIZE];
    struct text name;

    text_init(&name, buffer, sizeof(buffer));
    text_add_cstr(&name, "_smtp._tls.");
    text_add(&name, name_of(reporting, job));
    job->asked = false;
    switch (dns_txt(reporting->resolver.dns, io_now_ns(reporting->io), text_span(&name),
                    (uint64_t)(job - reporting->jobs), &set)) {
    case TXT_SET_PENDING:
        job->asked = true;
        return TLS_REPORTING_JOB_TXT;
    case TXT_SET_BUSY:
        return TLS_REPORTING_JOB_TXT;
    case TXT_SET_RECORDS:
    case TXT_SET_NONE:
        return on_records(reporting, job, &set);
    case TXT_SET_FAILED:
    case TXT_SET_STATUS_COUNT:
        break;
    }
    tell(reporting, job, TLS_REPORTING_FAILED, SPAN(""), span_cstr(set.problem));
    return end(reporting, job);
}

/* --- the letter --- */

/* "tlsrpt-20778-example.com": there is one of that name, ever. A domain that is too long for it is
 * cut, and told from others by its checksum. */
static void write_name(const struct tlsrpt_report *report, struct text *out)
{
    text_add_cstr(out, "tlsrpt-");
    text_add_u64(out, report->day_s / TLSRPT_REPORT_DAY_S);
    text_add_byte(out, '-');
    text_add(out, span_first(report->domain, NAME_DOMAIN_MAX));
    if (report->domain.size > NAME_DOMAIN_MAX)
        text_add_hex(out, crc_add(0, report->domain), 8);
}

static uint32_t mail_targets(const struct tls_reporting_job *job, struct span *targets)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < job->record.targets_count; i++)
        if (job->record.targets[i].mail && count < SELF_MAIL_RECIPIENTS_MAX)
            targets[count++] = tlsrpt_record_target(&job->record, i);
    return count;
}

static void tell_mail(struct tls_reporting *reporting, struct tls_reporting_job *job,
                      enum tls_reporting_news news, struct span why)
{
    struct span targets[SELF_MAIL_RECIPIENTS_MAX];
    uint32_t count = mail_targets(job, targets);

    for (uint32_t i = 0; i < count; i++)
        tell(reporting, job, news, targets[i], why);
}

static int write_letter(struct tls_reporting *reporting, const struct tls_reporting_job *job,
                        const struct tlsrpt_report *report, struct self_mail_letter *letter)
{
    char buffer[SELF_MAIL_RECIPIENTS_MAX * (ADDRESS_SIZE_MAX + 4)];
    struct text to;

    text_init(&to, buffer, sizeof(buffer));
    for (uint32_t i = 0; i < letter->recipients_count; i++) {
        text_add_cstr(&to, i > 0 ? ",\r\n " : "");
        text_add(&to, letter->recipients[i]);
    }
    text_reset(&reporting->letter);
    letter->created_s = io_wall_ns(reporting->io) / NS_PER_S;
    if (to.overflow || tlsrpt_report_mail(report, text_span(&to), text_span(&job->gzip),
                                          letter->created_s, &reporting->letter) < 0)
        return -ENOSPC;
    letter->content = text_span(&reporting->letter);
    return 0;
}

static enum tls_reporting_job_state begin_letter(struct tls_reporting *reporting,
                                                 struct tls_reporting_job *job)
{
    struct self_mail_letter letter = {.sender = span_cstr(reporting->policy->tlsrpt_from)};
    struct tlsrpt_report report = describe(reporting, job);
    char buffer[CAMPAIGN_NAME_MAX];
    struct text name;
    int result = 0;

    letter.recipients_count = mail_targets(job, letter.recipients);
    if (letter.recipients_count == 0)
        return TLS_REPORTING_JOB_POST;
    if (reporting->queue == NULL) {
        tell_mail(reporting, job, TLS_REPORTING_MAILED, SPAN(""));
        return TLS_REPORTING_JOB_POST;
    }
    if (reporting->mail.state != SELF_MAIL_IDLE)
        return TLS_REPORTING_JOB_MAIL;
    text_init(&name, buffer, sizeof(buffer));
    write_name(&report, &name);
    letter.name = text_span(&name);
    if (queue_find_campaign(reporting->queue, SPAN(""), letter.name) != QUEUE_NONE)
        result = -EEXIST;
    else if (queue_campaigns_count(reporting->queue) >= TLS_REPORTING_CAMPAIGNS_MAX)
        result = -ENFILE;
    if (result == 0)
        result = write_letter(reporting, job, &report, &letter);
    if (result == 0)
        result = self_mail_begin(&reporting->mail, &letter);
    if (result == 0)
        return TLS_REPORTING_JOB_LETTER;
    if (result == -EBUSY)
        return TLS_REPORTING_JOB_MAIL; /* the lane loads something: at a later turn */
    tell_mail(reporting, job, result == -EEXIST ? TLS_REPORTING_BEFORE : TLS_REPORTING_FAILED,
              result == -EEXIST   ? SPAN("")
              : result == -ENFILE ? SPAN("the spool has no room for more campaigns")
                                  : SPAN("it cannot be queued"));
    return TLS_REPORTING_JOB_POST;
}

static enum tls_reporting_job_state end_letter(struct tls_reporting *reporting,
                                               struct tls_reporting_job *job)
{
    switch (self_mail_take(&reporting->mail)) {
    case SELF_MAIL_IDLE:
    case SELF_MAIL_ADDING:
    case SELF_MAIL_COMMITTING:
        return TLS_REPORTING_JOB_LETTER;
    case SELF_MAIL_DONE:
        tell_mail(reporting, job, TLS_REPORTING_MAILED, SPAN(""));
        return TLS_REPORTING_JOB_POST;
    case SELF_MAIL_FAILED:
        break;
    }
    tell_mail(reporting, job, TLS_REPORTING_FAILED, SPAN("the queue cannot be written"));
    return TLS_REPORTING_JOB_POST;
}

/* --- the posts --- */

/* The next target; what cannot be posted is passed over. */
static enum tls_reporting_job_state post_next(struct tls_reporting *reporting,
                                              struct tls_reporting_job *job)
{
    for (; job->target < job->record.targets_count; job->target++) {
        struct span url = tlsrpt_record_target(&job->record, job->target);
        struct https_request request = {.content_type = SPAN(TLSRPT_REPORT_TYPE),
                                        .body = text_span(&job->gzip),
                                        .owner = (uint32_t)(job - reporting->jobs)};
        struct https_url parts;

        if (job->record.targets[job->target].mail)
            continue;
        if (!https_url_parse(url, &parts)) {
            tell(reporting, job, TLS_REPORTING_WITHOUT, url, SPAN("is not a URL to post to"));
            continue;
        }
        if (tls_report_day_was_posted(&reporting->day, name_of(reporting, job), url)) {
            tell(reporting, job, TLS_REPORTING_BEFORE, url, SPAN(""));
            continue;
        }
        if (reporting->queue == NULL) {
            tell(reporting, job, TLS_REPORTING_POSTED, url, SPAN(""));
            continue;
        }
        request.host = parts.host;
        request.port = parts.port;
        request.target = parts.target;
        switch (reporting->tls == NULL ? -EINVAL : https_start(&reporting->https, &request)) {
        case 0:
            return TLS_REPORTING_JOB_POSTING;
        case -EAGAIN:
            return TLS_REPORTING_JOB_POST;
        default:
            tell(reporting, job, TLS_REPORTING_FAILED, url, SPAN("no request can be made of it"));
        }
    }
    return end(reporting, job);
}

void tls_reporting_job_posted(struct tls_reporting *reporting, const struct https_result *result)
{
    struct tls_reporting_job *job = &reporting->jobs[result->owner];
    struct span url;
    char buffer[64];
    struct text why;

    CHECK(result->owner < TLS_REPORTING_JOBS_MAX && job->state == TLS_REPORTING_JOB_POSTING);
    url = tlsrpt_record_target(&job->record, job->target++);
    job->state = TLS_REPORTING_JOB_POST;
    if (result->failure == HTTPS_FINE && result->status / 100 == 2) {
        tls_report_day_note_posted(&reporting->day, name_of(reporting, job), url);
        tell(reporting, job, TLS_REPORTING_POSTED, url, SPAN(""));
        return;
    }
    text_init(&why, buffer, sizeof(buffer));
    text_add_format(&why, "the server says %u", result->status);
    tell(reporting, job, TLS_REPORTING_FAILED, url,
         result->failure == HTTPS_FINE ? text_span(&why) : result->text);
}

/* --- the job --- */

/* It begins nothing now; what is under way ends first. */
static bool is_between(const struct tls_reporting_job *job)
{
    return (job->state == TLS_REPORTING_JOB_TXT && !job->asked) ||
           job->state == TLS_REPORTING_JOB_MAIL || job->state == TLS_REPORTING_JOB_POST;
}

static enum tls_reporting_job_state next_state(struct tls_reporting *reporting,
                                               struct tls_reporting_job *job)
{
    if (is_between(job) && !tls_reporting_is_wanted(reporting)) {
        job->failed = true; /* it goes on when reports are switched on again */
        return end(reporting, job);
    }
    switch (job->state) {
    case TLS_REPORTING_JOB_TXT:
        return job->asked ? TLS_REPORTING_JOB_TXT : ask(reporting, job);
    case TLS_REPORTING_JOB_MAIL:
        return begin_letter(reporting, job);
    case TLS_REPORTING_JOB_LETTER:
        return end_letter(reporting, job);
    case TLS_REPORTING_JOB_POST:
        return post_next(reporting, job);
    case TLS_REPORTING_JOB_FREE:
    case TLS_REPORTING_JOB_POSTING:
        break;
    }
    return job->state;
}

void tls_reporting_job_step(struct tls_reporting *reporting, struct tls_reporting_job *job)
{
    enum tls_reporting_job_state before;

    do {
        before = job->state;
        job->state = next_state(reporting, job);
    } while (job->state != before && job->state != TLS_REPORTING_JOB_FREE);
}

void tls_reporting_job_start(struct tls_reporting *reporting, uint32_t item)
{
    for (uint32_t i = 0; i < TLS_REPORTING_JOBS_MAX; i++) {
        struct tls_reporting_job *job = &reporting->jobs[i];

        if (job->state != TLS_REPORTING_JOB_FREE)
            continue;
        job->state = TLS_REPORTING_JOB_TXT;
        job->item = item;
        job->target = 0;
        job->asked = false;
        job->failed = false;
        reporting->jobs_count++;
        return;
    }
    UNREACHABLE("no free job");
}

void tls_reporting_job_answered(struct tls_reporting *reporting, uint64_t waiter)
{
    struct tls_reporting_job *job;

    if (waiter >= TLS_REPORTING_JOBS_MAX || reporting->stopping ||
        reporting->jobs[waiter].state != TLS_REPORTING_JOB_TXT) {
        dns_forget(reporting->resolver.dns, waiter);
        return;
    }
    job = &reporting->jobs[waiter];
    job->asked = false;
    tls_reporting_job_step(reporting, job);
}
