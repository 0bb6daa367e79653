#include "dns/lookup.h"

#include "base/check.h"

/* One retry even at a single server: it may just have closed an idle connection. */
#define TCP_LOSSES_MIN 2

static bool on_tcp(const struct lookup *lookup)
{
    return lookup->state == LOOKUP_TCP_SEND || lookup->state == LOOKUP_TCP_WAIT;
}

static enum lookup_state fail(struct lookup *lookup, enum lookup_failure failure)
{
    lookup->failure = failure;
    return LOOKUP_FAILED;
}

/* A fifth of the time for each server's first try and two for a later one, five fifths in all:
 * 1, 2, 2 seconds with one server, 1, 1, 2, 1 with two. A short rest is not left over. */
static void begin_attempt(struct lookup *lookup, const struct lookup_limits *limits,
                          uint64_t now_ns)
{
    uint64_t fifth_ns = limits->timeout_ns / 5;
    uint64_t wait_ns = lookup->attempts < limits->servers_count ? fifth_ns : 2 * fifth_ns;

    lookup->attempts++;
    lookup->attempt_end_ns = now_ns + wait_ns;
    if (lookup->attempt_end_ns + fifth_ns / 2 >= lookup->deadline_ns)
        lookup->attempt_end_ns = lookup->deadline_ns;
}

/* The question itself changes: answers to the old one are of no use any more. */
static void begin_form(struct lookup *lookup, const struct lookup_limits *limits, uint64_t now_ns)
{
    lookup->redraw = true;
    lookup->servers_asked = 0;
    lookup->servers_failed = 0;
    lookup->attempts = 0;
    lookup->tcp_losses = 0;
    begin_attempt(lookup, limits, now_ns);
}

static bool has_failed(const struct lookup *lookup, uint32_t server)
{
    return (lookup->servers_failed >> server & 1) != 0;
}

/* The next one that has not said that it cannot help. */
static enum lookup_state next_server(struct lookup *lookup, const struct lookup_limits *limits,
                                     uint64_t now_ns)
{
    bool tcp = on_tcp(lookup);

    uint32_t next = lookup->server, found = limits->servers_count;

    for (uint32_t i = 0; i < limits->servers_count; i++) {
        next = (next + 1) % limits->servers_count;
        if (has_failed(lookup, next))
            continue;
        bool sick = (limits->servers_sick >> next & 1) != 0;
        if (found == limits->servers_count || !sick)
            found = next;
        if (!sick)
            break;
    }
    if (found < limits->servers_count)
        lookup->server = found;
    begin_attempt(lookup, limits, now_ns);
    return tcp ? LOOKUP_TCP_SEND : LOOKUP_UDP_SEND;
}

static enum lookup_state on_sent(struct lookup *lookup)
{
    if (lookup->state == LOOKUP_TCP_SEND)
        return LOOKUP_TCP_WAIT;
    CHECK(lookup->state == LOOKUP_UDP_SEND);
    lookup->servers_asked |= UINT32_C(1) << lookup->server;
    return LOOKUP_UDP_WAIT;
}

static enum lookup_state on_expired(struct lookup *lookup, const struct lookup_limits *limits,
                                    uint64_t now_ns)
{
    if (now_ns < lookup->attempt_end_ns)
        return lookup->state;
    if (now_ns >= lookup->deadline_ns)
        return fail(lookup, lookup->failure);
    return next_server(lookup, limits, now_ns);
}

/* Rather a sick one than the same again. */
static enum lookup_state on_unreachable(struct lookup *lookup, const struct lookup_limits *limits,
                                        uint64_t now_ns)
{
    struct lookup_limits others = *limits;

    others.servers_sick |= UINT32_C(1) << lookup->server;
    return next_server(lookup, &others, now_ns);
}

/* This server cannot say it: ask the next one at once. It fails when none is left. */
static enum lookup_state on_failure(struct lookup *lookup, const struct lookup_limits *limits,
                                    const struct lookup_event *event, enum lookup_failure failure)
{
    uint32_t all = (UINT32_C(1) << limits->servers_count) - 1;

    lookup->failure = failure;
    lookup->servers_failed |= UINT32_C(1) << event->server;
    if (lookup->servers_failed == all)
        return fail(lookup, failure);
    if (event->server != lookup->server)
        return lookup->state; /* late, or twice: another one is being asked already */
    return next_server(lookup, limits, event->now_ns);
}

