/* A resolver that may say anything, over UDP and TCP: the asker gets an answer within the time that
 * the room promises, and no waiter or question is left behind.
 *
 * The input is a row of messages: an octet of flags, a length of two octets, the message. Flag 1:
 * id and question are made to match the last packet sent. 2: as TCP bytes. 4: time passes. 8: the
 * TCP connection is lost. 16: from the second server. The first octet's 32 and 64 choose what is
 * asked for: a route, TLSA records, TXT records. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "dns/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MESSAGES_MAX 64
#define WAITER 9

struct world {
    struct dns *dns;
    uint64_t now_ns;
    bool open[2];
    uint8_t kind; /* of the asker */
    uint8_t query[600];
    size_t query_size;
    uint8_t message[70000];
};

static void send_all(struct world *world)
{
    struct dns_packet packet;
    uint32_t server;

    while (dns_tcp_next(world->dns, &server)) {
        world->open[server] = true;
        dns_tcp_opened(world->dns, world->now_ns, server);
    }
    while (dns_output(world->dns, &packet)) {
        struct span bytes = span_skip(packet.bytes, packet.tcp ? 2 : 0);

        memcpy(world->query, bytes.data, bytes.size);
        world->query_size = bytes.size;
    }
}

static void lose_tcp(struct world *world, uint32_t server)
{
    if (world->open[server])
        dns_tcp_failed(world->dns, world->now_ns, server);
    world->open[server] = false;
}

/* Id and question of the query over those of the message. */
static void match(struct world *world, uint8_t *message, size_t size)
{
    size_t end = 12;

    while (end < world->query_size && world->query[end] != 0)
        end += (size_t)world->query[end] + 1;
    end += 5;
    if (end > world->query_size || size < 12)
        return;
    memcpy(message, world->query, 2);
    message[2] |= 0x80;
    if (size >= end)
        memcpy(&message[12], &world->query[12], end - 12);
}

static void deliver(struct world *world, uint8_t flags, struct span message)
{
    uint32_t server = (flags & 16) != 0;

    if ((flags & 4) != 0) {
        world->now_ns += 700 * NS_PER_MS;
        dns_expire(world->dns, world->now_ns);
    }
    if ((flags & 8) != 0)
        lose_tcp(world, server);
    memcpy(&world->message[0], message.data, message.size);
    if ((flags & 3) == 3 && message.size > 2) /* after the length prefix */
        match(world, &world->message[2], message.size - 2);
    else if ((flags & 3) == 1)
        match(world, world->message, message.size);
    message.data = world->message;
    if ((flags & 2) == 0)
        dns_input(world->dns, world->now_ns, server, message);
    else if (world->open[server] && dns_tcp_input(world->dns, world->now_ns, server, message) < 0)
        lose_tcp(world, server);
}

static bool ask_tlsa(struct world *world)
{
    static struct tlsa_set set;
    struct dns_tlsa_host host = {.name = SPAN("fuzz.example"), .port = 25};
    enum tlsa_set_status status = dns_tlsa(world->dns, world->now_ns, &host, WAITER, &set);

    CHECK(set.status == status);
    CHECK((set.count > 0) == (status == TLSA_SET_RECORDS));
    CHECK((set.base[0] != '\0') == (status == TLSA_SET_RECORDS));
    for (uint32_t i = 0; i < set.count; i++) {
        CHECK(set.records[i].data.data >= set.bytes);
        CHECK(set.records[i].data.data + set.records[i].data.size <= set.bytes + set.bytes_size);
        if (i > 0 && tlsa_set_usable(&set.records[i]))
            CHECK(tlsa_set_usable(&set.records[i - 1]));
    }
    return status != TLSA_SET_PENDING;
}

static bool ask_txt(struct world *world)
{
    static struct txt_set set;
    enum txt_set_status status =
        dns_txt(world->dns, world->now_ns, SPAN("_x.fuzz.example"), WAITER, &set);
    size_t size = 0;

    CHECK(set.status == status);
    CHECK((set.count > 0) == (status == TXT_SET_RECORDS));
    for (uint32_t i = 0; i < set.count; i++)
        size += txt_set_at(&set, i).size;
    CHECK(size <= TXT_SET_BYTES_MAX);
    return status != TXT_SET_PENDING;
}

static bool ask_route(struct world *world)
{
    static struct route route;
    enum route_status status =
        dns_route(world->dns, world->now_ns, SPAN("fuzz.example"), WAITER, &route);
    uint32_t addresses = 0;

    CHECK(route.status == status);
    CHECK(route.hosts_count <= ROUTE_HOSTS_MAX);
    CHECK((route.hosts_count > 0) == (status == ROUTE_OK));
    for (uint32_t i = 0; i < route.hosts_count; i++) {
        CHECK(route.hosts[i].addresses_count > 0);
        addresses += route.hosts[i].addresses_count;
        CHECK(strlen(route.hosts[i].name) < ROUTE_NAME_SIZE);
    }
    CHECK(addresses <= ROUTE_ADDRESSES_MAX);
    CHECK(strlen(route.problem) < sizeof(route.problem));
    CHECK(strlen(route.site) < sizeof(route.site));
    CHECK(status != ROUTE_BUSY);
    return status != ROUTE_PENDING;
}

/* Whether the asker has its answer. */
static bool ask(struct world *world)
{
    if (world->kind == 1)
        return ask_tlsa(world);
    return world->kind == 2 ? ask_txt(world) : ask_route(world);
}

static bool play(struct world *world, struct span input)
{
    bool done = ask(world);
    uint64_t waiter;

    for (int i = 0; i < MESSAGES_MAX && input.size >= 3 && !done; i++) {
        size_t message_size = (size_t)(input.data[1] << 8 | input.data[2]);
        struct span message = span_slice(input, 3, message_size);

        send_all(world);
        deliver(world, input.data[0], message);
        input = span_skip(input, 3 + message.size);
        while (dns_done(world->dns, &waiter)) {
            CHECK(waiter == WAITER);
            done = ask(world);
        }
    }
    return done;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world world;
    struct dns_options options = {.servers_count = 2,
                                  .questions_max = 16,
                                  .cache_entries_max = 64,
                                  .timeout_ns = 5 * NS_PER_S,
                                  .trust_ad = true,
                                  .seed = 1};
    struct arena arena;
    struct dns_stats stats;
    uint64_t waiter;

    if (size > MIB || arena_open(&arena, dns_cost(&options)) < 0)
        return 0;
    world = (struct world){.now_ns = NS_PER_S};
    world.dns = dns_init(&arena, world.now_ns, &options);
    world.kind = size > 0 ? data[0] >> 5 & 3 : 0;
    bool done = play(&world, span_make(data, size));
    for (int i = 0; !done; i++) {
        CHECK(i < 1000); /* silence from now on: it ends */
        world.now_ns += NS_PER_S;
        dns_expire(world.dns, world.now_ns);
        send_all(&world);
        while (dns_done(world.dns, &waiter))
            done = ask(&world);
    }
    world.now_ns += 6 * NS_PER_S;
    dns_expire(world.dns, world.now_ns);
    dns_stats(world.dns, &stats);
    CHECK(stats.waiters == 0);
    CHECK(stats.questions_in_flight == 0);
    arena_close(&arena);
    return 0;
}
