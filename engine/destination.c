#include "engine/destination.h"

#include <string.h>

#include "base/check.h"
#include "engine/shard.h"
#include "tls/tls_policy.h"

struct destination *destination_at(struct shard *shard, uint32_t site)
{
    CHECK(site < shard->routing.sites_max);
    return &shard->routing.destinations[site];
}

uint32_t destination_offers(const struct destination *destination, uint32_t host, uint64_t now_ns)
{
    const struct destination_reach *reach = &destination->reached[host];

    return reach->until_ns > now_ns ? reach->has : TLS_POLICY_ALL;
}

uint32_t destination_host(const struct destination *destination, struct span name)
{
    for (uint32_t h = 0; h < destination->hosts_count; h++)
        if (span_equal_nocase(span_cstr(destination->hosts[h]), name))
            return h;
    return DESTINATION_NONE;
}

/* The hosts may come in another order than before. */
static void keep_reached(struct destination *destination, const struct route *route)
{
    struct destination_reach kept[ROUTE_HOSTS_MAX];

    memset(kept, 0, sizeof(kept));
    for (uint32_t h = 0; h < route->hosts_count; h++) {
        uint32_t old = destination_host(destination, span_cstr(route->hosts[h].name));

        if (old != DESTINATION_NONE)
            kept[h] = destination->reached[old];
    }
    memcpy(destination->reached, kept, sizeof(kept));
}

static void take_addresses(struct destination *destination, const struct route *route,
                           const uint16_t *ports)
{
    struct destination_address old[ROUTE_ADDRESSES_MAX];
    uint8_t old_count = destination->addresses_count;

    memcpy(old, destination->addresses, sizeof(old));
    keep_reached(destination, route);
    destination->hosts_count = route->hosts_count;
    destination->partial = route->partial;
    destination->addresses_count = 0;
    for (uint8_t h = 0; h < route->hosts_count; h++) {
        const struct route_host *host = &route->hosts[h];

        memcpy(destination->hosts[h], host->name, sizeof(host->name));
        destination->preferences[h] = host->preference;
        destination->ports[h] = ports[h];
        for (uint8_t a = 0;
             a < host->addresses_count && destination->addresses_count < ROUTE_ADDRESSES_MAX; a++) {
            struct destination_address *address =
                &destination->addresses[destination->addresses_count++];

            *address = (struct destination_address){.ip = host->addresses[a], .host = h};
            for (uint8_t o = 0; o < old_count; o++)
                if (ip_equal(&old[o].ip, &address->ip))
                    address->avoid_until_ns = old[o].avoid_until_ns;
        }
    }
}

int destination_of_route(struct shard *shard, const struct route *route, const uint16_t *ports)
{
    int site = schedule_site(shard->schedule, span_cstr(route->site));
    struct destination *destination;
    uint32_t generation;

    if (site < 0)
        return site;
    destination = &shard->routing.destinations[site];
    generation = schedule_site_generation(shard->schedule, (uint32_t)site);
    if (destination->generation != generation) {
        if (destination->generation != 0)
            routing_site_lost(shard, (uint32_t)site);
        if (list_linked(&destination->hopeless_node))
            list_remove(&destination->hopeless_node);
        memset(destination, 0, sizeof(*destination));
        destination->generation = generation;
        list_init(&destination->domains);
        memcpy(destination->site, route->site, sizeof(destination->site));
        leasing_site(shard, (uint32_t)site, span_cstr(route->site));
    }
    take_addresses(destination, route, ports);
    if (route->secure && !destination->secure) { /* what is known is not what TLSA records ask */
        destination->secure = true;
        for (uint32_t h = 0; h < destination->hosts_count; h++)
            destination->reached[h].until_ns = 0;
    }
    return site;
}

void destination_ages(struct shard *shard, uint32_t site, uint64_t expires_ns)
{
    struct destination *destination = destination_at(shard, site);

    if (destination->expires_ns == 0 || expires_ns < destination->expires_ns)
        destination->expires_ns = expires_ns;
}

uint32_t destination_pick(struct shard *shard, uint32_t site, uint32_t needs)
{
    struct destination *destination = destination_at(shard, site);
    uint64_t now_ns = shard_now_ns(shard);
    uint32_t candidates[ROUTE_ADDRESSES_MAX], candidates_count = 0;
    uint16_t preference = 0;

    for (uint32_t i = 0; i < destination->addresses_count; i++) {
        const struct destination_address *address = &destination->addresses[i];

        if (address->avoid_until_ns > now_ns ||
            (needs & ~destination_offers(destination, address->host, now_ns)) != 0)
            continue;
        if (candidates_count > 0 && destination->preferences[address->host] != preference)
            break; /* hosts come in order of preference */
        preference = destination->preferences[address->host];
        candidates[candidates_count++] = i;
    }
    if (candidates_count == 0)
        return DESTINATION_NONE;
    return candidates[destination->turn++ % candidates_count];
}

uint32_t destination_only_domain(struct shard *shard, uint32_t site)
{
    const struct list *domains = &destination_at(shard, site)->domains;
    struct list_node *node = list_first(domains);

    if (node == NULL || node->next != &domains->head)
        return DESTINATION_NONE;
    return (uint32_t)(CONTAINER_OF(node, struct routing_domain, site_node) -
                      shard->routing.domains);
}

void destination_avoid(struct shard *shard, uint32_t site, const struct ip *ip)
{
    struct destination *destination = destination_at(shard, site);

    for (uint32_t i = 0; i < destination->addresses_count; i++)
        if (ip_equal(&destination->addresses[i].ip, ip))
            destination->addresses[i].avoid_until_ns = shard_now_ns(shard) + DESTINATION_AVOID_NS;
}

void destination_forgive(struct shard *shard, uint32_t site)
{
    struct destination *destination = destination_at(shard, site);

    for (uint32_t i = 0; i < destination->addresses_count; i++)
        destination->addresses[i].avoid_until_ns = 0;
}
