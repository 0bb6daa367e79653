#include "engine/session.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "engine/outlet.h"
#include "engine/secrecy.h"
#include "engine/session_tls.h"
#include "engine/shard.h"
#include "engine/smart_host.h"
#include "engine/tag.h"
#include "engine/talk.h"

static_assert(sizeof(struct session) <= 14336, "a session stays small");

uint64_t session_tag(const struct shard *shard, enum tag_op op, const struct session *session)
{
    return tag_pack(op, slab_handle_of(&shard->sessions, session));
}

static void on_shut(struct shard *shard, struct session *session)
{
    uint32_t site = session->site;

    CHECK(session->sending == 0);
    outlet_drop(shard, session);
    if (!session->ready)
        schedule_session_ready(shard->schedule, site);
    schedule_session_closed(shard->schedule, site, shard_now_ns(shard));
    leasing_closed(shard, site);
    slab_release(&shard->sessions, session);
}

static const char *connect_words(int error_number)
{
    switch (error_number) {
    case ETIMEDOUT:
        return "no answer to the connection";
    case ECONNREFUSED:
        return "connection refused";
    case ENETUNREACH:
    case EHOSTUNREACH:
        return "no way to the host";
    case EACCES:
    case EPERM:
        return "the connection is not permitted here (a firewall, or a missing right)";
    case EADDRNOTAVAIL:
        return "no local address or port for the connection";
    default:
        return "connection failed";
    }
}

static void fail_before_talk(struct shard *shard, struct session *session, int error_number)
{
    enum outcome_cause cause = error_number == ETIMEDOUT ? CAUSE_TIMEOUT : CAUSE_CONNECT;
    struct outcome outcome =
        outcome_from_cause(OUTCOME_DEFERRED, STAGE_CONNECT, cause, error_number,
                           span_cstr(connect_words(error_number)));

    talk_close(shard, session);
    talk_failed_early(shard, session, &outcome);
}

/* --- events --- */

/* Where sockets, ports or memory are short the site is not to blame, and the schedule asks again.
 * Anything else (no such source address, no such family here) is this address's failure. */
static void fail_socket(struct shard *shard, struct session *session, int error_number)
{
    bool shortage = error_number == ENFILE || error_number == EMFILE || error_number == ENOBUFS ||
                    error_number == ENOMEM || error_number == EAGAIN;
    struct outcome outcome = outcome_from_cause(OUTCOME_DEFERRED, STAGE_CONNECT, CAUSE_CONNECT,
                                                error_number, SPAN("no socket could be made"));

    session->state = SESSION_CLOSING;
    wheel_cancel(&shard->wheel, &session->timer);
    if (shortage) {
        shard->session_ask_ns = shard_now_ns(shard) + 100 * NS_PER_MS;
        if (error_number != EAGAIN) /* which is a turn with many operations, and no want */
            stats_set(shard->stats, STATS_NO_SOCKET, (uint64_t)error_number);
    } else {
        talk_failed_early(shard, session, &outcome);
    }
    on_shut(shard, session);
}

static uint64_t waiter_of(const struct shard *shard, const struct session *session)
{
    return SESSION_WAITER | session_tag(shard, TAG_NONE, session);
}

/* Asks what the DNS says about the host's certificate, then connects; a host of which nobody can
 * say is connected to only for mail that its records do not concern. */
static void find_records(struct shard *shard, struct session *session)
{
    struct io_address address = {.ip = session->peer};

    switch (session_tls_records(shard, session, waiter_of(shard, session))) {
    case SESSION_TLS_ASKS:
        session->state = SESSION_ASK;
        return;
    case SESSION_TLS_KNOWS:
        session->state = SESSION_CONNECT;
        io_connect(shard->io, session_tag(shard, TAG_SESSION_CONNECT, session), session->handle,
                   &address);
        return;
    case SESSION_TLS_REFUSES:
        session->state = SESSION_CONNECT;
        talk_close(shard, session);
        secrecy_failed(shard, session);
        return;
    }
    UNREACHABLE("no such answer");
}

static void on_socket(struct shard *shard, struct session *session, int32_t result)
{
    if (result < 0) {
        fail_socket(shard, session, -result);
        return;
    }
    stats_set(shard->stats, STATS_NO_SOCKET, 0);
    session->handle = result;
    session->state = SESSION_CONNECT;
    if (shard->state != SHARD_RUNNING) {
        talk_close(shard, session);
        return;
    }
    find_records(shard, session);
}

void session_answered(struct shard *shard, uint64_t waiter)
{
    struct session *session = slab_get(&shard->sessions, tag_handle(waiter & ~SESSION_WAITER));

    if (session == NULL || session->state != SESSION_ASK)
        dns_forget(shard->resolver.dns, waiter);
    else
        find_records(shard, session);
}

