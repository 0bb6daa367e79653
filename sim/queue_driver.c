#include "sim/queue_driver.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/sim_world.h"

#define DOMAINS 23
#define TEMPLATE_SIZE 3000

struct store_options queue_driver_options(uint32_t shards_count)
{
    return (struct store_options){
        .folder = "spool",
        .segment_size = (uint64_t)64 * 1024,
        .journal_size = (uint64_t)32 * 1024,
        .claims_max = 32,
        .limits =
            {
                .recipients_max = 20000,
                .domains_max = 64,
                .campaigns_max = 256,
                .segments_max = 512,
                .runs_max = 4096,
                .flows_max = 256,
                .shards_count = shards_count,
            },
        .tag_base = 1000,
        .wake_index = STORE_NO_WAKE,
    };
}

int queue_driver_open(struct queue_driver *driver, struct queue_driver_ledger *ledger,
                      const struct store_options *options, uint64_t seed, struct text *error)
{
    const struct io_options io_options = {0};
    int r;

    memset(driver, 0, sizeof(*driver));
    driver->ledger = ledger;
    driver->options = *options;
    driver->shards_count = options->limits.shards_count;
    prng_seed(&driver->prng, seed);
    r = io_open(&driver->io, &io_options, error);
    if (r < 0)
        return r;
    assert_int_equal(arena_open(&driver->arena, store_cost(options)), 0);
    r = store_open(&driver->store, driver->io, &driver->arena, options, error);
    if (r < 0)
        return r;
    arena_seal(&driver->arena);
    for (uint32_t i = 0; i < driver->shards_count; i++) {
        const struct store_shard_options shard = {
            .io = driver->io,
            .tag_base = 2000 + (uint64_t)i * STORE_TAGS,
            .wake_index = STORE_NO_WAKE,
        };

        driver->shards[i] = store_shard(driver->store, i);
        store_shard_open(driver->shards[i], &shard);
    }
    return 0;
}

void queue_driver_abandon(struct queue_driver *driver)
{
    io_close(driver->io);
    driver->io = NULL;
    arena_close(&driver->arena);
}

/* --- turns --- */

static void note_durable(struct queue_driver *driver, uint32_t shard)
{
    uint64_t durable = store_durable_count(driver->shards[shard]);
    uint32_t kept = 0;

    for (uint32_t i = 0; i < driver->pending_count[shard]; i++) {
        struct queue_driver_recipient *recipient =
            &driver->ledger->campaigns[driver->pending[shard][i].campaign]
                 .recipients[driver->pending[shard][i].ordinal];

        if (driver->pending[shard][i].number > durable) {
            driver->pending[shard][kept++] = driver->pending[shard][i];
            continue;
        }
        recipient->durable = driver->pending[shard][i].kind;
        recipient->durable_attempts = driver->pending[shard][i].attempts;
    }
    driver->pending_count[shard] = kept;
}

void queue_driver_turn(struct queue_driver *driver, uint64_t max_ns)
{
    struct io_event events[16];
    uint64_t deadline = io_now_ns(driver->io) + max_ns;
    uint32_t count;

    deadline = min_u64(deadline, store_deadline_ns(driver->store));
    for (uint32_t i = 0; i < driver->shards_count; i++)
        deadline = min_u64(deadline, store_shard_deadline_ns(driver->shards[i]));
    count = io_wait(driver->io, deadline, events, ARRAY_LEN(events));
    for (uint32_t i = 0; i < count; i++) {
        bool taken = store_event(driver->store, &events[i]);

        for (uint32_t k = 0; k < driver->shards_count && !taken; k++)
            taken = store_shard_event(driver->shards[k], &events[i]);
        assert_true(taken);
    }
    store_tick(driver->store);
    for (uint32_t i = 0; i < driver->shards_count; i++) {
        store_shard_tick(driver->shards[i]);
        note_durable(driver, i);
    }
}

static bool is_quiet(struct queue_driver *driver)
{
    for (uint32_t i = 0; i < driver->shards_count; i++)
        if (driver->pending_count[i] > 0)
            return false;
    return store_quiet(driver->store);
}

int queue_driver_close(struct queue_driver *driver)
{
    int r = 0, error;

    /* All share one ring here: what one waits for in its close must not be another's event. */
    for (uint32_t i = 0; i < 10000 && !is_quiet(driver); i++)
        queue_driver_turn(driver, NS_PER_MS);
    for (uint32_t i = 0; i < driver->shards_count; i++) {
        error = store_shard_close(driver->shards[i]);
        r = r < 0 ? r : error;
    }
    store_shards_closed(driver->store);
    error = store_close(driver->store);
    r = r < 0 ? r : error;
    queue_driver_abandon(driver);
    return r;
}

/* --- loads --- */

