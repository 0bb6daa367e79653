#include "engine/front.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "engine/tag.h"

#define LOOK_NS (100 * NS_PER_MS)
#define AGAIN_NS (30 * NS_PER_MS) /* longer than a shard waits before it reports a change */
#define SETTLED_NS NS_PER_S       /* mail waits, but for paused campaigns only */
#define EVENTS_MAX 256

struct front {
    const struct front_options *options;
    enum front_state state;
    struct io *io;
    struct store *store;
    struct exporter exporter;
    struct control control;
    struct handover handover;
    bool exporting;
    bool controlling;
    const struct policy *policy;   /* in force */
    const struct policy *retiring; /* some shard may still use it, or NULL */
    bool reload_again;             /* a signal came meanwhile */
    bool quiet;                    /* by the shards' last reports nothing can be sent now */
    int result;
    uint64_t started_ns;
    uint64_t look_ns;
    uint64_t idle_since_ns;
};

static void begin_stop(struct front *front, int result)
{
    if (front->state != FRONT_RUNNING)
        return;
    front->state = FRONT_STOPPING;
    front->result = result;
    if (front->options->listener != NULL)
        listener_stop(front->options->listener);
    handover_stop(&front->handover);
    engine_order_stop(front->options->engine);
}

static void reload(struct front *front)
{
    const struct front_options *options = front->options;
    const struct policy *fresh;

    if (options->reload == NULL || front->state != FRONT_RUNNING)
        return;
    front->reload_again = front->retiring != NULL; /* one swap at a time */
    if (front->reload_again)
        return;
    fresh = options->reload(options->look_context);
    if (fresh == NULL)
        return;
    CHECK(fresh->generation == front->policy->generation + 1);
    front->retiring = front->policy;
    front->policy = fresh;
    handover_policy(&front->handover, fresh);
    front->exporter.classifier = fresh->classifier;
    if (options->listener != NULL)
        options->listener->options.policy = fresh;
    if (options->reporting != NULL)
        tls_reporting_policy(options->reporting, fresh);
    CHECK(engine_order_policy(options->engine, fresh) == 0); /* the one before has been taken */
}

static void retire(struct front *front, const struct stats_sum *stats)
{
    if (front->retiring == NULL ||
        (stats->gauges[STATS_POLICY] < front->policy->generation && front->state != FRONT_DONE))
        return;
    front->options->retire(front->options->look_context, front->retiring);
    front->retiring = NULL;
    if (front->reload_again)
        reload(front);
}

static void dispatch(struct front *front, const struct io_event *event)
{
    enum tag_op op = tag_op_of(event->tag);

    if (op >= TAG_STORE)
        CHECK(store_event(front->store, event));
    else if (op >= TAG_CONTROL_LISTEN && op <= TAG_CONTROL_SHUT)
        control_event(&front->control, event);
    else if (op >= TAG_EXPORT_FILE && op <= TAG_EXPORT_CURSOR)
        exporter_event(&front->exporter, event);
    else if (op >= TAG_BOUNCES_LISTEN && op <= TAG_BOUNCES_SHUT)
        listener_event(front->options->listener, event);
    else if (op == TAG_HYGIENE_LOG)
        hygiene_store_event(engine_hygiene(front->options->engine), event);
    else if ((op >= TAG_DNS_SOCKET && op <= TAG_DNS_SHUT) ||
             (op >= TAG_SNAPSHOT && op <= TAG_HTTPS_SHUT))
        tls_reporting_event(front->options->reporting, event);
    else if (op == TAG_SIGNAL && event->result == IO_SIGNAL_STOP)
        begin_stop(front, -EINTR);
    else if (op == TAG_SIGNAL && event->result == IO_SIGNAL_RELOAD)
        reload(front);
}

static void note_pause(bool is_new, struct front_picture *picture)
{
    if (is_new)
        picture->paused_now = true;
    else
        picture->paused_before = true;
}

static void count_campaigns(const struct front *front, struct front_picture *picture)
{
    const struct queue *queue = store_queue(front->store);
    const struct stops *stops = queue_stops(queue);
    const struct content_set *contents = engine_contents(front->options->engine);

    for (uint32_t i = 0; i < queue_campaigns_count(queue); i++) {
        const struct campaign *campaign = queue_campaign(queue, i);
        struct campaign_counts counts;

        if (campaign->state == CAMPAIGN_DISCARDED || campaign->state == CAMPAIGN_DONE)
            continue;
        if (content_fault(contents, i) != NULL) { /* nothing that happens here makes it go */
            picture->paused_before = true;
            continue;
        }
        store_counts(front->store, i, &counts);
        picture->open_count += (uint64_t)campaign_counts_open(&counts);
        picture->deferred_count += (uint64_t)counts.deferred;
        if (campaign->state == CAMPAIGN_PAUSED)
            note_pause(store_state_is_new(front->store, i), picture);
    }
    for (uint32_t i = 0; i < stops->count; i++)
        if (stops->list[i].kind == STOP_PAUSED)
            note_pause(stops->list[i].is_new, picture);
}

