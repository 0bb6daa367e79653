#include "engine/shard.h"

#include <string.h>

#include "base/check.h"
#include "engine/secrecy.h"
#include "engine/session.h"
#include "engine/sts_gate.h"
#include "engine/tag.h"

#define SIGNATURES_A_SESSION (SMTP_TRANSACTIONS_MAX * SIGNING_KEYS_USED_MAX)
#define TIMERS_MAX 512 /* expired a turn */

static struct schedule_options schedule_options_of(const struct shard_options *options)
{
    uint32_t reserved = options->sessions_max < 40 ? 1 : options->sessions_max / 20;

    return (struct schedule_options){
        .flows_max = options->flows_max,
        .sites_max = options->sites_max,
        .shares_max = options->sites_max * 4,
        .sessions_max = options->sessions_max,
        .sessions_reserved = reserved,
        .limits = {.connections_max = options->policy->limits.connections_per_site,
                   .messages_per_connection = options->policy->limits.messages_per_connection},
        .ramp_goal_ns = SHARD_RAMP_NS,
        .key = {{options->seed, options->seed ^ UINT64_C(0x9e3779b97f4a7c15)}},
        .seed = options->seed,
    };
}

static struct resolver_options resolver_options_of(const struct shard_options *options)
{
    return (struct resolver_options){
        .policy = options->policy,
        .cache_entries_max = options->cache_entries_max,
        /* Answers to so many fit in a socket's receive buffer of the usual size. */
        .questions_max = 256,
        .seed = options->seed * UINT64_C(0x2545f4914f6cdd1d) + 1,
    };
}

size_t shard_cost(const struct shard_options *options)
{
    struct schedule_options schedule = schedule_options_of(options);
    struct resolver_options resolver = resolver_options_of(options);

    return arena_cost(1, sizeof(struct shard)) + schedule_cost(&schedule) +
           resolver_cost(&resolver) +
           routing_cost(options->domains_max, options->flows_max, options->sites_max) +
           leasing_cost(options->links, options->sites_max) +
           throttle_cost(options->campaigns_max) +
           slab_cost(options->sessions_max, sizeof(struct session)) +
           slab_cost(options->sessions_max, sizeof(struct tlsa_set)) +
           preface_cost(options->sessions_max) +
           signing_cost(options->sessions_max * SIGNATURES_A_SESSION) +
           slab_cost(options->buffers_max, 1) + arena_cost(1, SHARD_BUFFER_SIZE) +
           arena_cost(1, SHARD_PLAIN_IN_SIZE) + tls_resume_memory(options->tickets_max) +
           tls_trouble_cost() + 2 * keepsake_cost() + sts_gate_cost() + tls_counting_cost() +
           arena_cost(options->buffers_max, SHARD_BUFFER_SIZE);
}

static void open_tls_files(struct shard *shard, struct arena *arena)
{
    char buffer[POLICY_PATH_MAX + 8];
    struct keepsake_place place = {
        .io = shard->io,
        .shard = shard->options.index,
        .sync = shard->policy->durability == DURABILITY_DURABLE,
    };
    struct text folder;

    text_init(&folder, buffer, sizeof(buffer));
    text_add_format(&folder, "%s/tls", shard->policy->spool);
    if (shard->policy->durability != DURABILITY_MEMORY && !folder.overflow)
        place.folder = text_span(&folder);
    tls_trouble_file_init(&shard->tls_trouble_file, arena, &shard->tls_trouble, &place);
    tls_tickets_init(&shard->tls_tickets, arena, &shard->tls_resume, shard->options.ticket_key,
                     &place);
}

struct shard *shard_open(struct arena *arena, struct io *io, const struct shard_options *options,
                         struct stats *stats)
{
    struct shard *shard = arena_alloc(arena, 1, sizeof(*shard));
    struct schedule_options schedule = schedule_options_of(options);
    struct resolver_options resolver = resolver_options_of(options);
    struct store_shard_options store = {
        .io = io,
        .tag_base = tag_of(TAG_STORE, 0),
        .wake_index = options->index,
    };

