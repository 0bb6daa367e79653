/* store_sweep.c - recipients who were cancelled get their verdict, and so their event.
 *
 * The order goes to the shards when the state is durable, not before: a crash must not leave a
 * campaign that is READY and of which some have been cancelled. Each shard then journals a few
 * hundred verdicts a turn, as room allows that claims do not need. After a crash the next start
 * finds who is still open. */
#include "base/check.h"
#include "engine/store_parts.h"

#define SWEEP_LOOKS_MAX 4096 /* entries, a turn */
#define SWEEP_ENDS_MAX 256   /* verdicts, a turn */

/* --- the store's thread --- */

/* Recipients without content are counted as damaged, and stay so. */
static bool is_readable(const struct store *store, uint32_t campaign)
{
    return queue_campaign(store->queue, campaign)->content.data != NULL;
}

void store_parts_sweep_later(struct store *store, uint32_t campaign)
{
    if (!is_readable(store, campaign) || store->unswept[campaign])
        return;
    store->unswept[campaign] = true;
    store->unswept_count++;
}

static struct queue_notice order_for(const struct store *store, uint32_t campaign)
{
    return (struct queue_notice){
        .kind = QUEUE_NOTICE_SWEEP,
        .campaign_index = campaign,
        .state = CAMPAIGN_CANCELLED,
        .runs_count = queue_append_runs_count(store->queue),
    };
}

void store_parts_order_sweeps(struct store *store)
{
    for (uint32_t i = 0; store->unswept_count > 0 && i < queue_campaigns_count(store->queue); i++) {
        struct queue_notice notice = order_for(store, i);

        if (!store->unswept[i] || !store_state_durable(store, i))
            continue;
        if (!store_parts_notify(store, &notice))
            return; /* a slow shard: at the next tick */
        store->unswept[i] = false;
        store->unswept_count--;
    }
}

void store_parts_resume_sweeps(struct store *store)
{
    for (uint32_t i = 0; i < queue_campaigns_count(store->queue); i++) {
        struct queue_notice notice = order_for(store, i);

        if (queue_campaign(store->queue, i)->state != CAMPAIGN_CANCELLED ||
            !is_readable(store, i) || campaign_counts_open(queue_base_counts(store->queue, i)) == 0)
            continue;
        for (uint32_t s = 0; s < store->options.limits.shards_count; s++)
            queue_notice(queue_shard(store->queue, s), &notice);
    }
}

/* --- a shard's thread --- */

static void end_one(struct store_shard *shard, uint32_t record)
{
    struct span words = queue_is_stopped(shard->queue, record)
                            ? SPAN("an operator cancelled the campaign's mail to this domain")
                            : SPAN("an operator cancelled the campaign");
    const struct attempt attempt = {
        .outcome = outcome_from_cause(OUTCOME_CANCELLED, STAGE_QUEUE, CAUSE_LOCAL_STOP, 0, words),
        .wall_ns = io_wall_ns(shard->io),
    };

    (void)store_settle(shard, record, &attempt); /* nobody waits for its number */
}

/* Half of the buffer is left to those who send. */
static bool has_room(struct store_shard *shard)
{
    if (appender_room(&shard->log.appender) < shard->log.appender.capacity / 2) {
        shard->log.flush = true;
        return false;
    }
    return store_parts_has_room(shard);
}

void store_parts_sweep(struct store_shard *shard)
{
    uint32_t work = SWEEP_LOOKS_MAX;

    shard->more_to_sweep = false;
    if (!queue_sweeping(shard->queue) || shard->log.state == STORE_LOG_FAILED ||
        shard->log.error != 0)
        return;
    for (uint32_t ended = 0; ended < SWEEP_ENDS_MAX && work > 0; ended++) {
        uint32_t record;

        if (!has_room(shard))
            return; /* until the journal has taken what is there: store_parts_sweep_on */
        record = queue_sweep(shard->queue, &work);
        if (record == QUEUE_NONE)
            break;
        end_one(shard, record);
    }
    shard->more_to_sweep = queue_sweeping(shard->queue);
    shard->changed = true;
}

/* What is written without an event (store.h: memory) leaves room at once, and nobody would say. */
void store_parts_sweep_on(struct store_shard *shard)
{
    const struct store_log *log = &shard->log;

    if (queue_sweeping(shard->queue) && log->state == STORE_LOG_OPEN &&
        log->appender.state == APPENDER_IDLE && !appender_pending(&log->appender) &&
        has_room(shard))
        shard->more_to_sweep = true;
}
