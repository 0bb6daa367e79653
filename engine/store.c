#include "engine/store.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "engine/store_parts.h"

#define CONTROL_CAPACITY ((size_t)64 * 1024)
#define LANE_CAPACITY ((size_t)1024 * 1024)
#define LANE_WRITE_SIZE ((size_t)256 * 1024)
#define FIRST_SIZE ((uint64_t)1024 * 1024)
#define DEFAULT_SIZE ((uint64_t)64 * 1024 * 1024)
#define DEFAULT_INTERVAL_NS (2 * NS_PER_MS)
#define DEFAULT_CHECKPOINT ((uint64_t)256 * 1024 * 1024)
#define DEFAULT_CLAIMS 4096

/* --- opening --- */

static struct store_options with_defaults(const struct store_options *given)
{
    struct store_options options = *given;

    if (options.commit_interval_ns == 0)
        options.commit_interval_ns = DEFAULT_INTERVAL_NS;
    if (options.segment_size == 0)
        options.segment_size = DEFAULT_SIZE;
    if (options.journal_size == 0)
        options.journal_size = DEFAULT_SIZE;
    if (options.checkpoint_bytes == 0)
        options.checkpoint_bytes = DEFAULT_CHECKPOINT;
    if (options.claims_max == 0)
        options.claims_max = DEFAULT_CLAIMS;
    return options;
}

size_t store_cost(const struct store_options *given)
{
    const struct store_options options = with_defaults(given);
    const struct queue_limits *limits = &options.limits;

    return arena_cost(1, sizeof(struct store)) + queue_cost(limits) +
           arena_cost(limits->shards_count, sizeof(struct store_shard)) +
           limits->shards_count * store_parts_shard_cost(&options) +
           store_log_cost(CONTROL_CAPACITY) + LANES_COUNT * store_log_cost(LANE_CAPACITY) +
           LANES_COUNT * arena_cost(limits->domains_max, sizeof(uint32_t)) +
           LANES_COUNT * arena_cost(CAMPAIGN_CONTENT_MAX, 1) +
           arena_cost(limits->segments_max, sizeof(struct io_mapping)) +
           arena_cost(STORE_PARTS_JOURNALS, sizeof(struct store_journal)) +
           arena_cost(STORE_PARTS_NAMES_SIZE, 1) +
           arena_cost(STORE_PARTS_NOTICES, sizeof(struct queue_notice)) +
           arena_cost(limits->campaigns_max, sizeof(uint64_t)) +
           2 * arena_cost(limits->campaigns_max, sizeof(bool)) +
           arena_cost((size_t)STORE_SHARDS_MAX * STORE_PARTS_READERS,
                      sizeof(struct store_reading)) +
           store_parts_checkpoint_cost(&options);
}

static void open_logs(struct store *store, struct arena *arena)
{
    const struct store_options *options = &store->options;
    struct store_log_options log = {
        .spool = store->folder,
        .kind = RECORD_FILE_JOURNAL,
        .part = RECORD_PART_CONTROL,
        .durability = options->durability,
        .renewing = true,
        .write_size = CONTROL_CAPACITY / 2,
        .size_first = min_u64(FIRST_SIZE / 4, options->journal_size),
        .size_max = options->journal_size,
        .id_step = store_parts_id_step(store),
        .features.read_only = RECORD_FEATURE_STOPS,
    };

    store_log_init(&store->control, arena, CONTROL_CAPACITY, &log);
    log.kind = RECORD_FILE_SEGMENT;
    log.features.read_only = 0;
    log.renewing = false;
    log.interval_ns = options->commit_interval_ns;
    log.write_size = LANE_WRITE_SIZE;
    log.size_first = min_u64(FIRST_SIZE, options->segment_size);
    log.size_max = options->segment_size;
    for (uint32_t i = 0; i < LANES_COUNT; i++) {
        struct store_lane *lane = &store->lanes[i];

        log.part = i;
        store_log_init(&lane->log, arena, LANE_CAPACITY, &log);
        lane->numbers = arena_alloc(arena, options->limits.domains_max, sizeof(uint32_t));
        lane->content = arena_alloc(arena, CAMPAIGN_CONTENT_MAX, 1);
        lane->slot = QUEUE_NONE;
        lane->campaign = QUEUE_NONE;
    }
}

