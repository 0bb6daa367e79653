#include "sim/dns_sim.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "sim/sim_world.h"
#include "sim/wire_sim.h"

#define ANSWER_MAX ((size_t)16 * 1024)
#define DELAY_MAX_NS (40 * NS_PER_MS)
#define SLOW_MAX_NS (12 * NS_PER_S)
#define SPELLS 3

static bool is_silent(const struct dns_sim *dns, uint64_t server)
{
    const struct dns_sim_silence *silence = &dns->silence;

    if (silence->all || (silence->dead >> server & 1) != 0)
        return true;
    return silence->spell_ns > 0 && (sim_world_now_ns() / silence->spell_ns + server) % SPELLS == 0;
}

static size_t get_size(struct span bytes)
{
    return (size_t)(bytes.data[0] << 8 | bytes.data[1]);
}

static uint64_t delay_ns(struct dns_sim *dns, enum zone_trouble trouble)
{
    uint64_t max_ns = trouble == ZONE_SLOW ? SLOW_MAX_NS : DELAY_MAX_NS;

    return 1 + prng_below(&dns->prng, max_ns);
}

static enum zone_trouble trouble_of(const struct dns_sim *dns, const struct wire_question *question)
{
    uint32_t zone = zones_find(dns->zones, span_cstr(question->name));

    return zone == ZONES_NONE ? ZONE_WELL : dns->zones->zones[zone].trouble;
}

/* The answer in its zone's trouble. False: none. */
static bool troubled_answer(struct dns_sim *dns, const struct wire_question *question, bool tcp,
                            struct text *out)
{
    size_t limit = tcp ? ANSWER_MAX : question->udp_size;
    uint32_t host = wire_sim_tlsa_host(dns->zones, question);

    if (host != ZONES_NONE && dns->zones->hosts[host].tlsa == ZONE_TLSA_BOGUS) {
        wire_sim_empty(out, question, WIRE_SERVFAIL, false);
        return true;
    }
    switch (trouble_of(dns, question)) {
    case ZONE_LAME:
        return false;
    case ZONE_SERVFAIL:
        wire_sim_empty(out, question, WIRE_SERVFAIL, false);
        return true;
    case ZONE_REFUSED:
        wire_sim_empty(out, question, WIRE_REFUSED, false);
        return true;
    case ZONE_LOOP:
        wire_sim_loop(out, question);
        return true;
    case ZONE_TRUNCATED:
        if (tcp)
            break;
        wire_sim_empty(out, question, WIRE_OK, true);
        return true;
    case ZONE_GARBAGE:
        wire_sim_answer(dns->zones, question, out, limit);
        wire_sim_spoil(out, question, &dns->prng);
        return out->size > 0;
    case ZONE_WELL:
    case ZONE_WRONG_ID:
    case ZONE_DOUBLED:
    case ZONE_SLOW:
    case ZONE_TROUBLE_COUNT:
        break;
    }
    wire_sim_answer(dns->zones, question, out, limit);
    return true;
}

static void on_datagram(void *server, struct net_place *place, const struct ip_port *from,
                        struct span bytes)
{
    struct dns_sim *dns = server;
    uint8_t buffer[ANSWER_MAX];
    struct wire_question question;
    enum zone_trouble trouble;
    struct text out;
    uint64_t after_ns;

    if (!wire_sim_question(bytes, &question))
        return;
    dns->questions_count++;
    text_init(&out, buffer, sizeof(buffer));
    if (is_silent(dns, place->user))
        return;
    if (!troubled_answer(dns, &question, false, &out))
        return;
    trouble = trouble_of(dns, &question);
    after_ns = delay_ns(dns, trouble);
    if (trouble == ZONE_WRONG_ID) {
        buffer[1] ^= 0x5a;
        net_service_answer(&dns->service, place, from, text_span(&out), after_ns);
        buffer[1] ^= 0x5a;
        after_ns += delay_ns(dns, trouble);
    }
    net_service_answer(&dns->service, place, from, text_span(&out), after_ns);
    if (trouble == ZONE_DOUBLED)
        net_service_answer(&dns->service, place, from, text_span(&out),
                           after_ns + prng_below(&dns->prng, SLOW_MAX_NS));
}

/* --- TCP --- */

struct dns_connection {
    struct dns_sim *dns;
    uint64_t server;
    size_t size;
    uint8_t bytes[2 + 1024];
};

static void *on_accepted(void *server, struct net_session *session, const struct net_place *place)
{
    struct dns_connection *connection = calloc(1, sizeof(*connection));

    (void)session;
    CHECK(connection != NULL);
    connection->dns = server;
    connection->server = place->user;
    return connection;
}

static void tcp_answer(struct dns_connection *connection, struct net_session *session,
                       struct span packet)
{
    struct dns_sim *dns = connection->dns;
    uint8_t buffer[2 + ANSWER_MAX];
    struct wire_question question;
    struct text out;

    text_init(&out, buffer + 2, ANSWER_MAX);
    if (!wire_sim_question(packet, &question)) {
        net_service_reset(session, 0);
        return;
    }
    dns->questions_count++;
    if (is_silent(dns, connection->server)) {
        net_service_reset(session, 0);
        return;
    }
    if (!troubled_answer(dns, &question, true, &out))
        return;
    buffer[0] = (uint8_t)(out.size >> 8);
    buffer[1] = (uint8_t)out.size;
    net_service_send(session, span_make(buffer, out.size + 2),
                     delay_ns(dns, trouble_of(dns, &question)));
}

static void on_received(void *state, struct net_session *session, struct span bytes)
{
    struct dns_connection *connection = state;

    while (bytes.size > 0) {
        struct span held;
        size_t take = min_size(bytes.size, sizeof(connection->bytes) - connection->size);

        memcpy(connection->bytes + connection->size, bytes.data, take);
        connection->size += take;
        bytes = span_skip(bytes, take);
        held = span_make(connection->bytes, connection->size);
        while (held.size >= 2 && held.size >= 2 + get_size(held)) {
            size_t size = get_size(held);

            tcp_answer(connection, session, span_slice(held, 2, size));
            held = span_skip(held, 2 + size);
        }
        memmove(connection->bytes, held.data, held.size);
        connection->size = held.size;
        if (connection->size == sizeof(connection->bytes)) {
            net_service_reset(session, 0);
            connection->size = 0;
        }
    }
}

static void on_closed(void *state, int error)
{
    (void)error;
    free(state);
}

static const struct net_service_calls service_calls = {
    .accepted = on_accepted,
    .received = on_received,
    .closed = on_closed,
    .datagram = on_datagram,
};

void dns_sim_open(struct dns_sim *dns, struct net_sim *net, const struct zones *zones,
                  uint64_t seed)
{
    *dns = (struct dns_sim){.zones = zones};
    prng_seed(&dns->prng, seed);
    net_service_open(&dns->service, net, &service_calls, dns);
}

void dns_sim_listen(struct dns_sim *dns, const struct ip_port *address)
{
    struct net_place *udp = net_service_listen(&dns->service, NET_UDP, address);
    struct net_place *tcp = net_service_listen(&dns->service, NET_TCP, address);

    CHECK(udp != NULL);
    CHECK(tcp != NULL);
    udp->user = tcp->user = dns->servers_count++;
}

void dns_sim_close(struct dns_sim *dns)
{
    net_service_close(&dns->service);
}
