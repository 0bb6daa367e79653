#include "engine/sts_fetch.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "engine/sts_fetch_job.h"
#include "engine/tag.h"

#define DUE_NS NS_PER_S /* between two looks for policies to fetch again */
#define DUE_COUNT 256   /* entries looked at */
#define FILE_NAMES_SIZE ((size_t)64 * 1024)

static uint64_t now_s(const struct sts_fetch *fetch)
{
    return io_wall_ns(fetch->io) / NS_PER_S;
}

/* --- the file --- */

static bool produce(void *context, uint32_t *cursor, struct text *out)
{
    const struct sts_fetch *fetch = context;

    return sts_cache_write(&fetch->cache, cursor, now_s(fetch), out);
}

static void save(struct sts_fetch *fetch)
{
    if (fetch->snapshot.io == NULL || fetch->cache.changes == fetch->saved_changes ||
        !snapshot_is_idle(&fetch->snapshot))
        return;
    snapshot_start(&fetch->snapshot);
    if (snapshot_is_idle(&fetch->snapshot))
        return; /* it failed a moment ago */
    fetch->saved_changes = fetch->cache.changes;
    fetch->save_ns = io_now_ns(fetch->io) + STS_FETCH_SAVE_NS;
}

static int read_file(struct sts_fetch *fetch, const struct sts_fetch_options *options,
                     struct span name)
{
    char path[SNAPSHOT_PATH_MAX];
    struct io_mapping mapping;
    struct text text;
    int r;

    text_init(&text, path, sizeof(path));
    text_add(&text, options->folder);
    text_add_byte(&text, '/');
    text_add(&text, name);
    r = io_map(fetch->io, text_cstr_end(&text), IO_MAP_READ, &mapping);
    if (r < 0)
        return r;
    r = sts_cache_read(&fetch->cache, span_make(mapping.data, mapping.size), now_s(fetch),
                       options->is_ours, options->context);
    io_unmap(fetch->io, &mapping);
    return r;
}

/* All files: the number of shards may have been another one. */
static int read_files(struct sts_fetch *fetch, struct arena *arena,
                      const struct sts_fetch_options *options)
{
    uint8_t *buffer = arena_alloc(arena, 1, FILE_NAMES_SIZE);
    char folder[SNAPSHOT_PATH_MAX];
    struct text text, names;
    struct span rest;
    int r;

    text_init(&text, folder, sizeof(folder));
    text_add(&text, options->folder);
    text_init(&names, buffer, FILE_NAMES_SIZE);
    r = io_list(fetch->io, text_cstr_end(&text), &names);
    rest = text_span(&names);
    while (r >= 0 && rest.size > 0) {
        struct span name = span_split(&rest, '\0');

        if (span_starts(name, SPAN("sts.")) && !span_ends_nocase(name, SPAN(".new")))
            (void)read_file(fetch, options, name); /* what is lost is asked for again */
    }
    return r;
}

static int open_file(struct sts_fetch *fetch, struct arena *arena,
                     const struct sts_fetch_options *options)
{
    char path[SNAPSHOT_PATH_MAX];
    struct text text;
    struct snapshot_options snapshot = {.io = options->io,
                                        .number = STS_FETCH_SNAPSHOT,
                                        .sync = options->sync,
                                        .producer = produce,
                                        .context = fetch};

    snapshot.buffer = arena_alloc(arena, 1, SNAPSHOT_BUFFER_SIZE);
    text_init(&text, path, sizeof(path));
    text_add(&text, options->folder);
    text_add_cstr(&text, "/sts.");
    text_add_u64(&text, options->shard);
    if (text.overflow)
        return -ENAMETOOLONG;
    snapshot.path = text_span(&text);
    return snapshot_init(&fetch->snapshot, &snapshot);
}

/* --- the whole --- */

static struct sts_cache_options cache_options(const struct sts_fetch_options *options)
{
    return (struct sts_cache_options){
        .domains_max = options->domains_max > 0 ? options->domains_max : STS_FETCH_DOMAINS_MAX,
        .policies_max = options->policies_max > 0 ? options->policies_max : STS_FETCH_POLICIES_MAX,
        .seed = options->seed,
    };
}

size_t sts_fetch_cost(const struct sts_fetch_options *options)
{
    struct sts_cache_options cache = cache_options(options);

    return sts_cache_cost(&cache) + https_cost() +
           slab_cost(STS_FETCH_JOBS_MAX, sizeof(struct sts_fetch_job)) +
           arena_cost(1, FILE_NAMES_SIZE) + arena_cost(1, SNAPSHOT_BUFFER_SIZE);
}

int sts_fetch_init(struct sts_fetch *fetch, struct arena *arena,
                   const struct sts_fetch_options *options)
{
    struct sts_cache_options cache = cache_options(options);
    struct https_options https = {.io = options->io,
                                  .dns = options->dns,
                                  .tls = options->tls,
                                  .allow_special = options->allow_special};
    int r;

    memset(fetch, 0, sizeof(*fetch));
    fetch->io = options->io;
    fetch->dns = options->dns;
    fetch->port = options->port;
    fetch->timeout_ns = options->timeout_ns;
    sts_cache_init(&fetch->cache, arena, &cache);
    https_init(&fetch->https, arena, &https);
    slab_init(&fetch->jobs, arena, STS_FETCH_JOBS_MAX, sizeof(struct sts_fetch_job));
    if (options->folder.size == 0)
        return 0;
    r = open_file(fetch, arena, options);
    if (r == 0)
        r = read_files(fetch, arena, options);
    fetch->saved_changes = fetch->cache.changes;
    return r < 0 ? r : 0;
}

