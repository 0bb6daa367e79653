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
        .trust_ad = options->policy->dns_trust_ad,
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

/* --- links: numbered server * RESOLVER_LINKS + kind, which is what their tags carry --- */

static struct resolver_server *server_of(struct resolver *resolver, uint32_t number)
{
    return &resolver->servers[number / RESOLVER_LINKS];
}

static struct resolver_link *link_of(struct resolver *resolver, uint32_t number)
{
    return &server_of(resolver, number)->links[number % RESOLVER_LINKS];
}

static bool is_tcp(uint32_t number)
{
    return number % RESOLVER_LINKS == RESOLVER_TCP;
}

static void open_link(struct resolver *resolver, uint32_t number)
{
    struct resolver_link *link = link_of(resolver, number);
    struct io_socket_options options = {
        .kind = is_tcp(number) ? IO_TCP : IO_UDP,
        .family = server_of(resolver, number)->address.ip.family,
        .receive_buffer = is_tcp(number) ? 0 : RESOLVER_RECEIVE_BUFFER,
    };

    CHECK(link->state == RESOLVER_CLOSED);
    *link = (struct resolver_link){.state = RESOLVER_OPENING, .handle = -1};
    io_socket(resolver->io, tag_of(TAG_DNS_SOCKET, number), &options);
}

static void close_link(struct resolver *resolver, uint32_t number)
{
    struct resolver_link *link = link_of(resolver, number);

    if (link->state == RESOLVER_CLOSED || link->state == RESOLVER_CLOSING)
        return;
    CHECK(link->state == RESOLVER_CONNECTING || link->state == RESOLVER_OPEN);
    link->state = RESOLVER_CLOSING;
    io_shut(resolver->io, tag_of(TAG_DNS_SHUT, number), link->handle);
    if (is_tcp(number))
        dns_tcp_failed(resolver->dns, io_now_ns(resolver->io), number / RESOLVER_LINKS);
}

/* A datagram that cannot leave is a lost datagram: what waits for this socket goes. */
static void drop_held(struct resolver *resolver, uint32_t number)
{
    if (resolver->held == NULL || resolver->held->server_index != number / RESOLVER_LINKS)
        return;
    slab_release(&resolver->packets, resolver->held);
    resolver->held = NULL;
}

static void on_socket(struct resolver *resolver, uint32_t number, int32_t result)
{
    struct resolver_link *link = link_of(resolver, number);
    struct io_address address = {.ip = server_of(resolver, number)->address};

    if (result < 0) {
        link->state = RESOLVER_CLOSED;
        if (is_tcp(number))
            dns_tcp_failed(resolver->dns, io_now_ns(resolver->io), number / RESOLVER_LINKS);
        else
            drop_held(resolver, number);
        return;
    }
    link->handle = result;
    link->state = RESOLVER_CONNECTING;
    link->used_ns = io_now_ns(resolver->io);
    if (resolver->stopping) {
        close_link(resolver, number);
        return;
    }
    io_connect(resolver->io, tag_of(TAG_DNS_CONNECT, number), result, &address);
}

static void on_connect(struct resolver *resolver, uint32_t number, int32_t result)
{
    struct resolver_link *link = link_of(resolver, number);

    if (link->state != RESOLVER_CONNECTING)
        return;
    if (result < 0) {
        close_link(resolver, number);
        if (!is_tcp(number))
            drop_held(resolver, number);
        return;
    }
    link->state = RESOLVER_OPEN;
    link->used_ns = io_now_ns(resolver->io);
    io_recv(resolver->io, tag_of(TAG_DNS_RECV, number), link->handle);
    if (is_tcp(number))
        dns_tcp_opened(resolver->dns, link->used_ns, number / RESOLVER_LINKS);
}

/* A connected socket for datagrams hears by an error that nobody takes them. */
static bool is_unreachable(int32_t result)
{
    return result == -ECONNREFUSED || result == -EHOSTUNREACH || result == -ENETUNREACH;
}

static void on_recv(struct resolver *resolver, uint32_t number, const struct io_event *event)
{
    uint64_t now_ns = io_now_ns(resolver->io);
    uint32_t server = number / RESOLVER_LINKS;

    if ((event->flags & IO_EVENT_BUFFER) != 0) {
        struct span bytes = io_buffer(resolver->io, event);
        bool open = link_of(resolver, number)->state == RESOLVER_OPEN;

        if (open && !is_tcp(number))
            dns_input(resolver->dns, now_ns, server, bytes);
        else if (open && dns_tcp_input(resolver->dns, now_ns, server, bytes) < 0)
            close_link(resolver, number);
        io_buffer_return(resolver->io, event);
    }
    if (!is_tcp(number) && is_unreachable(event->result) &&
        link_of(resolver, number)->state == RESOLVER_OPEN)
        dns_unreachable(resolver->dns, now_ns, server);
    if ((event->flags & IO_EVENT_MORE) == 0)
        close_link(resolver, number);
}

static void on_sent(struct resolver *resolver, const struct io_event *event)
{
    struct resolver_packet *slot = slab_get(&resolver->packets, tag_handle(event->tag));

    CHECK(slot != NULL);
    if (slot->tcp && event->result != (int32_t)slot->size)
        close_link(resolver, slot->server_index * RESOLVER_LINKS + RESOLVER_TCP);
    else if (!slot->tcp && is_unreachable(event->result))
        dns_unreachable(resolver->dns, io_now_ns(resolver->io), slot->server_index);
    slab_release(&resolver->packets, slot);
}

