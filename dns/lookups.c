#include "dns/lookups.h"

#include <string.h>

#include "base/check.h"
#include "dns/lookups_result.h"

#define TRY_NS (30 * NS_PER_S)

/* A new id and a new letter case. */
static void draw_form(struct lookups *lookups, struct lookup *lookup)
{
    lookups_index_draw_id(&lookups->index, lookups->prng, lookup);
    /* With a server that folds case every answer would have to be fetched over TCP. */
    if (lookups->servers.one[lookup->server].folds_case)
        memcpy(lookup->cased, lookup->name.bytes, lookup->name.size);
    else
        question_draw_case(&lookup->name, lookups->prng, lookup->cased);
    lookup->redraw = false;
}

static void release(struct lookups *lookups, struct lookup *lookup)
{
    if (list_linked(&lookup->node))
        list_remove(&lookup->node);
    wheel_cancel(&lookups->wheel, &lookup->timer);
    lookups_index_remove_id(&lookups->index, lookup);
    slab_release(&lookups->slab, lookup);
}

static void finish(struct lookups *lookups, struct lookup *lookup, uint64_t now_ns)
{
    lookups_result_store(lookups, lookup, now_ns);
    dns_waiters_wake(lookups->waiters, &lookup->waits);
    lookups_index_remove(&lookups->index, lookup);
    release(lookups, lookup);
}

/* Puts the lookup where its state belongs. */
static void place(struct lookups *lookups, struct lookup *lookup, uint64_t now_ns)
{
    struct lookups_server *server = &lookups->links[lookup->server];

    if (list_linked(&lookup->node))
        list_remove(&lookup->node);
    if (lookup->redraw)
        draw_form(lookups, lookup);
    switch (lookup->state) {
    case LOOKUP_UDP_SEND:
        list_push_back(&lookups->udp_sending, &lookup->node);
        break;
    case LOOKUP_UDP_WAIT:
        break;
    case LOOKUP_TCP_SEND:
        list_push_back(&server->tcp_sending, &lookup->node);
        if (server->tcp == LOOKUPS_TCP_CLOSED)
            server->tcp = LOOKUPS_TCP_WANTED;
        break;
    case LOOKUP_TCP_WAIT:
        list_push_back(&server->tcp_waiting, &lookup->node);
        break;
    case LOOKUP_DONE:
    case LOOKUP_FAILED:
        finish(lookups, lookup, now_ns);
        return;
    case LOOKUP_STATE_COUNT:
        UNREACHABLE("state of a lookup");
    }
    wheel_arm(&lookups->wheel, &lookup->timer, lookup->attempt_end_ns);
}

void lookups_step(struct lookups *lookups, struct lookup *lookup, const struct lookup_event *event)
{
    (void)lookup_step(lookup, &lookups->limits, event); /* place reads it from the lookup */
    place(lookups, lookup, event->now_ns);
}

size_t lookups_cost(uint32_t lookups_max, uint32_t servers_count)
{
    return slab_cost(lookups_max, sizeof(struct lookup)) + lookups_index_cost(lookups_max) +
           servers_count * arena_cost(DNS_STREAM_BUFFER_SIZE, 1);
}

void lookups_init(struct lookups *lookups, struct arena *arena, uint64_t now_ns,
                  const struct lookups_options *options)
{
    lookups->limits = options->limits;
    lookups->cache = options->cache;
    lookups->waiters = options->waiters;
    lookups->prng = options->prng;
    slab_init(&lookups->slab, arena, options->lookups_max, sizeof(struct lookup));
    lookups_index_init(&lookups->index, arena, &lookups->slab, lookups->prng);
    wheel_init(&lookups->wheel, now_ns);
    lookups->now_ns = now_ns;
    servers_init(&lookups->servers, options->limits.servers_count);
    list_init(&lookups->udp_sending);
    for (uint32_t i = 0; i < options->limits.servers_count; i++) {
        struct lookups_server *server = &lookups->links[i];

        list_init(&server->tcp_sending);
        list_init(&server->tcp_waiting);
        dns_stream_init(&server->stream, arena_alloc(arena, DNS_STREAM_BUFFER_SIZE, 1));
    }
}

static void probe(struct lookups *lookups, uint64_t now_ns, struct dns_cache_key key,
                  uint32_t server)
{
    struct lookup *lookup = slab_claim(&lookups->slab);

    CHECK(lookup != NULL);
    lookup_start(lookup, &lookups->limits, now_ns, key.name, key.type, server);
    lookup->probe = true;
    place(lookups, lookup, now_ns);
}