/* Recipients that could be claimed. What is paused is among them, but in no flow that a shard has:
 * its flows are parked in the queue. */
static bool mail_waits(const struct front_picture *picture)
{
    if (picture->progress.waiting_count == 0)
        return false;
    return picture->paused_now || !picture->paused_before || picture->stats.gauges[STATS_FLOWS] > 0;
}

static bool reports_rest(const struct front *front)
{
    return front->options->reporting == NULL || tls_reporting_is_settled(front->options->reporting);
}

static bool goal_reached(const struct front *front, const struct front_picture *picture)
{
    const struct store_progress *progress = &picture->progress;

    if (progress->admitting || mail_waits(picture) || progress->claimed_count > 0 ||
        !handover_quiet(&front->handover) || !reports_rest(front))
        return false;
    switch (front->options->goal) {
    case FRONT_UNTIL_IDLE:
        return progress->next_due_s * NS_PER_S > picture->wall_ns ||
               progress->next_due_s == UINT64_MAX;
    case FRONT_UNTIL_DONE:
        return picture->open_count == 0;
    case FRONT_FOREVER:
        break;
    }
    return false;
}

static void look(struct front *front)
{
    const struct front_options *options = front->options;
    struct front_picture picture = {
        .now_ns = io_now_ns(front->io),
        .wall_ns = io_wall_ns(front->io),
        .summary = &front->exporter.summary,
        .event_error = front->exporter.error,
        .control_error = front->control.error,
        .state = front->state,
    };
    bool reached;

    if (options->listener != NULL) {
        picture.listen_error = options->listener->error;
        picture.listen_index = options->listener->error_index;
    }
    front->look_ns = picture.now_ns + LOOK_NS;
    count_campaigns(front, &picture);
    engine_stats(options->engine, &picture.stats);
    retire(front, &picture.stats);
    store_progress(front->store, &picture.progress);
    if (options->look != NULL && options->look(options->look_context, &picture))
        begin_stop(front, -EINTR);
    reached = goal_reached(front, &picture);
    /* For a while, because shards report with a little delay. */
    if (!reached)
        front->idle_since_ns = 0;
    else if (front->idle_since_ns == 0)
        front->idle_since_ns = picture.now_ns;
    else if (picture.now_ns - front->idle_since_ns >=
             (picture.progress.waiting_count > 0 ? SETTLED_NS : AGAIN_NS))
        begin_stop(front, 0);
    if (reached)
        front->look_ns = picture.now_ns + AGAIN_NS;
    if (options->duration_ns != 0 && picture.now_ns - front->started_ns >= options->duration_ns)
        begin_stop(front, -ETIME);
}

/* A report that says that the shards came to rest is looked at without delay. */
static bool look_is_due(struct front *front)
{
    struct store_progress progress;
    bool was_quiet = front->quiet;

    store_progress(front->store, &progress);
    front->quiet =
        !progress.admitting && progress.waiting_count == 0 && progress.claimed_count == 0;
    return io_now_ns(front->io) >= front->look_ns || (front->quiet && !was_quiet);
}

static void begin_close(struct front *front)
{
    front->state = FRONT_CLOSING;
    if (front->exporting)
        exporter_stop(&front->exporter);
    if (front->controlling)
        control_stop(&front->control);
    if (front->options->listener != NULL)
        listener_stop(front->options->listener);
}

static bool listener_rests(const struct front *front)
{
    return front->options->listener == NULL || listener_stopped(front->options->listener);
}

/* What happened has been taken in, or cannot be. */
static bool hygiene_rests(const struct front *front)
{
    const struct hygiene_store *hygiene = engine_hygiene(front->options->engine);

    return !front->exporting || hygiene_store_quiet(hygiene) || hygiene_store_error(hygiene) != 0;
}

/* What is on its way into the queue is there, or cannot be. */
static bool loads_rest(const struct front *front)
{
    struct tls_reporting *reporting = front->options->reporting;

    return (handover_quiet(&front->handover) &&
            (reporting == NULL || tls_reporting_stop(reporting))) ||
           store_error(front->store) != 0;
}

/* The end, step by step. */
static void step_end(struct front *front)
{
    if (front->state == FRONT_STOPPING && engine_stopped(front->options->engine)) {
        if (!loads_rest(front))
            return;
        front->state = FRONT_DRAINING;
        store_shards_closed(front->store); /* how far the journals reach is known at last */
        return;
    }
    if (front->state == FRONT_DRAINING &&
        (store_quiet(front->store) || store_error(front->store) != 0) &&
        (!front->exporting || exporter_quiet(&front->exporter) || front->exporter.error != 0) &&
        listener_rests(front) && hygiene_rests(front))
        begin_close(front);
    if (front->state == FRONT_CLOSING &&
        (!front->exporting || exporter_stopped(&front->exporter)) &&
        (!front->controlling || control_stopped(&front->control)) && listener_rests(front) &&
        (front->options->reporting == NULL || tls_reporting_stop(front->options->reporting)))
        front->state = FRONT_DONE;
}

