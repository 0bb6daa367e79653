#include "engine/session.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "engine/shard.h"
#include "engine/tag.h"

static_assert(sizeof(struct session) <= 14336, "a session stays small");

static uint64_t tag_for(const struct shard *shard, enum tag_op op, const struct session *session)
{
    return tag_pack(op, slab_handle_of(&shard->sessions, session));
}

static void unlist(struct session *session)
{
    if (list_linked(&session->node))
        list_remove(&session->node);
    session->hungry = false;
}

/* --- output buffers --- */

static bool have_buffer(struct shard *shard, struct session *session)
{
    if (session->buffer != NULL)
        return true;
    session->buffer = slab_claim(&shard->buffers);
    if (session->buffer == NULL) {
        unlist(session);
        list_push_back(&shard->buffer_waiters, &session->node);
        stats_add(shard->stats, STATS_BUFFER_WAITS, 1);
        return false;
    }
    text_init(&session->out, session->buffer, SHARD_BUFFER_SIZE);
    session->sent = 0;
    session->sending = 0;
    return true;
}

static void drop_buffer(struct shard *shard, struct session *session)
{
    if (session->buffer == NULL)
        return;
    CHECK(session->sending == 0);
    slab_release(&shard->buffers, session->buffer);
    session->buffer = NULL;
    memset(&session->out, 0, sizeof(session->out));
}

static void flush(struct shard *shard, struct session *session)
{
    struct span part;

    if (session->buffer == NULL || session->sending > 0 || session->state != SESSION_TALK)
        return;
    part = span_skip(text_span(&session->out), session->sent);
    if (part.size == 0) {
        drop_buffer(shard, session);
        return;
    }
    session->sending = part.size;
    io_send(shard->io, tag_for(shard, TAG_SESSION_SEND, session), session->handle, &part, 1);
}

/* --- the end --- */

static void return_held(struct shard *shard, struct session *session)
{
    for (uint32_t i = 0; i < session->held_count; i++)
        io_buffer_return(shard->io, &session->held[i]);
    session->held_count = 0;
    session->held_offset = 0;
}

static void begin_closing(struct shard *shard, struct session *session)
{
    CHECK(session->state == SESSION_CONNECT || session->state == SESSION_TALK);
    if (session->state == SESSION_TALK)
        shard->routing.destinations[session->site].talking_count--;
    for (uint32_t i = 0; i < SMTP_TRANSACTIONS_MAX; i++)
        CHECK(!session->deliveries[i].open);
    session->state = SESSION_CLOSING;
    wheel_cancel(&shard->wheel, &session->timer);
    unlist(session);
    return_held(shard, session);
    io_shut(shard->io, tag_for(shard, TAG_SESSION_SHUT, session), session->handle);
}

static void on_shut(struct shard *shard, struct session *session)
{
    uint32_t site = session->site;

    CHECK(session->sending == 0);
    drop_buffer(shard, session);
    if (!session->ready)
        schedule_session_ready(shard->schedule, site);
    schedule_session_closed(shard->schedule, site);
    leasing_closed(shard, site);
    slab_release(&shard->sessions, session);
}

/* The session never came to speak: the address is avoided, the next one tried. */
static void address_failed(struct shard *shard, struct session *session,
                           const struct outcome *outcome)
{
    stats_add(shard->stats, STATS_CONNECT_FAILURES, 1);
    if (outcome->cause == CAUSE_LOCAL_STOP || shard->state != SHARD_RUNNING)
        return;
    /* This session no longer counts: it is about to free its place. */
    routing_address_failed(shard, session->site, &session->peer, outcome);
}

static void fail_before_talk(struct shard *shard, struct session *session, int error_number)
{
    static const char *const words[] = {"connection failed", "no answer to the connection"};
    enum outcome_cause cause = error_number == ETIMEDOUT ? CAUSE_TIMEOUT : CAUSE_CONNECT;
    struct outcome outcome =
        outcome_from_cause(OUTCOME_DEFERRED, STAGE_CONNECT, cause, error_number,
                           span_cstr(words[cause == CAUSE_TIMEOUT]));

    begin_closing(shard, session);
    address_failed(shard, session, &outcome);
}

/* --- the SMTP machine's wishes --- */

static void settle(struct shard *shard, struct session *session)
{
    struct delivery_place place = {
        .peer = session->peer,
        .source = session->source,
        .peer_name = span_cstr(session->peer_name),
        .site = span_cstr(shard->routing.destinations[session->site].site),
        .connect_ns = session->connected_ns - session->started_ns,
    };
    struct outcome outcome;
    uint32_t tag;

    smtp_settled(&session->smtp, &tag, &outcome);
    CHECK(tag < SMTP_TRANSACTIONS_MAX);
    delivery_settle(shard, &session->deliveries[tag], &outcome, &place);
    (void)schedule_feedback(shard->schedule, session->site, &outcome, shard_now_ns(shard));
}

