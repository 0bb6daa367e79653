#include "engine/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/table.h"
#include "engine/content_signable.h"
#include "engine/memory_lack.h"
#include "engine/ring_thread.h"
#include "engine/session.h"
#include "engine/signers.h"
#include "engine/tag.h"

#define ORDERS_MAX 64

struct engine_shard {
    struct engine *engine;
    struct shard_options options;
    struct shard *shard;
    struct arena arena;
    struct channel orders;
    struct stats *stats;
    struct ring_thread thread;
    int close_result;
};

struct engine {
    struct engine_options options;
    struct arena arena;
    struct store *store;
    struct content_set *contents;
    struct hygiene_store *hygiene;
    struct tls_context tls;
    bool has_tls;
    struct leasing_links links;
    struct signers signers;
    struct engine_shard shards[POLICY_SHARDS_MAX];
    uint32_t shards_count;
};

static uint32_t sessions_a_shard(const struct engine_limits *limits)
{
    return (limits->connections_max + limits->shards_count - 1) / limits->shards_count;
}

static struct store_options store_options_of(const struct policy *policy,
                                             const struct engine_limits *limits)
{
    return (struct store_options){
        .folder = policy->spool,
        .durability = (enum store_durability)policy->durability,
        .segment_size = limits->segment_size,
        .journal_size = limits->journal_size,
        .claims_max = sessions_a_shard(limits) * SMTP_TRANSACTIONS_MAX + 64,
        .limits = {.recipients_max = limits->recipients_max,
                   .domains_max = limits->domains_max,
                   .campaigns_max = limits->campaigns_max,
                   .segments_max = 16384,
                   .runs_max = 65536,
                   .flows_max = limits->flows_max,
                   .shards_count = limits->shards_count},
        .tag_base = tag_of(TAG_STORE, 0),
        .wake_index = limits->shards_count,
    };
}

static void describe_shard(struct engine *engine, uint32_t index)
{
    const struct engine_limits *limits = &engine->options.limits;
    struct engine_shard *item = &engine->shards[index];

    item->engine = engine;
    item->options = (struct shard_options){
        .index = index,
        .count = limits->shards_count,
        .sessions_max = sessions_a_shard(limits),
        .sites_max = limits->sites_max,
        .flows_max = limits->flows_max,
        .domains_max = limits->domains_max,
        .campaigns_max = limits->campaigns_max,
        .buffers_max = limits->buffers_max,
        .cache_entries_max = limits->cache_entries_max,
        .policy = engine->options.policy,
        .verp = engine->options.verp,
        .contents = engine->contents,
        .store = engine->store,
        .hygiene = engine->hygiene == NULL ? NULL : hygiene_store_tables(engine->hygiene),
        .tls = engine->has_tls ? &engine->tls : NULL,
        .client = &engine->options.tls,
        .ticket_key = engine->options.ticket_key,
        .tickets_max = limits->tickets_max,
        .signing_width = limits->signing_width,
        .signers = signers_links(&engine->signers),
        .orders = &item->orders,
        .links = limits->shards_count > 1 ? &engine->links : NULL,
        .seed = engine->options.seed + UINT64_C(0x9e3779b97f4a7c15) * (index + 1),
    };
}

/* The campaign cannot be sent by this program: it waits, the others go on. */
static int hold(struct engine *engine, uint32_t campaign_index, const char *why)
{
    store_hold(engine->store, campaign_index);
    return content_hold(engine->contents, campaign_index, why);
}

static void tell_memory(const struct campaign *campaign, struct text *error)
{
    text_add_cstr(error, "the content of campaign ");
    text_add_printable(error, campaign->descriptor.name, CAMPAIGN_NAME_MAX);
    text_add_cstr(error, " cannot be prepared: ");
    memory_lack_write(content_memory_size(&campaign->descriptor, campaign->content), error);
}

static int compile_contents(struct engine *engine, struct text *error)
{
    struct queue *queue = store_queue(engine->store);
    char buffer[512];
    struct text why;

    for (uint32_t i = 0; i < queue_campaigns_count(queue); i++) {
        const struct campaign *campaign = queue_campaign(queue, i);
        int result;

        if (!campaign_is_alive(campaign->state))
            continue;
        text_init(&why, buffer, sizeof(buffer));
        if (campaign->content.data == NULL) { /* the shards have been told that it is gone */
            result = content_hold(engine->contents, i,
                                  "its stored content cannot be read: see ringpost queue verify");
        } else {
            result =
                content_signable_add(engine->contents, i, campaign, engine->options.policy, &why);
            if (result == -EINVAL)
                result = hold(engine, i, text_cstr_end(&why));
        }
        if (result == -ENOMEM)
            tell_memory(campaign, error);
        if (result < 0)
            return result;
    }
    return 0;
}

static struct hygiene_store_options hygiene_options_of(const struct engine_options *options)
{
    uint32_t addresses_max = options->limits.suppressed_max != 0
                                 ? options->limits.suppressed_max
                                 : options->policy->hygiene_addresses;

