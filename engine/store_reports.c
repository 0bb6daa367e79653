#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "engine/store_parts.h"

/* --- notices and reports --- */

void store_parts_send_notices(struct store *store)
{
    for (uint32_t i = 0; i < store->options.limits.shards_count; i++) {
        struct store_shard *shard = &store->shards[i];
        bool sent = false;

        while (shard->notices_sent < store->notices_count) {
            struct store_order order = {.kind = STORE_ORDER_NOTICE};

            order.notice = store->notices[shard->notices_sent % STORE_PARTS_NOTICES];
            if (!channel_send(&shard->orders, &order))
                break;
            shard->notices_sent++;
            sent = true;
        }
        if (sent && shard->wake_index != STORE_NO_WAKE)
            io_wake(store->io, shard->wake_index);
    }
}

bool store_parts_can_notify(const struct store *store)
{
    for (uint32_t i = 0; i < store->options.limits.shards_count; i++)
        if (store->notices_count - store->shards[i].notices_sent >= STORE_PARTS_NOTICES)
            return false;
    return true;
}

bool store_parts_notify(struct store *store, const struct queue_notice *notice)
{
    if (!store_parts_can_notify(store))
        return false;
    store->notices[store->notices_count++ % STORE_PARTS_NOTICES] = *notice;
    store_parts_send_notices(store);
    return true;
}

static void note_journal(struct store *store, uint32_t part, const struct store_report *report,
                         bool live)
{
    struct store_journal *journal =
        report->journal != 0 ? store_parts_journal(store, report->journal) : NULL;

    if (journal == NULL)
        return;
    journal->part = part;
    journal->end = report->journal_durable;
    journal->live = live;
}

static void take_report(struct store *store, struct store_shard *shard,
                        const struct store_report *report)
{
    switch (report->kind) {
    case STORE_REPORT_COUNTS:
        shard->counted[report->campaign] =
            (struct store_counted){report->counts, report->settled_count};
        store->check_done = true;
        return;
    case STORE_REPORT_PROGRESS:
        shard->progress = *report;
        store->check_done = true;
        note_journal(store, shard->index, report, true);
        return;
    case STORE_REPORT_LEFT:
        note_journal(store, shard->index, report, false);
        return;
    case STORE_REPORT_COPIED:
        CHECK(store->checkpoint.copies_left > 0);
        store->checkpoint.copies_left--;
        store->checkpoint.settled[shard->index] = report->settled_count;
        return;
    }
    UNREACHABLE("report kind");
}

void store_parts_reports(struct store *store)
{
    struct store_report report;

    for (uint32_t i = 0; i < store->options.limits.shards_count; i++)
        while (channel_receive(&store->shards[i].reports, &report))
            take_report(store, &store->shards[i], &report);
}

void store_counts(const struct store *store, uint32_t campaign_index,
                  struct campaign_counts *ret_counts)
{
    *ret_counts = *queue_base_counts(store->queue, campaign_index);
    for (uint32_t i = 0; i < store->options.limits.shards_count; i++)
        campaign_counts_add(ret_counts, &store->shards[i].counted[campaign_index].counts);
    if (queue_campaign(store->queue, campaign_index)->state == CAMPAIGN_CANCELLED) {
        ret_counts->cancelled += ret_counts->queued + ret_counts->deferred;
        ret_counts->queued = ret_counts->deferred = 0;
    }
}

void store_progress(const struct store *store, struct store_progress *ret)
{
    *ret = (struct store_progress){.next_due_s = UINT64_MAX,
                                   .admitting =
                                       store->unswept_count > 0 || store->stops.cancels_count > 0};
    for (uint32_t i = 0; i < store->options.limits.shards_count; i++) {
        const struct store_shard *shard = &store->shards[i];
        const struct store_report *progress = &shard->progress;

        ret->waiting_count += progress->waiting_count;
        ret->claimed_count += progress->claimed_count;
        ret->next_due_s = min_u64(ret->next_due_s, progress->next_due_s);
        ret->admitting |= progress->kind != STORE_REPORT_PROGRESS || progress->admitting ||
                          progress->notices_count < store->notices_count;
        ret->journal_failed |= progress->error < 0;
    }
}

