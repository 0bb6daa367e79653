#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "engine/store_parts.h"
#include "queue/segment.h"

/* A content that is larger goes into a batch of its own, straight from the caller's memory. */
#define CONTENT_COPIED_MAX ((size_t)64 * 1024)
#define SEGMENT_SPARE ((uint64_t)1024 * 1024)

static enum store_load_state fail(struct store_load *load, int error)
{
    CHECK(error < 0);
    load->error = error;
    return STORE_LOAD_FAILED;
}

/* --- the lane: one segment after the other --- */

static void open_segment(struct store_lane *lane)
{
    uint64_t size_min = RECORD_PAGE + lane->load.content.size + SEGMENT_SPARE / 2;

    lane->campaign = QUEUE_NONE;
    lane->described = false;
    lane->slot = QUEUE_NONE;
    lane->numbers_count = 0;
    lane->log.options.features.incompatible =
        lane->load.descriptor.require_tls ? RECORD_FEATURE_REQUIRE_TLS : 0;
    store_log_renew(&lane->log, size_min);
    lane->step = STORE_LANE_OPENING;
}

/* The new segment is there: records can be read in it from now on. */
static int adopt_segment(struct store *store, struct store_lane *lane)
{
    struct io_mapping mapping;
    uint32_t slot;
    int r = io_map(store->io, lane->log.path, IO_MAP_READ, &mapping);

    if (r < 0)
        return r;
    r = queue_append_segment(store->queue, lane->log.id, span_make(mapping.data, mapping.size),
                             lane->log.options.part, &slot);
    if (r < 0) {
        io_unmap(store->io, &mapping);
        return r;
    }
    store->segments[slot] = mapping;
    lane->slot = slot;
    memset(lane->numbers, 0xff,
           store->options.limits.domains_max * sizeof(*lane->numbers)); /* QUEUE_NONE */
    return 0;
}

static enum store_lane_step lane_failed(struct store_lane *lane, int error)
{
    /* What READY was written for is durable: only the control journal decides about it. */
    if (store_parts_loading(lane) && lane->load.ready_ticket == 0)
        lane->load.state = fail(&lane->load, error);
    lane->campaign = QUEUE_NONE;
    return STORE_LANE_CLOSED;
}

static enum store_lane_step next_step(struct store *store, struct store_lane *lane)
{
    int r;

    switch (lane->step) {
    case STORE_LANE_CLOSED:
    case STORE_LANE_OPEN:
        return lane->step;
    case STORE_LANE_OPENING:
        if (lane->log.state != STORE_LOG_OPEN)
            return STORE_LANE_OPENING;
        r = adopt_segment(store, lane);
        return r < 0 ? lane_failed(lane, r) : STORE_LANE_OPEN;
    case STORE_LANE_LEAVING:
        lane->log.flush = true;
        lane->log.sync_wanted = true;
        store_log_step(&lane->log, io_now_ns(store->io));
        if (!store_log_quiet(&lane->log))
            return STORE_LANE_LEAVING;
        queue_append_covered(store->queue, lane->slot, lane->log.appender.written);
        store_log_seal(&lane->log, io_now_ns(store->io));
        return STORE_LANE_SEALING;
    case STORE_LANE_SEALING:
        store_log_step(&lane->log, io_now_ns(store->io));
        if (!store_log_quiet(&lane->log))
            return STORE_LANE_SEALING;
        queue_append_covered(store->queue, lane->slot, lane->log.appender.written);
        open_segment(lane);
        return STORE_LANE_OPENING;
    }
    UNREACHABLE("lane step");
}

/* --- the commit --- */

/* Everything of the load is durable: READY goes into the control journal. */
static enum store_load_state write_ready(struct store *store, struct store_lane *lane)
{
    struct store_load *load = &lane->load;
    struct journal_state state;
    uint8_t *place;
    int r;

    place = appender_add(&store->control.appender, journal_state_size(), NULL);
    if (place == NULL)
        return STORE_LOAD_COMMITTING; /* as soon as there is room */
    r = queue_append_place(store->queue, load->campaign, lane->slot, lane->descriptor_offset,
                           lane->content_offset);
    if (r < 0)
        return fail(load, r); /* what was written does not read back */
    state = queue_append_next_state(store->queue, load->campaign, CAMPAIGN_READY,
                                    store_parts_wall_s(store));
    state.recipients_count = load->count;
    memcpy(state.list_digest, load->list_digest, CAMPAIGN_DIGEST_SIZE);
    journal_write_state(&state, place);
    appender_added(&store->control.appender, RECORD_STATE, journal_state_size());
    store_log_added(&store->control, io_now_ns(store->io));
    load->ready_ticket = store->control.appender.added_count;
    store->state_tickets[load->campaign] = load->ready_ticket;
    queue_append_covered(store->queue, lane->slot, lane->log.appender.written);
    store_log_seal(&lane->log, io_now_ns(store->io));
    store_log_step(&store->control, io_now_ns(store->io));
    return STORE_LOAD_COMMITTING;
}

