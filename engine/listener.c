#include "engine/listener.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "engine/bounce_door.h"
#include "engine/list_notice.h"
#include "engine/listener_message.h"
#include "engine/tag.h"

#define SIZE_MAX_OFFERED ((uint64_t)32 * MIB)
#define TRANSACTIONS_MAX 1000
#define PEER_SESSIONS_MAX 40
#define PEER_MINUTE_MAX 600
#define LIST_PEER_MINUTE_MAX 600 /* messages to somebody else's lists */
#define LIST_MINUTE_MAX 6000
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

/* --- opening and closing --- */

static int open_tls(struct listener *listener, struct text *error)
{
    const struct tls_identity identity = {listener->options.certificate_pem,
                                          listener->options.key_pem};
    struct tls_context_options options = {
        .role = TLS_SERVER, .identities = &identity, .identities_count = 1};
    int result;

    if (identity.certificate_pem.size == 0)
        return 0;
    text_add_cstr(error, "bounces.tls_cert: ");
    result = tls_context_open(&listener->tls, &options, error);
    if (result < 0)
        return result;
    text_reset(error);
    listener->has_tls = true;
    return 0;
}

size_t listener_cost(const struct policy *policy)
{
    if (policy->bounces_listen.count == 0)
        return 0;
    return slab_cost(LISTENER_SESSIONS_MAX, sizeof(struct reception)) + report_cost() +
           LISTENER_CONTENTS_MAX * arena_cost(1, LISTENER_CONTENT_MAX);
}

int listener_open(struct listener *listener, const struct listener_options *options,
                  struct text *error)
{
    struct peer_limit_options peers = {.open_max = PEER_SESSIONS_MAX,
                                       .minute_max = PEER_MINUTE_MAX};
    int result;

    memset(listener, 0, sizeof(*listener));
    listener->options = *options;
    memcpy(listener->hostname, options->policy->hostname, sizeof(listener->hostname));
    for (uint32_t i = 0; i < POLICY_LISTEN_MAX; i++)
        listener->handles[i] = -1;
    if (options->policy->bounces_listen.count == 0)
        return 0;
    result = io_entropy(options->io, &peers.seed, sizeof(peers.seed));
    if (result == 0)
        result = open_tls(listener, error);
    if (result == 0)
        result = arena_open(&listener->arena, listener_cost(options->policy));
    if (result < 0)
        return result;
    peer_limit_init(&listener->peers, &peers);
    peers.open_max = 1;
    peers.minute_max = LIST_PEER_MINUTE_MAX;
    peer_limit_init(&listener->list_peers, &peers);
    peers.minute_max = LIST_MINUTE_MAX;
    peer_limit_init(&listener->list_all, &peers);
    slab_init(&listener->receptions, &listener->arena, LISTENER_SESSIONS_MAX,
              sizeof(struct reception));
    listener->reader = report_open(&listener->arena, options->classifier);
    for (uint32_t i = 0; i < LISTENER_CONTENTS_MAX; i++)
        listener->contents[i] = arena_alloc(&listener->arena, 1, LISTENER_CONTENT_MAX);
    listener->contents_count = LISTENER_CONTENTS_MAX;
    arena_seal(&listener->arena);
    return 0;
}

static bool is_any(const struct ip *ip)
{
    return ip_equal(ip, &(struct ip){.family = ip->family});
}

bool listener_shares(const struct policy *policy, uint32_t entry)
{
    const struct ip_port *own = &policy->bounces_addresses[entry];

    for (uint32_t i = 0; i < entry; i++) {
        const struct ip_port *other = &policy->bounces_addresses[i];

        if (other->port == own->port && other->ip.family == own->ip.family &&
            (ip_equal(&other->ip, &own->ip) || is_any(&other->ip) || is_any(&own->ip)))
            return true;
    }
    return false;
}

void listener_begin(struct listener *listener)
{
    const struct policy *policy = listener->options.policy;

    for (uint32_t i = 0; i < policy->bounces_listen.count; i++) {
        struct io_address address = {.ip = policy->bounces_addresses[i],
                                     .shared = listener_shares(policy, i)};

        listener->opening[i] = true;
        io_listen_peers(listener->options.io, tag_of(TAG_BOUNCES_LISTEN, i), &address);
    }
}

void listener_close(struct listener *listener)
{
    for (uint32_t i = 0; i < listener->receptions.slots_max; i++) {
        struct reception *reception = slab_at(&listener->receptions, i);

        if (reception != NULL)
            reception_reset(reception);
    }
    if (listener->reader != NULL)
        report_close(listener->reader);
    listener->reader = NULL;
    tls_context_close(&listener->tls);
    arena_close(&listener->arena);
}