static void become_hungry(struct shard *shard, struct session *session, uint64_t until_ns)
{
    smtp_pass(&session->smtp);
    session->hungry_until_ns = until_ns;
    unlist(session);
    session->hungry = true;
    list_push_back(&shard->hungry, &session->node);
}

static void offer_envelope(struct shard *shard, struct session *session)
{
    uint64_t until_ns = UINT64_MAX;
    uint32_t place = 0;
    struct envelope envelope;

    if (shard->state != SHARD_RUNNING || schedule_session_excess(shard->schedule, session->site)) {
        smtp_quit(&session->smtp);
        return;
    }
    while (place < SMTP_TRANSACTIONS_MAX && session->deliveries[place].open)
        place++;
    CHECK(place < SMTP_TRANSACTIONS_MAX);
    if (delivery_take(shard, session->site, &session->deliveries[place], &until_ns) < 0) {
        become_hungry(shard, session, until_ns);
        return;
    }
    unlist(session);
    delivery_envelope(&session->deliveries[place], &envelope);
    smtp_envelope(&session->smtp, &envelope, place, &session->out);
}

static void begin_body(struct shard *shard, struct session *session)
{
    struct delivery *delivery = &session->deliveries[smtp_body_tag(&session->smtp)];

    CHECK(delivery->open);
    CHECK(session->body == NULL);
    delivery->content_ns = shard_now_ns(shard);
    session->body = delivery;
}

/* True when the whole content is in the buffer or sent. */
static bool write_body(struct shard *shard, struct session *session)
{
    struct text *out = &session->out;
    size_t size_before = out->size;
    bool done;

    if (text_room(out) <= SMTP_BURST_MAX + MERGE_STEP_MAX)
        return false;
    out->capacity -= SMTP_BURST_MAX;
    done = content_step(&session->body->merge, out);
    out->capacity += SMTP_BURST_MAX;
    stats_add(shard->stats, STATS_OCTETS_SENT, out->size - size_before);
    if (!done)
        return false;
    session->body = NULL;
    stats_add(shard->stats, STATS_MESSAGES_SENT, 1);
    smtp_body_done(&session->smtp);
    return true;
}

static void end_talk(struct shard *shard, struct session *session)
{
    struct outcome end;

    smtp_end(&session->smtp, &end);
    flush(shard, session); /* a last QUIT goes out if the socket takes it at once */
    begin_closing(shard, session);
    if (end.kind == OUTCOME_NONE)
        return;
    if (end.stage <= STAGE_EHLO)
        address_failed(shard, session, &end);
    else
        (void)schedule_feedback(shard->schedule, session->site, &end, shard_now_ns(shard));
}

static void arm_timer(struct shard *shard, struct session *session)
{
    uint64_t now_ns = shard_now_ns(shard);
    uint64_t timeout_ns = smtp_timeout_ns(&session->smtp);

    if (timeout_ns != SMTP_TIMEOUT_NONE) {
        session->idle_since_ns = 0;
        wheel_arm(&shard->wheel, &session->timer, now_ns + timeout_ns);
        return;
    }
    if (session->idle_since_ns == 0)
        session->idle_since_ns = now_ns;
    wheel_arm(&shard->wheel, &session->timer,
              max_u64(now_ns + NS_PER_MS,
                      min_u64(session->idle_since_ns + SHARD_IDLE_NS, session->hungry_until_ns)));
}

/* The machine is over: it has only verdicts left to give and nothing to say. */
static void run_out(struct shard *shard, struct session *session)
{
    uint8_t scratch[SMTP_BURST_MAX];
    struct span nothing = {NULL, 0};
    struct text unsaid;
    enum smtp_want want;

    session->body = NULL;
    text_init(&unsaid, scratch, sizeof(scratch));
    while ((want = smtp_step(&session->smtp, &nothing, &unsaid)) != SMTP_WANT_CLOSE) {
        CHECK(want == SMTP_WANT_SETTLE);
        settle(shard, session);
    }
    end_talk(shard, session);
}

static void lose(struct shard *shard, struct session *session, enum outcome_cause cause,
                 int error_number)
{
    smtp_lost(&session->smtp, cause, error_number);
    run_out(shard, session);
}

/* Whether the machine can go on: there is a buffer, the body is through, commands have room. */
static bool may_run(struct shard *shard, struct session *session)
{
    if (!have_buffer(shard, session))
        return false;
    if (session->body != NULL && !write_body(shard, session))
        return false;
    return text_room(&session->out) >= SMTP_BURST_MAX;
}