static void on_shut(struct resolver *resolver, uint32_t number)
{
    struct resolver_server *server = server_of(resolver, number);

    link_of(resolver, number)->state = RESOLVER_CLOSED;
    if (!is_tcp(number) || !server->tcp_wanted || resolver->stopping)
        return;
    server->tcp_wanted = false;
    open_link(resolver, number);
}

void resolver_event(struct resolver *resolver, const struct io_event *event)
{
    uint32_t number = tag_handle(event->tag).index;

    switch ((int)tag_op_of(event->tag)) {
    case TAG_DNS_SOCKET:
        on_socket(resolver, number, event->result);
        break;
    case TAG_DNS_CONNECT:
        on_connect(resolver, number, event->result);
        break;
    case TAG_DNS_RECV:
        on_recv(resolver, number, event);
        break;
    case TAG_DNS_SEND:
        on_sent(resolver, event);
        break;
    case TAG_DNS_SHUT:
        on_shut(resolver, number);
        break;
    default:
        UNREACHABLE("not an event of the resolver");
    }
}

/* --- packets --- */

/* The server's UDP link to send by; changes over to the other one when this port was used enough
 * and the other one is free. */
static uint32_t udp_link(struct resolver *resolver, uint32_t server_index)
{
    struct resolver_server *server = &resolver->servers[server_index];
    uint32_t other = server->udp == RESOLVER_UDP ? RESOLVER_UDP_OTHER : RESOLVER_UDP;

    if (server->links[server->udp].uses >= RESOLVER_PORT_USES &&
        server->links[server->udp].state == RESOLVER_OPEN &&
        server->links[other].state == RESOLVER_CLOSED)
        server->udp = other;
    return server_index * RESOLVER_LINKS + server->udp;
}

/* False when the packet must wait for its socket. */
static bool send_packet(struct resolver *resolver, struct resolver_packet *packet)
{
    uint32_t number = packet->tcp ? packet->server_index * RESOLVER_LINKS + RESOLVER_TCP
                                  : udp_link(resolver, packet->server_index);
    struct resolver_link *link = link_of(resolver, number);
    struct span part = span_make(packet->bytes, packet->size);

    if (link->state != RESOLVER_OPEN && !packet->tcp) {
        if (link->state == RESOLVER_CLOSED)
            open_link(resolver, number);
        return false;
    }
    if (link->state != RESOLVER_OPEN) {
        slab_release(&resolver->packets, packet); /* lost, like any packet */
        return true;
    }
    link->uses++;
    link->used_ns = io_now_ns(resolver->io);
    io_send(resolver->io, tag_pack(TAG_DNS_SEND, slab_handle_of(&resolver->packets, packet)),
            link->handle, &part, 1);
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

/* --- turns --- */

static bool is_idle(const struct resolver *resolver, uint32_t server, uint32_t kind)
{
    if (kind == RESOLVER_TCP)
        return dns_tcp_idle(resolver->dns, server);
    return resolver->servers[server].udp != kind;
}

/* Open and of no use any more, or a connect that the network swallows. */
static bool is_over(const struct resolver *resolver, uint32_t number)
{
    uint64_t now_ns = io_now_ns(resolver->io);
    uint32_t server = number / RESOLVER_LINKS, kind = number % RESOLVER_LINKS;
    const struct resolver_link *link = &resolver->servers[server].links[kind];
    uint64_t unused_ns = now_ns - link->used_ns;

    if (link->state == RESOLVER_CONNECTING)
        return kind == RESOLVER_TCP && unused_ns > RESOLVER_CONNECT_NS;
    if (link->state != RESOLVER_OPEN)
        return false;
    if (kind == RESOLVER_TCP && dns_tcp_hung(resolver->dns, now_ns, server))
        return true;
    return unused_ns > (kind == RESOLVER_TCP ? RESOLVER_TCP_IDLE_NS : RESOLVER_LINGER_NS) &&
           is_idle(resolver, server, kind);
}

static void manage_links(struct resolver *resolver)
{
    uint32_t index;

    while (dns_tcp_next(resolver->dns, &index)) {
        uint32_t number = index * RESOLVER_LINKS + RESOLVER_TCP;

        if (link_of(resolver, number)->state == RESOLVER_CLOSED)
            open_link(resolver, number);
        else /* the old one is being closed */
            resolver->servers[index].tcp_wanted = true;
    }
    for (uint32_t i = 0; i < resolver->servers_count * RESOLVER_LINKS; i++) {
        if (is_over(resolver, i))
            close_link(resolver, i);
    }
}

void resolver_expire(struct resolver *resolver)
{
    dns_expire(resolver->dns, io_now_ns(resolver->io));
}

void resolver_turn(struct resolver *resolver)
{
    if (resolver->stopping)
        return;
    manage_links(resolver);
    for (;;) {
        if (resolver->held == NULL)
            resolver->held = take_packet(resolver);
        if (resolver->held == NULL || !send_packet(resolver, resolver->held))
            return;
        resolver->held = NULL;
    }
}

bool resolver_stop(struct resolver *resolver)
{
    bool quiet = true;

    resolver->stopping = true;
    for (uint32_t i = 0; i < resolver->servers_count * RESOLVER_LINKS; i++) {
        const struct resolver_link *link = link_of(resolver, i);

        if (link->state == RESOLVER_CONNECTING || link->state == RESOLVER_OPEN)
            close_link(resolver, i);
        quiet = quiet && link->state == RESOLVER_CLOSED;
    }
    return quiet;
}

uint64_t resolver_deadline_ns(const struct resolver *resolver)
{
    return dns_deadline_ns(resolver->dns);
}
