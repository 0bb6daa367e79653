#include "engine/resolver.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "engine/tag.h"

struct resolver_packet {
    uint8_t bytes[RESOLVER_PACKET_SIZE];
    uint32_t server_index;
    uint32_t size;
    bool tcp;
};

static struct dns_options dns_options_of(const struct resolver_options *options)
{
    return (struct dns_options){
        .servers_count = options->policy->dns_servers.count,
        .questions_max = options->questions_max,
        .cache_entries_max = options->cache_entries_max,
        .timeout_ns = options->policy->dns_timeout_ns,
        .families = DNS_IPV4_FIRST,
        .allow_special = options->policy->allow_private_addresses,
        .seed = options->seed,
    };
}

size_t resolver_cost(const struct resolver_options *options)
{
    struct dns_options dns = dns_options_of(options);

    return dns_cost(&dns) + slab_cost(RESOLVER_PACKETS_MAX, sizeof(struct resolver_packet));
}

void resolver_init(struct resolver *resolver, struct arena *arena, struct io *io,
                   const struct resolver_options *options)
{
    struct dns_options dns = dns_options_of(options);

    CHECK(dns.servers_count > 0);
    memset(resolver, 0, sizeof(*resolver));
    resolver->io = io;
    resolver->dns = dns_init(arena, io_now_ns(io), &dns);
    resolver->servers_count = dns.servers_count;
    slab_init(&resolver->packets, arena, RESOLVER_PACKETS_MAX, sizeof(struct resolver_packet));
    for (uint32_t i = 0; i < dns.servers_count; i++)
        resolver->servers[i].address = options->policy->dns_addresses[i];
}

static void open_link(struct resolver *resolver, uint32_t index, bool tcp)
{
    struct resolver_server *server = &resolver->servers[index];
    struct resolver_link *link = tcp ? &server->tcp : &server->udp;
    struct io_socket_options options = {.kind = tcp ? IO_TCP : IO_UDP,
                                        .family = server->address.ip.family};

    CHECK(link->state == RESOLVER_CLOSED);
    link->state = RESOLVER_OPENING;
    io_socket(resolver->io, tag_of(tcp ? TAG_DNS_TCP_SOCKET : TAG_DNS_SOCKET, index), &options);
}

static void close_link(struct resolver *resolver, uint32_t index, bool tcp)
{
    struct resolver_server *server = &resolver->servers[index];
    struct resolver_link *link = tcp ? &server->tcp : &server->udp;

    if (link->state == RESOLVER_CLOSED || link->state == RESOLVER_CLOSING)
        return;
    if (tcp)
        dns_tcp_failed(resolver->dns, io_now_ns(resolver->io), index);
    CHECK(link->state == RESOLVER_CONNECTING || link->state == RESOLVER_OPEN);
    link->state = RESOLVER_CLOSING;
    io_shut(resolver->io, tag_of(tcp ? TAG_DNS_TCP_SHUT : TAG_DNS_SHUT, index), link->handle);
}

/* A datagram whose socket cannot be made is a lost datagram. */
static void drop_held(struct resolver *resolver, uint32_t index)
{
    if (resolver->held != NULL && !resolver->held->tcp && resolver->held->server_index == index) {
        slab_release(&resolver->packets, resolver->held);
        resolver->held = NULL;
    }
}

static void on_socket(struct resolver *resolver, uint32_t index, bool tcp, int32_t result)
{
    struct resolver_server *server = &resolver->servers[index];
    struct resolver_link *link = tcp ? &server->tcp : &server->udp;
    struct io_address address = {.ip = server->address};

    if (result < 0) {
        link->state = RESOLVER_CLOSED;
        if (tcp)
            dns_tcp_failed(resolver->dns, io_now_ns(resolver->io), index);
        else
            drop_held(resolver, index);
        return;
    }
    link->handle = result;
    link->state = RESOLVER_CONNECTING;
    io_connect(resolver->io, tag_of(tcp ? TAG_DNS_TCP_CONNECT : TAG_DNS_CONNECT, index), result,
               &address);
}

static void on_connect(struct resolver *resolver, uint32_t index, bool tcp, int32_t result)
{
    struct resolver_server *server = &resolver->servers[index];
    struct resolver_link *link = tcp ? &server->tcp : &server->udp;

    if (link->state != RESOLVER_CONNECTING)
        return;
    if (result < 0) {
        close_link(resolver, index, tcp);
        return;
    }
    link->state = RESOLVER_OPEN;
    io_recv(resolver->io, tag_of(tcp ? TAG_DNS_TCP_RECV : TAG_DNS_RECV, index), link->handle);
    if (tcp) {
        server->tcp_used_ns = io_now_ns(resolver->io);
        dns_tcp_opened(resolver->dns, io_now_ns(resolver->io), index);
    }
}

