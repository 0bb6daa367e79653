#include "engine/listener_session.h"

#include "engine/bounce_door.h"
#include "engine/list_notice.h"
#include "engine/listener_message.h"
#include "engine/tag.h"

#define SIZE_MAX_OFFERED ((uint64_t)32 * MIB)
#define TRANSACTIONS_MAX 1000
#define MESSAGE_NS (10 * NS_PER_MINUTE)
#define SESSION_NS (60 * NS_PER_MINUTE)
#define DRAIN_NS (10 * NS_PER_S) /* for the last words */
#define POLL_NS (2 * NS_PER_MS)

static uint64_t wall_s(const struct listener *listener)
{
    return io_wall_ns(listener->options.io) / NS_PER_S;
}

static uint64_t now_ns(const struct listener *listener)
{
    return io_now_ns(listener->options.io);
}

static uint64_t tag_for(const struct listener *listener, enum tag_op op,
                        const struct reception *reception)
{
    return tag_pack(op, slab_handle_of(&listener->receptions, reception));
}

/* --- octets --- */

static void close_now(struct listener *listener, struct reception *reception)
{
    if (reception->state == RECEPTION_CLOSING)
        return;
    reception->state = RECEPTION_CLOSING;
    listener_message_drop(listener, reception);
    io_shut(listener->options.io, tag_for(listener, TAG_BOUNCES_SHUT, reception),
            reception->handle);
}

static void flush(struct listener *listener, struct reception *reception)
{
    struct span outgoing;

    if (reception->state == RECEPTION_CLOSING)
        return;
    outgoing = reception_outgoing(reception);
    if (outgoing.size > 0) {
        reception->sending = true;
        io_send(listener->options.io, tag_for(listener, TAG_BOUNCES_SEND, reception),
                reception->handle, &outgoing, 1);
    } else if (reception->state == RECEPTION_LEAVING && !reception->sending) {
        close_now(listener, reception);
    }
}

/* --- what is asked --- */

static bool is_judged(const struct listener *listener, const struct reception *reception)
{
    return hygiene_store_durable_count(listener->options.hygiene) >= reception->ticket;
}

/* Each message counts once, as it comes. */
static bool within(struct peer_limit *limit, const struct ip *ip, uint64_t at_ns)
{
    if (!peer_limit_enter(limit, ip, at_ns))
        return false;
    peer_limit_leave(limit, ip);
    return true;
}

static enum receive_verdict ask_recipient(struct listener *listener,
                                          const struct reception *reception)
{
    static const struct ip everybody = {.family = IP_V4};
    struct span recipient = receive_recipient(&reception->receive);
    struct list_notice list;

    if (bounce_door_takes(listener->options.policy, listener->options.keys, recipient,
                          wall_s(listener)))
        return RECEIVE_ACCEPT;
    if (!list_notice_takes(listener->options.policy, recipient, &list))
        return RECEIVE_UNKNOWN;
    return within(&listener->list_peers, &reception->peer, now_ns(listener)) &&
                   within(&listener->list_all, &everybody, now_ns(listener))
               ? RECEIVE_ACCEPT
               : RECEIVE_LATER;
}

static void pump(struct listener *listener, struct reception *reception)
{
    const struct tls_context *tls = listener->has_tls ? &listener->tls : NULL;

    for (;;) {
        switch (reception_step(reception, tls, wall_s(listener))) {
        case RECEPTION_WANT_NOTHING:
            flush(listener, reception);
            return;
        case RECEPTION_WANT_RECIPIENT:
            reception_answer(reception, ask_recipient(listener, reception));
            break;
        case RECEPTION_WANT_CONTENT:
            listener_message_keep(listener, reception);
            break;
        case RECEPTION_WANT_VERDICT:
            listener_message_judge(listener, reception);
            break;
        }
    }
}

/* --- events --- */