/* Runs the machine over the input until it waits for something. False: the session is closing. */
static bool run(struct shard *shard, struct session *session, struct span *input)
{
    while (may_run(shard, session)) {
        switch (smtp_step(&session->smtp, input, &session->out)) {
        case SMTP_WANT_REPLY:
            return true;
        case SMTP_WANT_ENVELOPE:
            offer_envelope(shard, session);
            break;
        case SMTP_WANT_BODY:
            begin_body(shard, session);
            break;
        case SMTP_WANT_SETTLE:
            settle(shard, session);
            break;
        case SMTP_WANT_TLS:
            UNREACHABLE("TLS was not offered");
        case SMTP_WANT_CLOSE:
            end_talk(shard, session);
            return false;
        }
    }
    return true;
}

static bool run_held(struct shard *shard, struct session *session)
{
    struct span nothing = {NULL, 0};

    while (session->held_count > 0) {
        struct span whole = io_buffer(shard->io, &session->held[0]);
        struct span input = span_skip(whole, session->held_offset);

        if (!run(shard, session, &input))
            return false;
        if (input.size > 0) {
            session->held_offset = whole.size - input.size;
            return true;
        }
        io_buffer_return(shard->io, &session->held[0]);
        session->held_offset = 0;
        session->held_count--;
        memmove(&session->held[0], &session->held[1],
                session->held_count * sizeof(session->held[0]));
    }
    return run(shard, session, &nothing);
}

/* Everything that may have happened comes through here: run, then send and wait. */
static void pump(struct shard *shard, struct session *session)
{
    CHECK(session->state == SESSION_TALK);
    if (!run_held(shard, session))
        return;
    if (session->ended && session->held_count == 0) {
        lose(shard, session, CAUSE_LOST, session->end_error);
        return;
    }
    flush(shard, session);
    arm_timer(shard, session);
}

/* --- events --- */

static void on_socket(struct shard *shard, struct session *session, int32_t result)
{
    struct io_address address = {.ip = session->peer};

    if (result < 0) {
        struct outcome outcome = outcome_from_cause(OUTCOME_DEFERRED, STAGE_CONNECT, CAUSE_CONNECT,
                                                    -result, SPAN("no socket could be made"));

        session->state = SESSION_CLOSING;
        wheel_cancel(&shard->wheel, &session->timer);
        on_shut(shard, session);
        (void)outcome; /* a local lack: the site is not to blame, the schedule asks again */
        shard->session_ask_ns = shard_now_ns(shard) + 100 * NS_PER_MS;
        return;
    }
    session->handle = result;
    session->state = SESSION_CONNECT;
    if (shard->state != SHARD_RUNNING) {
        begin_closing(shard, session);
        return;
    }
    io_connect(shard->io, tag_for(shard, TAG_SESSION_CONNECT, session), result, &address);
}

static void on_connect(struct shard *shard, struct session *session, int32_t result)
{
    struct smtp_options options = {
        .hostname = span_cstr(shard->policy->hostname),
        .pipelining = true,
        .transactions_max =
            schedule_site_at(shard->schedule, session->site)->limits.messages_per_connection,
    };

    if (session->state != SESSION_CONNECT)
        return; /* cut off meanwhile */
    if (result < 0) {
        fail_before_talk(shard, session, -result);
        return;
    }
    session->state = SESSION_TALK;
    shard->routing.destinations[session->site].talking_count++;
    session->connected_ns = shard_now_ns(shard);
    stats_add(shard->stats, STATS_CONNECTS, 1);
    smtp_init(&session->smtp, &options);
    session->receiving = true;
    io_recv(shard->io, tag_for(shard, TAG_SESSION_RECV, session), session->handle);
    if (shard->state != SHARD_RUNNING)
        smtp_quit(&session->smtp);
    pump(shard, session);
}

static void on_send(struct shard *shard, struct session *session, int32_t result)
{
    session->sending = 0;
    if (session->state != SESSION_TALK)
        return;
    if (result < 0) {
        session->ended = true;
        session->end_error = -result;
    } else {
        session->sent += (size_t)result;
    }
    if (result < 0 || session->sent == session->out.size) {
        text_reset(&session->out);
        session->sent = 0;
    }
    pump(shard, session);
}

static void on_recv(struct shard *shard, struct session *session, const struct io_event *event)
{
    bool talking = session->state == SESSION_TALK;

    if ((event->flags & IO_EVENT_MORE) == 0)
        session->receiving = false;
    if ((event->flags & IO_EVENT_BUFFER) != 0) {
        if (!talking) {
            io_buffer_return(shard->io, event);
            return;
        }
        if (session->held_count == SESSION_HELD_MAX) {
            io_buffer_return(shard->io, event);
            lose(shard, session, CAUSE_PROTOCOL, 0);
            return;
        }
        session->held[session->held_count++] = *event;
    }
    if (!session->receiving && talking) {
        session->ended = true;
        session->end_error = event->result < 0 ? -event->result : 0;
    }
    if (talking)
        pump(shard, session);
}

