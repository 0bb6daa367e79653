/* store_stop.c - an operator stops the mail to a domain: into the control journal, to the shards.
 *
 * The shards learn of a pause at once. Of a cancel they learn when it is durable, as with campaigns
 * (store_sweep.c): nobody may have ended by an order that a crash can undo. */
#include <errno.h>

#include "base/check.h"
#include "engine/store_parts.h"

static struct queue_notice notice_of(const struct store *store, const struct stop *stop)
{
    return (struct queue_notice){
        .kind = QUEUE_NOTICE_STOP,
        .campaign_index = stop->campaign,
        .stop = *stop,
        .runs_count = queue_append_runs_count(store->queue),
    };
}

/* Why the stop cannot be ordered, or 0. */
static int check_stop(const struct store *store, const struct stop *stop)
{
    const struct stops *stops = queue_stops(store->queue);
    const struct stop *known = stops_find(stops, stop->campaign, stop->domain);

    if (stop->campaign != STOPS_EVERY) {
        const struct campaign *campaign = queue_campaign(store->queue, stop->campaign);

        if (!campaign_is_alive(campaign->state) || campaign->content.data == NULL)
            return -EINVAL;
    } else if (stop->kind == STOP_CANCELLED) {
        return -EINVAL;
    }
    if (known == NULL ? stop->kind == STOP_NONE
                      : known->kind == stop->kind || known->kind == STOP_CANCELLED)
        return -EALREADY;
    return known == NULL && stops->count == STOPS_MAX ? -ENOSPC : 0;
}

static int write_stop(struct store *store, const struct stop *stop)
{
    struct journal_stop record = {
        .time_s = stop->time_s,
        .sequence = queue_append_next_stop(store->queue),
        .kind = stop->kind,
        .domain = queue_domain_name(store->queue, stop->domain),
    };
    size_t size = journal_stop_size(&record);
    uint8_t *place = appender_add(&store->control.appender, size, NULL);

    if (place == NULL)
        return -EBUSY;
    if (stop->campaign != STOPS_EVERY)
        record.campaign = queue_campaign(store->queue, stop->campaign)->descriptor.id;
    journal_write_stop(&record, place);
    appender_added(&store->control.appender, RECORD_STOP, size);
    store_log_added(&store->control, io_now_ns(store->io));
    store->stops.ticket = store->control.appender.added_count;
    return 0;
}

int store_set_stop(struct store *store, uint32_t campaign_index, struct span domain,
                   enum stop_kind kind)
{
    struct store_stops *stops = &store->stops;
    struct stop stop = {
        .campaign = campaign_index,
        .kind = kind,
        .time_s = store_parts_wall_s(store),
        .is_new = true,
    };
    struct queue_notice notice;
    int r = queue_append_domain(store->queue, domain, &stop.domain);

    if (r == 0)
        r = check_stop(store, &stop);
    if (r == 0 && (!store_parts_can_notify(store) || stops->cancels_count == STORE_PARTS_CANCELS))
        r = -EBUSY;
    if (r == 0)
        r = write_stop(store, &stop);
    if (r < 0)
        return r;
    CHECK(queue_append_stop(store->queue, &stop, queue_append_next_stop(store->queue)) == 0);
    if (kind == STOP_CANCELLED) {
        stops->cancels[(stops->cancels_first + stops->cancels_count++) % STORE_PARTS_CANCELS] =
            (struct store_cancel){stop, stops->ticket};
    } else {
        notice = notice_of(store, &stop);
        CHECK(store_parts_notify(store, &notice));
    }
    store_log_step(&store->control, io_now_ns(store->io));
    return 0;
}

bool store_stops_durable(const struct store *store)
{
    return store_log_durable_count(&store->control) >= store->stops.ticket;
}

void store_parts_tell_cancels(struct store *store)
{
    struct store_stops *stops = &store->stops;

    while (stops->cancels_count > 0) {
        const struct store_cancel *cancel = &stops->cancels[stops->cancels_first];
        struct queue_notice notice = notice_of(store, &cancel->stop);

        if (store_log_durable_count(&store->control) < cancel->ticket ||
            !store_parts_notify(store, &notice))
            return; /* at a later tick */
        stops->cancels_first = (stops->cancels_first + 1) % STORE_PARTS_CANCELS;
        stops->cancels_count--;
    }
}

void store_parts_resume_stops(struct store *store)
{
    const struct stops *stops = queue_stops(store->queue);

    for (uint32_t i = 0; i < stops->count; i++) {
        struct queue_notice notice = notice_of(store, &stops->list[i]);

        for (uint32_t s = 0; s < store->options.limits.shards_count; s++)
            queue_notice(queue_shard(store->queue, s), &notice);
    }
}
