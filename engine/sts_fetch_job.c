#include "engine/sts_fetch_job.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"

#define TARGET SPAN("/.well-known/mta-sts.txt")

static uint64_t now_s(const struct sts_fetch *fetch)
{
    return io_wall_ns(fetch->io) / NS_PER_S;
}

static struct span job_domain(const struct sts_fetch_job *job)
{
    return span_make(job->domain, job->domain_size);
}

static uint64_t waiter_of(const struct sts_fetch *fetch, const struct sts_fetch_job *job)
{
    return STS_FETCH_WAITER | slab_handle_of(&fetch->jobs, job).index;
}

static void end_job(struct sts_fetch *fetch, struct sts_fetch_job *job)
{
    if (job->owner == STS_FETCH_NOBODY)
        slab_release(&fetch->jobs, job);
    else
        job->state = STS_FETCH_TOLD;
}

static void fail_job(struct sts_fetch *fetch, struct sts_fetch_job *job, enum tls_fault fault)
{
    sts_cache_failed(&fetch->cache, job_domain(job), fault, now_s(fetch));
    end_job(fetch, job);
}

static void start_fetch(struct sts_fetch *fetch, struct sts_fetch_job *job)
{
    char host[300];
    struct text text;
    struct https_request request = {.port = fetch->port,
                                    .target = TARGET,
                                    .owner = slab_handle_of(&fetch->jobs, job).index,
                                    .timeout_ns = fetch->timeout_ns};

    text_init(&text, host, sizeof(host));
    text_add_cstr(&text, "mta-sts.");
    text_add(&text, job_domain(job));
    request.host = text_span(&text);
    job->state = STS_FETCH_QUEUED;
    switch (https_start(&fetch->https, &request)) {
    case 0:
        job->state = STS_FETCH_FETCH;
        return;
    case -EAGAIN: /* at a later turn */
        return;
    default:
        fail_job(fetch, job, TLS_FAULT_STS_FETCH);
    }
}

static void on_records(struct sts_fetch *fetch, struct sts_fetch_job *job,
                       const struct txt_set *set)
{
    struct span id = span_make(NULL, 0);
    struct sts_record record;

    sts_record_init(&record);
    for (uint32_t i = 0; i < set->count; i++)
        sts_record_add(&record, txt_set_at(set, i));
    if (!sts_record_id(&record, &id))
        id = span_make(NULL, 0);
    job->id_size = (uint8_t)id.size;
    if (id.size > 0)
        memcpy(job->id, id.data, id.size);
    if (sts_cache_announced(&fetch->cache, job_domain(job), id, now_s(fetch)))
        start_fetch(fetch, job);
    else
        end_job(fetch, job);
}

void sts_fetch_job_ask(struct sts_fetch *fetch, struct sts_fetch_job *job)
{
    static _Thread_local struct txt_set set;
    char name[300];
    struct text text;

    text_init(&text, name, sizeof(name));
    text_add_cstr(&text, "_mta-sts.");
    text_add(&text, job_domain(job));
    job->asked = false;
    switch (
        dns_txt(fetch->dns, io_now_ns(fetch->io), text_span(&text), waiter_of(fetch, job), &set)) {
    case TXT_SET_PENDING:
        job->asked = true;
        return;
    case TXT_SET_BUSY: /* at the next turn */
        return;
    case TXT_SET_RECORDS:
    case TXT_SET_NONE:
        on_records(fetch, job, &set);
        return;
    case TXT_SET_FAILED:
    case TXT_SET_STATUS_COUNT:
        break;
    }
    fail_job(fetch, job, TLS_FAULT_NONE);
}

static enum tls_fault fault_of(enum https_failure failure)
{
    switch (failure) {
    case HTTPS_UNVERIFIED:
        return TLS_FAULT_STS_WEBPKI;
    case HTTPS_LOCAL:
        return TLS_FAULT_NONE; /* not theirs */
    case HTTPS_FINE:
    case HTTPS_NO_ADDRESS:
    case HTTPS_NO_NAMES:
    case HTTPS_NO_CONNECT:
    case HTTPS_NO_TLS:
    case HTTPS_NO_RESPONSE:
    case HTTPS_TOO_LATE:
        break;
    }
    return TLS_FAULT_STS_FETCH;
}

void sts_fetch_job_take(struct sts_fetch *fetch, struct sts_fetch_job *job,
                        const struct https_result *result)
{
    struct sts_policy policy;
    const char *problem;

    if (result->failure != HTTPS_FINE)
        fail_job(fetch, job, fault_of(result->failure));
    else if (result->status != 200)
        fail_job(fetch, job, TLS_FAULT_STS_FETCH);
    else if (!span_equal_nocase(result->type, SPAN("text/plain")) ||
             !sts_policy_read(result->body, &policy, &problem))
        fail_job(fetch, job, TLS_FAULT_STS_INVALID);
    else {
        sts_cache_fetched(&fetch->cache, job_domain(job), span_make(job->id, job->id_size), &policy,
                          now_s(fetch));
        end_job(fetch, job);
    }
}

void sts_fetch_job_start(struct sts_fetch *fetch, struct span domain)
{
    struct sts_fetch_job *job = slab_claim(&fetch->jobs);

    CHECK(job != NULL && domain.size <= sizeof(job->domain)); /* looked at before */
    job->state = STS_FETCH_TXT;
    job->owner = STS_FETCH_NOBODY;
    job->domain_size = (uint8_t)domain.size;
    memcpy(job->domain, domain.data, domain.size);
    sts_fetch_job_ask(fetch, job);
}

struct sts_fetch_job *sts_fetch_job_find(struct sts_fetch *fetch, struct span domain)
{
    for (uint32_t i = 0; i < fetch->jobs.slots_max; i++) {
        struct sts_fetch_job *job = slab_at(&fetch->jobs, i);

        if (job != NULL && job->state != STS_FETCH_TOLD && span_equal(job_domain(job), domain))
            return job;
    }
    return NULL;
}

void sts_fetch_job_turn(struct sts_fetch *fetch, struct sts_fetch_job *job)
{
    if (job->state == STS_FETCH_QUEUED)
        start_fetch(fetch, job);
    else if (job->state == STS_FETCH_TXT && !job->asked)
        sts_fetch_job_ask(fetch, job);
}
