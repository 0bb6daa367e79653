#include "sim/net_sim.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "sim/net_stream.h"

#define LOOPBACK_LATENCY_NS (10 * NS_PER_US)
#define LATENCY_MIN_NS (50 * NS_PER_US)
#define PORT_FIRST 32768
#define PORTS_COUNT 28000

struct datagram {
    struct net_sim *net;
    uint64_t from_number; /* of the place, which may be gone when it arrives */
    struct ip_port from;
    struct ip_port to;
    size_t size;
    uint8_t bytes[];
};

void net_sim_open(struct net_sim *net, struct timeline *timeline, uint64_t seed,
                  const struct net_options *options)
{
    *net = (struct net_sim){.options = *options, .timeline = timeline};
    prng_seed(&net->prng, seed);
    list_init(&net->streams);
    list_init(&net->streams_free);
}

static uint32_t bytes_hash(uint32_t hash, const void *data, size_t size)
{
    const uint8_t *bytes = data;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * UINT32_C(16777619);
    return hash;
}

static uint32_t ip_hash(const struct ip *ip)
{
    return bytes_hash(2166136261U ^ ip->family, ip->bytes, ip->family == IP_V4 ? 4 : 16);
}

/* --- hosts --- */

static bool is_local(const struct ip *ip)
{
    static const uint8_t loopback_v6[16] = {[15] = 1};

    if (ip->family == IP_V6)
        return memcmp(ip->bytes, loopback_v6, 16) == 0;
    return ip->bytes[0] == 127;
}

struct net_host *net_sim_host(struct net_sim *net, const struct ip *ip)
{
    struct net_host **chain = &net->hosts[ip_hash(ip) % NET_PLACES];
    struct net_host *host;

    for (host = *chain; host != NULL; host = host->chain) {
        if (ip_equal(&host->ip, ip))
            return host;
    }
    if (net->hosts_count == net->hosts_max) {
        net->hosts_max = net->hosts_max == 0 ? 64 : net->hosts_max * 2;
        net->hosts_list = realloc(net->hosts_list, net->hosts_max * sizeof(struct net_host *));
        CHECK(net->hosts_list != NULL);
    }
    host = calloc(1, sizeof(*host));
    CHECK(host != NULL);
    host->ip = *ip;
    host->local = is_local(ip);
    host->latency_ns = host->local
                           ? LOOPBACK_LATENCY_NS
                           : LATENCY_MIN_NS + prng_below(&net->prng, net->options.latency_max_ns);
    host->chain = *chain;
    *chain = host;
    net->hosts_list[net->hosts_count++] = host;
    return host;
}

bool net_sim_is_spared(const struct net_sim *net, const struct net_host *host)
{
    return host == NULL || (host->local && net->options.spare_loopback);
}

void net_sim_clog(struct net_sim *net, uint32_t percent)
{
    uint64_t max_ns = net->options.clog_max_ns == 0 ? 60 * NS_PER_S : net->options.clog_max_ns;

    for (uint32_t i = 0; i < net->hosts_count; i++) {
        struct net_host *host = net->hosts_list[i];

        if (!net_sim_is_spared(net, host) && prng_percent(&net->prng, percent))
            host->clogged_until_ns = net->timeline->now_ns + prng_below(&net->prng, max_ns);
    }
}

void net_sim_heal(struct net_sim *net)
{
    net->options = (struct net_options){
        .latency_max_ns = net->options.latency_max_ns,
        .window = net->options.window,
        .spare_loopback = net->options.spare_loopback,
    };
    for (uint32_t i = 0; i < net->hosts_count; i++)
        net->hosts_list[i]->clogged_until_ns = 0;
}

/* --- places --- */

static uint32_t place_chain(enum net_kind kind, const struct ip_port *address, const char *path)
{
    uint32_t hash = kind == NET_UNIX ? bytes_hash(1, path, strlen(path))
                                     : ip_hash(&address->ip) * 31 + address->port;

    return (hash * 31 + kind) % NET_PLACES;
}

struct net_place *net_sim_find(struct net_sim *net, enum net_kind kind,
                               const struct ip_port *address, const char *path)
{
    struct net_place *place = net->places[place_chain(kind, address, path)];

    for (; place != NULL; place = place->chain) {
        if (place->kind != kind)
            continue;
        if (kind == NET_UNIX ? strcmp(place->path, path) == 0
                             : place->address.port == address->port &&
                                   ip_equal(&place->address.ip, &address->ip))
            return place;
    }
    return NULL;
}

