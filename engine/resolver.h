/* resolver.h - carries packets between the dns room and the name servers of one shard.
 *
 * A connected UDP socket a server, opened at need. Its source port is one more thing that a forger
 * has to guess, so it does not stay: after RESOLVER_PORT_USES questions another socket takes over,
 * and the old one listens on for answers under way, RESOLVER_LINGER_NS, before it is closed. One
 * TCP connection a server while questions wait for it. A server that refuses or cannot be reached
 * is like a lost packet: the dns room's own timeouts decide.
 *
 * Owns its sockets and packet slots. Borrows the arena, the io and the dns room. */
#ifndef ENGINE_RESOLVER_H
#define ENGINE_RESOLVER_H

#include "base/slab.h"
#include "dns/dns.h"
#include "engine/policy.h"
#include "io/io.h"

#define RESOLVER_PACKETS_MAX 512
#define RESOLVER_PACKET_SIZE 512
#define RESOLVER_RECEIVE_BUFFER (1024 * 1024) /* asked for; the system may give less */
#define RESOLVER_TCP_IDLE_NS (10 * NS_PER_S)
#define RESOLVER_CONNECT_NS (5 * NS_PER_S)
#define RESOLVER_PORT_USES 256
#define RESOLVER_LINGER_NS (6 * NS_PER_S)

enum resolver_link_state {
    RESOLVER_CLOSED,     /* nothing in flight */
    RESOLVER_OPENING,    /* the socket is being made */
    RESOLVER_CONNECTING, /* the connect is in flight */
    RESOLVER_OPEN,       /* receiving; sends may go out */
    RESOLVER_CLOSING     /* the shut is in flight */
};

/* A server has three: two for UDP, of which one is in use, and one for TCP. */
enum { RESOLVER_UDP, RESOLVER_UDP_OTHER, RESOLVER_TCP, RESOLVER_LINKS };

struct resolver_link {
    enum resolver_link_state state;
    int handle;
    uint32_t uses;    /* questions sent */
    uint64_t used_ns; /* the last of them, or the connect */
};

struct resolver_server {
    struct ip_port address;
    struct resolver_link links[RESOLVER_LINKS];
    uint32_t udp;    /* the one in use */
    bool tcp_wanted; /* once the old connection is closed */
};

struct resolver_packet;

struct resolver {
    struct dns *dns;
    struct io *io;
    struct slab packets;
    uint32_t servers_count;
    struct resolver_server servers[DNS_SERVERS_MAX];
    struct resolver_packet *held; /* waits for its socket, or NULL */
    bool stopping;
};

struct resolver_options {
    const struct policy *policy;
    uint32_t cache_entries_max;
    uint32_t questions_max;
    uint64_t seed;
};

MUST_USE size_t resolver_cost(const struct resolver_options *options);
void resolver_init(struct resolver *resolver, struct arena *arena, struct io *io,
                   const struct resolver_options *options);
/* Takes an event whose tag_op is TAG_DNS_*. */
void resolver_event(struct resolver *resolver, const struct io_event *event);
/* Once a turn, before routes are asked for: ends what takes too long. Who waited for it is then
 * told by dns_done in the same turn; nothing else would wake the hall for it. */
void resolver_expire(struct resolver *resolver);
/* Once a turn, after the routes were asked for: sends what the dns room has to say. */
void resolver_turn(struct resolver *resolver);
/* Called every turn of an ending shard: asks nothing more and closes what is open. True when
 * nothing is in flight. */
MUST_USE bool resolver_stop(struct resolver *resolver);
/* When the next turn is due at the latest. */
MUST_USE uint64_t resolver_deadline_ns(const struct resolver *resolver);

#endif
