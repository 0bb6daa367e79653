/* Questions to the dns room on behalf of domains: asked, answered, asked again. */
#include "base/check.h"
#include "dns/lookup.h"
#include "engine/routing.h"
#include "engine/session.h"
#include "engine/shard.h"
#include "engine/smart_host.h"
#include "engine/sts_gate.h"

#define HELD_NS (50 * NS_PER_MS)
/* An old route serves on when a new one cannot be had, for so long each time, an hour in all: what
 * the dns room lent out as stale is part of it. */
#define STALE_NS (30 * NS_PER_S)
#define STALE_MAX_NS (60 * NS_PER_MINUTE)

/* What the dns room says; and, when nobody answered, who was asked. */
static void write_problem(const struct resolver *resolver, const struct route *route,
                          struct text *text)
{
    text_add_cstr(text, route->problem);
    if (!span_starts(text_span(text), span_cstr(lookup_failure_words(LOOKUP_TIMEOUT))))
        return;
    text_add_cstr(text, " (");
    ip_write_port(text, &resolver->servers[0].address);
    if (resolver->servers_count > 1)
        text_add_format(text, " and %u more", resolver->servers_count - 1);
    text_add_byte(text, ')');
}

static struct outcome outcome_of(const struct resolver *resolver, const struct route *route)
{
    char problem[ROUTE_PROBLEM_SIZE + 80];
    struct text text;
    enum outcome_kind kind = OUTCOME_FAILED;
    enum outcome_cause cause = CAUSE_NO_DOMAIN;

    switch (route->status) {
    case ROUTE_NO_DOMAIN:
        break;
    case ROUTE_NULL_MX:
        cause = CAUSE_NULL_MX;
        break;
    case ROUTE_NO_ADDRESS:
        cause = CAUSE_NO_ADDRESS;
        break;
    case ROUTE_SPECIAL_ONLY:
        cause = CAUSE_BAD_ROUTE;
        break;
    case ROUTE_DNS_FAILURE:
        kind = OUTCOME_DEFERRED;
        cause = CAUSE_DNS_FAILURE;
        break;
    case ROUTE_PENDING:
    case ROUTE_OK:
    case ROUTE_BUSY:
    case ROUTE_STATUS_COUNT:
        UNREACHABLE("not a failed route");
    }
    text_init(&text, problem, sizeof(problem));
    write_problem(resolver, route, &text);
    return outcome_from_cause(kind, STAGE_RESOLVE, cause, 0, text_span(&text));
}

static enum route_status ask(struct shard *shard, uint32_t index, struct route *ret,
                             uint16_t *ret_ports)
{
    struct span name = queue_domain_name(store_queue(shard->options.store), index);
    const struct policy_route *smart = policy_route_for(shard->policy, name);

    struct smart_host_question question = {
        .route = smart, .default_port = (uint16_t)shard->policy->smtp_port, .waiter = index};

    if (smart != NULL)
        return smart_host_ask(shard->resolver.dns, shard_now_ns(shard), &question, ret, ret_ports);
    for (uint32_t i = 0; i < ROUTE_HOSTS_MAX; i++)
        ret_ports[i] = (uint16_t)shard->policy->smtp_port;
    return dns_route(shard->resolver.dns, shard_now_ns(shard), name, index, ret);
}

/* With a route: is its policy known, and does it leave anything? */
static bool pass_gate(struct shard *shard, uint32_t index, struct route *route,
                      const uint16_t *ports)
{
    struct outcome outcome;

    switch (sts_gate_pass(shard, index, route, &outcome)) {
    case STS_GATE_OPEN:
        return routing_enter(shard, index, route, ports);
    case STS_GATE_WAIT:
        return true;
    case STS_GATE_BUSY:
        return false;
    case STS_GATE_SHUT:
        return routing_fail(shard, index, &outcome);
    }
    UNREACHABLE("a gate that is neither open nor shut");
}

static bool serves_on(struct shard *shard, struct routing_domain *domain)
{
    uint64_t now_ns = shard_now_ns(shard), end_ns = domain->fresh_until_ns + STALE_MAX_NS;

    if (domain->state != DOMAIN_ROUTED || end_ns <= now_ns)
        return false;
    domain->expires_ns = min_u64(now_ns + STALE_NS, end_ns);
    domain->sts_until_ns = now_ns; /* a policy that is in force stays so, but nobody has looked */
    if (list_linked(&domain->site_node))
        destination_ages(shard, domain->site, domain->expires_ns);
    return true;
}

/* False when it must be asked again later: no place for its question, its site or its failure. */
static bool resolve(struct shard *shard, uint32_t index)
{
    static _Thread_local struct route route;
    uint16_t ports[ROUTE_HOSTS_MAX];
    struct outcome outcome;

    routing_move(&shard->routing, index, NULL);
    switch (ask(shard, index, &route, ports)) {
    case ROUTE_PENDING:
        return true;
    case ROUTE_BUSY:
        return false;
    case ROUTE_OK:
        return pass_gate(shard, index, &route, ports);
    case ROUTE_DNS_FAILURE:
        if (serves_on(shard, &shard->routing.domains[index]))
            return true;
        break;
    case ROUTE_NO_DOMAIN:
    case ROUTE_NULL_MX:
    case ROUTE_NO_ADDRESS:
    case ROUTE_SPECIAL_ONLY:
    case ROUTE_STATUS_COUNT:
        break;
    }
    outcome = outcome_of(&shard->resolver, &route);
    return routing_fail(shard, index, &outcome);
}

static bool is_asking(const struct routing *routing, uint32_t index)
{
    return routing->domains[index].state == DOMAIN_RESOLVING ||
           routing->domains[index].state == DOMAIN_ROUTED;
}

/* The next domain to ask about: first those whose answers have come, because they hold what the
 * others wait for. */
static bool next_domain(struct shard *shard, uint32_t *ret_index)
{
    struct routing *routing = &shard->routing;
    struct list_node *node;
    uint64_t waiter;

    while (dns_done(shard->resolver.dns, &waiter)) {
        if ((waiter & SESSION_WAITER) != 0) {
            session_answered(shard, waiter);
            continue;
        }
        if (sts_gate_answered(shard, waiter))
            continue;
        CHECK(waiter < routing->domains_max);
        *ret_index = (uint32_t)waiter;
        if (is_asking(routing, *ret_index))
            return true;
        dns_forget(shard->resolver.dns, waiter);
    }
    while (sts_gate_next(shard, ret_index))
        if (is_asking(routing, *ret_index))
            return true;
    node = list_first(&routing->asking);
    if (node == NULL)
        return false;
    *ret_index = (uint32_t)(CONTAINER_OF(node, struct routing_domain, node) - routing->domains);
    return true;
}

void routing_ask_turn(struct shard *shard)
{
    struct routing *routing = &shard->routing;
    uint32_t index;

    if (routing->held_until_ns > shard_now_ns(shard))
        return;
    for (uint32_t i = 0; i < ROUTING_ASK_MAX && next_domain(shard, &index); i++) {
        if (resolve(shard, index))
            continue;
        if (!list_linked(&routing->domains[index].node))
            list_push_front(&routing->asking, &routing->domains[index].node);
        routing->held_until_ns = shard_now_ns(shard) + HELD_NS;
        return;
    }
}