    shard->options = *options;
    shard->policy = options->policy;
    memcpy(shard->hostname, options->policy->hostname, sizeof(shard->hostname));
    shard->io = io;
    shard->stats = stats;
    wall_watch_init(&shard->clock, io_wall_ns(io), io_now_ns(io));
    prng_seed(&shard->prng, options->seed);
    wheel_init(&shard->wheel, io_now_ns(io));
    list_init(&shard->buffer_waiters);
    list_init(&shard->shakers);
    list_init(&shard->hungry);
    list_init(&shard->hopeless);
    shard->store = store_shard(options->store, options->index);
    store_shard_open(shard->store, &store);
    shard->queue = store_shard_queue(shard->store);
    shard->schedule = schedule_open(arena, &schedule, io_now_ns(io));
    resolver_init(&shard->resolver, arena, io, &resolver);
    routing_init(&shard->routing, arena, options->domains_max, options->flows_max,
                 options->sites_max);
    leasing_init(&shard->leasing, arena, options->links, options->sites_max);
    throttle_init(&shard->throttle, arena, options->campaigns_max);
    slab_init(&shard->sessions, arena, options->sessions_max, sizeof(struct session));
    slab_init(&shard->tlsa_sets, arena, options->sessions_max, sizeof(struct tlsa_set));
    preface_open(&shard->prefaces, arena, options->sessions_max);
    signing_open(&shard->signing, arena, options->sessions_max * SIGNATURES_A_SESSION);
    slab_init(&shard->buffers, arena, options->buffers_max, 1);
    shard->buffers_bytes = arena_alloc(arena, options->buffers_max, SHARD_BUFFER_SIZE);
    shard->plain_out_bytes = arena_alloc(arena, 1, SHARD_BUFFER_SIZE);
    shard->plain_in = arena_alloc(arena, 1, SHARD_PLAIN_IN_SIZE);
    tls_resume_init(&shard->tls_resume, arena, options->tickets_max, &schedule.key);
    tls_trouble_init(&shard->tls_trouble, arena, &schedule.key);
    open_tls_files(shard, arena);
    sts_gate_open(shard, arena);
    tls_counting_open(shard, arena);
    return shard;
}

uint64_t shard_now_ns(const struct shard *shard)
{
    return io_now_ns(shard->io);
}

uint64_t shard_wall_ns(const struct shard *shard)
{
    return io_wall_ns(shard->io);
}

/* --- stopping --- */

static void stop_sessions(struct shard *shard, bool cut)
{
    for (uint32_t i = 0; i < shard->sessions.slots_max; i++) {
        struct session *session = slab_at(&shard->sessions, i);

        if (session != NULL)
            session_stop(shard, session, cut);
    }
}

void shard_stop(struct shard *shard)
{
    if (shard->state != SHARD_RUNNING)
        return;
    shard->state = SHARD_STOPPING;
    shard->stop_by_ns = shard_now_ns(shard) + SHARD_STOP_NS;
    stop_sessions(shard, false);
}

static void stop_turn(struct shard *shard)
{
    if (shard->state != SHARD_STOPPING)
        return;
    if (shard->stop_by_ns <= shard_now_ns(shard)) {
        stop_sessions(shard, true);
        shard->stop_by_ns = UINT64_MAX;
    }
    if (shard->sessions.claimed_count == 0 && signing_stop(shard) && sts_gate_stop(shard) &&
        tls_counting_stop(shard) && resolver_stop(&shard->resolver) &&
        keepsake_stop(&shard->tls_trouble_file) && keepsake_stop(&shard->tls_tickets.file))
        shard->state = SHARD_STOPPED;
}

int shard_close(struct shard *shard)
{
    CHECK(shard->state == SHARD_STOPPED);
    return store_shard_close(shard->store);
}

/* --- one turn --- */