    return (struct hygiene_store_options){
        .folder = options->policy->hygiene_path,
        .durability = store_options_of(options->policy, &options->limits).durability,
        .addresses_max = addresses_max,
        .shelf_in_memory = options->limits.shelf_in_memory,
        .tags_max = HYGIENE_STORE_TAGS_MAX,
        .reports_max = options->policy->foreign.count > 0 ? HYGIENE_STORE_REPORTS_MAX : 0};
}

static size_t shared_cost(const struct engine_options *options)
{
    const struct engine_limits *limits = &options->limits;
    struct store_options store = store_options_of(options->policy, limits);
    struct hygiene_store_options hygiene = hygiene_options_of(options);

    return store_cost(&store) + hygiene_store_cost(&hygiene) +
           leasing_links_cost(limits->shards_count) +
           signers_cost(limits->shards_count, limits->signers_count) +
           limits->shards_count * (channel_cost(ORDERS_MAX, sizeof(struct shard_order)) +
                                   arena_cost(1, sizeof(struct stats)));
}

static int open_tls(struct engine *engine, struct text *error)
{
    int result = client_tls_open(&engine->tls, &engine->options.tls, error);

    engine->has_tls = result == 0;
    return result;
}

static int open_shared(struct engine *engine, struct text *error)
{
    const struct engine_limits *limits = &engine->options.limits;
    struct store_options store = store_options_of(engine->options.policy, limits);
    struct hygiene_store_options hygiene = hygiene_options_of(&engine->options);
    struct table_key key = {{engine->options.seed, ~engine->options.seed}};
    int result = store_open(&engine->store, engine->options.io, &engine->arena, &store, error);

    if (result < 0)
        return result;
    hygiene.store = engine->store;
    result =
        hygiene_store_open(&engine->hygiene, engine->options.io, &engine->arena, &hygiene, error);
    if (result < 0)
        return result;
    result = content_set_open(&engine->contents, limits->campaigns_max);
    if (result < 0)
        return result;
    result = open_tls(engine, error);
    if (result < 0)
        return result;
    leasing_links_init(&engine->links, &engine->arena, limits->shards_count, key);
    signers_init(&engine->signers, &engine->arena, limits->shards_count, limits->signers_count);
    for (uint32_t i = 0; i < limits->shards_count; i++) {
        struct engine_shard *item = &engine->shards[i];

        channel_init(&item->orders, &engine->arena, ORDERS_MAX, sizeof(struct shard_order));
        item->stats = arena_alloc(&engine->arena, 1, sizeof(struct stats));
        stats_set(item->stats, STATS_NEXT_DUE, UINT64_MAX);
        describe_shard(engine, i);
        result = arena_open(&item->arena, shard_cost(&item->options));
        if (result < 0)
            return result;
        engine->shards_count++;
    }
    return compile_contents(engine, error);
}

int engine_prepare(struct engine **ret_engine, const struct engine_options *options,
                   struct text *error)
{
    struct engine *engine = calloc(1, sizeof(*engine));
    int result;

    if (engine == NULL)
        return -ENOMEM;
    engine->options = *options;
    CHECK(options->limits.shards_count > 0);
    CHECK(options->limits.shards_count <= POLICY_SHARDS_MAX);
    CHECK(options->limits.signers_count <= POLICY_SIGNERS_MAX);
    result = arena_open(&engine->arena, shared_cost(options));
    if (result < 0) {
        free(engine);
        return result;
    }
    result = open_shared(engine, error);
    if (result < 0) {
        (void)engine_close(engine); /* the first error is the one to tell */
        return result;
    }
    *ret_engine = engine;
    return 0;
}

struct store *engine_store(struct engine *engine)
{
    return engine->store;
}

struct hygiene_store *engine_hygiene(struct engine *engine)
{
    return engine->hygiene;
}

struct content_set *engine_contents(struct engine *engine)
{
    return engine->contents;
}

uint32_t engine_shards_count(const struct engine *engine)
{
    return engine->shards_count;
}

struct shard *engine_open_shard(struct engine *engine, uint32_t index, struct io *io)
{
    struct engine_shard *item = &engine->shards[index];

    CHECK(item->shard == NULL);
    item->shard = shard_open(&item->arena, io, &item->options, item->stats);
    arena_seal(&item->arena);
    return item->shard;
}

struct signer *engine_open_signer(struct engine *engine, uint32_t index, struct io *io)
{
    return signers_open(&engine->signers, index, io);
}

static struct io_options ring_options(const struct engine *engine, uint32_t index)
{
    const struct engine_limits *limits = &engine->options.limits;
    uint32_t handles = sessions_a_shard(limits) + 64;

    return (struct io_options){
        .processor_clock = true,
        .group = engine->options.group,
        .index = index,
        .entries = 4096,
        .handles_max = handles,
        .buffers_count = 1024,
        .buffer_size = 2048,
        .wake_tag = tag_of(TAG_WAKE, 0),
    };
}