static enum lookup_state on_tcp_lost(struct lookup *lookup, const struct lookup_limits *limits,
                                     uint64_t now_ns)
{
    uint32_t losses_max =
        limits->servers_count < TCP_LOSSES_MIN ? TCP_LOSSES_MIN : limits->servers_count;

    CHECK(on_tcp(lookup));
    lookup->failure = LOOKUP_NO_TCP;
    lookup->tcp_losses++;
    if (lookup->tcp_losses >= losses_max)
        return fail(lookup, LOOKUP_NO_TCP);
    return next_server(lookup, limits, now_ns);
}

/* The server that has answered is asked again, in another form. */
static enum lookup_state ask_again(struct lookup *lookup, const struct lookup_limits *limits,
                                   const struct lookup_event *event, enum lookup_state next)
{
    lookup->server = event->server;
    begin_form(lookup, limits, event->now_ns);
    return next;
}

/* The chain of aliases ends outside the packet: the same question for its end. */
static enum lookup_state on_alias(struct lookup *lookup, const struct lookup_limits *limits,
                                  const struct lookup_event *event)
{
    const struct answer *answer = event->answer;

    lookup->name = answer->target;
    lookup->chain_count = answer->chain_count;
    if (answer->ttl_s < lookup->chain_ttl_s)
        lookup->chain_ttl_s = answer->ttl_s;
    return ask_again(lookup, limits, event, LOOKUP_UDP_SEND);
}

static enum lookup_state on_answer(struct lookup *lookup, const struct lookup_limits *limits,
                                   const struct lookup_event *event)
{
    struct answer *answer = event->answer;
    struct answer_query query = {.name = lookup->name,
                                 .type = lookup->type,
                                 .rcode = event->question->rcode,
                                 .chain_count = lookup->chain_count};

    answer_read(event->packet, &query, answer);
    switch (answer->status) {
    case ANSWER_RECORDS:
    case ANSWER_NO_DATA:
    case ANSWER_NO_DOMAIN:
        lookup->insecure = lookup->insecure || !event->question->authentic;
        if (lookup->chain_ttl_s < answer->ttl_s)
            answer->ttl_s = lookup->chain_ttl_s;
        return LOOKUP_DONE;
    case ANSWER_ALIAS:
        lookup->insecure = lookup->insecure || !event->question->authentic;
        return on_alias(lookup, limits, event);
    case ANSWER_LOOP:
        return fail(lookup, LOOKUP_LOOP);
    case ANSWER_REFERRAL:
        return on_failure(lookup, limits, event, LOOKUP_REFERRAL);
    case ANSWER_BROKEN:
        return on_failure(lookup, limits, event, LOOKUP_BROKEN);
    }
    UNREACHABLE("status of an answer");
}

static enum lookup_state on_packet(struct lookup *lookup, const struct lookup_limits *limits,
                                   const struct lookup_event *event)
{
    const struct wire_question *question = event->question;

    CHECK(event->match != LOOKUP_OTHER);
    /* A server that folds case, or a forger who did not guess it: TCP tells them apart. */
    if (event->match == LOOKUP_SAME_BUT_CASE)
        return ask_again(lookup, limits, event, LOOKUP_TCP_SEND);
    if ((question->rcode == WIRE_FORMERR || question->rcode == WIRE_NOTIMP) && lookup->edns) {
        lookup->edns = false; /* RFC 6891 7: an old server */
        return ask_again(lookup, limits, event, on_tcp(lookup) ? LOOKUP_TCP_SEND : LOOKUP_UDP_SEND);
    }
    switch (question->rcode) {
    case WIRE_NOERROR:
    case WIRE_NXDOMAIN:
        break;
    case WIRE_SERVFAIL:
        return on_failure(lookup, limits, event, LOOKUP_SERVFAIL);
    case WIRE_REFUSED:
        return on_failure(lookup, limits, event, LOOKUP_REFUSED);
    default:
        return on_failure(lookup, limits, event, LOOKUP_RCODE);
    }
    if (question->truncated && on_tcp(lookup))
        return on_failure(lookup, limits, event, LOOKUP_BROKEN);
    if (question->truncated)
        return ask_again(lookup, limits, event, LOOKUP_TCP_SEND);
    return on_answer(lookup, limits, event);
}