uint16_t net_sim_free_port(struct net_sim *net, enum net_kind kind, const struct ip *ip)
{
    struct ip_port address = {.ip = *ip};

    for (uint32_t i = 0; i < PORTS_COUNT; i++) {
        address.port = (uint16_t)(PORT_FIRST + prng_below(&net->prng, PORTS_COUNT));
        if (net_sim_find(net, kind, &address, "") == NULL)
            return address.port;
    }
    UNREACHABLE("no port is free");
}

struct net_place *net_sim_listen(struct net_sim *net, struct net_place place)
{
    struct net_place *made;
    struct net_place **chain;

    if (place.kind != NET_UNIX) {
        (void)net_sim_host(net, &place.address.ip);
        if (place.address.port == 0)
            place.address.port = net_sim_free_port(net, place.kind, &place.address.ip);
    }
    made = net_sim_find(net, place.kind, &place.address, place.path);
    if (made != NULL && place.kind != NET_UNIX)
        return NULL;
    if (made != NULL)
        made->path[0] = 0; /* its socket file is gone: nobody finds it any more */
    chain = &net->places[place_chain(place.kind, &place.address, place.path)];
    made = calloc(1, sizeof(*made));
    CHECK(made != NULL);
    *made = place;
    made->number = ++net->places_count;
    made->chain = *chain;
    *chain = made;
    return made;
}

void net_sim_unlisten(struct net_sim *net, struct net_place *place)
{
    for (size_t i = 0; i < NET_PLACES; i++) {
        for (struct net_place **chain = &net->places[i]; *chain != NULL; chain = &(*chain)->chain) {
            if (*chain != place)
                continue;
            *chain = place->chain;
            free(place);
            return;
        }
    }
    UNREACHABLE("place without a chain");
}

/* --- datagrams --- */

static void datagram_arrives(void *object, uint64_t argument)
{
    struct datagram *datagram = object;
    struct net_sim *net = datagram->net;
    struct net_place *place = net_sim_find(net, NET_UDP, &datagram->to, "");
    struct net_place *sender = net_sim_find(net, NET_UDP, &datagram->from, "");

    (void)argument;
    if (place != NULL)
        place->calls->datagram(place, &datagram->from, span_make(datagram->bytes, datagram->size));
    else if (sender != NULL && sender->number == datagram->from_number &&
             sender->calls->unreachable != NULL)
        sender->calls->unreachable(sender, &datagram->to);
    free(datagram);
}

static void datagram_send(struct net_sim *net, const struct net_place *from,
                          const struct ip_port *to, struct span bytes)
{
    struct net_host *far = net_sim_host(net, &to->ip);
    struct net_host *near = net_sim_host(net, &from->address.ip);
    struct datagram *datagram = malloc(sizeof(*datagram) + bytes.size);
    uint64_t delay_ns = max_u64(far->latency_ns, near->latency_ns);
    uint64_t clogged_ns = max_u64(far->clogged_until_ns, near->clogged_until_ns);

    CHECK(datagram != NULL);
    *datagram = (struct datagram){.net = net,
                                  .from_number = from->number,
                                  .from = from->address,
                                  .to = *to,
                                  .size = bytes.size};
    if (bytes.size > 0)
        memcpy(datagram->bytes, bytes.data, bytes.size);
    if (clogged_ns > net->timeline->now_ns)
        delay_ns += clogged_ns - net->timeline->now_ns;
    delay_ns += prng_below(&net->prng, net->options.jitter_max_ns + 1);
    timeline_add(net->timeline, delay_ns, datagram_arrives, datagram, 0);
}

void net_sim_datagram(struct net_sim *net, const struct net_place *from, const struct ip_port *to,
                      struct span bytes)
{
    if (!net_sim_is_spared(net, net_sim_host(net, &to->ip))) {
        if (prng_percent(&net->prng, net->options.datagram_lost_percent))
            return;
        if (prng_percent(&net->prng, net->options.datagram_doubled_percent))
            datagram_send(net, from, to, bytes);
    }
    datagram_send(net, from, to, bytes);
}

/* The timeline must not run any more: datagrams under way die with it. */
void net_sim_close(struct net_sim *net)
{
    for (size_t i = 0; i < net->timeline->tasks_count; i++) {
        if (net->timeline->tasks[i].run == datagram_arrives)
            free(net->timeline->tasks[i].object);
    }
    net_stream_close_all(net);
    for (size_t i = 0; i < NET_PLACES; i++) {
        while (net->places[i] != NULL) {
            struct net_place *place = net->places[i];

            net->places[i] = place->chain;
            free(place);
        }
    }
    for (uint32_t i = 0; i < net->hosts_count; i++)
        free(net->hosts_list[i]);
    free(net->hosts_list);
}