/* READY is durable: the shards may have the recipients. */
static enum store_load_state publish(struct store *store, struct store_load *load)
{
    struct journal_state state;
    struct queue_notice notice = {
        .kind = QUEUE_NOTICE_RECIPIENTS,
        .campaign_index = load->campaign,
        .state = CAMPAIGN_READY,
        .run_first = load->run_first,
        .runs_count = queue_append_runs_count(store->queue),
    };

    if (!store_parts_notify(store, &notice))
        return STORE_LOAD_COMMITTING;
    state = queue_append_next_state(store->queue, load->campaign, CAMPAIGN_READY,
                                    store_parts_wall_s(store));
    state.recipients_count = load->count;
    memcpy(state.list_digest, load->list_digest, CAMPAIGN_DIGEST_SIZE);
    CHECK(queue_append_state(store->queue, load->campaign, &state));
    queue_append_counts(store->queue, load->campaign);
    return STORE_LOAD_READY;
}

static enum store_load_state commit_step(struct store *store, struct store_lane *lane)
{
    struct store_load *load = &lane->load;

    if (load->ready_ticket != 0) {
        if (store_log_durable_count(&store->control) < load->ready_ticket)
            return STORE_LOAD_COMMITTING; /* if the journal failed: the next one takes READY */
        return load->kept_back ? STORE_LOAD_DURABLE : publish(store, load);
    }
    if (lane->step != STORE_LANE_OPEN)
        return STORE_LOAD_COMMITTING;
    lane->log.flush = true;
    lane->log.sync_wanted = true;
    store_log_step(&lane->log, io_now_ns(store->io));
    return store_log_quiet(&lane->log) ? write_ready(store, lane) : STORE_LOAD_COMMITTING;
}

void store_parts_lane_step(struct store *store, struct store_lane *lane)
{
    enum store_lane_step before;

    if (lane->log.state == STORE_LOG_FAILED && lane->step != STORE_LANE_CLOSED)
        lane->step = lane_failed(lane, lane->log.error);
    do {
        before = lane->step;
        lane->step = next_step(store, lane);
    } while (lane->step != before);
    if (lane->log.state == STORE_LOG_OPEN)
        store_log_step(&lane->log, io_now_ns(store->io));
    if (lane->load.used && lane->load.state == STORE_LOAD_COMMITTING)
        lane->load.state = commit_step(store, lane);
    if (lane->load.abandoned && lane->load.state != STORE_LOAD_COMMITTING) {
        lane->load.abandoned = false;
        store_load_end(&lane->load);
    }
}

/* --- loads --- */

/* Copies the strings, whose lender goes away. */
static void keep_strings(struct store_load *load)
{
    struct campaign_descriptor *descriptor = &load->descriptor;
    struct span *strings[] = {&descriptor->name, &descriptor->tenant, &descriptor->stream,
                              &descriptor->egress_pool, &descriptor->sender};
    uint8_t *place = load->strings;

    for (uint32_t i = 0; i < ARRAY_LEN(strings); i++) {
        if (strings[i]->size > 0)
            memcpy(place, strings[i]->data, strings[i]->size);
        *strings[i] = span_make(place, strings[i]->size);
        place += strings[i]->size;
    }
}

int store_load_begin(struct store *store, const struct campaign_descriptor *descriptor,
                     struct span content, struct store_load **ret_load)
{
    struct store_lane *lane = &store->lanes[descriptor->lane];
    struct store_load *load = &lane->load;
    int r;