static void turn(struct front *front)
{
    struct io_event events[EVENTS_MAX];
    struct stats_sum stats;
    struct query_world world = {.store = front->store,
                                .contents = engine_contents(front->options->engine),
                                .stats = &stats,
                                .hygiene = engine_hygiene(front->options->engine),
                                .events = front->exporting ? &front->exporter.more : NULL,
                                .classifier = front->policy->classifier,
                                .handover = &front->handover,
                                .reporting = front->options->reporting,
                                .is_service = front->options->goal == FRONT_FOREVER};
    struct hygiene_store *hygiene = engine_hygiene(front->options->engine);
    uint64_t deadline_ns = min_u64(front->look_ns, store_deadline_ns(front->store));
    uint32_t count;

    if (front->controlling)
        deadline_ns = min_u64(deadline_ns, control_deadline_ns(&front->control));
    if (front->state == FRONT_CLOSING)
        deadline_ns = min_u64(deadline_ns, io_now_ns(front->io) + NS_PER_MS);
    if (front->exporting)
        deadline_ns = min_u64(deadline_ns, exporter_deadline_ns(&front->exporter));
    deadline_ns = min_u64(deadline_ns, hygiene_store_deadline_ns(hygiene));
    deadline_ns =
        min_u64(deadline_ns, handover_deadline_ns(&front->handover, io_now_ns(front->io)));
    if (front->options->reporting != NULL && front->state == FRONT_RUNNING)
        deadline_ns = min_u64(deadline_ns, tls_reporting_deadline_ns(front->options->reporting));
    if (front->options->listener != NULL)
        deadline_ns = min_u64(deadline_ns, listener_deadline_ns(front->options->listener));
    count = io_wait(front->io, deadline_ns, events, EVENTS_MAX);
    for (uint32_t i = 0; i < count; i++)
        dispatch(front, &events[i]);
    store_tick(front->store);
    handover_turn(&front->handover);
    if (front->options->reporting != NULL)
        tls_reporting_turn(front->options->reporting);
    if (front->exporting)
        exporter_turn(&front->exporter, front->state >= FRONT_DRAINING);
    hygiene_store_turn(hygiene, front->exporting ? front->policy->classifier : NULL,
                       front->state >= FRONT_DRAINING);
    if (front->options->listener != NULL)
        listener_turn(front->options->listener);
    engine_stats(front->options->engine, &stats);
    world.wall_ns = io_wall_ns(front->io);
    if (front->controlling)
        control_turn(&front->control, &world);
    if (look_is_due(front))
        look(front);
    step_end(front);
}

static int open_parts(struct front *front, struct text *error)
{
    const struct policy *policy = front->options->policy;
    char buffer[POLICY_PATH_MAX + 16];
    struct text path;
    int result = 0;

    front->exporting = policy->durability != DURABILITY_MEMORY;
    if (front->exporting)
        result = exporter_open(&front->exporter, front->io, front->store, policy->events_directory,
                               policy->durability == DURABILITY_DURABLE, error);
    if (result < 0)
        return result;
    front->exporter.classifier = policy->classifier;
    text_init(&path, buffer, sizeof(buffer));
    text_add_format(&path, "%s/control", policy->spool);
    (void)text_cstr_end(&path);
    io_signals(front->io, tag_of(TAG_SIGNAL, 0), IO_SIGNAL_STOP | IO_SIGNAL_RELOAD);
    result = control_open(&front->control, front->io, buffer, front->options->uid);
    front->controlling = result == 0;
    if (front->options->listener != NULL)
        front->options->listener->options.events = front->exporting ? &front->exporter.more : NULL;
    if (result == 0 && front->options->listener != NULL)
        listener_begin(front->options->listener);
    return result;
}

int front_run(const struct front_options *options, struct summary *ret_summary, struct text *error)
{
    struct front front = {.options = options,
                          .policy = options->policy,
                          .io = options->io,
                          .store = engine_store(options->engine),
                          .started_ns = io_now_ns(options->io)};
    int result = handover_open(&front.handover, front.store, engine_contents(options->engine));

    if (result < 0)
        return result;
    handover_policy(&front.handover, options->policy);
    result = open_parts(&front, error);
    if (result == 0)
        result = engine_start(options->engine, error);
    if (result < 0) {
        front.result = result;
        begin_close(&front);
    }
    while (front.state != FRONT_DONE)
        turn(&front);
    if (result == 0) {
        look(&front);
        result = front.result;
    }
    if (ret_summary != NULL)
        *ret_summary = front.exporter.summary;
    if (front.exporting)
        exporter_close(&front.exporter);
    if (front.controlling)
        control_close(&front.control);
    handover_close(&front.handover);
    return result;
}