/* Asks every sick server whose turn it is the same question, for the sake of hearing anything. */
static void probe_servers(struct lookups *lookups, uint64_t now_ns, struct dns_cache_key key)
{
    uint32_t server;

    while (lookups_has_free(lookups) && servers_probe(&lookups->servers, now_ns, &server))
        probe(lookups, now_ns, key, server);
}

void lookups_try(struct lookups *lookups, uint64_t now_ns, struct dns_cache_key key,
                 uint32_t servers)
{
    servers &= ~lookups->stats.servers_secure;
    lookups->now_ns = now_ns;
    for (uint32_t i = 0; i < lookups->limits.servers_count && lookups_has_free(lookups); i++) {
        if ((servers >> i & 1) == 0 || lookups->links[i].try_ns > now_ns)
            continue;
        lookups->links[i].try_ns = now_ns + TRY_NS;
        probe(lookups, now_ns, key, i);
    }
}

bool lookups_has_free(const struct lookups *lookups)
{
    return lookups->slab.claimed_count < lookups->slab.slots_max;
}

bool lookups_ask(struct lookups *lookups, uint64_t now_ns, struct dns_cache_key key,
                 struct dns_waiter *waiter)
{
    struct lookup *lookup = lookups_index_find(&lookups->index, key);

    lookups->now_ns = now_ns;
    if (lookup != NULL) {
        if (waiter == NULL)
            return true;
        lookups->stats.joined++;
        dns_waiters_wait(waiter, &lookup->waits);
        return true;
    }
    probe_servers(lookups, now_ns, key);
    lookup = slab_claim(&lookups->slab);
    if (lookup == NULL)
        return false;
    lookup_start(lookup, &lookups->limits, now_ns, key.name, key.type,
                 servers_pick(&lookups->servers));
    lookups_index_add(&lookups->index, lookup);
    if (waiter == NULL)
        lookups->stats.prefetches++;
    else
        dns_waiters_wait(waiter, &lookup->waits);
    place(lookups, lookup, now_ns);
    return true;
}

/* The next lookup with something to send, or NULL. */
static struct lookup *next_to_send(const struct lookups *lookups)
{
    struct list_node *node = list_first(&lookups->udp_sending);

    for (uint32_t i = 0; node == NULL && i < lookups->limits.servers_count; i++) {
        if (lookups->links[i].tcp == LOOKUPS_TCP_OPEN)
            node = list_first(&lookups->links[i].tcp_sending);
    }
    return node == NULL ? NULL : CONTAINER_OF(node, struct lookup, node);
}

static int write_packet(struct lookups *lookups, const struct lookup *lookup)
{
    struct question question = {.id = lookup->id,
                                .type = lookup->type,
                                .edns = lookup->edns,
                                .dnssec = lookups->limits.dnssec,
                                .name = span_make(lookup->cased, lookup->name.size)};
    int size = question_write(
        &question, (struct span_mut){&lookups->packet[DNS_STREAM_PREFIX_SIZE], QUESTION_SIZE_MAX});

    if (size >= 0) {
        lookups->packet[0] = (uint8_t)(size >> 8);
        lookups->packet[1] = (uint8_t)size;
    }
    return size;
}

bool lookups_output(struct lookups *lookups, struct dns_packet *ret_packet)
{
    struct lookup_event sent = {.kind = LOOKUP_SENT};
    struct lookup *lookup;

    while ((lookup = next_to_send(lookups)) != NULL) {
        struct dns_packet packet = {.server_index = lookup->server,
                                    .tcp = lookup->state == LOOKUP_TCP_SEND,
                                    .id = lookup->id};
        int size = write_packet(lookups, lookup);

        lookup->sent_ns = lookups->now_ns;
        if (packet.tcp && lookups->links[lookup->server].asked_ns == 0)
            lookups->links[lookup->server].asked_ns = lookups->now_ns;
        lookups_step(lookups, lookup, &sent);
        if (size < 0)
            continue; /* no memory in the library: like a lost packet, its timer tries again */
        packet.bytes = packet.tcp
                           ? span_make(lookups->packet, (size_t)size + DNS_STREAM_PREFIX_SIZE)
                           : span_make(&lookups->packet[DNS_STREAM_PREFIX_SIZE], (size_t)size);
        lookups->stats.questions++;
        lookups->stats.tcp_questions += packet.tcp;
        *ret_packet = packet;
        return true;
    }
    return false;
}

/* A server that refuses to resolve is of as little use as one that is silent. */
static void note_answer(struct lookups *lookups, const struct lookup *lookup,
                        const struct lookup_event *event, uint8_t rcode)
{
    bool first = lookup->attempts == 1 && lookup->server == event->server;

    if (rcode == WIRE_REFUSED)
        servers_failed(&lookups->servers, event->now_ns, event->server);
    else
        servers_answered(&lookups->servers, event->server,
                         first ? event->now_ns - lookup->sent_ns : 0);
    lookups->limits.servers_sick = lookups->servers.sick;
}

