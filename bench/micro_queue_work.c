#include "bench/micro_queue_work.h"

#include <errno.h>
#include <string.h>

#include "base/prng.h"
#include "bench/run_clock.h"

#define SETTLES_A_TURN 256
#define CONTENT_SIZE 4096

struct bench {
    const struct micro_queue_options *options;
    struct micro_queue_store queue;
    struct prng prng;
    uint32_t claimed[MICRO_QUEUE_WINDOW];
    uint32_t claimed_count;
    uint32_t lists_loaded;
    uint64_t settled_count;
    double claim_cpu_s;
    double verdict_cpu_s;
    double settle_cpu_s; /* of lists: with those two in it */
};

/* --- measuring --- */

static struct micro_queue_cost cost_now(void)
{
    return (struct micro_queue_cost){(double)run_clock_ns() / 1e9, run_clock_cpu_s(),
                                     run_clock_device_bytes()};
}

static struct micro_queue_cost cost_since(struct micro_queue_cost begun)
{
    struct micro_queue_cost now = cost_now();

    return (struct micro_queue_cost){now.wall_s - begun.wall_s, now.cpu_s - begun.cpu_s,
                                     now.device_bytes - begun.device_bytes};
}

/* --- the list --- */

static int add_recipient(struct bench *bench, struct store_load *load, uint32_t i)
{
    uint32_t number = (uint32_t)((uint64_t)i * 2654435761U % bench->options->domains_count);
    uint8_t address[64], name[32];
    struct text address_text, name_text;
    struct span values[2];
    struct store_recipient recipient = {.values = values, .values_count = 2};

    text_init(&address_text, address, sizeof(address));
    text_add_cstr(&address_text, "user");
    text_add_u64(&address_text, i);
    text_add_cstr(&address_text, "@d");
    text_add_padded(&address_text, number, 6);
    text_add_cstr(&address_text, ".example");
    recipient.address = text_span(&address_text);
    recipient.domain = span_skip(recipient.address, recipient.address.size - 15);
    text_init(&name_text, name, sizeof(name));
    text_add_cstr(&name_text, "Customer ");
    text_add_u64(&name_text, i);
    values[0] = text_span(&name_text);
    values[1] = span_first(values[0], 8);
    return store_load_add(load, &recipient);
}

static int load_list(struct bench *bench)
{
    static uint8_t content[CONTENT_SIZE];
    const uint8_t digest[CAMPAIGN_DIGEST_SIZE] = {1};
    struct campaign_descriptor descriptor = {.sender = SPAN("sender@example.org"),
                                             .lane = LANE_BULK};
    struct store_load *load;
    uint8_t bytes[32];
    struct text name;
    int r;

    text_init(&name, bytes, sizeof(bytes));
    text_add_cstr(&name, "micro");
    text_add_u64(&name, bench->lists_loaded++);
    descriptor.name = text_span(&name);
    r = store_load_begin(bench->queue.store, &descriptor, span_make(content, sizeof(content)),
                         &load);
    for (uint32_t i = 0; r == 0 && i < bench->options->recipients_count; i++) {
        r = add_recipient(bench, load, i);
        if (r == -EAGAIN) {
            micro_queue_store_turn(&bench->queue, true);
            i--;
            r = 0;
        } else if (i % 4096 == 0) {
            micro_queue_store_turn(&bench->queue, false);
        }
    }
    if (r < 0)
        return r;
    store_load_commit(load, digest);
    while (store_load_state(load) == STORE_LOAD_COMMITTING)
        micro_queue_store_turn(&bench->queue, true);
    r = store_load_error(load);
    store_load_end(load);
    return r;
}

/* --- claims and verdicts --- */