void store_shards_closed(struct store *store)
{
    store_parts_reports(store);
    for (uint32_t i = 0; i < store->options.limits.shards_count; i++) {
        struct store_shard *shard = &store->shards[i];

        for (uint32_t c = 0; c < queue_campaigns_count(store->queue); c++)
            shard->counted[c] =
                (struct store_counted){*queue_counts(shard->queue, c), shard->settled_count};
        shard->progress.durable_count = store_log_durable_count(&shard->log);
        shard->progress.claimed_count = queue_claimed_count(shard->queue);
        shard->progress.waiting_count = queue_waiting_count(shard->queue);
        shard->progress.next_due_s = queue_next_due_s(shard->queue);
        for (uint32_t k = 0; k < shard->left_count; k++)
            note_journal(store, i,
                         &(struct store_report){.journal = shard->left[k].file,
                                                .journal_durable = shard->left[k].offset},
                         false);
        note_journal(store, i,
                     &(struct store_report){.journal = shard->journal,
                                            .journal_durable = shard->journal_durable},
                     false);
    }
    store->shards_closed = true;
    store->check_done = true;
}

/* --- campaign states --- */

uint64_t store_parts_wall_s(const struct store *store)
{
    return io_wall_ns(store->io) / NS_PER_S;
}

int store_parts_state(struct store *store, uint32_t campaign, enum campaign_state state)
{
    struct queue_notice notice = {
        .kind = QUEUE_NOTICE_STATE,
        .campaign_index = campaign,
        .state = state,
        .runs_count = queue_append_runs_count(store->queue),
    };
    struct journal_state next;
    uint8_t *place;

    if (state == CAMPAIGN_READY && store->held[campaign])
        notice.state = CAMPAIGN_PAUSED; /* for the shards */
    if (!store_parts_can_notify(store))
        return -EBUSY;
    place = appender_add(&store->control.appender, journal_state_size(), NULL);
    if (place == NULL)
        return -EBUSY;
    next = queue_append_next_state(store->queue, campaign, state, store_parts_wall_s(store));
    journal_write_state(&next, place);
    appender_added(&store->control.appender, RECORD_STATE, journal_state_size());
    store_log_added(&store->control, io_now_ns(store->io));
    store->state_tickets[campaign] = store->control.appender.added_count;
    CHECK(queue_append_state(store->queue, campaign, &next));
    CHECK(store_parts_notify(store, &notice));
    if (state == CAMPAIGN_CANCELLED)
        store_parts_sweep_later(store, campaign);
    return 0;
}

int store_set_state(struct store *store, uint32_t campaign_index, enum campaign_state state)
{
    enum campaign_state present = queue_campaign(store->queue, campaign_index)->state;
    int r;

    if (present == CAMPAIGN_LOADING || !campaign_may_become(present, state))
        return -EINVAL;
    r = store_parts_state(store, campaign_index, state);
    if (r == 0)
        store_log_step(&store->control, io_now_ns(store->io));
    return r;
}

void store_hold(struct store *store, uint32_t campaign_index)
{
    struct queue_notice notice = {
        .kind = QUEUE_NOTICE_STATE,
        .campaign_index = campaign_index,
        .state = CAMPAIGN_PAUSED,
        .runs_count = queue_append_runs_count(store->queue),
    };

    CHECK(campaign_index < queue_campaigns_count(store->queue));
    store->held[campaign_index] = true;
    for (uint32_t i = 0; i < store->options.limits.shards_count; i++)
        queue_notice(queue_shard(store->queue, i), &notice);
}

bool store_state_durable(const struct store *store, uint32_t campaign_index)
{
    return store_log_durable_count(&store->control) >= store->state_tickets[campaign_index];
}

bool store_state_is_new(const struct store *store, uint32_t campaign_index)
{
    return store->state_tickets[campaign_index] != 0;
}

/* Whether the verdicts that ended the campaign are durable on every shard. */
static bool verdicts_durable(const struct store *store, uint32_t campaign)
{
    for (uint32_t i = 0; i < store->options.limits.shards_count; i++)
        if (store->shards[i].progress.durable_count <
            store->shards[i].counted[campaign].settled_count)
            return false;
    return true;
}

void store_parts_find_done(struct store *store)
{
    for (uint32_t i = 0; i < queue_campaigns_count(store->queue); i++) {
        struct campaign_counts counts;

        if (!campaign_is_alive(queue_campaign(store->queue, i)->state))
            continue;
        store_counts(store, i, &counts);
        if (campaign_counts_open(&counts) != 0 || counts.damaged != 0 ||
            !verdicts_durable(store, i))
            continue;
        if (store_parts_state(store, i, CAMPAIGN_DONE) != 0)
            return; /* no room: at the next tick */
    }
    store->check_done = false;
}