static void dispatch(struct shard *shard, const struct io_event *event)
{
    enum tag_op op = tag_op_of(event->tag);

    if (op >= TAG_STORE) {
        CHECK(store_shard_event(shard->store, event));
        return;
    }
    if (op >= TAG_SESSION_SOCKET && op <= TAG_SESSION_SHUT)
        session_event(shard, event);
    else if (op >= TAG_DNS_SOCKET && op <= TAG_DNS_SHUT)
        resolver_event(&shard->resolver, event);
    else if (op == TAG_SNAPSHOT && tag_handle(event->tag).index == TLS_TROUBLE_FILE_SNAPSHOT)
        keepsake_event(&shard->tls_trouble_file, event);
    else if (op == TAG_SNAPSHOT && tag_handle(event->tag).index == TLS_TICKETS_SNAPSHOT)
        keepsake_event(&shard->tls_tickets.file, event);
    else if (op == TAG_SNAPSHOT && tag_handle(event->tag).index == TLS_COUNTING_SNAPSHOT)
        tls_counting_event(shard, event);
    else if (op >= TAG_SNAPSHOT && op <= TAG_HTTPS_SHUT)
        sts_gate_event(shard, event);
    else
        CHECK(op == TAG_WAKE);
}

static void take_orders(struct shard *shard)
{
    struct shard_order order;

    if (shard->options.orders == NULL)
        return;
    while (channel_receive(shard->options.orders, &order)) {
        switch (order.kind) {
        case SHARD_ORDER_STOP:
            shard_stop(shard);
            break;
        case SHARD_ORDER_POLICY:
            shard->policy = order.policy;
            signing_policy(shard);
            leasing_policy(shard);
            secrecy_policy(shard);
            break;
        }
    }
}

static void expire_timers(struct shard *shard)
{
    for (uint32_t i = 0; i < TIMERS_MAX; i++) {
        struct wheel_timer *timer = wheel_expire(&shard->wheel, shard_now_ns(shard));

        if (timer == NULL)
            return;
        session_expired(shard, CONTAINER_OF(timer, struct session, timer));
    }
}

static void open_sessions(struct shard *shard)
{
    uint64_t now_ns = shard_now_ns(shard);
    uint32_t started_count = 0;

    shard->session_due_ns = UINT64_MAX;
    if (shard->state != SHARD_RUNNING)
        return;
    if (shard->session_ask_ns > now_ns) {
        shard->session_due_ns = shard->session_ask_ns;
        return;
    }
    for (uint32_t i = 0; i < SHARD_NEW_SESSIONS_MAX; i++) {
        uint64_t until_ns = UINT64_MAX;
        uint32_t site = schedule_wanting(shard->schedule, now_ns, &until_ns);

        if (site == SCHEDULE_NONE) {
            shard->session_due_ns = until_ns; /* asked every turn as well: mail comes by events */
            return;
        }
        switch (session_start(shard, site)) {
        case SESSION_STARTED:
            started_count++;
            break;
        case SESSION_NO_ADDRESS:
            break; /* this site only */
        case SESSION_NO_SLOT:
            shard->session_ask_ns = now_ns + 10 * NS_PER_MS;
            return;
        }
    }
    if (started_count == 0)
        shard->session_ask_ns = now_ns + 10 * NS_PER_MS;
    shard->session_due_ns = now_ns; /* the turn's bound was reached: go on at once */
}

static void publish(struct shard *shard)
{
    uint64_t sessions = shard->sessions.claimed_count;
    struct dns_stats dns;

    stats_set(shard->stats, STATS_READY, queue_waiting_count(shard->queue));
    stats_set(shard->stats, STATS_CLAIMED, queue_claimed_count(shard->queue));
    stats_set(shard->stats, STATS_NEXT_DUE, queue_next_due_s(shard->queue));
    stats_set(shard->stats, STATS_FLOWS, routing_flows_count(shard));
    stats_set(shard->stats, STATS_SESSIONS, sessions);
    stats_set(shard->stats, STATS_OPENING, schedule_opening_count(shard->schedule));
    if (sessions >
        atomic_load_explicit(&shard->stats->gauges[STATS_SESSIONS_PEAK], memory_order_relaxed))
        stats_set(shard->stats, STATS_SESSIONS_PEAK, sessions);
    stats_set(shard->stats, STATS_BROKEN, (uint64_t)-store_shard_error(shard->store));
    stats_set(shard->stats, STATS_STOPPED, shard->state == SHARD_STOPPED);
    dns_stats(shard->resolver.dns, &dns);
    stats_set(shard->stats, STATS_DNS_QUESTIONS, dns.questions);
}