    CHECK(descriptor->lane < LANES_COUNT);
    if (content.size > CAMPAIGN_CONTENT_MAX || segment_campaign_size(descriptor) == 0 ||
        descriptor->name.size == 0)
        return -EINVAL;
    if (load->used || lane->log.appender.buffers[0].tail.size > 0 ||
        lane->log.appender.buffers[1].tail.size > 0)
        return -EBUSY; /* or the content of the last one is still being written */
    if (queue_find_campaign(store->queue, descriptor->tenant, descriptor->name) != QUEUE_NONE)
        return -EEXIST;
    *load = (struct store_load){
        .store = store,
        .state = STORE_LOAD_ADDING,
        .lane = descriptor->lane,
        .descriptor = *descriptor,
        .content = span_make(lane->content, content.size),
        .run_first = queue_append_runs_count(store->queue),
    };
    keep_strings(load);
    if (content.size > 0)
        memcpy(lane->content, content.data, content.size);
    do {
        load->descriptor.id = store_parts_new_id(store);
        if (load->descriptor.created_s == 0)
            load->descriptor.created_s = store_parts_wall_s(store);
        r = queue_append_campaign(store->queue, &load->descriptor, &load->campaign);
    } while (r == -EEXIST);
    if (r < 0)
        return r;
    load->used = true;
    *ret_load = load;
    return 0;
}

/* Descriptor and content into the present segment. 0, -EAGAIN, or -ENOSPC: the segment is full. */
static int describe(struct store_load *load, struct store_lane *lane)
{
    struct appender *appender = &lane->log.appender;
    size_t size = segment_campaign_size(&load->descriptor);
    uint8_t head[SEGMENT_CONTENT_HEAD], *place;

    if (!lane->described) {
        place = appender_add(appender, size, &lane->descriptor_offset);
        if (place == NULL)
            return -ENOSPC;
        segment_write_campaign(&load->descriptor, place);
        appender_added(appender, RECORD_CAMPAIGN, size);
        lane->described = true;
    }
    segment_write_content(load->descriptor.id, load->content.size, head);
    if (load->content.size > CONTENT_COPIED_MAX) {
        if (appender->buffers[appender->filling].count > 0)
            return -EAGAIN; /* a batch of its own: what is gathered goes first */
        if (!appender_add_large(appender, RECORD_CONTENT, span_make(head, sizeof(head)),
                                load->content, &lane->content_offset))
            return -ENOSPC;
        lane->campaign = load->campaign;
        return 0;
    }
    size = sizeof(head) + load->content.size;
    place = appender_add(appender, size, &lane->content_offset);
    if (place == NULL)
        return -ENOSPC;
    memcpy(place, head, sizeof(head));
    if (load->content.size > 0)
        memcpy(place + sizeof(head), load->content.data, load->content.size);
    appender_added(appender, RECORD_CONTENT, size);
    lane->campaign = load->campaign;
    return 0;
}

/* The domain's number in the segment, with its record when it is new there. */
static int number_domain(struct store *store, struct store_lane *lane, struct span name,
                         struct segment_recipient *record, uint32_t *ret_domain)
{
    uint32_t domain;
    struct span lower;
    uint8_t *place;
    int r = queue_append_domain(store->queue, name, &domain);

    if (r < 0)
        return r == -ENOSPC ? -ENFILE : r;
    *ret_domain = domain;
    record->domain = lane->numbers[domain];
    if (record->domain != QUEUE_NONE)
        return 0;
    lower = queue_domain_name(store->queue, domain);
    place = appender_add(&lane->log.appender, segment_domain_size(lower), &(uint64_t){0});
    if (place == NULL)
        return -ENOSPC;
    segment_write_domain(lane->numbers_count, lower, place);
    appender_added(&lane->log.appender, RECORD_DOMAIN, segment_domain_size(lower));
    lane->numbers[domain] = lane->numbers_count++;
    record->domain = lane->numbers[domain];
    return 0;
}

/* 0; -EAGAIN; -ENOSPC: the buffer or the segment is full; -ENFILE: a limit of the queue is. */
static int add_recipient(struct store_load *load, struct store_lane *lane,
                         const struct store_recipient *recipient)
{
    struct segment_recipient record = {
        .identity = {load->descriptor.id, load->count},
        .address = recipient->address,
        .metadata = recipient->metadata,
        .values_count = recipient->values_count,
    };
    struct queue_new_recipient added = {
        .segment = lane->slot,
        .campaign = load->campaign,
        .ordinal = load->count,
        .due_s = load->descriptor.not_before_s,
    };
    size_t size = segment_recipient_size(&record, recipient->values);
    uint8_t *place;
    int r;

    if (size == 0)
        return -EINVAL;
    r = number_domain(load->store, lane, recipient->domain, &record, &added.domain);
    if (r < 0)
        return r;
    place = appender_add(&lane->log.appender, size, &added.offset);
    if (place == NULL)
        return -ENOSPC;
    r = queue_append_recipient(load->store->queue, &added);
    if (r < 0)
        return -ENFILE;
    segment_write_recipient(&record, recipient->values, place);
    appender_added(&lane->log.appender, RECORD_RECIPIENT, size);
    return 0;
}

