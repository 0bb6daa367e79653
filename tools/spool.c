#include "tools/spool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/check.h"
#include "engine/tag.h"
#include "tools/dkim_keys.h"
#include "tools/exit_code.h"
#include "tools/sender_line.h"
#include "tools/ticket_key.h"

#define ERROR_SIZE 1024

static int exit_code_of(int result)
{
    switch (result) {
    case -EWOULDBLOCK:
    case -ENOSPC:
    case -EIO:
        return EXIT_TRY_AGAIN;
    case -EACCES:
    case -EPERM:
    case -EROFS:
    case -ENOENT:
    case -ENOTDIR:
        return EXIT_CANNOT_CREATE;
    default:
        return EXIT_NO_SERVICE;
    }
}

static int complain(struct spool *spool, struct text *error, int result)
{
    if (error->size == 0)
        text_add_cstr(error, strerror(-result));
    if (result == -EWOULDBLOCK)
        text_add_cstr(error, ", a sender or the service (ringpost run): stop it first, or take "
                             "another --spool");
    (void)fprintf(stderr, "ringpost: %s\n", text_cstr_end(error));
    (void)spool_close(spool);
    return exit_code_of(result);
}

bool spool_is_there(const char *folder)
{
    static const char *const parts[] = {"segments", "journals"}; /* one alone is for verify */
    char path[POLICY_PATH_MAX + 16];

    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", folder, parts[i]);
        if (access(path, F_OK) == 0)
            return true;
    }
    return sender_line_is_there(folder);
}

struct io_options spool_ring(uint32_t shards_count)
{
    return (struct io_options){
        .index = shards_count,
        .entries = 1024,
        .handles_max = 1024,
        .buffers_count = 64,
        .buffer_size = 4096,
        .wake_tag = tag_of(TAG_WAKE, 0),
    };
}

static int open_ring(struct spool *spool, const struct engine_limits *limits, struct text *error)
{
    struct io_options ring = spool_ring(limits->shards_count);
    int result = io_group_open(&spool->group, engine_limits_rings(limits));

    if (result < 0)
        return result;
    ring.group = spool->group;
    return io_open(&spool->io, &ring, error);
}

/* As many open files as the hard limit lets us have. */
static void raise_files(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit); /* if not, io_open says what is missing */
    }
}

/* Campaigns that this program cannot send do not stop the others, and are not passed over in
 * silence. */
static void tell_held(const struct spool *spool)
{
    const struct queue *queue = store_queue(engine_store(spool->engine));

    for (uint32_t i = 0; i < queue_campaigns_count(queue); i++) {
        const struct campaign *campaign = queue_campaign(queue, i);
        const char *fault = content_fault(engine_contents(spool->engine), i);

        if (fault != NULL)
            (void)fprintf(stderr, "ringpost: campaign \"%.*s\" is held, others go on: %s\n",
                          (int)campaign->descriptor.name.size,
                          (const char *)campaign->descriptor.name.data, fault);
    }
}

int spool_open(struct spool *spool, const char *config, const char *folder, bool with_engine)
{
    struct engine_options options;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    char buffer[ERROR_SIZE];
    struct text error;
    int result;

    memset(spool, 0, sizeof(*spool));
    text_init(&error, buffer, sizeof(buffer));
    result = settings_load(&spool->settings, config, folder);
    if (result != 0)
        return result;
    if (with_engine)
        result = dkim_keys_load(spool->settings.policy, spool->settings.policy);
    if (result != 0) {
        settings_free(&spool->settings);
        return result;
    }
    raise_files();
    memset(&options, 0, sizeof(options));
    engine_limits_fill(&options.limits, spool->settings.policy, cores > 0 ? (uint32_t)cores : 1);
    result = open_ring(spool, &options.limits, &error);
    if (result == 0)
        result = io_entropy(spool->io, &options.seed, sizeof(options.seed));
    if (result < 0) {
        (void)complain(spool, &error, result);
        return EXIT_NO_SERVICE; /* whatever the kernel's reason: it is no file that cannot be made
                                 */
    }
    if (!with_engine)
        return 0;
    options.policy = spool->settings.policy;
    options.verp = spool->settings.has_keys ? &spool->settings.keys : NULL;
    options.tls = spool->settings.tls;
    if (options.policy->durability != DURABILITY_MEMORY &&
        ticket_key_read(spool->io, options.policy->spool, spool->ticket_key))
        options.ticket_key = spool->ticket_key;
    options.io = spool->io;
    options.group = spool->group;
    result = engine_prepare(&spool->engine, &options, &error);
    if (result < 0)
        return complain(spool, &error, result);
    tell_held(spool);
    return 0;
}

int spool_close(struct spool *spool)
{
    int result = engine_close(spool->engine);

    io_close(spool->io);
    if (spool->group != NULL)
        io_group_close(spool->group);
    settings_free(&spool->settings);
    explicit_bzero(spool, sizeof(*spool)); /* the ticket key is in it */
    return result;
}

static bool is_export(const struct io_event *event)
{
    return tag_op_of(event->tag) >= TAG_EXPORT_FILE && tag_op_of(event->tag) <= TAG_EXPORT_CURSOR;
}

void spool_turn(struct spool *spool, uint64_t wait_ns)
{
    struct io_event events[64];
    struct store *store = engine_store(spool->engine);
    struct hygiene_store *hygiene = engine_hygiene(spool->engine);
    uint64_t deadline_ns = min_u64(store_deadline_ns(store), io_now_ns(spool->io) + wait_ns);
    uint32_t count = io_wait(spool->io, deadline_ns, events, ARRAY_LEN(events));

    for (uint32_t i = 0; i < count; i++)
        if (tag_op_of(events[i].tag) == TAG_HYGIENE_LOG)
            hygiene_store_event(hygiene, &events[i]);
        else if (is_export(&events[i]))
            exporter_event(spool->exporter, &events[i]);
        else if (!store_event(store, &events[i]))
            CHECK(tag_op_of(events[i].tag) == TAG_WAKE); /* nothing else is in flight */
    store_tick(store);
    if (spool->exporter != NULL)
        exporter_turn(spool->exporter, true);
    hygiene_store_turn(hygiene, NULL, false);
}
