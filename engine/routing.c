#include "engine/routing.h"

#include <string.h>

#include "base/check.h"
#include "engine/secrecy.h"
#include "engine/shard.h"

#define FAILURES_MAX 256
#define HELD_NS (50 * NS_PER_MS)
#define REFRESH_NS NS_PER_S /* until more of a large site's domains are looked at */

void routing_move(struct routing *routing, uint32_t domain, struct list *list)
{
    struct list_node *node = &routing->domains[domain].node;

    if (list_linked(node))
        list_remove(node);
    if (list != NULL)
        list_push_back(list, node);
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

/* --- at a site, and away from it --- */

void routing_leave(struct shard *shard, uint32_t index)
{
    struct routing_domain *domain = &shard->routing.domains[index];

    for (uint32_t flow = domain->first_flow; flow != ROUTING_NONE;
         flow = shard->routing.flows[flow].next)
        schedule_flow_detach(shard->schedule, flow);
    if (list_linked(&domain->site_node))
        list_remove(&domain->site_node);
    domain->site = ROUTING_NONE;
}

void routing_end(struct shard *shard, uint32_t index)
{
    routing_leave(shard, index);
    dns_forget(shard->resolver.dns, index); /* a route that was to be refreshed */
    routing_move(&shard->routing, index, NULL);
    shard->routing.domains[index].state = DOMAIN_IDLE;
}

static bool attach_flow(struct shard *shard, uint32_t flow, uint32_t site)
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
    place.needs = secrecy_needs(shard, info.domain, info.campaign_index);
    if (secrecy_is_wanted(shard, info.domain))
        destination_at(shard, site)->tls_wanted = true;
    if (schedule_flow_attach(shard->schedule, flow, &place) < 0)
        return false;
    schedule_flow_ready(shard->schedule, flow, info.count > 0 ? info.count : 1);
    return true;
}

/* Attaches the flows that are not yet attached. When there was no share for one, the domain asks
 * again in a while; it stays at the site as long as one of its flows does. */
static void attach_flows(struct shard *shard, uint32_t index)
{
    struct routing *routing = &shard->routing;
    struct routing_domain *domain = &routing->domains[index];
    bool some = false, all = true;

    if (domain->first_flow == ROUTING_NONE)
        return;
    if (!list_linked(&domain->site_node)) {
        list_push_back(&routing->destinations[domain->site].domains, &domain->site_node);
        destination_ages(shard, domain->site, domain->expires_ns); /* it may have been away */
    }
    for (uint32_t flow = domain->first_flow; flow != ROUTING_NONE;
         flow = routing->flows[flow].next) {
        bool attached = schedule_flow_site(shard->schedule, flow) != SCHEDULE_NONE ||
                        attach_flow(shard, flow, domain->site);

        some = some || attached;
        all = all && attached;
    }
    leasing_touch(shard, domain->site);
    if (all)
        return;
    routing->held_until_ns = shard_now_ns(shard) + HELD_NS;
    routing_move(routing, index, &routing->asking);
    if (some)
        return;
    routing_leave(shard, index);
    domain->state = DOMAIN_RESOLVING;
}

void routing_reattach(struct shard *shard, uint32_t index)
{
    for (uint32_t flow = shard->routing.domains[index].first_flow; flow != ROUTING_NONE;
         flow = shard->routing.flows[flow].next)
        schedule_flow_detach(shard->schedule, flow);
    attach_flows(shard, index);
}

bool routing_enter(struct shard *shard, uint32_t index, const struct route *route,
                   const uint16_t *ports)
{
    struct routing_domain *domain = &shard->routing.domains[index];
    int site = destination_of_route(shard, route, ports);
    uint32_t generation;

    if (site < 0)
        return false;
    generation = schedule_site_generation(shard->schedule, (uint32_t)site);
    if (domain->site != (uint32_t)site || domain->site_generation != generation)
        routing_leave(shard, index);
    domain->site = (uint32_t)site;
    domain->site_generation = generation;
    domain->expires_ns = min_u64(route->expires_ns, domain->sts_until_ns);
    destination_ages(shard, (uint32_t)site, domain->expires_ns);
    if (!route->stale)
        domain->fresh_until_ns = route->expires_ns;
    domain->dns_us =
        (uint32_t)min_u64((shard_now_ns(shard) - domain->asked_ns) / NS_PER_US, UINT32_MAX);
    domain->servers = route->servers;
    domain->state = DOMAIN_ROUTED;
    if (domain->mx_secure != route->secure) {
        domain->mx_secure = route->secure;
        routing_reattach(shard, index);
    } else {
        attach_flows(shard, index);
    }
    return true;
}

