#include "bench/run_work.h"

#include <errno.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "bench/run_clock.h"
#include "bench/run_mail.h"
#include "bench/run_signing.h"
#include "engine/tag.h"

#define SAMPLE_NS (500 * NS_PER_US)

/* --- opening --- */

static int write_policy(struct run_work *work, const char *folder, uint16_t port,
                        struct text *error)
{
    const struct run_options *options = work->options;
    char buffer[4096];
    struct text yaml;
    int result;

    text_init(&yaml, buffer, sizeof(buffer));
    text_add_format(&yaml, "hostname: mailer.ringel.example\nspool: \"%s\"\nshards: %u\n", folder,
                    options->shards);
    text_add_format(&yaml, "durability: %s\nroutes: {\"*\": [\"127.0.0.1:%u\"]}\n",
                    options->durability, port);
    text_add_format(&yaml,
                    "tls: {mode: %s}\nretry: {schedule: [1s], lifetime: 10m}\n"
                    "limits: {connections: %u, connections_per_site: %u, "
                    "messages_per_connection: %u}\n",
                    options->tls ? "required" : "off", options->connections, options->connections,
                    options->messages_per_connection);
    run_signing_configure(options, &yaml);
    if (yaml.overflow)
        return -ENAMETOOLONG;
    policy_init(work->policy);
    result = policy_read(work->policy, text_span(&yaml), "bench", error);
    if (result < 0)
        return result;
    return policy_complete(work->policy, SPAN("localhost"), SPAN("nameserver 127.0.0.1\n"), error);
}

static int open_ring(struct run_work *work, const struct engine_limits *limits, struct text *error)
{
    struct io_options ring = {
        .index = limits->shards_count,
        .entries = 1024,
        .handles_max = 1024,
        .buffers_count = 64,
        .buffer_size = 4096,
        .wake_tag = tag_of(TAG_WAKE, 0),
    };
    int result = io_group_open(&work->group, engine_limits_rings(limits));

    if (result < 0)
        return result;
    ring.group = work->group;
    return io_open(&work->io, &ring, error);
}

int run_work_open(struct run_work *work, const struct run_options *options, const char *folder,
                  uint16_t port, struct text *error)
{
    struct engine_options engine = {.verp = NULL};
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int result;

    memset(work, 0, sizeof(*work));
    work->options = options;
    work->policy = malloc(sizeof(*work->policy));
    if (work->policy == NULL)
        return -ENOMEM;
    result = write_policy(work, folder, port, error);
    if (result < 0)
        return result;
    engine_limits_fill(&engine.limits, work->policy, cores > 0 ? (uint32_t)cores : 1);
    result = run_signing_open(work->policy,
                              engine.limits.shards_count + engine.limits.signers_count, error);
    if (result < 0)
        return result;
    result = open_ring(work, &engine.limits, error);
    if (result == 0)
        result = io_entropy(work->io, &engine.seed, sizeof(engine.seed));
    if (result < 0)
        return result;
    if (options->verp) {
        run_signing_verp(&work->verp);
        engine.verp = &work->verp;
    }
    engine.policy = work->policy;
    engine.io = work->io;
    engine.group = work->group;
    return engine_prepare(&work->engine, &engine, error);
}

int run_work_close(struct run_work *work)
{
    int result = engine_close(work->engine);

    io_close(work->io);
    if (work->group != NULL)
        io_group_close(work->group);
    if (work->policy != NULL)
        run_signing_close(work->policy);
    free(work->policy);
    memset(work, 0, sizeof(*work));
    return result;
}

/* --- loading --- */

/* One turn of the store while nothing else runs. */
static void store_turn(struct run_work *work)
{
    struct io_event events[64];
    struct store *store = engine_store(work->engine);
    uint64_t deadline_ns = min_u64(store_deadline_ns(store), io_now_ns(work->io) + NS_PER_MS);
    uint32_t count = io_wait(work->io, deadline_ns, events, ARRAY_LEN(events));

    for (uint32_t i = 0; i < count; i++)
        if (!store_event(store, &events[i]))
            CHECK(tag_op_of(events[i].tag) == TAG_WAKE); /* nothing else is in flight */
    store_tick(store);
}

static int add_recipients(struct run_work *work, struct store_load *load)
{
    for (uint32_t i = 0; i < work->options->messages;) {
        struct run_mail_recipient mail;
        struct store_recipient recipient = {.values = mail.values, .values_count = RUN_MAIL_FIELDS};
        int result;

        run_mail_recipient(i, work->options->recipients_per_domain, &mail);
        recipient.address = mail.address;
        recipient.domain = mail.domain;
        result = store_load_add(load, &recipient);
        if (result == 0)
            i++;
        else if (result == -EAGAIN)
            store_turn(work);
        else
            return result;
    }
    return 0;
}