static void attach_logs(struct store *store)
{
    uint64_t tag = store->options.tag_base, id = store->file_next;
    uint32_t shards_count = store->options.limits.shards_count;

    for (uint32_t i = 0; i < shards_count; i++)
        store->shards[i].log.id_next = id + i;
    store_log_attach(&store->control, store->io, tag + STORE_TAG_CONTROL, tag + STORE_TAG_IGNORED);
    store->control.id_next = id + shards_count;
    for (uint32_t i = 0; i < LANES_COUNT; i++) {
        store_log_attach(&store->lanes[i].log, store->io, tag + STORE_TAG_LANE + i,
                         tag + STORE_TAG_IGNORED);
        store->lanes[i].log.id_next = id + shards_count + 1 + i;
    }
}

/* Before anything is in it. A verdict whose place misses the TLB waits for that even when it was
 * fetched ahead. */
static void make_room_large(struct store *store)
{
    struct span_mut parts[2];

    queue_memory(store->queue, parts);
    for (uint32_t i = 0; i < ARRAY_LEN(parts); i++)
        io_large_pages(store->io, parts[i].data, parts[i].size);
}

static int carve(struct store **ret_store, struct io *io, struct arena *arena,
                 const struct store_options *given)
{
    struct store *store = arena_alloc(arena, 1, sizeof(*store));
    struct queue_limits *limits = &store->options.limits;
    struct text folder;
    uint8_t key[16];
    int r;

    store->io = io;
    store->options = with_defaults(given);
    CHECK(limits->shards_count >= 1);
    CHECK(limits->shards_count <= STORE_SHARDS_MAX);
    text_init(&folder, store->folder, sizeof(store->folder));
    text_add_cstr(&folder, given->folder);
    (void)text_cstr_end(&folder);
    if (folder.overflow || folder.size == 0)
        return -ENAMETOOLONG;
    r = io_entropy(io, key, sizeof(key));
    if (r < 0)
        return r;
    if (limits->domain_key.size == 0)
        limits->domain_key = span_make(key, sizeof(key));
    store->queue = queue_open(arena, limits);
    limits->domain_key = (struct span){0};
    make_room_large(store);
    open_logs(store, arena);
    store->shards = arena_alloc(arena, limits->shards_count, sizeof(struct store_shard));
    for (uint32_t i = 0; i < limits->shards_count; i++)
        store_parts_shard_init(store, arena, i);
    store->segments = arena_alloc(arena, limits->segments_max, sizeof(struct io_mapping));
    store->journals = arena_alloc(arena, STORE_PARTS_JOURNALS, sizeof(struct store_journal));
    store->names = arena_alloc(arena, STORE_PARTS_NAMES_SIZE, 1);
    store->notices = arena_alloc(arena, STORE_PARTS_NOTICES, sizeof(struct queue_notice));
    store->state_tickets = arena_alloc(arena, limits->campaigns_max, sizeof(uint64_t));
    store->held = arena_alloc(arena, limits->campaigns_max, sizeof(bool));
    store->unswept = arena_alloc(arena, limits->campaigns_max, sizeof(bool));
    store->readings = arena_alloc(arena, (size_t)STORE_SHARDS_MAX * STORE_PARTS_READERS,
                                  sizeof(struct store_reading));
    store_parts_checkpoint_init(store, arena);
    *ret_store = store;
    return 0;
}

/* What recovery found is told to the shards before they run: states, stops, then all recipients. */
static void tell_shards(struct store *store)
{
    struct queue_notice notice = {.kind = QUEUE_NOTICE_STATE};

    notice.runs_count = queue_append_runs_count(store->queue);
    for (uint32_t s = 0; s < store->options.limits.shards_count; s++) {
        struct queue_shard *shard = queue_shard(store->queue, s);

        notice.kind = QUEUE_NOTICE_STATE;
        for (uint32_t i = 0; i < queue_campaigns_count(store->queue); i++) {
            const struct campaign *campaign = queue_campaign(store->queue, i);

            notice.campaign_index = i;
            /* Without content nothing can be sent: its recipients are counted as damaged. */
            notice.state = campaign->content.data == NULL ? CAMPAIGN_DISCARDED : campaign->state;
            queue_notice(shard, &notice);
        }
    }
    store_parts_resume_stops(store);
    notice.kind = QUEUE_NOTICE_RECIPIENTS;
    notice.campaign_index = QUEUE_NONE;
    for (uint32_t s = 0; s < store->options.limits.shards_count; s++)
        queue_notice(queue_shard(store->queue, s), &notice);
}