static void on_connect(struct shard *shard, struct session *session, int32_t result)
{
    struct smtp_options options = {
        .hostname = span_cstr(shard->hostname),
        .pipelining = true,
        .transactions_max =
            schedule_site_at(shard->schedule, session->site)->limits.messages_per_connection,
        .timeouts = shard->policy->timeouts,
    };
    const struct policy_route *route;

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
    route = smart_host_route(shard->policy, span_cstr(destination_at(shard, session->site)->site));
    options.tls = session_tls_mode(shard, session, route);
    if (route != NULL) {
        memcpy(session->user, route->user, sizeof(session->user)); /* a policy may go */
        memcpy(session->password, route->password, sizeof(session->password));
        options.user = span_cstr(session->user);
        options.password = span_cstr(session->password);
    }
    smtp_init(&session->smtp, &options);
    session->receiving = true;
    io_recv(shard->io, session_tag(shard, TAG_SESSION_RECV, session), session->handle);
    if (shard->state != SHARD_RUNNING)
        smtp_quit(&session->smtp);
    talk_pump(shard, session);
}

static void on_send(struct shard *shard, struct session *session, int32_t result)
{
    session->sending = 0;
    if (session->state != SESSION_TALK)
        return;
    if (result < 0) {
        /* The server's last words may still be on their way: receiving ends the session. */
        session->send_failed = true;
    } else {
        session->sent += (size_t)result;
        session->flow_sent += (size_t)result;
    }
    if (result < 0 || session->sent == session->wire.size) {
        text_reset(&session->wire);
        if (shard->plain_user == session)
            shard->plain_user = NULL; /* it was lent for less room */
        session->sent = 0;
    }
    talk_pump(shard, session);
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
            talk_lose(shard, session, CAUSE_PROTOCOL, 0);
            return;
        }
        session->held[session->held_count++] = *event;
    }
    if (!session->receiving && talking) {
        session->ended = true;
        session->end_error = event->result < 0 ? -event->result : 0;
    }
    if (talking)
        talk_pump(shard, session);
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
        wheel_arm(&shard->wheel, &session->timer,
                  shard_now_ns(shard) + shard->policy->connect_timeout_ns);
        return;
    case SESSION_ASK:
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
        talk_run_out(shard, session);
        return;
    }
    if (session->idle_since_ns + SHARD_IDLE_NS <= shard_now_ns(shard))
        smtp_quit(&session->smtp);
    else
        smtp_wake(&session->smtp);
    talk_pump(shard, session);
}

/* --- from the shard --- */

enum session_start session_start(struct shard *shard, uint32_t site)
{
    struct destination *destination = destination_at(shard, site);
    uint32_t aim;
    uint32_t address = secrecy_pick(shard, site, &aim);
    struct io_socket_options options = {.kind = IO_TCP};
    const struct destination_address *chosen;
    struct session *session;

    if (address == DESTINATION_NONE)
        return SESSION_NO_ADDRESS;
    if (destination->expires_ns <= shard_now_ns(shard))
        routing_refresh(shard, site);
    session = slab_claim(&shard->sessions);
    if (session == NULL)
        return SESSION_NO_SLOT;
    chosen = &destination->addresses[address];
    session->state = SESSION_SOCKET;
    session->handle = -1;
    session->site = site;
    session->host = chosen->host;
    session->peer = (struct ip_port){.ip = chosen->ip, .port = destination->ports[chosen->host]};
    memcpy(session->peer_name, destination->hosts[chosen->host], sizeof(session->peer_name));
    session->started_ns = shard_now_ns(shard);
    session->aim = aim;
    options.family = chosen->ip.family;
    for (uint32_t i = 0; i < shard->policy->sources.count; i++) {
        uint32_t turn = shard->source_turn++ % shard->policy->sources.count;

        if (shard->policy->source_addresses[turn].family == options.family) {
            options.source = session->source = shard->policy->source_addresses[turn];
            break;
        }
    }
    wheel_arm(&shard->wheel, &session->timer,
              shard_now_ns(shard) + shard->policy->connect_timeout_ns);
    schedule_session_opened(shard->schedule, site, shard_now_ns(shard));
    leasing_opened(shard, site);
    io_socket(shard->io, session_tag(shard, TAG_SESSION_SOCKET, session), &options);
    return SESSION_STARTED;
}

void session_stop(struct shard *shard, struct session *session, bool cut)
{
    switch (session->state) {
    case SESSION_SOCKET:
    case SESSION_CLOSING:
        return;
    case SESSION_ASK:
    case SESSION_CONNECT:
        talk_close(shard, session);
        return;
    case SESSION_TALK:
        break;
    }
    if (cut) {
        talk_lose(shard, session, CAUSE_LOCAL_STOP, 0);
        return;
    }
    smtp_quit(&session->smtp);
    talk_pump(shard, session);
}