static int claim_one(struct bench *bench)
{
    while (bench->queue.flows_count > 0) {
        uint32_t pick = (uint32_t)prng_below(&bench->prng, bench->queue.flows_count);
        struct queue_recipient recipient;
        int r = store_claim(bench->queue.shard, bench->queue.flows[pick],
                            &bench->claimed[bench->claimed_count], &recipient);

        if (r == -ENOENT) {
            bench->queue.flows[pick] = bench->queue.flows[--bench->queue.flows_count];
            continue;
        }
        if (r == 0)
            bench->claimed_count++;
        return r;
    }
    return -ENOENT;
}

static void take_flows(struct bench *bench)
{
    struct queue_shard *queue = store_shard_queue(bench->queue.shard);

    for (uint32_t flow; (flow = queue_ready(queue)) != QUEUE_NONE;)
        bench->queue.flows[bench->queue.flows_count++] = flow;
}

/* Draws the next one to be settled. Its verdict is on its way then, as when a reply is being read
 * (delivery_settle). */
static uint32_t draw_one(struct bench *bench)
{
    uint32_t pick = (uint32_t)prng_below(&bench->prng, bench->claimed_count);
    uint32_t record = bench->claimed[pick];

    bench->claimed[pick] = bench->claimed[--bench->claimed_count];
    store_near(bench->queue.shard, record);
    return record;
}

/* Settles so many claimed recipients. */
static uint32_t settle_some(struct bench *bench, const struct attempt *attempt, uint32_t count)
{
    uint32_t record = QUEUE_NONE, settled = 0;

    for (; settled < count && (record != QUEUE_NONE || bench->claimed_count > 0); settled++) {
        uint32_t now = record != QUEUE_NONE ? record : draw_one(bench);

        record = settled + 1 < count && bench->claimed_count > 0 ? draw_one(bench) : QUEUE_NONE;
        (void)store_settle(bench->queue.shard, now, attempt);
    }
    return settled;
}

static int settle_all(struct bench *bench)
{
    struct attempt attempt = {
        .outcome = {.kind = OUTCOME_DELIVERED, .stage = STAGE_DOT, .reply = {.code = 250}},
        .counted = true,
        .peer_name = SPAN("mx1.example"),
        .site = SPAN("example"),
    };
    uint32_t settled = 0, count = bench->options->recipients_count;

    reply_set_text(&attempt.outcome.reply, SPAN("2.0.0 Ok: queued as 4Xyz"));
    take_flows(bench);
    while (settled < count) {
        double begun_s = run_clock_thread_s(), claimed_s;
        int r = 0;

        while (bench->claimed_count < MICRO_QUEUE_WINDOW && r == 0)
            r = claim_one(bench);
        if (r < 0 && r != -ENOENT && r != -EAGAIN)
            return r;
        claimed_s = run_clock_thread_s();
        settled += settle_some(bench, &attempt, SETTLES_A_TURN);
        bench->claim_cpu_s += claimed_s - begun_s;
        bench->verdict_cpu_s += run_clock_thread_s() - claimed_s;
        micro_queue_store_turn(&bench->queue, r == -EAGAIN);
    }
    bench->settled_count += count;
    while (store_durable_count(bench->queue.shard) < bench->settled_count)
        micro_queue_store_turn(&bench->queue, true);
    return 0;
}

/* --- a round --- */

static int load_round(struct bench *bench, struct micro_queue_result *ret, struct text *error)
{
    struct micro_queue_cost begun;
    int r = micro_queue_store_open(&bench->queue, error);

    if (r < 0)
        return r;
    begun = cost_now();
    r = load_list(bench);
    ret->load = cost_since(begun);
    store_traffic(bench->queue.store, &ret->load_traffic);
    if (r < 0)
        return r;
    begun = cost_now();
    r = micro_queue_store_close(&bench->queue);
    ret->close = cost_since(begun);
    return r;
}

