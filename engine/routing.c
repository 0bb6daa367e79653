#include "engine/routing.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "engine/delivery.h"
#include "engine/shard.h"
#include "engine/smart_host.h"

#define FAILURES_MAX 256
#define HELD_NS (50 * NS_PER_MS)

static void move_to(struct routing *routing, uint32_t domain, struct list *list)
{
    struct list_node *node = &routing->domains[domain].node;

    if (list_linked(node))
        list_remove(node);
    if (list != NULL)
        list_push_back(list, node);
}

static uint32_t index_of(const struct routing *routing, struct list_node *node)
{
    return (uint32_t)(CONTAINER_OF(node, struct routing_domain, node) - routing->domains);
}

/* Both are as long as a site's name may be, with its NUL. */
static void copy_site(char *to, const char *from)
{
    size_t size = min_size(strlen(from), ROUTE_SITE_SIZE - 1);

    memcpy(to, from, size);
    to[size] = '\0';
}

size_t routing_cost(uint32_t domains_max, uint32_t flows_max, uint32_t sites_max)
{
    return arena_cost(domains_max, sizeof(struct routing_domain)) +
           arena_cost(flows_max, sizeof(struct routing_flow)) +
           arena_cost(sites_max, sizeof(struct destination)) +
           slab_cost(FAILURES_MAX, sizeof(struct routing_failure));
}

void routing_init(struct routing *routing, struct arena *arena, uint32_t domains_max,
                  uint32_t flows_max, uint32_t sites_max)
{
    memset(routing, 0, sizeof(*routing));
    routing->domains = arena_alloc(arena, domains_max, sizeof(struct routing_domain));
    routing->flows = arena_alloc(arena, flows_max, sizeof(struct routing_flow));
    routing->destinations = arena_alloc(arena, sites_max, sizeof(struct destination));
    slab_init(&routing->failures, arena, FAILURES_MAX, sizeof(struct routing_failure));
    routing->domains_max = domains_max;
    routing->flows_max = flows_max;
    routing->sites_max = sites_max;
    list_init(&routing->asking);
    list_init(&routing->failing);
}

/* --- from ROUTED and FAILING back --- */

static void leave_site(struct shard *shard, uint32_t index)
{
    struct routing_domain *domain = &shard->routing.domains[index];

    for (uint32_t flow = domain->first_flow; flow != ROUTING_NONE;
         flow = shard->routing.flows[flow].next)
        schedule_flow_detach(shard->schedule, flow);
    if (list_linked(&domain->site_node))
        list_remove(&domain->site_node);
    domain->site = ROUTING_NONE;
}

static void become_idle(struct shard *shard, uint32_t index)
{
    leave_site(shard, index);
    move_to(&shard->routing, index, NULL);
    shard->routing.domains[index].state = DOMAIN_IDLE;
}

void routing_flow_void(struct shard *shard, uint32_t flow)
{
    struct routing *routing = &shard->routing;
    struct routing_flow *item = &routing->flows[flow];
    struct routing_domain *domain = &routing->domains[item->domain];
    uint32_t *link = &domain->first_flow;

    CHECK(item->listed);
    throttle_forget(shard, flow);
    schedule_flow_detach(shard->schedule, flow);
    while (*link != flow) {
        CHECK(*link != ROUTING_NONE);
        link = &routing->flows[*link].next;
    }
    *link = item->next;
    item->listed = false;
    if (domain->first_flow == ROUTING_NONE && domain->state == DOMAIN_ROUTED &&
        domain->expires_ns <= shard_now_ns(shard))
        become_idle(shard, item->domain);
}

static void release_failure(struct routing *routing, struct routing_domain *domain)
{
    struct routing_failure *failure = slab_at(&routing->failures, domain->failure);

    CHECK(failure != NULL);
    CHECK(failure->users_count > 0);
    if (--failure->users_count == 0)
        slab_release(&routing->failures, failure);
    domain->failure = ROUTING_NONE;
}

/* --- failing --- */

static struct routing_failure *claim_failure(struct shard *shard, const struct outcome *outcome,
                                             const char *site, uint32_t *ret_index)
{
    struct routing_failure *failure = slab_claim(&shard->routing.failures);

    if (failure == NULL) {
        shard->routing.held_until_ns = shard_now_ns(shard) + HELD_NS;
        return NULL;
    }
    failure->outcome = *outcome;
    copy_site(failure->site, site);
    *ret_index = slab_handle_of(&shard->routing.failures, failure).index;
    return failure;
}

static void begin_failing(struct shard *shard, uint32_t index, struct routing_failure *failure,
                          uint32_t failure_index)
{
    struct routing_domain *domain = &shard->routing.domains[index];

    leave_site(shard, index);
    domain->failure = failure_index;
    failure->users_count++;
    domain->state = DOMAIN_FAILING;
    move_to(&shard->routing, index, &shard->routing.failing);
}