void lookup_start(struct lookup *lookup, const struct lookup_limits *limits, uint64_t now_ns,
                  const struct dns_name *name, uint16_t type, uint32_t server)
{
    CHECK(server < limits->servers_count);
    *lookup = (struct lookup){.state = LOOKUP_UDP_SEND,
                              .failure = LOOKUP_TIMEOUT,
                              .type = type,
                              .key = *name,
                              .name = *name,
                              .server = server,
                              .chain_ttl_s = UINT32_MAX,
                              .insecure = !limits->dnssec,
                              .edns = true,
                              .deadline_ns = now_ns + limits->timeout_ns};
    list_init(&lookup->waits);
    begin_form(lookup, limits, now_ns);
}

enum lookup_match lookup_matches(const struct lookup *lookup, uint32_t server, bool tcp,
                                 const struct wire_question *question)
{
    struct dns_name name;

    if (!question->response)
        return LOOKUP_OTHER;
    if (tcp ? lookup->state != LOOKUP_TCP_WAIT || lookup->server != server
            : on_tcp(lookup) || (lookup->servers_asked >> server & 1) == 0)
        return LOOKUP_OTHER;
    if (!question->has_question) {
        /* Servers that do not know EDNS may send back a bare header (RFC 6891 7). */
        return question->rcode == WIRE_FORMERR && lookup->edns ? LOOKUP_SAME : LOOKUP_OTHER;
    }
    if (question->type != lookup->type || question->name.size != lookup->name.size)
        return LOOKUP_OTHER;
    if (span_equal(question->name, span_make(lookup->cased, lookup->name.size)))
        return LOOKUP_SAME;
    if (!dns_name_from_wire(question->name, &name) || !dns_name_equal(&name, &lookup->name))
        return LOOKUP_OTHER;
    return tcp ? LOOKUP_SAME : LOOKUP_SAME_BUT_CASE;
}

static enum lookup_state next_state(struct lookup *lookup, const struct lookup_limits *limits,
                                    const struct lookup_event *event)
{
    switch (event->kind) {
    case LOOKUP_SENT:
        return on_sent(lookup);
    case LOOKUP_EXPIRED:
        return on_expired(lookup, limits, event->now_ns);
    case LOOKUP_UNREACHABLE:
        return on_unreachable(lookup, limits, event->now_ns);
    case LOOKUP_PACKET:
        return on_packet(lookup, limits, event);
    case LOOKUP_TCP_LOST:
        return on_tcp_lost(lookup, limits, event->now_ns);
    }
    UNREACHABLE("kind of an event");
}

enum lookup_state lookup_step(struct lookup *lookup, const struct lookup_limits *limits,
                              const struct lookup_event *event)
{
    CHECK(lookup->state != LOOKUP_DONE);
    CHECK(lookup->state != LOOKUP_FAILED);
    lookup->state = next_state(lookup, limits, event);
    return lookup->state;
}

const char *lookup_failure_words(enum lookup_failure failure)
{
    static const char *const words[] = {
        [LOOKUP_TIMEOUT] = "no answer from any name server",
        [LOOKUP_SERVFAIL] = "the name server says SERVFAIL",
        [LOOKUP_REFUSED] = "the name server refuses (REFUSED)",
        [LOOKUP_RCODE] = "the name server reports an error",
        [LOOKUP_BROKEN] = "malformed answer",
        [LOOKUP_REFERRAL] = "the name server does not resolve (referral)",
        [LOOKUP_LOOP] = "aliases (CNAME) without end",
        [LOOKUP_NO_TCP] = "truncated answer, and no TCP connection",
        [LOOKUP_MEMORY] = "no memory",
    };

    static_assert(ARRAY_LEN(words) == LOOKUP_FAILURE_COUNT, "one for each");
    CHECK((size_t)failure < ARRAY_LEN(words));
    return words[failure];
}