static void shut_stray(struct listener *listener, int handle)
{
    listener->strays++;
    io_shut(listener->options.io, tag_of(TAG_BOUNCES_SHUT, SLAB_NONE), handle);
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

/* --- sessions --- */

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

static void welcome(struct listener *listener, int handle)
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
        shut_stray(listener, handle);
        return;
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
}

static void stop_listening(struct listener *listener, uint32_t index)
{
    int handle = listener->handles[index];

    listener->handles[index] = -1;
    if (handle >= 0)
        shut_stray(listener, handle);
}

static void on_listen(struct listener *listener, const struct io_event *event)
{
    uint32_t index = tag_handle(event->tag).index;

    if (event->result < 0) {
        if (listener->opening[index] && !listener->stopping) {
            listener->error = event->result;
            listener->error_index = index;
        }
        listener->opening[index] = false;
        return;
    }
    if (listener->opening[index]) {
        listener->opening[index] = false;
        listener->handles[index] = event->result;
        if (listener->stopping)
            stop_listening(listener, index);
        return;
    }
    if (listener->stopping)
        shut_stray(listener, event->result);
    else
        welcome(listener, event->result);
}

static void on_recv(struct listener *listener, struct reception *reception,
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

static void on_send(struct listener *listener, struct reception *reception, int32_t result)
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

void listener_event(struct listener *listener, const struct io_event *event)
{
    enum tag_op op = tag_op_of(event->tag);
    struct reception *reception;

    if (op == TAG_BOUNCES_LISTEN) {
        on_listen(listener, event);
        return;
    }
    reception = slab_get(&listener->receptions, tag_handle(event->tag));
    if (reception == NULL) { /* a listening handle, or a connection too many */
        CHECK(op == TAG_BOUNCES_SHUT);
        CHECK(listener->strays > 0);
        listener->strays--;
        return;
    }
    switch ((int)op) {
    case TAG_BOUNCES_RECV:
        on_recv(listener, reception, event);
        break;
    case TAG_BOUNCES_SEND:
        on_send(listener, reception, event->result);
        break;
    case TAG_BOUNCES_SHUT:
        if (reception->entered)
            peer_limit_leave(&listener->peers, &reception->peer);
        reception_reset(reception);
        slab_release(&listener->receptions, reception);
        break;
    default:
        UNREACHABLE("not an event of the listener");
    }
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

void listener_turn(struct listener *listener)
{
    if (listener->receptions.claimed_count == 0)
        return;
    for (uint32_t i = 0; i < listener->receptions.slots_max; i++) {
        struct reception *reception = slab_at(&listener->receptions, i);

        if (reception == NULL || reception->state == RECEPTION_CLOSING)
            continue;
        if (reception->state == RECEPTION_JUDGING)
            look_at_judging(listener, reception);
        if (reception->state != RECEPTION_CLOSING)
            look_at_time(listener, reception, now_ns(listener));
    }
}

uint64_t listener_deadline_ns(const struct listener *listener)
{
    uint64_t deadline_ns = UINT64_MAX;

    for (uint32_t i = 0; i < listener->receptions.slots_max; i++) {
        const struct reception *reception = slab_at(&listener->receptions, i);

        if (reception == NULL || reception->state == RECEPTION_CLOSING)
            continue;
        deadline_ns = min_u64(deadline_ns, reception->until_ns);
        if (reception->message_ns != 0)
            deadline_ns = min_u64(deadline_ns, reception->message_ns + MESSAGE_NS);
        if (reception->state == RECEPTION_JUDGING)
            deadline_ns = min_u64(deadline_ns, now_ns(listener) + POLL_NS);
    }
    return deadline_ns;
}

bool listener_is_up(const struct listener *listener)
{
    for (uint32_t i = 0; i < listener->options.policy->bounces_listen.count; i++)
        if (listener->handles[i] < 0)
            return false;
    return true;
}

void listener_stop(struct listener *listener)
{
    listener->stopping = true;
    for (uint32_t i = 0; i < POLICY_LISTEN_MAX; i++)
        stop_listening(listener, i);
    for (uint32_t i = 0; i < listener->receptions.slots_max; i++) {
        struct reception *reception = slab_at(&listener->receptions, i);

        if (reception == NULL || reception->state == RECEPTION_CLOSING)
            continue;
        if (reception->state == RECEPTION_JUDGING)
            reception_answer(reception,
                             is_judged(listener, reception) ? RECEIVE_ACCEPT : RECEIVE_LATER);
        reception->until_ns = min_u64(reception->until_ns, now_ns(listener) + NS_PER_S);
        reception_leave(reception, "421 4.3.2 the service is stopping");
        flush(listener, reception);
    }
}

bool listener_stopped(const struct listener *listener)
{
    for (uint32_t i = 0; i < POLICY_LISTEN_MAX; i++)
        if (listener->opening[i])
            return false;
    return listener->strays == 0 && listener->receptions.claimed_count == 0;
}