static void end_probe(struct lookups *lookups, struct lookup *lookup,
                      const struct lookup_event *event, const struct wire_question *question)
{
    if (event->match == LOOKUP_SAME && !lookup->insecure && question->authentic &&
        !question->truncated &&
        (question->rcode == WIRE_NOERROR || question->rcode == WIRE_NXDOMAIN))
        lookups_result_note_secure(lookups, event->server);
    release(lookups, lookup);
}

void lookups_take(struct lookups *lookups, const struct lookup_event *from, bool tcp)
{
    struct lookup_event event = *from;
    struct wire_question question;
    struct lookup *lookup = NULL;

    if (wire_check_question(event.packet, &question) && question.response)
        lookup = lookups_index_find_id(&lookups->index, question.id);
    if (lookup != NULL)
        event.match = lookup_matches(lookup, event.server, tcp, &question);
    if (event.match == LOOKUP_OTHER) {
        lookups->stats.ignored++;
        return;
    }
    lookups->stats.answers++;
    note_answer(lookups, lookup, &event, question.rcode);
    if (tcp && question.has_question)
        lookups->servers.one[event.server].folds_case =
            !span_equal(question.name, span_make(lookup->cased, lookup->name.size));
    if (lookup->probe) {
        end_probe(lookups, lookup, &event, &question);
        return;
    }
    event.kind = LOOKUP_PACKET;
    event.question = &question;
    event.answer = &lookups->answer;
    lookups->answer.status = ANSWER_NO_DATA;
    lookups_step(lookups, lookup, &event);
    lookups->stats.broken += lookups->answer.status == ANSWER_BROKEN;
}

void lookups_input(struct lookups *lookups, uint64_t now_ns, uint32_t server, struct span packet)
{
    struct lookup_event event = {.now_ns = now_ns, .server = server, .packet = packet};

    CHECK(server < lookups->limits.servers_count);
    lookups->now_ns = now_ns;
    lookups_take(lookups, &event, false);
}

/* A server that nobody has heard is asked before the question comes round to one that refused: so a
 * resolver that restarts is not given up within milliseconds. */
static bool has_others(const struct lookups *lookups, const struct lookup *lookup)
{
    return lookup->attempts < lookups->limits.servers_count;
}

void lookups_unreachable(struct lookups *lookups, uint64_t now_ns, uint32_t server)
{
    struct lookup_event event = {.kind = LOOKUP_UNREACHABLE, .now_ns = now_ns};
    bool asked = false;

    CHECK(server < lookups->limits.servers_count);
    lookups->now_ns = now_ns;
    for (uint32_t i = 0; i < lookups->slab.slots_max; i++) {
        struct lookup *lookup = slab_at(&lookups->slab, i);

        if (lookup == NULL || lookup->state != LOOKUP_UDP_WAIT || lookup->server != server)
            continue;
        if (!asked) { /* once, however many questions were on their way */
            servers_failed(&lookups->servers, now_ns, server);
            lookups->limits.servers_sick = lookups->servers.sick;
        }
        asked = true;
        if (!lookup->probe && has_others(lookups, lookup))
            lookups_step(lookups, lookup, &event);
    }
}

uint64_t lookups_deadline_ns(const struct lookups *lookups)
{
    return min_u64(wheel_next_ns(&lookups->wheel), lookups_tcp_deadline_ns(lookups));
}

static void on_silence(struct lookups *lookups, struct lookup *lookup,
                       const struct lookup_event *event)
{
    lookups->stats.timeouts++;
    servers_waited(&lookups->servers, lookup->server, event->now_ns - lookup->sent_ns);
    servers_failed(&lookups->servers, event->now_ns, lookup->server);
    lookups->limits.servers_sick = lookups->servers.sick;
    if (lookup->probe)
        release(lookups, lookup);
    else
        lookups_step(lookups, lookup, event);
}

void lookups_expire(struct lookups *lookups, uint64_t now_ns)
{
    struct lookup_event event = {.kind = LOOKUP_EXPIRED, .now_ns = now_ns};
    struct wheel_timer *timer;

    lookups->now_ns = now_ns;
    while ((timer = wheel_expire(&lookups->wheel, now_ns)) != NULL)
        on_silence(lookups, CONTAINER_OF(timer, struct lookup, timer), &event);
    lookups_tcp_expire(lookups, now_ns);
}