/* Of the parts that turn only while the shard runs: to wake for them later would be to spin. */
static uint64_t running_deadline(const struct shard *shard)
{
    uint64_t deadline_ns = max_u64(shard->session_ask_ns, shard->session_due_ns);

    deadline_ns = min_u64(deadline_ns, routing_deadline_ns(shard));
    deadline_ns = min_u64(deadline_ns, secrecy_deadline_ns(shard));
    deadline_ns = min_u64(deadline_ns, tls_counting_deadline_ns(shard));
    deadline_ns = min_u64(deadline_ns, keepsake_deadline_ns(&shard->tls_tickets.file));
    return min_u64(deadline_ns, keepsake_deadline_ns(&shard->tls_trouble_file));
}

static uint64_t next_deadline(const struct shard *shard, uint64_t deadline_ns)
{
    deadline_ns = min_u64(deadline_ns, wheel_next_ns(&shard->wheel));
    deadline_ns = min_u64(deadline_ns, resolver_deadline_ns(&shard->resolver));
    deadline_ns = min_u64(deadline_ns, sts_gate_deadline_ns(shard));
    deadline_ns = min_u64(deadline_ns, leasing_deadline_ns(shard));
    deadline_ns = min_u64(deadline_ns, throttle_deadline_ns(shard));
    deadline_ns = min_u64(deadline_ns, store_shard_deadline_ns(shard->store));
    deadline_ns = min_u64(deadline_ns, signing_deadline_ns(shard));
    if (!list_empty(&shard->shakers))
        return shard_now_ns(shard);
    if (shard->state == SHARD_STOPPING)
        deadline_ns = min_u64(deadline_ns, shard->stop_by_ns);
    if (shard->state == SHARD_RUNNING)
        deadline_ns = min_u64(deadline_ns, running_deadline(shard));
    return deadline_ns;
}

enum shard_state shard_tick(struct shard *shard, uint64_t deadline_ns)
{
    struct io_event events[SHARD_EVENTS_MAX];
    uint32_t count =
        io_wait(shard->io, next_deadline(shard, deadline_ns), events, SHARD_EVENTS_MAX);

    if (shard->turning)
        stats_turn(shard->stats, io_turn_ns(shard->io), io_turn_cpu_ns(shard->io));
    shard->turning = true; /* before the first turn was the opening */
    wall_watch_see(&shard->clock, shard_wall_ns(shard), shard_now_ns(shard));
    session_shake(shard);
    for (uint32_t i = 0; i < count; i++)
        dispatch(shard, &events[i]);
    take_orders(shard);
    expire_timers(shard);
    store_shard_tick(shard->store);
    resolver_expire(&shard->resolver);
    if (shard->state == SHARD_RUNNING)
        routing_turn(shard);
    sts_gate_turn(shard);
    tls_counting_turn(shard);
    resolver_turn(&shard->resolver);
    leasing_turn(shard);
    if (shard->state == SHARD_RUNNING) {
        keepsake_turn(&shard->tls_trouble_file);
        keepsake_turn(&shard->tls_tickets.file);
    }
    throttle_turn(shard);
    if (shard->state == SHARD_RUNNING)
        secrecy_turn(shard);
    session_resume(shard);
    session_feed(shard);
    session_make_room(shard);
    open_sessions(shard);
    signing_turn(shard);
    stop_turn(shard);
    publish(shard);
    return shard->state;
}