static void on_recv(struct resolver *resolver, uint32_t index, bool tcp,
                    const struct io_event *event)
{
    uint64_t now_ns = io_now_ns(resolver->io);

    if ((event->flags & IO_EVENT_BUFFER) != 0) {
        struct span bytes = io_buffer(resolver->io, event);
        bool open = (tcp ? &resolver->servers[index].tcp : &resolver->servers[index].udp)->state ==
                    RESOLVER_OPEN;

        if (open && !tcp)
            dns_input(resolver->dns, now_ns, index, bytes);
        else if (open && dns_tcp_input(resolver->dns, now_ns, index, bytes) < 0)
            close_link(resolver, index, true);
        io_buffer_return(resolver->io, event);
    }
    if ((event->flags & IO_EVENT_MORE) == 0)
        close_link(resolver, index, tcp);
}

static void on_sent(struct resolver *resolver, const struct io_event *event)
{
    struct resolver_packet *slot = slab_get(&resolver->packets, tag_handle(event->tag));

    CHECK(slot != NULL);
    if (slot->tcp && event->result != (int32_t)slot->size)
        close_link(resolver, slot->server_index, true);
    slab_release(&resolver->packets, slot);
}

void resolver_event(struct resolver *resolver, const struct io_event *event)
{
    enum tag_op op = tag_op_of(event->tag);
    uint32_t index = tag_handle(event->tag).index;
    bool tcp = op >= TAG_DNS_TCP_SOCKET;

    switch ((int)op) {
    case TAG_DNS_SOCKET:
    case TAG_DNS_TCP_SOCKET:
        on_socket(resolver, index, tcp, event->result);
        break;
    case TAG_DNS_CONNECT:
    case TAG_DNS_TCP_CONNECT:
        on_connect(resolver, index, tcp, event->result);
        break;
    case TAG_DNS_RECV:
    case TAG_DNS_TCP_RECV:
        on_recv(resolver, index, tcp, event);
        break;
    case TAG_DNS_SEND:
        on_sent(resolver, event);
        break;
    case TAG_DNS_SHUT:
        resolver->servers[index].udp.state = RESOLVER_CLOSED;
        break;
    case TAG_DNS_TCP_SHUT:
        resolver->servers[index].tcp.state = RESOLVER_CLOSED;
        break;
    default:
        UNREACHABLE("not an event of the resolver");
    }
}

/* False when the packet must wait for its socket. */
static bool send_packet(struct resolver *resolver, struct resolver_packet *packet)
{
    struct resolver_server *server = &resolver->servers[packet->server_index];
    struct resolver_link *link = packet->tcp ? &server->tcp : &server->udp;
    struct span part = span_make(packet->bytes, packet->size);

    if (link->state != RESOLVER_OPEN && !packet->tcp) {
        if (link->state == RESOLVER_CLOSED)
            open_link(resolver, packet->server_index, false);
        return false;
    }
    if (link->state != RESOLVER_OPEN) {
        slab_release(&resolver->packets, packet); /* lost, like any packet */
        return true;
    }
    io_send(resolver->io, tag_pack(TAG_DNS_SEND, slab_handle_of(&resolver->packets, packet)),
            link->handle, &part, 1);
    if (packet->tcp)
        server->tcp_used_ns = io_now_ns(resolver->io);
    return true;
}

/* The next packet in a slot of its own, or NULL when there is none or no slot is free. */
static struct resolver_packet *take_packet(struct resolver *resolver)
{
    struct resolver_packet *packet = slab_claim(&resolver->packets);
    struct dns_packet next;

    if (packet == NULL)
        return NULL;
    if (!dns_output(resolver->dns, &next)) {
        slab_release(&resolver->packets, packet);
        return NULL;
    }
    CHECK(next.bytes.size <= RESOLVER_PACKET_SIZE);
    memcpy(packet->bytes, next.bytes.data, next.bytes.size);
    packet->size = (uint32_t)next.bytes.size;
    packet->server_index = next.server_index;
    packet->tcp = next.tcp;
    return packet;
}

static void manage_tcp(struct resolver *resolver)
{
    uint64_t now_ns = io_now_ns(resolver->io);
    uint32_t index;

    while (dns_tcp_next(resolver->dns, &index)) {
        if (resolver->servers[index].tcp.state == RESOLVER_CLOSED)
            open_link(resolver, index, true);
        else
            dns_tcp_failed(resolver->dns, now_ns, index); /* still closing: ask again later */
    }
    for (uint32_t i = 0; i < resolver->servers_count; i++) {
        struct resolver_server *server = &resolver->servers[i];

        if (server->tcp.state == RESOLVER_OPEN && dns_tcp_idle(resolver->dns, i) &&
            now_ns - server->tcp_used_ns > RESOLVER_TCP_IDLE_NS)
            close_link(resolver, i, true);
    }
}

void resolver_expire(struct resolver *resolver)
{
    dns_expire(resolver->dns, io_now_ns(resolver->io));
    manage_tcp(resolver);
}

void resolver_turn(struct resolver *resolver)
{
    for (;;) {
        if (resolver->held == NULL)
            resolver->held = take_packet(resolver);
        if (resolver->held == NULL || !send_packet(resolver, resolver->held))
            return;
        resolver->held = NULL;
    }
}

uint64_t resolver_deadline_ns(const struct resolver *resolver)
{
    return dns_deadline_ns(resolver->dns);
}