bool listener_session_begin(struct listener *listener, int handle)
{
    const struct policy *policy = listener->options.policy;
    struct reception *reception = slab_claim(&listener->receptions);
    struct receive_options options = {
        .hostname = span_cstr(listener->hostname),
        .tls = listener->has_tls,
        .size_max = SIZE_MAX_OFFERED,
        .recipients_max = 1,
        .transactions_max = TRANSACTIONS_MAX,
    };

    listener->counts.connections_count++;
    if (reception == NULL) {
        listener->counts.refused_count++;
        return false;
    }
    if (io_peer_ip(listener->options.io, handle, &reception->peer) < 0)
        reception->peer.family = IP_NONE; /* not limited */
    /* The last places are kept for saying that there is none. */
    options.busy = listener->receptions.claimed_count > LISTENER_SESSIONS_MAX - 8;
    reception->entered =
        !options.busy && peer_limit_enter(&listener->peers, &reception->peer, now_ns(listener));
    options.busy = !reception->entered;
    if (options.busy)
        listener->counts.refused_count++;
    reception_init(reception, handle, &options);
    reception->begun_ns = now_ns(listener);
    reception->until_ns = now_ns(listener) + policy->bounces_timeout_ns;
    io_recv(listener->options.io, tag_for(listener, TAG_BOUNCES_RECV, reception), handle);
    pump(listener, reception);
    return true;
}

void listener_session_received(struct listener *listener, struct reception *reception,
                               const struct io_event *event)
{
    if ((event->flags & IO_EVENT_BUFFER) != 0) {
        bool good =
            reception_take(reception, io_buffer(listener->options.io, event), wall_s(listener));

        io_buffer_return(listener->options.io, event);
        reception->until_ns = now_ns(listener) + listener->options.policy->bounces_timeout_ns;
        if (!good)
            reception_leave(reception, "421 4.7.0 more than was asked for");
    }
    if ((event->flags & IO_EVENT_MORE) == 0) {
        if (event->result < 0) {
            close_now(listener, reception);
            return;
        }
        reception->ended = true;
    }
    pump(listener, reception);
}

void listener_session_sent(struct listener *listener, struct reception *reception, int32_t result)
{
    if (reception->state == RECEPTION_CLOSING)
        return;
    if (result <= 0) {
        close_now(listener, reception);
        return;
    }
    reception_sent(reception, (size_t)result);
    pump(listener, reception);
}

void listener_session_shut(struct listener *listener, struct reception *reception)
{
    if (reception->entered)
        peer_limit_leave(&listener->peers, &reception->peer);
    reception_reset(reception);
    slab_release(&listener->receptions, reception);
}

/* --- turns --- */

static void look_at_judging(struct listener *listener, struct reception *reception)
{
    if (is_judged(listener, reception))
        reception_answer(reception, RECEIVE_ACCEPT);
    else if (hygiene_store_error(listener->options.hygiene) != 0)
        reception_answer(reception, RECEIVE_LATER);
    else
        return;
    pump(listener, reception);
}

static void look_at_time(struct listener *listener, struct reception *reception, uint64_t now)
{
    bool late = reception->until_ns <= now || now - reception->begun_ns >= SESSION_NS ||
                (reception->message_ns != 0 && now - reception->message_ns >= MESSAGE_NS);

    if (!late)
        return;
    if (reception->state == RECEPTION_LEAVING) { /* it does not take the last words */
        close_now(listener, reception);
        return;
    }
    reception->until_ns = now + DRAIN_NS;
    reception->begun_ns = now;
    reception->message_ns = 0;
    reception_leave(reception, "421 4.4.2 good bye: too slow");
    flush(listener, reception);
}

void listener_session_turn(struct listener *listener, struct reception *reception)
{
    if (reception->state == RECEPTION_JUDGING)
        look_at_judging(listener, reception);
    if (reception->state != RECEPTION_CLOSING)
        look_at_time(listener, reception, now_ns(listener));
}

uint64_t listener_session_deadline_ns(const struct listener *listener,
                                      const struct reception *reception)
{
    uint64_t deadline_ns = reception->until_ns;

    if (reception->message_ns != 0)
        deadline_ns = min_u64(deadline_ns, reception->message_ns + MESSAGE_NS);
    if (reception->state == RECEPTION_JUDGING)
        deadline_ns = min_u64(deadline_ns, now_ns(listener) + POLL_NS);
    return deadline_ns;
}

void listener_session_stop(struct listener *listener, struct reception *reception)
{
    if (reception->state == RECEPTION_JUDGING)
        reception_answer(reception,
                         is_judged(listener, reception) ? RECEIVE_ACCEPT : RECEIVE_LATER);
    reception->until_ns = min_u64(reception->until_ns, now_ns(listener) + NS_PER_S);
    reception_leave(reception, "421 4.3.2 the service is stopping");
    flush(listener, reception);
}