struct sts_view sts_fetch_look(struct sts_fetch *fetch, struct span domain)
{
    return sts_cache_look(&fetch->cache, domain, now_s(fetch));
}

enum sts_fetch_answer sts_fetch_ask(struct sts_fetch *fetch, struct span domain, uint32_t owner,
                                    struct sts_view *ret_view)
{
    bool room = fetch->jobs.claimed_count < fetch->jobs.slots_max && !fetch->stopping;
    struct sts_view view = sts_fetch_look(fetch, domain);
    struct sts_fetch_job *job = NULL;

    if (domain.size == 0 || domain.size > STS_CACHE_DOMAIN_MAX)
        view.knowledge = STS_WITHOUT;
    else if (room && sts_cache_want(&fetch->cache, domain, now_s(fetch)))
        sts_fetch_job_start(fetch, domain);
    if (view.knowledge == STS_UNKNOWN)
        view = sts_fetch_look(fetch, domain); /* the answer may have been in the DNS cache */
    if (view.knowledge == STS_UNKNOWN)
        job = sts_fetch_job_find(fetch, domain);
    else {
        *ret_view = view;
        return STS_FETCH_KNOWN;
    }
    if (job == NULL)
        return STS_FETCH_BUSY;
    job->owner = owner;
    return STS_FETCH_PENDING;
}

bool sts_fetch_done(struct sts_fetch *fetch, uint32_t *ret_owner)
{
    for (uint32_t i = 0; i < fetch->jobs.slots_max && fetch->jobs.claimed_count > 0; i++) {
        struct sts_fetch_job *job = slab_at(&fetch->jobs, i);

        if (job == NULL || job->state != STS_FETCH_TOLD)
            continue;
        *ret_owner = job->owner;
        slab_release(&fetch->jobs, job);
        return true;
    }
    return false;
}

void sts_fetch_event(struct sts_fetch *fetch, const struct io_event *event)
{
    if (tag_op_of(event->tag) == TAG_SNAPSHOT)
        (void)snapshot_event(&fetch->snapshot, event); /* a failure is tried again */
    else
        https_event(&fetch->https, event);
}

bool sts_fetch_owns(uint64_t waiter)
{
    return (waiter & (STS_FETCH_WAITER | HTTPS_WAITER)) != 0;
}

void sts_fetch_answered(struct sts_fetch *fetch, uint64_t waiter)
{
    struct sts_fetch_job *job = slab_at(&fetch->jobs, (uint32_t)waiter);

    if ((waiter & HTTPS_WAITER) != 0)
        https_answered(&fetch->https, waiter);
    else if (job == NULL || job->state != STS_FETCH_TXT)
        dns_forget(fetch->dns, waiter);
    else
        sts_fetch_job_ask(fetch, job);
}

static void take_results(struct sts_fetch *fetch)
{
    struct https_result result;

    while (https_done(&fetch->https, &result)) {
        struct sts_fetch_job *job = slab_at(&fetch->jobs, result.owner);

        CHECK(job != NULL && job->state == STS_FETCH_FETCH);
        sts_fetch_job_take(fetch, job, &result);
        https_release(&fetch->https, result.exchange);
    }
}

static void move_jobs(struct sts_fetch *fetch)
{
    for (uint32_t i = 0; i < fetch->jobs.slots_max && fetch->jobs.claimed_count > 0; i++) {
        struct sts_fetch_job *job = slab_at(&fetch->jobs, i);

        if (job != NULL)
            sts_fetch_job_turn(fetch, job);
    }
}

static void look_for_due(struct sts_fetch *fetch)
{
    struct span domain;

    if (io_now_ns(fetch->io) < fetch->due_ns)
        return;
    fetch->due_ns = io_now_ns(fetch->io) + DUE_NS;
    while (fetch->jobs.claimed_count < fetch->jobs.slots_max / 2 &&
           sts_cache_due(&fetch->cache, DUE_COUNT, now_s(fetch), &domain))
        sts_fetch_job_start(fetch, domain);
}

void sts_fetch_turn(struct sts_fetch *fetch)
{
    if (fetch->stopping)
        return;
    https_turn(&fetch->https);
    take_results(fetch);
    move_jobs(fetch);
    look_for_due(fetch);
    if (io_now_ns(fetch->io) >= fetch->save_ns)
        save(fetch);
}

uint64_t sts_fetch_deadline_ns(const struct sts_fetch *fetch)
{
    uint64_t deadline_ns = https_deadline_ns(&fetch->https);

    if (fetch->stopping)
        return UINT64_MAX;
    for (uint32_t i = 0; i < fetch->jobs.slots_max && fetch->jobs.claimed_count > 0; i++) {
        const struct sts_fetch_job *job = slab_at(&fetch->jobs, i);

        if (job != NULL && job->state == STS_FETCH_TXT && !job->asked)
            deadline_ns = min_u64(deadline_ns, io_now_ns(fetch->io) + 50 * NS_PER_MS);
    }
    if (fetch->cache.policies.claimed_count > 0)
        deadline_ns = min_u64(deadline_ns, fetch->due_ns);
    if (fetch->snapshot.io != NULL && fetch->cache.changes != fetch->saved_changes)
        deadline_ns = min_u64(deadline_ns, max_u64(fetch->save_ns, fetch->snapshot.retry_ns));
    return deadline_ns;
}

bool sts_fetch_stop(struct sts_fetch *fetch)
{
    bool quiet = https_stop(&fetch->https);

    fetch->stopping = true;
    save(fetch);
    return quiet && (fetch->snapshot.io == NULL || snapshot_is_idle(&fetch->snapshot));
}