struct queue_driver_campaign *queue_driver_campaign(struct queue_driver_ledger *ledger,
                                                    uint32_t count, enum lane lane)
{
    struct queue_driver_campaign *campaign = &ledger->campaigns[ledger->campaigns_count];

    assert_true(ledger->campaigns_count < QUEUE_DRIVER_CAMPAIGNS);
    assert_true(count <= QUEUE_DRIVER_RECIPIENTS);
    (void)snprintf(campaign->name, sizeof(campaign->name), "campaign %u", ledger->campaigns_count);
    campaign->count = count;
    campaign->lane = lane;
    ledger->campaigns_count++;
    return campaign;
}

static const char *content_of(const struct queue_driver_campaign *campaign)
{
    static char content[TEMPLATE_SIZE + 1];

    memset(content, 'a' + campaign->name[9] % 26, TEMPLATE_SIZE);
    return content;
}

static int add(struct store_load *load, const struct queue_driver_campaign *campaign, uint32_t i)
{
    char address[64], domain[32], value[64];
    struct span values[3] = {{0}, SPAN_INIT("second"), {0}};
    struct store_recipient recipient = {.values = values, .values_count = 3};

    (void)snprintf(domain, sizeof(domain), "D%u.example", i % DOMAINS);
    (void)snprintf(address, sizeof(address), "user%u@%s", i, domain);
    (void)snprintf(value, sizeof(value), "%s number %u", campaign->name, i);
    values[0] = span_cstr(value);
    recipient.address = span_cstr(address);
    recipient.domain = span_cstr(domain);
    recipient.metadata = i % 3 == 0 ? span_cstr("{\"row\":true}") : (struct span){0};
    return store_load_add(load, &recipient);
}

static int fill(struct queue_driver *driver, struct store_load *load,
                const struct queue_driver_campaign *campaign)
{
    const uint8_t digest[CAMPAIGN_DIGEST_SIZE] = {7};

    for (uint32_t i = 0; i < campaign->count; i++) {
        int r = add(load, campaign, i);

        if (r == -EAGAIN) {
            i--;
            if (sim_world_is_cut())
                return -ECANCELED;
            queue_driver_turn(driver, NS_PER_S);
            continue;
        }
        if (r < 0)
            return r;
        if (driver->batches != 0 && (i + 1) % driver->batches == 0)
            for (uint32_t turn = 0; turn < 3; turn++)
                queue_driver_turn(driver, 10 * NS_PER_MS);
    }
    store_load_commit(load, digest);
    while (store_load_state(load) == STORE_LOAD_COMMITTING) {
        if (sim_world_is_cut())
            return -ECANCELED;
        queue_driver_turn(driver, NS_PER_S);
    }
    return store_load_error(load);
}

int queue_driver_load(struct queue_driver *driver, struct queue_driver_campaign *campaign)
{
    const struct campaign_descriptor descriptor = {
        .name = span_cstr(campaign->name),
        .tenant = SPAN("tenant"),
        .sender = SPAN("sender@example.org"),
        .lane = campaign->lane,
        .weight = 3,
    };
    struct store_load *load;
    int r = store_load_begin(driver->store, &descriptor,
                             span_make(content_of(campaign), TEMPLATE_SIZE), &load);

    if (r < 0)
        return r;
    campaign->begun = true;
    r = fill(driver, load, campaign);
    if (r == 0)
        campaign->ready = true;
    if (r != -ECANCELED)
        store_load_end(load);
    return r;
}

/* --- claims and verdicts --- */

uint32_t queue_driver_number(const struct queue_driver *driver,
                             const struct queue_recipient *recipient)
{
    for (uint32_t i = 0; i < driver->ledger->campaigns_count; i++)
        if (span_equal(recipient->campaign->descriptor.name,
                       span_cstr(driver->ledger->campaigns[i].name)))
            return i;
    fail_msg("a campaign that nobody loaded");
    return 0;
}

void queue_driver_check_recipient(const struct queue_driver *driver,
                                  const struct queue_recipient *recipient)
{
    const struct queue_driver_campaign *campaign =
        &driver->ledger->campaigns[queue_driver_number(driver, recipient)];
    uint32_t ordinal = recipient->identity.ordinal;
    char expected[64];
    struct span values[4];

    assert_true(campaign->begun);
    assert_true(ordinal < campaign->count);
    (void)snprintf(expected, sizeof(expected), "user%u@D%u.example", ordinal, ordinal % DOMAINS);
    assert_true(span_equal(recipient->address, span_cstr(expected)));
    (void)snprintf(expected, sizeof(expected), "d%u.example", ordinal % DOMAINS);
    assert_true(span_equal(recipient->domain_name, span_cstr(expected)));
    assert_int_equal(queue_values(recipient->values, values, 4), 3);
    (void)snprintf(expected, sizeof(expected), "%s number %u", campaign->name, ordinal);
    assert_true(span_equal(values[0], span_cstr(expected)));
    assert_int_equal(values[2].size, 0);
    assert_int_equal(recipient->metadata.size, ordinal % 3 == 0 ? 12 : 0);
    assert_true(
        span_equal(recipient->campaign->content, span_make(content_of(campaign), TEMPLATE_SIZE)));
}