int store_open(struct store **ret_store, struct io *io, struct arena *arena,
               const struct store_options *options, struct text *error)
{
    struct store *store;
    int r = carve(&store, io, arena, options);

    if (r < 0) {
        text_add_format(error, "cannot open the spool %s: %s", options->folder,
                        strerrordesc_np(-r));
        return r;
    }
    r = store_parts_recover(store, error);
    if (r < 0)
        return r;
    attach_logs(store);
    tell_shards(store);
    store_parts_resume_sweeps(store);
    for (uint32_t i = 0; i < queue_campaigns_count(store->queue); i++)
        if (queue_campaign(store->queue, i)->state == CAMPAIGN_LOADING) {
            store->recovery.discarded_count++;
            r = store_parts_state(store, i, CAMPAIGN_DISCARDED);
            (void)r; /* no room for so many: the next start does the rest */
        }
    *ret_store = store;
    return 0;
}

const struct store_recovery *store_recovery(const struct store *store)
{
    return &store->recovery;
}

struct queue *store_queue(struct store *store)
{
    return store->queue;
}

/* --- the turn --- */

bool store_event(struct store *store, const struct io_event *event)
{
    uint64_t tag = event->tag - store->options.tag_base;

    if (event->tag < store->options.tag_base || tag >= STORE_TAGS)
        return false;
    if (tag == STORE_TAG_CONTROL) {
        store_log_event(&store->control, event);
        store_log_step(&store->control, io_now_ns(store->io));
    } else if (tag >= STORE_TAG_LANE && tag < STORE_TAG_LANE + LANES_COUNT) {
        struct store_lane *lane = &store->lanes[tag - STORE_TAG_LANE];

        store_log_event(&lane->log, event);
        store_parts_lane_step(store, lane);
    } else if (tag == STORE_TAG_CHECKPOINT) {
        store_parts_checkpoint_event(store, event);
    }
    return true;
}

/* A state is often the last one for a long time. */
static void seal_control(struct store *store)
{
    if (store_log_quiet(&store->control))
        store_log_seal(&store->control, io_now_ns(store->io));
}

void store_tick(struct store *store)
{
    if (!store->shards_closed)
        store_parts_reports(store);
    store_parts_send_notices(store);
    if (store->check_done)
        store_parts_find_done(store);
    seal_control(store);
    store_log_step(&store->control, io_now_ns(store->io));
    store_parts_order_sweeps(store);
    store_parts_tell_cancels(store);
    for (uint32_t i = 0; i < LANES_COUNT; i++)
        store_parts_lane_step(store, &store->lanes[i]);
    store_parts_checkpoint_step(store);
}

static bool notices_wait(const struct store *store)
{
    for (uint32_t i = 0; i < store->options.limits.shards_count; i++)
        if (store->shards[i].notices_sent < store->notices_count)
            return true;
    return false;
}

uint64_t store_deadline_ns(const struct store *store)
{
    uint64_t deadline = store_log_deadline_ns(&store->control);

    for (uint32_t i = 0; i < LANES_COUNT; i++)
        deadline = min_u64(deadline, store_log_deadline_ns(&store->lanes[i].log));
    if (notices_wait(store) || store->check_done ||
        store->checkpoint.step == STORE_CHECKPOINT_FILL ||
        store->checkpoint.step == STORE_CHECKPOINT_SETTLE)
        deadline = min_u64(deadline, io_now_ns(store->io) + NS_PER_MS); /* a shard will answer */
    return deadline;
}

static bool loads_open(const struct store *store)
{
    for (uint32_t i = 0; i < LANES_COUNT; i++) {
        if (store_parts_loading(&store->lanes[i]))
            return true;
    }
    return false;
}

bool store_quiet(const struct store *store)
{
    for (uint32_t i = 0; i < LANES_COUNT; i++)
        if (!store_log_quiet(&store->lanes[i].log))
            return false;
    return !loads_open(store) && store_log_quiet(&store->control) && !notices_wait(store) &&
           store->checkpoint.step == STORE_CHECKPOINT_IDLE;
}

void store_traffic(const struct store *store, struct store_traffic *ret)
{
    *ret = (struct store_traffic){0};
    store_log_traffic(&store->control, ret);
    for (uint32_t i = 0; i < LANES_COUNT; i++)
        store_log_traffic(&store->lanes[i].log, ret);
}