void session_event(struct shard *shard, const struct io_event *event)
{
    struct session *session = slab_get(&shard->sessions, tag_handle(event->tag));

    if (session == NULL) {
        if ((event->flags & IO_EVENT_BUFFER) != 0)
            io_buffer_return(shard->io, event);
        stats_add(shard->stats, STATS_STALE_EVENTS, 1);
        return;
    }
    switch ((int)tag_op_of(event->tag)) {
    case TAG_SESSION_SOCKET:
        on_socket(shard, session, event->result);
        break;
    case TAG_SESSION_CONNECT:
        on_connect(shard, session, event->result);
        break;
    case TAG_SESSION_SEND:
        on_send(shard, session, event->result);
        break;
    case TAG_SESSION_RECV:
        on_recv(shard, session, event);
        break;
    case TAG_SESSION_SHUT:
        on_shut(shard, session);
        break;
    default:
        UNREACHABLE("not an event of a session");
    }
}

void session_expired(struct shard *shard, struct session *session)
{
    switch (session->state) {
    case SESSION_SOCKET:
        wheel_arm(&shard->wheel, &session->timer, shard_now_ns(shard) + SESSION_CONNECT_NS);
        return;
    case SESSION_CONNECT:
        fail_before_talk(shard, session, ETIMEDOUT);
        return;
    case SESSION_CLOSING:
        return;
    case SESSION_TALK:
        break;
    }
    if (smtp_timeout_ns(&session->smtp) != SMTP_TIMEOUT_NONE) {
        smtp_timeout(&session->smtp);
        run_out(shard, session);
        return;
    }
    if (session->idle_since_ns + SHARD_IDLE_NS <= shard_now_ns(shard))
        smtp_quit(&session->smtp);
    else
        smtp_wake(&session->smtp);
    pump(shard, session);
}

/* --- from the shard --- */

bool session_start(struct shard *shard, uint32_t site)
{
    struct routing_destination *destination = routing_destination(shard, site);
    uint32_t address = routing_pick_address(shard, site);
    struct io_socket_options options = {.kind = IO_TCP};
    const struct routing_address *chosen;
    struct session *session;

    if (address == ROUTING_NONE)
        return false;
    session = slab_claim(&shard->sessions);
    if (session == NULL)
        return false;
    chosen = &destination->addresses[address];
    session->state = SESSION_SOCKET;
    session->handle = -1;
    session->site = site;
    session->host = chosen->host;
    session->peer = (struct ip_port){.ip = chosen->ip, .port = destination->ports[chosen->host]};
    memcpy(session->peer_name, destination->hosts[chosen->host], sizeof(session->peer_name));
    session->started_ns = shard_now_ns(shard);
    options.family = chosen->ip.family;
    for (uint32_t i = 0; i < shard->policy->sources.count; i++) {
        uint32_t turn = shard->source_turn++ % shard->policy->sources.count;

        if (shard->policy->source_addresses[turn].family == options.family) {
            options.source = session->source = shard->policy->source_addresses[turn];
            break;
        }
    }
    wheel_arm(&shard->wheel, &session->timer, shard_now_ns(shard) + SESSION_CONNECT_NS);
    schedule_session_opened(shard->schedule, site, shard_now_ns(shard));
    leasing_opened(shard, site);
    io_socket(shard->io, tag_for(shard, TAG_SESSION_SOCKET, session), &options);
    return true;
}

void session_feed(struct shard *shard)
{
    uint64_t now_ns = shard_now_ns(shard);
    uint32_t bound = 128;

    list_for_each_safe(node, after, &shard->hungry) {
        struct session *session = CONTAINER_OF(node, struct session, node);

        if (bound-- == 0)
            return;
        if (session->hungry_until_ns != UINT64_MAX
                ? session->hungry_until_ns > now_ns
                : schedule_site_ready_count(shard->schedule, session->site) == 0)
            continue;
        unlist(session);
        smtp_wake(&session->smtp);
        pump(shard, session);
    }
}

void session_resume(struct shard *shard)
{
    while (!list_empty(&shard->buffer_waiters) &&
           shard->buffers.claimed_count < shard->buffers.slots_max) {
        struct list_node *node = list_pop_front(&shard->buffer_waiters);

        pump(shard, CONTAINER_OF(node, struct session, node));
    }
}

void session_stop(struct shard *shard, struct session *session, bool cut)
{
    switch (session->state) {
    case SESSION_SOCKET:
    case SESSION_CLOSING:
        return;
    case SESSION_CONNECT:
        begin_closing(shard, session);
        return;
    case SESSION_TALK:
        break;
    }
    if (cut) {
        lose(shard, session, CAUSE_LOCAL_STOP, 0);
        return;
    }
    smtp_quit(&session->smtp);
    pump(shard, session);
}