static void claim_some(struct queue_driver *driver, uint32_t shard)
{
    struct queue_shard *queue = store_shard_queue(driver->shards[shard]);

    for (uint32_t flow; driver->flows_count[shard] < ARRAY_LEN(driver->flows[0]) &&
                        (flow = queue_ready(queue)) != QUEUE_NONE;)
        driver->flows[shard][driver->flows_count[shard]++] = flow;
    while (driver->flows_count[shard] > 0 &&
           driver->claimed_count[shard] < ARRAY_LEN(driver->claimed[0])) {
        uint32_t pick = (uint32_t)prng_below(&driver->prng, driver->flows_count[shard]);
        struct queue_recipient recipient;
        uint32_t record, *place = &driver->flows[shard][pick];
        int r = store_claim(driver->shards[shard], *place, &record, &recipient);

        if (r == -EAGAIN || r == -EIO)
            return;
        if (r == -ENOENT) {
            *place = driver->flows[shard][--driver->flows_count[shard]];
            continue;
        }
        assert_int_equal(r, 0);
        queue_driver_check_recipient(driver, &recipient);
        driver->claimed[shard][driver->claimed_count[shard]].record = record;
        driver->claimed[shard][driver->claimed_count[shard]].campaign =
            queue_driver_number(driver, &recipient);
        driver->claimed[shard][driver->claimed_count[shard]++].ordinal = recipient.identity.ordinal;
    }
}

static enum outcome_kind draw_kind(struct queue_driver *driver)
{
    uint64_t draw = prng_below(&driver->prng, 10);

    if (draw < 6 || (driver->final_only && draw < 8))
        return OUTCOME_DELIVERED;
    if (driver->final_only || draw < 7)
        return OUTCOME_FAILED;
    return draw < 9 ? OUTCOME_DEFERRED : OUTCOME_UNSURE;
}

static void settle_one(struct queue_driver *driver, uint32_t shard, uint32_t pick)
{
    uint32_t record = driver->claimed[shard][pick].record;
    uint32_t campaign = driver->claimed[shard][pick].campaign;
    uint32_t ordinal = driver->claimed[shard][pick].ordinal;
    struct queue_driver_recipient *recipient =
        &driver->ledger->campaigns[campaign].recipients[ordinal];
    struct attempt attempt = {.counted = true, .site = SPAN("site")};
    uint32_t pending = driver->pending_count[shard]++;

    driver->claimed[shard][pick] = driver->claimed[shard][--driver->claimed_count[shard]];
    attempt.outcome.kind = draw_kind(driver);
    attempt.wall_ns = io_wall_ns(driver->io);
    reply_set_text(&attempt.outcome.reply, span_cstr("thank you, that will do"));
    if (attempt.outcome.kind == OUTCOME_DEFERRED || attempt.outcome.kind == OUTCOME_UNSURE)
        attempt.next_due_ns = attempt.wall_ns + NS_PER_S * (1 + prng_below(&driver->prng, 90));
    recipient->attempts++;
    recipient->last = attempt.outcome.kind;
    recipient->deliveries += attempt.outcome.kind == OUTCOME_DELIVERED;
    assert_true(pending < QUEUE_DRIVER_PENDING);
    driver->pending[shard][pending].number = store_settle(driver->shards[shard], record, &attempt);
    driver->pending[shard][pending].campaign = campaign;
    driver->pending[shard][pending].ordinal = ordinal;
    driver->pending[shard][pending].attempts = recipient->attempts;
    driver->pending[shard][pending].kind = attempt.outcome.kind;
}

static void settle_some(struct queue_driver *driver, uint32_t shard)
{
    uint32_t count = (uint32_t)prng_below(&driver->prng, driver->claimed_count[shard] + 1);

    while (count-- > 0) {
        uint32_t pick = (uint32_t)prng_below(&driver->prng, driver->claimed_count[shard]);

        if (prng_percent(&driver->prng, 5)) {
            store_release(driver->shards[shard], driver->claimed[shard][pick].record);
            driver->claimed[shard][pick] = driver->claimed[shard][--driver->claimed_count[shard]];
            continue;
        }
        settle_one(driver, shard, pick);
    }
}

bool queue_driver_idle(struct queue_driver *driver)
{
    for (uint32_t i = 0; i < driver->shards_count; i++) {
        struct queue_shard *queue = store_shard_queue(driver->shards[i]);

        if (driver->claimed_count[i] > 0 || queue_waiting_count(queue) > 0 ||
            queue_admitting(queue) || driver->pending_count[i] > 0)
            return false;
    }
    return store_quiet(driver->store);
}

void queue_driver_run(struct queue_driver *driver, uint32_t turns)
{
    for (uint32_t turn = 0; turn < turns && !sim_world_is_cut(); turn++) {
        queue_driver_turn(driver, 100 * NS_PER_S);
        for (uint32_t i = 0; i < driver->shards_count && !sim_world_is_cut(); i++) {
            claim_some(driver, i);
            settle_some(driver, i);
        }
        if (!sim_world_is_cut() && prng_percent(&driver->prng, 30))
            queue_driver_export(driver, (uint32_t)prng_below(&driver->prng, 40));
    }
}

/* --- events --- */
