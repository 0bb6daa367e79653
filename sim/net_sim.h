/* net_sim.h - the simulated network: hosts, the places behind their ports, datagrams.
 *
 * A place is what listens at an address: a simulated server (net_service.h), or a socket of the
 * product (io_sim_socket.c). Streams between two places: net_stream.h. Knows no rings and no mail.
 *
 * Faults are drawn from the options, by what happens (no clock of its own ticks): a connect may be
 * refused, slow, lost; a stream may be chopped, reset or silenced at a drawn byte; a random set of
 * hosts may be clogged for a while and come back one after another. Owns everything (malloc). */
#ifndef SIM_NET_SIM_H
#define SIM_NET_SIM_H

#include "base/ip.h"
#include "base/list.h"
#include "base/prng.h"
#include "sim/timeline.h"

#define NET_PATH_MAX 108
#define NET_PLACES 4096 /* chains of the index */

/* All faults are off when zero. */
struct net_options {
    uint64_t latency_max_ns; /* one way; drawn once a host; 0: 50 us */
    uint64_t jitter_max_ns;  /* more, drawn for each segment; datagrams overtake each other by it */
    size_t window;           /* bytes under way to one end of a stream; 0: 64 KiB */
    uint32_t connect_refused_permille;
    uint32_t connect_lost_permille; /* times out after two minutes */
    uint32_t connect_slow_percent;  /* SYNs lost: 1, 3 or 7 s more */
    uint32_t reset_permille;        /* of streams: at a drawn byte in a drawn direction */
    uint32_t silence_permille;      /* of streams: neither bytes nor the end arrive any more */
    uint32_t fault_bytes_max;       /* where: drawn below this; 0: 4096 */
    uint32_t chop_percent;          /* of streams: segments cut to single bytes and small runs */
    uint32_t send_short_percent;    /* of sends: a part is taken */
    uint32_t clog_permille;         /* of connects: clogs some hosts... */
    uint64_t clog_max_ns;           /* ...each for a time drawn below this; 0: 60 s */
    uint32_t datagram_lost_percent;
    uint32_t datagram_doubled_percent;
    bool spare_loopback; /* faults only for hosts that are not 127/8 and ::1 */
};

enum net_kind { NET_TCP, NET_UDP, NET_UNIX };

struct net_end;

struct net_place;

struct net_place_calls {
    /* A stream has come; the place's owner takes the end. NET_TCP, NET_UNIX. */
    void (*accepted)(struct net_place *place, struct net_end *end);
    /* NET_UDP */
    void (*datagram)(struct net_place *place, const struct ip_port *from, struct span bytes);
    /* NET_UDP: nothing listens where this place has sent to. May be NULL. */
    void (*unreachable)(struct net_place *place, const struct ip_port *to);
};

struct net_place {
    struct net_place *chain;
    enum net_kind kind;
    struct ip_port address;
    char path[NET_PATH_MAX];
    const struct net_place_calls *calls;
    void *owner;
    uint64_t user; /* the owner's */
    uint64_t number;
};

struct net_host {
    struct net_host *chain;
    struct ip ip;
    bool local;
    uint64_t latency_ns;
    uint64_t clogged_until_ns;
    uint32_t open_count; /* streams that were connected to it and not closed by their maker */
    uint32_t open_peak;
};

struct net_sim {
    struct net_options options;
    struct timeline *timeline;
    struct prng prng;
    struct net_place *places[NET_PLACES];
    struct net_host *hosts[NET_PLACES];
    struct net_host **hosts_list;
    uint32_t hosts_count;
    uint32_t hosts_max;
    uint64_t places_count; /* ever made */
    struct list streams;   /* in use */
    struct list streams_free;
    uint64_t generation;
};

void net_sim_open(struct net_sim *net, struct timeline *timeline, uint64_t seed,
                  const struct net_options *options);
void net_sim_close(struct net_sim *net);

/* Where something listens now. Port 0: a free one. NULL: the address is in use. `path` for NET_UNIX
 * (what was there before is replaced). */
struct net_place *net_sim_listen(struct net_sim *net, struct net_place place);
void net_sim_unlisten(struct net_sim *net, struct net_place *place);
struct net_place *net_sim_find(struct net_sim *net, enum net_kind kind,
                               const struct ip_port *address, const char *path);
/* The host with this address, made at first sight. */
struct net_host *net_sim_host(struct net_sim *net, const struct ip *ip);
/* Whether anything has ever listened there, in net_sim_host's memory. */
MUST_USE bool net_sim_is_spared(const struct net_sim *net, const struct net_host *host);
MUST_USE uint16_t net_sim_free_port(struct net_sim *net, enum net_kind kind, const struct ip *ip);

/* A datagram from a place to an address: lost, doubled, late, or there. */
void net_sim_datagram(struct net_sim *net, const struct net_place *from, const struct ip_port *to,
                      struct span bytes);
/* Clogs about `percent` of the hosts; each is released at a moment of its own. */
void net_sim_clog(struct net_sim *net, uint32_t percent);
/* Every host is reachable again, and no fault is drawn any more. */
void net_sim_heal(struct net_sim *net);

#endif