static void opened(void *context, struct io *io)
{
    struct engine_shard *item = context;

    (void)engine_open_shard(item->engine, item->options.index, io); /* it is there */
}

static void run(void *context)
{
    struct engine_shard *item = context;

    while (shard_tick(item->shard, UINT64_MAX) != SHARD_STOPPED)
        continue;
    item->close_result = shard_close(item->shard);
}

int engine_start(struct engine *engine, struct text *error)
{
    int result = signers_start(&engine->signers, engine->options.group, error);

    for (uint32_t i = 0; i < engine->shards_count && result == 0; i++) {
        struct ring_thread_options options = {
            .ring = ring_options(engine, i),
            .wakes = engine->options.limits.shards_count,
            .opened = opened,
            .run = run,
            .context = &engine->shards[i],
        };

        result = ring_thread_start(&engine->shards[i].thread, &options, error);
    }
    return result;
}

static void order(struct engine *engine, const struct shard_order *what)
{
    for (uint32_t i = 0; i < engine->shards_count; i++) {
        CHECK(channel_send(&engine->shards[i].orders, what));
        if (engine->options.group != NULL)
            io_wake(engine->options.io, i);
    }
}

void engine_order_stop(struct engine *engine)
{
    struct shard_order stop = {.kind = SHARD_ORDER_STOP};

    order(engine, &stop);
}

static uint64_t orders_count(const struct channel *orders)
{
    return atomic_load_explicit(&orders->written, memory_order_relaxed) -
           atomic_load_explicit(&orders->read, memory_order_acquire);
}

int engine_order_policy(struct engine *engine, const struct policy *policy)
{
    struct shard_order swap = {.kind = SHARD_ORDER_POLICY, .policy = policy};

    /* Two places are kept for the order to stop. */
    for (uint32_t i = 0; i < engine->shards_count; i++)
        if (orders_count(&engine->shards[i].orders) >= ORDERS_MAX - 2)
            return -EAGAIN;
    engine->options.policy = policy;
    order(engine, &swap);
    return 0;
}

void engine_stats(const struct engine *engine, struct stats_sum *ret_sum)
{
    stats_sum_init(ret_sum);
    for (uint32_t i = 0; i < engine->shards_count; i++)
        stats_sum_add(ret_sum, engine->shards[i].stats);
}

bool engine_stopped(const struct engine *engine)
{
    for (uint32_t i = 0; i < engine->shards_count; i++)
        if (!ring_thread_is_over(&engine->shards[i].thread))
            return false;
    return true;
}

/* Orders and wakes travel with the front's waits, so it has to wait as well. */
static void front_turn(struct engine *engine, uint64_t patience_ns)
{
    struct io *io = engine->options.io;
    struct io_event events[64];
    uint32_t count = io_wait(io, io_now_ns(io) + patience_ns, events, ARRAY_LEN(events));

    for (uint32_t i = 0; i < count; i++)
        if (tag_op_of(events[i].tag) >= TAG_STORE)
            CHECK(store_event(engine->store, &events[i]));
    store_tick(engine->store);
}

/* The signers end when nobody can ask them any more. */
static void await_threads(struct engine *engine)
{
    if (!engine_stopped(engine))
        engine_order_stop(engine);
    while (!engine_stopped(engine))
        front_turn(engine, 100 * NS_PER_MS);
    signers_order_stop(&engine->signers, engine->options.io);
    while (!signers_stopped(&engine->signers))
        front_turn(engine, NS_PER_MS);
    signers_join(&engine->signers);
}

int engine_close(struct engine *engine)
{
    int result = 0, closed;

    if (engine == NULL)
        return 0;
    await_threads(engine);
    for (uint32_t i = 0; i < engine->shards_count; i++) {
        struct engine_shard *item = &engine->shards[i];

        ring_thread_join(&item->thread);
        if (result == 0)
            result = item->close_result;
    }
    closed = hygiene_store_close(engine->hygiene);
    if (result == 0)
        result = closed;
    closed = store_close(engine->store);
    if (result == 0)
        result = closed;
    for (uint32_t i = 0; i < engine->shards_count; i++)
        arena_close(&engine->shards[i].arena);
    if (engine->has_tls)
        tls_context_close(&engine->tls);
    content_set_close(engine->contents);
    arena_close(&engine->arena);
    free(engine);
    return result;
}

void engine_costs(const struct engine_limits *limits, const struct policy *policy,
                  struct engine_costs *ret)
{
    struct engine_options options = {.policy = policy, .limits = *limits};
    struct engine engine = {.options = options};
    struct io_options ring = ring_options(&engine, 0);

    engine.links.count = limits->shards_count;
    describe_shard(&engine, 0);
    ret->shared_size = shared_cost(&options);
    ret->shard_size = shard_cost(&engine.shards[0].options);
    ret->ring_size = io_cost(&ring);
    ret->sessions_a_shard = sessions_a_shard(limits);
}