/* Settles recipients of one failing domain; true when the domain is done. */
static bool drain_domain(struct shard *shard, uint32_t index, uint32_t *work_left)
{
    struct routing *routing = &shard->routing;
    struct routing_domain *domain = &routing->domains[index];
    const struct routing_failure *failure = slab_at(&routing->failures, domain->failure);

    CHECK(failure != NULL);
    while (domain->first_flow != ROUTING_NONE) {
        uint32_t flow = domain->first_flow;
        int claimed;

        if (*work_left == 0)
            return false;
        claimed = delivery_fail_one(shard, flow, failure);
        if (claimed == -ENOENT)
            routing_flow_void(shard, flow);
        else if (claimed < 0)
            return false; /* the journal is full or broken: later */
        else
            --*work_left;
    }
    return true;
}

static void drain(struct shard *shard)
{
    struct routing *routing = &shard->routing;
    uint32_t work_left = ROUTING_WORK_MAX;
    struct list_node *node;

    while (work_left > 0 && (node = list_first(&routing->failing)) != NULL) {
        uint32_t index = index_of(routing, node);

        if (!drain_domain(shard, index, &work_left)) {
            if (work_left > 0)
                return;
            continue;
        }
        release_failure(routing, &routing->domains[index]);
        become_idle(shard, index);
    }
}

/* Every domain at this site fails with the outcome. */
static void fail_site(struct shard *shard, uint32_t site, const struct ip_port *peer,
                      const struct outcome *outcome)
{
    struct destination *destination = destination_at(shard, site);
    uint32_t failure_index = 0;
    struct routing_failure *failure;
    struct list_node *node;

    if (list_empty(&destination->domains))
        return;
    failure = claim_failure(shard, outcome, destination->site, &failure_index);
    if (failure == NULL)
        return; /* the next failed session tries again */
    failure->peer = *peer;
    while ((node = list_first(&destination->domains)) != NULL) {
        uint32_t index = (uint32_t)(CONTAINER_OF(node, struct routing_domain, site_node) -
                                    shard->routing.domains);

        begin_failing(shard, index, failure, failure_index);
    }
    for (uint32_t i = 0; i < destination->addresses_count; i++)
        destination->addresses[i].avoid_until_ns = 0; /* the next attempt begins anew */
}

void routing_address_failed(struct shard *shard, uint32_t site, const struct ip_port *peer,
                            const struct outcome *outcome)
{
    struct destination *destination = destination_at(shard, site);

    destination_avoid(shard, site, &peer->ip);
    if (destination_pick(shard, site) != DESTINATION_NONE)
        return;
    if (destination->talking_count == 0)
        fail_site(shard, site, peer, outcome);
    else
        (void)schedule_feedback(shard->schedule, site, outcome, shard_now_ns(shard));
}

/* --- asking --- */

static struct outcome outcome_of(const struct route *route)
{
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
    return outcome_from_cause(kind, STAGE_RESOLVE, cause, 0, span_cstr(route->problem));
}

static enum route_status ask(struct shard *shard, uint32_t index, struct route *ret,
                             uint16_t *ret_ports)
{
    struct span name = queue_domain_name(store_queue(shard->options.store), index);
    const struct policy_route *smart = policy_route_for(shard->policy, name);

    if (smart != NULL)
        return smart_host_ask(shard, smart, index, ret, ret_ports);
    for (uint32_t i = 0; i < ROUTE_HOSTS_MAX; i++)
        ret_ports[i] = (uint16_t)shard->policy->smtp_port;
    return dns_route(shard->resolver.dns, shard_now_ns(shard), name, index, ret);
}

static void attach_flow(struct shard *shard, uint32_t flow, uint32_t site)
{
    struct queue_flow info;
    struct schedule_place place = {.site = site};

    queue_flow(shard->queue, flow, &info);
    place.campaign = info.campaign_index;
    place.lane = info.lane;
    place.weight =
        queue_campaign(store_queue(shard->options.store), info.campaign_index)->descriptor.weight;
    if (place.weight == 0)
        place.weight = 1;
    if (schedule_flow_attach(shard->schedule, flow, &place) < 0) {
        shard->routing.held_until_ns = shard_now_ns(shard) + HELD_NS;
        move_to(&shard->routing, info.domain, &shard->routing.asking);
        return;
    }
    schedule_flow_ready(shard->schedule, flow, info.count > 0 ? info.count : 1);
}

static void become_routed(struct shard *shard, uint32_t index, const struct route *route,
                          const uint16_t *ports)
{
    struct routing_domain *domain = &shard->routing.domains[index];
    int site = destination_of_route(shard, route, ports);

    if (site < 0) {
        shard->routing.held_until_ns = shard_now_ns(shard) + HELD_NS;
        move_to(&shard->routing, index, &shard->routing.asking);
        return;
    }
    move_to(&shard->routing, index, NULL);
    domain->site = (uint32_t)site;
    domain->expires_ns = route->expires_ns;
    domain->dns_us =
        (uint32_t)min_u64((shard_now_ns(shard) - domain->asked_ns) / NS_PER_US, UINT32_MAX);
    domain->state = DOMAIN_ROUTED;
    list_push_back(&shard->routing.destinations[site].domains, &domain->site_node);
    for (uint32_t flow = domain->first_flow; flow != ROUTING_NONE;) {
        uint32_t next = shard->routing.flows[flow].next;

        attach_flow(shard, flow, (uint32_t)site);
        flow = next;
    }
    leasing_touch(shard, (uint32_t)site);
}

