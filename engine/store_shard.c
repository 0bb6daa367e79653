#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "engine/store_parts.h"

#define ORDERS_MAX 64
#define REPORTS_MAX 1024
#define REPORT_NS (20 * NS_PER_MS)
#define WORK_MAX 4096 /* recipients moved by one tick */
#define WORD_BITS 64
#define OUTCOME_COST                                                                               \
    (record_align(sizeof(struct record_header) + JOURNAL_OUTCOME_MAX) + RECORD_ALIGN)
#define JOURNAL_FIRST_SIZE ((uint64_t)1024 * 1024)
#define WRITE_SIZE ((size_t)256 * 1024)

/* Room for every claim's verdict in each of the two buffers. */
static size_t capacity_for(const struct store_options *options)
{
    return (options->claims_max + 2) * OUTCOME_COST;
}

static size_t dirty_words(const struct store_options *options)
{
    return (options->limits.campaigns_max + WORD_BITS - 1) / WORD_BITS;
}

size_t store_parts_shard_cost(const struct store_options *options)
{
    return channel_cost(ORDERS_MAX, sizeof(struct store_order)) +
           channel_cost(REPORTS_MAX, sizeof(struct store_report)) +
           store_log_cost(capacity_for(options)) +
           arena_cost(dirty_words(options), sizeof(uint64_t)) +
           arena_cost(options->limits.campaigns_max, sizeof(struct store_counted));
}

void store_parts_shard_init(struct store *store, struct arena *arena, uint32_t index)
{
    const struct store_options *options = &store->options;
    struct store_shard *shard = &store->shards[index];
    struct store_log_options log = {
        .spool = store->folder,
        .kind = RECORD_FILE_JOURNAL,
        .part = index,
        .durability = options->durability,
        .renewing = true,
        .interval_ns = options->commit_interval_ns,
        .write_size = WRITE_SIZE,
        .size_first = min_u64(JOURNAL_FIRST_SIZE, options->journal_size),
        .size_max = options->journal_size,
        .id_step = store_parts_id_step(store),
    };

    shard->store = store;
    shard->index = index;
    shard->wake_index = STORE_NO_WAKE;
    shard->queue = queue_shard(store->queue, index);
    channel_init(&shard->orders, arena, ORDERS_MAX, sizeof(struct store_order));
    channel_init(&shard->reports, arena, REPORTS_MAX, sizeof(struct store_report));
    store_log_init(&shard->log, arena, capacity_for(options), &log);
    shard->dirty = arena_alloc(arena, dirty_words(options), sizeof(uint64_t));
    shard->counted =
        arena_alloc(arena, options->limits.campaigns_max, sizeof(struct store_counted));
}

struct store_shard *store_shard(struct store *store, uint32_t shard_index)
{
    CHECK(shard_index < store->options.limits.shards_count);
    return &store->shards[shard_index];
}

void store_shard_open(struct store_shard *shard, const struct store_shard_options *options)
{
    shard->io = options->io;
    shard->tag_base = options->tag_base;
    shard->wake_index = options->wake_index;
    shard->changed = true;
    store_log_attach(&shard->log, options->io, options->tag_base + STORE_TAG_CONTROL,
                     options->tag_base + STORE_TAG_IGNORED);
}

struct queue_shard *store_shard_queue(struct store_shard *shard)
{
    return shard->queue;
}

/* --- the journal --- */

/* Notes when a journal was left for another: readers must know how far it was durable. */
static void watch_journal(struct store_shard *shard)
{
    uint64_t file = shard->log.appender.file;

    if (shard->store->options.durability == STORE_MEMORY || file == 0)
        return;
    if (file != shard->journal) {
        CHECK(shard->left_count < ARRAY_LEN(shard->left));
        if (shard->journal != 0)
            shard->left[shard->left_count++] =
                (struct checkpoint_cover){shard->journal, shard->journal_durable};
        shard->journal = file;
        shard->changed = true;
    }
    shard->journal_durable = store_log_durable_offset(&shard->log);
}

static void step_journal(struct store_shard *shard)
{
    if (shard->left_count >= STORE_PARTS_LEFT)
        return; /* the store must learn of those first */
    store_log_step(&shard->log, io_now_ns(shard->io));
    watch_journal(shard);
}

bool store_shard_event(struct store_shard *shard, const struct io_event *event)
{
    uint64_t tag = event->tag - shard->tag_base;

    if (event->tag < shard->tag_base || tag >= STORE_TAGS)
        return false;
    if (tag == STORE_TAG_CONTROL) {
        store_log_event(&shard->log, event);
        watch_journal(shard);
        shard->changed = true;
        step_journal(shard);
    }
    return true;
}

