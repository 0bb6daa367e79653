#include "engine/listener.h"

#include <string.h>

#include "base/check.h"
#include "engine/listener_session.h"
#include "engine/tag.h"

#define PEER_SESSIONS_MAX 40
#define PEER_MINUTE_MAX 600
#define LIST_PEER_MINUTE_MAX 600 /* messages to somebody else's lists */
#define LIST_MINUTE_MAX 6000

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

/* --- events --- */

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
    if (listener->stopping || !listener_session_begin(listener, event->result))
        shut_stray(listener, event->result);
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
        listener_session_received(listener, reception, event);
        break;
    case TAG_BOUNCES_SEND:
        listener_session_sent(listener, reception, event->result);
        break;
    case TAG_BOUNCES_SHUT:
        listener_session_shut(listener, reception);
        break;
    default:
        UNREACHABLE("not an event of the listener");
    }
}

/* --- turns --- */

void listener_turn(struct listener *listener)
{
    if (listener->receptions.claimed_count == 0)
        return;
    for (uint32_t i = 0; i < listener->receptions.slots_max; i++) {
        struct reception *reception = slab_at(&listener->receptions, i);

        if (reception != NULL && reception->state != RECEPTION_CLOSING)
            listener_session_turn(listener, reception);
    }
}

uint64_t listener_deadline_ns(const struct listener *listener)
{
    uint64_t deadline_ns = UINT64_MAX;

    for (uint32_t i = 0; i < listener->receptions.slots_max; i++) {
        const struct reception *reception = slab_at(&listener->receptions, i);

        if (reception != NULL && reception->state != RECEPTION_CLOSING)
            deadline_ns = min_u64(deadline_ns, listener_session_deadline_ns(listener, reception));
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

        if (reception != NULL && reception->state != RECEPTION_CLOSING)
            listener_session_stop(listener, reception);
    }
}

bool listener_stopped(const struct listener *listener)
{
    for (uint32_t i = 0; i < POLICY_LISTEN_MAX; i++)
        if (listener->opening[i])
            return false;
    return listener->strays == 0 && listener->receptions.claimed_count == 0;
}
