/* lookups.h - all questions in flight: joined by name and type, told apart by id, timed, queued
 * for their servers; their results go into the cache.
 *
 * Knows nothing of routes or sockets. A fixed number of lookups; time is an argument.
 * Of each server's TCP connection it knows:
 *
 *   CLOSED -> WANTED (a question is truncated) -> CONNECTING (lookups_tcp_next) -> OPEN
 *   any -> BACKOFF when it fails with questions waiting -> WANTED or CLOSED a moment later
 *
 * A server whose answers over TCP come back in another letter case gets questions in lower case
 * from then on: the ids and source ports must do.
 *
 * Borrows cache, waiters and generator, and its memory from an arena. */
#ifndef DNS_LOOKUPS_H
#define DNS_LOOKUPS_H

#include "base/prng.h"
#include "base/slab.h"
#include "base/wheel.h"
#include "dns/dns.h"
#include "dns/dns_cache.h"
#include "dns/dns_stream.h"
#include "dns/dns_waiters.h"
#include "dns/lookup.h"
#include "dns/lookups_index.h"
#include "dns/question.h"
#include "dns/servers.h"

enum lookups_tcp {
    LOOKUPS_TCP_CLOSED = 0, /* nobody needs it */
    LOOKUPS_TCP_WANTED,     /* the hall is to be told */
    LOOKUPS_TCP_CONNECTING, /* the hall has been told */
    LOOKUPS_TCP_OPEN,
    LOOKUPS_TCP_BACKOFF /* just failed: until retry_ns nobody tries again */
};

struct lookups_server { /* its TCP connection */
    enum lookups_tcp tcp;
    uint64_t retry_ns;
    uint64_t asked_ns;       /* the first question since anything came; 0: none */
    uint64_t try_ns;         /* not before: lookups_try */
    struct list tcp_sending; /* lookups in LOOKUP_TCP_SEND */
    struct list tcp_waiting; /* lookups in LOOKUP_TCP_WAIT */
    struct dns_stream stream;
};

struct lookups {
    struct lookup_limits limits;
    struct slab slab;
    struct lookups_index index;
    struct wheel wheel;
    struct list udp_sending; /* lookups in LOOKUP_UDP_SEND */
    struct lookups_server links[DNS_SERVERS_MAX];
    struct servers servers; /* how they do */
    uint64_t now_ns;        /* of the last call that told it */
    struct dns_cache *cache;
    struct dns_waiters *waiters;
    struct prng *prng;
    struct dns_stats stats;
    struct answer answer;
    uint8_t packet[DNS_STREAM_PREFIX_SIZE + QUESTION_SIZE_MAX];
};

struct lookups_options {
    struct lookup_limits limits;
    uint32_t lookups_max;
    struct dns_cache *cache;
    struct dns_waiters *waiters;
    struct prng *prng;
};

/* Bytes of arena, beside the struct itself. */
size_t lookups_cost(uint32_t lookups_max, uint32_t servers_count);
void lookups_init(struct lookups *lookups, struct arena *arena, uint64_t now_ns,
                  const struct lookups_options *options);

/* Hangs the waiter on the question, which is asked unless it is in flight already. False: no
 * lookup is free. Without a waiter it is asked in advance. */
bool lookups_ask(struct lookups *lookups, uint64_t now_ns, struct dns_cache_key key,
                 struct dns_waiter *waiter);
/* The same question to each of these servers (bits) of which no secure answer is known: nobody
 * waits for what they say, and nothing is kept but whether they vouch for it. */
void lookups_try(struct lookups *lookups, uint64_t now_ns, struct dns_cache_key key,
                 uint32_t servers);
MUST_USE bool lookups_has_free(const struct lookups *lookups);

/* As the functions of the same name in dns.h. */
MUST_USE bool lookups_output(struct lookups *lookups, struct dns_packet *ret_packet);
void lookups_input(struct lookups *lookups, uint64_t now_ns, uint32_t server, struct span packet);
/* Nobody takes datagrams at this server: see dns_unreachable. */
void lookups_unreachable(struct lookups *lookups, uint64_t now_ns, uint32_t server);
MUST_USE bool lookups_tcp_next(struct lookups *lookups, uint32_t *ret_server);
void lookups_tcp_opened(struct lookups *lookups, uint32_t server);
MUST_USE int lookups_tcp_input(struct lookups *lookups, uint64_t now_ns, uint32_t server,
                               struct span bytes);
void lookups_tcp_failed(struct lookups *lookups, uint64_t now_ns, uint32_t server);
MUST_USE bool lookups_tcp_idle(const struct lookups *lookups, uint32_t server);
MUST_USE bool lookups_tcp_hung(const struct lookups *lookups, uint64_t now_ns, uint32_t server);
MUST_USE uint64_t lookups_deadline_ns(const struct lookups *lookups);
void lookups_expire(struct lookups *lookups, uint64_t now_ns);

/* --- between lookups.c and lookups_tcp.c --- */

/* Gives the event to the lookup, and puts it where its new state belongs: it may be gone. */
void lookups_step(struct lookups *lookups, struct lookup *lookup, const struct lookup_event *event);
/* One packet that came from event->server. */
void lookups_take(struct lookups *lookups, const struct lookup_event *from, bool tcp);
/* When the next back-off ends, or UINT64_MAX; ends those that are over. */
MUST_USE uint64_t lookups_tcp_deadline_ns(const struct lookups *lookups);
void lookups_tcp_expire(struct lookups *lookups, uint64_t now_ns);

#endif