int store_shard_error(const struct store_shard *shard)
{
    return shard->log.state == STORE_LOG_FAILED ? shard->log.error : 0;
}

void store_shard_traffic(const struct store_shard *shard, struct store_traffic *ret)
{
    *ret = (struct store_traffic){0};
    store_log_traffic(&shard->log, ret);
}

/* --- reports --- */

static void fill_progress(const struct store_shard *shard, struct store_report *report)
{
    report->settled_count = shard->settled_count;
    report->durable_count = store_log_durable_count(&shard->log);
    report->waiting_count = queue_waiting_count(shard->queue);
    report->claimed_count = queue_claimed_count(shard->queue);
    report->next_due_s = queue_next_due_s(shard->queue);
    report->admitting = queue_admitting(shard->queue);
    report->notices_count = shard->notices_count;
    report->journal = shard->journal;
    report->journal_durable = shard->journal_durable;
    report->bytes = shard->bytes;
    report->error = store_shard_error(shard);
}

static bool report_left(struct store_shard *shard)
{
    while (shard->left_count > 0) {
        const struct store_report report = {
            .kind = STORE_REPORT_LEFT,
            .journal = shard->left[0].file,
            .journal_durable = shard->left[0].offset,
        };

        if (!channel_send(&shard->reports, &report))
            return false;
        shard->left_count--;
        memmove(&shard->left[0], &shard->left[1], shard->left_count * sizeof(shard->left[0]));
    }
    return true;
}

static bool report_campaign(struct store_shard *shard, uint32_t campaign)
{
    const struct store_report report = {
        .kind = STORE_REPORT_COUNTS,
        .campaign = campaign,
        .counts = *queue_counts(shard->queue, campaign),
        .settled_count = shard->settled_count,
    };

    return channel_send(&shard->reports, &report);
}

static bool report_counts(struct store_shard *shard)
{
    size_t words = dirty_words(&shard->store->options);

    for (size_t i = 0; i < words; i++)
        while (shard->dirty[i] != 0) {
            uint32_t bit = (uint32_t)__builtin_ctzll(shard->dirty[i]);

            if (!report_campaign(shard, (uint32_t)(i * WORD_BITS) + bit))
                return false;
            shard->dirty[i] &= shard->dirty[i] - 1;
        }
    return true;
}

/* What left its flow without a claim (of a cancelled campaign) is news, too. */
static bool has_news(const struct store_shard *shard)
{
    return shard->changed || queue_waiting_count(shard->queue) != shard->waiting_reported;
}

static void report(struct store_shard *shard)
{
    struct store_report progress = {.kind = STORE_REPORT_PROGRESS};
    uint32_t store_ring = shard->store->options.wake_index;

    shard->report_ns = io_now_ns(shard->io) + REPORT_NS;
    if (!report_left(shard) || !report_counts(shard))
        return;
    fill_progress(shard, &progress);
    if (!channel_send(&shard->reports, &progress))
        return;
    shard->changed = false;
    shard->waiting_reported = progress.waiting_count;
    if (store_ring != STORE_NO_WAKE)
        io_wake(shard->io, store_ring);
}

static void mark_dirty(struct store_shard *shard, uint32_t campaign)
{
    shard->dirty[campaign / WORD_BITS] |= UINT64_C(1) << (campaign % WORD_BITS);
    shard->changed = true;
}

/* --- orders --- */

static bool obey(struct store_shard *shard, const struct store_order *order)
{
    const struct store_report copied = {.kind = STORE_REPORT_COPIED,
                                        .settled_count = shard->settled_count};

    switch (order->kind) {
    case STORE_ORDER_NOTICE:
        if (!queue_can_notice(shard->queue))
            return false;
        queue_notice(shard->queue, &order->notice);
        shard->notices_count++;
        shard->changed = true;
        return true;
    case STORE_ORDER_COPY:
        for (uint64_t i = 0; i < order->blocks_count; i++)
            checkpoint_fill_entries(order->writer, order->block + i, shard->index,
                                    order->data + i * CHECKPOINT_BLOCK);
        if (!channel_send(&shard->reports, &copied))
            return false; /* filling it in once more does no harm */
        if (shard->store->options.wake_index != STORE_NO_WAKE)
            io_wake(shard->io, shard->store->options.wake_index);
        return true;
    }
    UNREACHABLE("order kind");
}

static void take_orders(struct store_shard *shard)
{
    for (;;) {
        if (!shard->holds)
            shard->holds = channel_receive(&shard->orders, &shard->held);
        if (!shard->holds || !obey(shard, &shard->held))
            return;
        shard->holds = false;
    }
}

/* --- the turn --- */