static void start_asking(struct shard *shard, uint32_t index)
{
    struct routing_domain *domain = &shard->routing.domains[index];

    routing_leave(shard, index);
    domain->state = DOMAIN_RESOLVING;
    domain->asked_ns = shard_now_ns(shard);
    routing_move(&shard->routing, index, &shard->routing.asking);
}

void routing_site_lost(struct shard *shard, uint32_t site)
{
    struct destination *destination = destination_at(shard, site);
    struct list_node *node;

    while ((node = list_first(&destination->domains)) != NULL)
        start_asking(shard, (uint32_t)(CONTAINER_OF(node, struct routing_domain, site_node) -
                                       shard->routing.domains));
}

/* It stays where it is until the answer is there. */
static void ask_again(struct shard *shard, struct routing_domain *domain)
{
    if (list_linked(&domain->node))
        return;
    domain->asked_ns = shard_now_ns(shard);
    list_push_back(&shard->routing.asking, &domain->node);
}

void routing_refresh(struct shard *shard, uint32_t site)
{
    struct destination *destination = destination_at(shard, site);
    struct list_node *first = list_first(&destination->domains), *node = first;
    uint64_t now_ns = shard_now_ns(shard), next_ns = UINT64_MAX;

    if (first == NULL)
        return;
    for (uint32_t i = 0; i < ROUTING_ASK_MAX && (i == 0 || node != first); i++) {
        struct routing_domain *domain = CONTAINER_OF(node, struct routing_domain, site_node);

        list_remove(node);
        list_push_back(&destination->domains, node);
        if (domain->expires_ns <= now_ns)
            ask_again(shard, domain);
        next_ns = min_u64(next_ns, domain->expires_ns > now_ns ? domain->expires_ns
                                                               : now_ns + DESTINATION_AVOID_NS);
        node = list_first(&destination->domains);
    }
    destination->expires_ns = node == first ? next_ns : now_ns + REFRESH_NS;
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
    routing->listed_count--;
    if (domain->first_flow != ROUTING_NONE || domain->state != DOMAIN_ROUTED)
        return;
    if (domain->expires_ns <= shard_now_ns(shard))
        routing_end(shard, item->domain);
    else if (list_linked(&domain->site_node))
        list_remove(&domain->site_node);
}

/* --- new flows --- */

/* Made ready at first use, so that unused places cost no memory. */
static struct routing_domain *domain_at(struct routing *routing, uint32_t index)
{
    struct routing_domain *domain = &routing->domains[index];

    if (!domain->known) {
        domain->known = true;
        domain->site = ROUTING_NONE;
        domain->first_flow = ROUTING_NONE;
        domain->failure = ROUTING_NONE;
        domain->sts_until_ns = UINT64_MAX;
    }
    return domain;
}

/* Whether the route that was found before still holds, and the site is still that site. */
static bool is_routed(const struct shard *shard, const struct routing_domain *domain)
{
    return domain->state == DOMAIN_ROUTED && domain->expires_ns > shard_now_ns(shard) &&
           schedule_site_claimed(shard->schedule, domain->site) &&
           schedule_site_generation(shard->schedule, domain->site) == domain->site_generation;
}

static void take_new_flows(struct shard *shard)
{
    struct routing *routing = &shard->routing;

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
        routing->listed_count++;
        if (is_routed(shard, domain))
            attach_flows(shard, info.domain);
        else if (domain->state == DOMAIN_ROUTED || domain->state == DOMAIN_IDLE)
            start_asking(shard, info.domain);
    }
}

void routing_turn(struct shard *shard)
{
    take_new_flows(shard);
    routing_ask_turn(shard);
    routing_drain(shard);
}

uint64_t routing_deadline_ns(const struct shard *shard)
{
    const struct routing *routing = &shard->routing;
    uint64_t now_ns = shard_now_ns(shard), deadline_ns = UINT64_MAX;

    if (routing->more || queue_ready_cut(shard->queue))
        return now_ns;
    if (!list_empty(&routing->asking))
        deadline_ns = max_u64(routing->held_until_ns, now_ns);
    if (!list_empty(&routing->failing))
        deadline_ns = min_u64(deadline_ns, max_u64(routing->drain_after_ns, now_ns));
    return deadline_ns;
}

uint64_t routing_flows_count(const struct shard *shard)
{
    return shard->routing.listed_count + shard->routing.more + queue_ready_cut(shard->queue);
}