/* False when the dns room can take no more questions now. */
static bool resolve(struct shard *shard, uint32_t index)
{
    static _Thread_local struct route route;
    struct routing *routing = &shard->routing;
    uint16_t ports[ROUTE_HOSTS_MAX];
    struct outcome outcome;
    struct routing_failure *failure;
    uint32_t failure_index = 0;

    switch (ask(shard, index, &route, ports)) {
    case ROUTE_PENDING:
        move_to(routing, index, NULL);
        return true;
    case ROUTE_BUSY:
        return false;
    case ROUTE_OK:
        become_routed(shard, index, &route, ports);
        return true;
    case ROUTE_DNS_FAILURE:
    case ROUTE_NO_DOMAIN:
    case ROUTE_NULL_MX:
    case ROUTE_NO_ADDRESS:
    case ROUTE_SPECIAL_ONLY:
    case ROUTE_STATUS_COUNT:
        break;
    }
    outcome = outcome_of(&route);
    failure = claim_failure(shard, &outcome, "", &failure_index);
    if (failure == NULL)
        return false;
    begin_failing(shard, index, failure, failure_index);
    return true;
}

static void start_asking(struct shard *shard, uint32_t index)
{
    struct routing_domain *domain = &shard->routing.domains[index];

    leave_site(shard, index);
    domain->state = DOMAIN_RESOLVING;
    domain->asked_ns = shard_now_ns(shard);
    move_to(&shard->routing, index, &shard->routing.asking);
}

/* Made ready at first use, so that unused places cost no memory. */
static struct routing_domain *domain_at(struct routing *routing, uint32_t index)
{
    struct routing_domain *domain = &routing->domains[index];

    if (!domain->known) {
        domain->known = true;
        domain->site = ROUTING_NONE;
        domain->first_flow = ROUTING_NONE;
        domain->failure = ROUTING_NONE;
    }
    return domain;
}

static void take_new_flows(struct shard *shard)
{
    struct routing *routing = &shard->routing;
    uint64_t now_ns = shard_now_ns(shard);

    for (uint32_t i = 0; i < ROUTING_ASK_MAX; i++) {
        uint32_t flow = queue_ready(shard->queue);
        struct queue_flow info;
        struct routing_domain *domain;

        routing->more = flow != QUEUE_NONE;
        if (flow == QUEUE_NONE)
            return;
        queue_flow(shard->queue, flow, &info);
        CHECK(flow < routing->flows_max);
        CHECK(info.domain < routing->domains_max);
        CHECK(!routing->flows[flow].listed);
        domain = domain_at(routing, info.domain);
        routing->flows[flow] = (struct routing_flow){
            .next = domain->first_flow, .domain = info.domain, .listed = true};
        domain->first_flow = flow;
        if (domain->state == DOMAIN_ROUTED && domain->expires_ns > now_ns) {
            attach_flow(shard, flow, domain->site);
            leasing_touch(shard, domain->site);
        } else if (domain->state == DOMAIN_ROUTED || domain->state == DOMAIN_IDLE) {
            start_asking(shard, info.domain);
        }
    }
}

void routing_turn(struct shard *shard)
{
    struct routing *routing = &shard->routing;
    uint64_t waiter;
    struct list_node *node;

    take_new_flows(shard);
    while (dns_done(shard->resolver.dns, &waiter)) {
        CHECK(waiter < routing->domains_max);
        if (routing->domains[waiter].state == DOMAIN_RESOLVING)
            move_to(routing, (uint32_t)waiter, &routing->asking);
    }
    if (routing->held_until_ns <= shard_now_ns(shard)) {
        for (uint32_t i = 0; i < ROUTING_ASK_MAX; i++) {
            uint32_t index;

            node = list_first(&routing->asking);
            if (node == NULL)
                break;
            index = index_of(routing, node);
            if (!resolve(shard, index)) {
                routing->held_until_ns = shard_now_ns(shard) + HELD_NS;
                break;
            }
        }
    }
    drain(shard);
}

uint64_t routing_deadline_ns(const struct shard *shard)
{
    const struct routing *routing = &shard->routing;

    if (routing->more || queue_ready_cut(shard->queue))
        return shard_now_ns(shard);
    if (!list_empty(&routing->failing) || !list_empty(&routing->asking))
        return max_u64(routing->held_until_ns, shard_now_ns(shard));
    return UINT64_MAX;
}

bool routing_is_quiet(const struct routing *routing)
{
    return list_empty(&routing->failing) && list_empty(&routing->asking);
}