void store_shard_tick(struct store_shard *shard)
{
    take_orders(shard);
    shard->more_due = queue_due(shard->queue, io_wall_ns(shard->io) / NS_PER_S, WORK_MAX);
    store_parts_sweep(shard);
    shard->changed |= shard->more_due;
    step_journal(shard);
    store_parts_sweep_on(shard);
    if (has_news(shard) && io_now_ns(shard->io) >= shard->report_ns)
        report(shard);
}

uint64_t store_shard_deadline_ns(const struct store_shard *shard)
{
    uint64_t now_ns = io_now_ns(shard->io), wall_ns = io_wall_ns(shard->io);
    uint64_t due_s = queue_next_due_s(shard->queue);
    uint64_t deadline = store_log_deadline_ns(&shard->log);

    if (shard->more_due || shard->more_to_sweep || queue_ready_cut(shard->queue))
        return now_ns;
    if (has_news(shard) || shard->holds)
        deadline = min_u64(deadline, shard->report_ns);
    if (due_s <= wall_ns / NS_PER_S)
        return now_ns;
    if (due_s < UINT64_MAX / NS_PER_S)
        deadline = min_u64(deadline, now_ns + (due_s * NS_PER_S - wall_ns));
    return deadline;
}

/* --- claims --- */

bool store_parts_has_room(struct store_shard *shard)
{
    uint64_t needed = ((uint64_t)queue_claimed_count(shard->queue) + 1) * OUTCOME_COST;

    if (appender_room(&shard->log.appender) >= needed)
        return true;
    shard->log.flush = true;
    return false;
}

int store_claim(struct store_shard *shard, uint32_t flow, uint32_t *ret_record,
                struct queue_recipient *ret_recipient)
{
    struct queue_flow about;

    if (shard->log.state == STORE_LOG_FAILED || shard->log.error != 0)
        return -EIO;
    queue_flow(shard->queue, flow, &about);
    for (;;) {
        uint32_t record;

        if (!store_parts_has_room(shard))
            return -EAGAIN;
        record = queue_claim(shard->queue, flow);
        if (record == QUEUE_NONE)
            return -ENOENT;
        mark_dirty(shard, about.campaign_index);
        if (queue_view(shard->queue, record, ret_recipient) == 0) {
            *ret_record = record;
            return 0;
        }
        queue_damaged(shard->queue, record);
    }
}

void store_near(const struct store_shard *shard, uint32_t record)
{
    queue_near(shard->queue, record);
}

uint64_t store_settle(struct store_shard *shard, uint32_t record, const struct attempt *attempt)
{
    uint32_t campaign;
    uint8_t *place;
    size_t size;

    place = appender_add(&shard->log.appender, JOURNAL_OUTCOME_MAX, NULL);
    campaign = queue_campaign_of(shard->queue, record);
    CHECK(place != NULL); /* store_claim kept room */
    size =
        journal_write_outcome(queue_identity(shard->queue, record),
                              queue_attempt_number(shard->queue, record, attempt), attempt, place);
    appender_added(&shard->log.appender, RECORD_OUTCOME, size);
    store_log_added(&shard->log, io_now_ns(shard->io));
    queue_settle(shard->queue, record, attempt);
    mark_dirty(shard, campaign);
    shard->bytes += record_cost(size);
    return ++shard->settled_count;
}

void store_release(struct store_shard *shard, uint32_t record)
{
    mark_dirty(shard, queue_campaign_of(shard->queue, record));
    queue_release(shard->queue, record);
}

uint64_t store_durable_count(const struct store_shard *shard)
{
    return store_log_durable_count(&shard->log);
}

/* --- closing --- */

static int drain(struct store_shard *shard)
{
    struct io_event events[64];

    shard->log.flush = true;
    while (!store_log_quiet(&shard->log)) {
        uint32_t count;

        store_log_step(&shard->log, io_now_ns(shard->io));
        watch_journal(shard);
        if (shard->log.state == STORE_LOG_FAILED)
            return shard->log.error;
        if (store_log_quiet(&shard->log))
            break;
        count = io_wait(shard->io, store_log_deadline_ns(&shard->log), events, ARRAY_LEN(events));
        for (uint32_t i = 0; i < count; i++)
            if (events[i].tag == shard->tag_base + STORE_TAG_CONTROL) {
                store_log_event(&shard->log, &events[i]);
                watch_journal(shard);
            }
    }
    return 0;
}

int store_shard_close(struct store_shard *shard)
{
    int r;

    if (shard->io == NULL)
        return 0;
    r = drain(shard);
    if (r == 0) {
        store_log_seal(&shard->log, io_now_ns(shard->io));
        r = drain(shard);
    }
    report(shard);
    store_log_close(&shard->log);
    return r;
}