int store_error(const struct store *store)
{
    if (store->control.state == STORE_LOG_FAILED)
        return store->control.error;
    for (uint32_t i = 0; i < LANES_COUNT; i++)
        if (store->lanes[i].log.state == STORE_LOG_FAILED)
            return store->lanes[i].log.error;
    return store->checkpoint.error;
}

/* --- closing --- */

static void wait_once(struct store *store, uint64_t deadline_ns)
{
    struct io_event events[64];
    uint32_t count = io_wait(store->io, deadline_ns, events, ARRAY_LEN(events));

    for (uint32_t i = 0; i < count; i++)
        if (!store_event(store, &events[i]))
            continue; /* others' events are of no use any more */
}

/* Until a lane's last batch is written, or will never be. */
static void drain_lane(struct store *store, struct store_log *log)
{
    log->flush = true;
    for (;;) {
        store_log_step(log, io_now_ns(store->io));
        if (log->state != STORE_LOG_OPEN || log->full || store_log_quiet(log))
            return;
        wait_once(store, store_log_deadline_ns(log));
    }
}

static int drain_control(struct store *store)
{
    for (;;) {
        store->control.flush = true;
        store_log_step(&store->control, io_now_ns(store->io));
        if (store->control.state == STORE_LOG_FAILED)
            return store->control.error;
        if (store_log_quiet(&store->control))
            return 0;
        wait_once(store, store_log_deadline_ns(&store->control));
    }
}

/* Waits on the store's own io until commits have ended and no log has anything left to do, or until
 * something has failed. */
static int drain(struct store *store)
{
    int r;

    for (uint32_t i = 0; i < LANES_COUNT; i++) {
        while (store_parts_loading(&store->lanes[i]) && store->control.state != STORE_LOG_FAILED) {
            store_tick(store);
            if (store->lanes[i].load.state == STORE_LOAD_DURABLE)
                store_load_publish(&store->lanes[i].load); /* no shard runs any more */
            else if (store_parts_loading(&store->lanes[i]))
                wait_once(store, store_deadline_ns(store));
        }
        drain_lane(store, &store->lanes[i].log);
    }
    r = drain_control(store);
    if (r < 0)
        return r;
    seal_control(store);
    return drain_control(store);
}

/* The checkpoint that was there at the start still says it all. */
static bool is_unchanged(const struct store *store)
{
    if (!store->recovery.clean || store->control.appender.added_count > 0)
        return false;
    for (uint32_t i = 0; i < LANES_COUNT; i++)
        if (store->lanes[i].log.appender.added_count > 0)
            return false;
    for (uint32_t i = 0; i < store->options.limits.shards_count; i++)
        if (store->shards[i].settled_count > 0)
            return false;
    return true;
}

static int write_checkpoint(struct store *store)
{
    while (store->checkpoint.step != STORE_CHECKPOINT_IDLE) { /* one that was under way */
        wait_once(store, io_now_ns(store->io) + NS_PER_MS);
        store_parts_checkpoint_step(store);
    }
    if (store->options.durability == STORE_MEMORY || is_unchanged(store))
        return 0;
    store_parts_checkpoint_begin(store, true);
    for (;;) {
        store_parts_checkpoint_step(store);
        if (store->checkpoint.step == STORE_CHECKPOINT_IDLE)
            return store->checkpoint.error;
        wait_once(store, UINT64_MAX);
    }
}

static void unmap_all(struct store *store)
{
    for (uint32_t i = 0; i < store->options.limits.segments_max; i++)
        if (store->segments[i].data != NULL)
            io_unmap(store->io, &store->segments[i]);
    for (uint32_t i = 0; i < STORE_SHARDS_MAX * STORE_PARTS_READERS; i++)
        if (store->readings[i].mapping.data != NULL)
            io_unmap(store->io, &store->readings[i].mapping);
}

int store_close(struct store *store)
{
    int r, error;

    if (store == NULL)
        return 0;
    if (!store->shards_closed)
        store_shards_closed(store);
    for (uint32_t i = 0; i < LANES_COUNT; i++)
        if (store->lanes[i].load.used)
            store_load_end(&store->lanes[i].load);
    store_parts_find_done(store);
    error = drain(store);
    r = write_checkpoint(store);
    if (error == 0)
        error = r;
    store_log_close(&store->control);
    for (uint32_t i = 0; i < LANES_COUNT; i++)
        store_log_close(&store->lanes[i].log);
    unmap_all(store);
    return error;
}