/* Nothing more fits: is it the buffer, which will be free again, or the segment? */
static int make_room(struct store_lane *lane)
{
    const struct appender *appender = &lane->log.appender;

    lane->log.flush = true;
    if (appender_room(appender) > SEGMENT_RECIPIENT_MAX ||
        (appender->buffers[appender->filling].count == 0))
        lane->step = STORE_LANE_LEAVING; /* the buffer has room: so it is the segment */
    return -EAGAIN;
}

int store_load_add(struct store_load *load, const struct store_recipient *recipient)
{
    struct store *store = load->store;
    struct store_lane *lane = &store->lanes[load->lane];
    int r = 0;

    if (load->state != STORE_LOAD_ADDING)
        return load->error < 0 ? load->error : -EINVAL;
    if (lane->step == STORE_LANE_CLOSED)
        open_segment(lane);
    if (lane->step != STORE_LANE_OPEN)
        return -EAGAIN;
    if (load->descriptor.require_tls &&
        (lane->log.options.features.incompatible & RECORD_FEATURE_REQUIRE_TLS) == 0) {
        lane->step = STORE_LANE_LEAVING; /* a program that does not know it must not send from it */
        return -EAGAIN;
    }
    if (lane->campaign != load->campaign) {
        if (lane->campaign != QUEUE_NONE)
            lane->described = false;
        lane->campaign = QUEUE_NONE;
        r = describe(load, lane);
        store_log_added(&lane->log, io_now_ns(store->io));
        lane->log.flush |= r == -EAGAIN;
    }
    if (r == 0)
        r = add_recipient(load, lane, recipient);
    if (r == -ENOSPC)
        return make_room(lane);
    if (r == -ENFILE) {
        load->state = fail(load, -ENOSPC);
        return -ENOSPC;
    }
    if (r < 0)
        return r;
    store_log_added(&lane->log, io_now_ns(store->io));
    load->count++;
    return 0;
}

void store_load_keep_back(struct store_load *load)
{
    load->kept_back = true;
}

void store_load_publish(struct store_load *load)
{
    CHECK(load->state == STORE_LOAD_DURABLE);
    load->kept_back = false;
    load->state = STORE_LOAD_COMMITTING;
}

void store_load_commit(struct store_load *load, const uint8_t list_digest[CAMPAIGN_DIGEST_SIZE])
{
    if (load->state != STORE_LOAD_ADDING)
        return;
    memcpy(load->list_digest, list_digest, CAMPAIGN_DIGEST_SIZE);
    if (load->count == 0) {
        load->state = fail(load, -EINVAL);
        return;
    }
    load->state = STORE_LOAD_COMMITTING;
    store_parts_lane_step(load->store, &load->store->lanes[load->lane]);
}

void store_load_end(struct store_load *load)
{
    struct store *store = load->store;
    struct store_lane *lane = &store->lanes[load->lane];

    if (!load->used)
        return;
    if (load->state == STORE_LOAD_DURABLE)
        store_load_publish(load); /* at the end of a process: no shard runs */
    if (load->ready_ticket != 0 && load->state == STORE_LOAD_COMMITTING) {
        load->abandoned = true; /* READY is on its way and cannot be taken back: cancel it then */
        return;
    }
    load->used = false;
    if (load->state == STORE_LOAD_READY)
        return;
    load->state = STORE_LOAD_FAILED;
    if (lane->campaign == load->campaign)
        lane->campaign = QUEUE_NONE;
    lane->described = false;
    /* When there is no room for the record, the next start discards the load. */
    if (queue_campaign(store->queue, load->campaign)->state == CAMPAIGN_LOADING)
        (void)!store_parts_state(store, load->campaign, CAMPAIGN_DISCARDED);
}

enum store_load_state store_load_state(const struct store_load *load)
{
    return load->state;
}

int store_load_error(const struct store_load *load)
{
    return load->error;
}

uint32_t store_load_campaign(const struct store_load *load)
{
    return load->campaign;
}

uint32_t store_load_count(const struct store_load *load)
{
    return load->count;
}