static int settle_round(struct bench *bench, struct micro_queue_result *ret, struct text *error)
{
    uint64_t heap_before = run_clock_rss_anonymous();
    struct micro_queue_cost begun = cost_now();
    int r = micro_queue_store_open(&bench->queue, error);

    if (r < 0)
        return r;
    ret->open = cost_since(begun);
    begun = cost_now();
    do
        micro_queue_store_turn(&bench->queue, false);
    while (queue_admitting(store_shard_queue(bench->queue.shard)));
    ret->admit = cost_since(begun);
    ret->heap_bytes = run_clock_rss_anonymous() - heap_before;
    bench->queue.turn_max_ns = 0;
    begun = cost_now();
    r = settle_all(bench);
    ret->settle = cost_since(begun);
    ret->claim_cpu_s = bench->claim_cpu_s;
    ret->verdict_cpu_s = bench->verdict_cpu_s;
    ret->turn_max_ms = (double)bench->queue.turn_max_ns / 1e6;
    ret->heap_settled_bytes = run_clock_rss_anonymous() - heap_before;
    store_shard_traffic(bench->queue.shard, &ret->settle_traffic);
    if (r < 0)
        return r;
    return micro_queue_store_close(&bench->queue);
}

/* The next list, from nothing until all of it is settled. */
static int one_list(struct bench *bench)
{
    const struct queue_shard *queue = store_shard_queue(bench->queue.shard);
    int r = load_list(bench);
    double begun_s;

    if (r < 0)
        return r;
    while (queue_waiting_count(queue) < bench->options->recipients_count)
        micro_queue_store_turn(&bench->queue, false);
    begun_s = run_clock_cpu_s();
    r = settle_all(bench);
    bench->settle_cpu_s += run_clock_cpu_s() - begun_s;
    return r;
}

static int lists_round(struct bench *bench, struct micro_queue_result *ret, struct text *error)
{
    int r = micro_queue_store_open(&bench->queue, error);

    if (r < 0)
        return r;
    for (uint32_t i = 0; r == 0 && i < bench->options->lists_count; i++) {
        r = one_list(bench);
        if (i == 0)
            bench->settle_cpu_s = bench->claim_cpu_s = bench->verdict_cpu_s = 0;
    }
    ret->settle.cpu_s = bench->settle_cpu_s;
    ret->claim_cpu_s = bench->claim_cpu_s;
    ret->verdict_cpu_s = bench->verdict_cpu_s;
    return r < 0 ? r : micro_queue_store_close(&bench->queue);
}

static int rebuild_round(struct bench *bench, struct micro_queue_result *ret, struct text *error)
{
    struct micro_queue_cost begun;
    int r = micro_queue_store_forget(bench->options->spool);

    if (r < 0)
        return r;
    begun = cost_now();
    r = micro_queue_store_open(&bench->queue, error);
    ret->rebuild = cost_since(begun);
    return r < 0 ? r : micro_queue_store_close(&bench->queue);
}

int micro_queue_work_round(const struct micro_queue_options *options, bool rebuild,
                           struct micro_queue_result *ret, struct text *error)
{
    struct bench bench = {.options = options, .queue = {.options = options}};
    int r;

    *ret = (struct micro_queue_result){0};
    prng_seed(&bench.prng, options->seed);
    micro_queue_store_remove(options->spool);
    r = load_round(&bench, ret, error);
    if (r == 0)
        r = settle_round(&bench, ret, error);
    if (r == 0 && rebuild)
        r = rebuild_round(&bench, ret, error);
    if (r < 0 && error->size == 0)
        text_add_format(error, "%s", strerrordesc_np(-r));
    io_close(bench.queue.io);
    micro_queue_store_remove(options->spool);
    return r;
}

int micro_queue_work_lists(const struct micro_queue_options *options,
                           struct micro_queue_result *ret, struct text *error)
{
    struct bench bench = {.options = options, .queue = {.options = options}};
    int r;

    *ret = (struct micro_queue_result){0};
    prng_seed(&bench.prng, options->seed);
    micro_queue_store_remove(options->spool);
    r = lists_round(&bench, ret, error);
    if (r < 0 && error->size == 0)
        text_add_format(error, "%s", strerrordesc_np(-r));
    io_close(bench.queue.io);
    micro_queue_store_remove(options->spool);
    return r;
}