static int commit(struct run_work *work, struct store_load *load)
{
    static const uint8_t digest[CAMPAIGN_DIGEST_SIZE] = {1};

    store_load_commit(load, digest);
    while (store_load_state(load) == STORE_LOAD_COMMITTING)
        store_turn(work);
    work->campaign_index = store_load_campaign(load);
    return store_load_state(load) == STORE_LOAD_READY ? 0 : store_load_error(load);
}

static int load_content(struct run_work *work, struct span content, struct text *error)
{
    struct store *store = engine_store(work->engine);
    struct campaign_descriptor draft = {
        .name = SPAN("bench"),
        .tenant = SPAN("bench"),
        .sender = SPAN("news@ringel.example"),
        .lane = LANE_BULK,
        .kind = CAMPAIGN_TEMPLATE,
        .weight = 1,
        .created_s = (uint64_t)time(NULL),
    };
    struct store_load *load;
    int result;

    SHA256(content.data, content.size, draft.content_digest);
    result = store_load_begin(store, &draft, content, &load);
    if (result < 0)
        return result;
    result = add_recipients(work, load);
    if (result == 0)
        result = commit(work, load);
    store_load_end(load);
    if (result < 0)
        return result;
    return content_add(engine_contents(work->engine), work->campaign_index,
                       queue_campaign(store_queue(store), work->campaign_index), error);
}

int run_work_load(struct run_work *work, struct run_figures *figures, struct text *error)
{
    size_t capacity = work->options->size + 2 * KIB;
    uint64_t heap_before = run_clock_rss_anonymous();
    uint64_t started_ns = run_clock_ns(), heap_after;
    double cpu_s = run_clock_cpu_s();
    uint8_t *buffer = malloc(capacity);
    struct text content;
    int result;

    if (buffer == NULL)
        return -ENOMEM;
    text_init(&content, buffer, capacity);
    run_mail_template(&content, work->options->size);
    result = load_content(work, text_span(&content), error);
    free(buffer);
    figures->enqueue_s = (double)(run_clock_ns() - started_ns) / 1e9;
    figures->enqueue_cpu_s = run_clock_cpu_s() - cpu_s;
    heap_after = run_clock_rss_anonymous();
    figures->queued_heap_bytes = heap_after > heap_before ? heap_after - heap_before : 0;
    return result;
}

/* --- draining --- */

/* A thread that looks at the counters, so that the time of the last outcome is known to half a
 * millisecond. What it costs is taken off the sender's account. */
struct sampler {
    struct run_work *work;
    uint64_t done_ns; /* when the last outcome had come; 0: not seen */
    double cpu_s;
    atomic_bool stopping;
};

static uint64_t count_done(const struct stats_sum *stats)
{
    return stats->outcomes[OUTCOME_DELIVERED] + stats->outcomes[OUTCOME_FAILED] +
           stats->outcomes[OUTCOME_EXPIRED];
}

static void *sample(void *context)
{
    struct sampler *sampler = context;
    const struct timespec pause = {.tv_nsec = (long)SAMPLE_NS};

    while (!atomic_load(&sampler->stopping) && sampler->done_ns == 0) {
        struct stats_sum stats;

        engine_stats(sampler->work->engine, &stats);
        if (count_done(&stats) >= sampler->work->options->messages)
            sampler->done_ns = run_clock_ns();
        else
            (void)nanosleep(&pause, NULL);
    }
    sampler->cpu_s = run_clock_thread_s();
    return NULL;
}

static int run_front(struct run_work *work, struct sampler *sampler, struct text *error)
{
    struct front_options front = {
        .engine = work->engine,
        .io = work->io,
        .policy = work->policy,
        .goal = FRONT_UNTIL_DONE,
        .uid = (uint32_t)getuid(),
    };
    struct summary summary;
    pthread_t thread;
    int result = -pthread_create(&thread, NULL, sample, sampler);

    if (result < 0)
        return result;
    summary_reset(&summary);
    result = front_run(&front, &summary, error);
    atomic_store(&sampler->stopping, true);
    (void)pthread_join(thread, NULL); /* it is joinable and ours */
    return result;
}

int run_work_drain(struct run_work *work, struct run_figures *figures, struct text *error)
{
    struct sampler sampler = {.work = work};
    uint64_t started_ns = run_clock_ns(), ended_ns;
    double cpu_s = run_clock_cpu_s();
    int result = run_front(work, &sampler, error);

    ended_ns = run_clock_ns();
    figures->sender_cpu_s = run_clock_cpu_s() - cpu_s - sampler.cpu_s;
    figures->run_s = (double)(ended_ns - started_ns) / 1e9;
    figures->drain_s =
        (double)((sampler.done_ns != 0 ? sampler.done_ns : ended_ns) - started_ns) / 1e9;
    engine_stats(work->engine, &figures->stats);
    figures->recipients_done = count_done(&figures->stats);
    store_counts(engine_store(work->engine), work->campaign_index, &figures->counts);
    return result;
}
