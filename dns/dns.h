/* dns.h - names to routes: a caching stub resolver as bytes, time and memory.
 *
 * Knows nothing of sockets, clocks or entropy. dns_route answers from the cache or registers the
 * caller as a waiter; the hall carries packets between dns_output and dns_input:
 *
 *   dns_route -> PENDING          dns_output -> UDP datagram or TCP bytes -> server
 *   dns_done  -> ask again        server -> dns_input, dns_tcp_input
 *
 * One turn of the hall: feed input, dns_expire at dns_deadline_ns, then `while (dns_done(..))`
 * dns_route again, then `while (dns_output(..))` send. Identical questions are asked once. Positive
 * answers, negative ones (RFC 2308) and failures (30 s) are cached, so that asking again ends; TTL
 * is clamped to 30 s .. 1 day. An answer counts only with the id, the question (in the drawn case)
 * and the server that were asked; anything else is ignored and counted.
 *
 * Owns nothing outside the arena lent at dns_init. One per shard. */
#ifndef DNS_DNS_H
#define DNS_DNS_H

#include "base/arena.h"
#include "base/span.h"
#include "dns/route.h"
#include "dns/tlsa_set.h"
#include "dns/txt_set.h"

#define DNS_SERVERS_MAX 8
#define DNS_QUESTIONS_MAX 16384

struct dns_options {
    uint32_t servers_count;     /* 1 .. DNS_SERVERS_MAX; the hall knows their addresses */
    uint32_t questions_max;     /* in flight, 1 .. DNS_QUESTIONS_MAX; 0: 4096 */
    uint32_t waiters_max;       /* registered at once; 0: twice questions_max */
    uint32_t cache_entries_max; /* one a (name, type); 0: 65536; at least 64 are kept */
    uint64_t timeout_ns;        /* for one question with all its attempts; 0: 5 s */
    enum dns_families families;
    bool allow_special; /* keep addresses that ip_is_special */
    bool trust_ad;      /* servers validate, and so does nobody between: ask for AD, believe it */
    uint64_t seed;      /* ids, letter case, shuffles, hash key: from the seam's entropy */
};

struct dns;

struct dns_tlsa_host {
    struct span name;
    uint16_t port;
};

struct dns_packet {
    uint32_t server_index;
    bool tcp;          /* bytes hold the length prefix of RFC 1035 4.2.2 */
    uint16_t id;       /* for traces */
    struct span bytes; /* valid until the next call */
};

struct dns_stats {
    uint64_t questions; /* packets handed out by dns_output, retries included */
    uint64_t answers;   /* packets that counted */
    uint64_t ignored;   /* wrong id, question, server, late, not an answer */
    uint64_t broken;    /* matched but malformed */
    uint64_t secure;    /* answers that a trusted server vouched for (AD) */
    uint64_t timeouts;  /* attempts */
    uint64_t tcp_questions;
    uint64_t stale;      /* expired answers that serve on, as nobody answers */
    uint64_t prefetches; /* questions asked before the old answer's end */
    uint64_t joined;     /* waits that found their question already in flight */
    uint64_t cache_hits, cache_misses, cache_evictions;
    uint32_t questions_in_flight, waiters, cache_entries;
    uint32_t servers_sick;   /* bits */
    uint32_t servers_secure; /* bits: those of whose answers at least one was secure */
};

/* Bytes of arena that dns_init takes. */
MUST_USE size_t dns_cost(const struct dns_options *options);
/* CHECKs the bounds above. */
MUST_USE struct dns *dns_init(struct arena *arena, uint64_t now_ns,
                              const struct dns_options *options);

/* The route of a domain (ASCII, A-labels, a final dot allowed), or ROUTE_PENDING. `waiter` names
 * the asker, unique among those who wait: it is registered by PENDING and free again after any
 * other status or dns_forget. Asking again while pending is harmless. */
enum route_status dns_route(struct dns *dns, uint64_t now_ns, struct span domain, uint64_t waiter,
                            struct route *ret_route);
/* Addresses of one host, for smart hosts; an address literal, with or without brackets, needs no
 * question. Never ROUTE_NULL_MX; special addresses are kept: the operator has named the host. */
enum route_status dns_route_host(struct dns *dns, uint64_t now_ns, struct span host,
                                 uint64_t waiter, struct route *ret_route);
/* What TLSA records there are for a mail host of a route, at `port` (RFC 7672). Waits as above.
 * That the MX records were secure too is for the caller to see (route.secure). UNTRUSTED at once
 * unless dns_options.trust_ad; an address literal has none. */
enum tlsa_set_status dns_tlsa(struct dns *dns, uint64_t now_ns, const struct dns_tlsa_host *host,
                              uint64_t waiter, struct tlsa_set *ret_set);
/* The TXT records of a name: "_mta-sts.example.com". Waits as above. */
enum txt_set_status dns_txt(struct dns *dns, uint64_t now_ns, struct span name, uint64_t waiter,
                            struct txt_set *ret_set);
/* Asks those of these servers (bits; 0: all) that have told nothing secure yet about a top level
 * that is signed, past the cache, each every 30 s at most: whoever validates says so, and is seen
 * in dns_stats (servers_secure). Nobody waits. Nothing unless dns_options.trust_ad. */
void dns_try_servers(struct dns *dns, uint64_t now_ns, uint32_t servers);
/* The next waiter that should ask again, at once or later in the turn; one that will not calls
 * dns_forget. Those that found no question free come while one is free, in the order of asking. */
MUST_USE bool dns_done(struct dns *dns, uint64_t *ret_waiter);
void dns_forget(struct dns *dns, uint64_t waiter); /* no-op when unknown */

/* The next packet to send. A datagram goes to its server from a socket whose source port cannot be
 * guessed; a TCP packet comes only after dns_tcp_opened. A failed send needs no report: it is
 * like a lost packet. */
MUST_USE bool dns_output(struct dns *dns, struct dns_packet *ret_packet);
/* One datagram that came from the address and port of this server. */
void dns_input(struct dns *dns, uint64_t now_ns, uint32_t server_index, struct span packet);

/* A datagram to this server came back (ICMP: no such port or host): questions that wait for it go
 * to the next one at once, while there is one that they have not been sent to. */
void dns_unreachable(struct dns *dns, uint64_t now_ns, uint32_t server_index);

/* The next server to which a TCP connection is wanted. Each is given once until dns_tcp_failed. */
MUST_USE bool dns_tcp_next(struct dns *dns, uint32_t *ret_server_index);
void dns_tcp_opened(struct dns *dns, uint64_t now_ns, uint32_t server_index);
/* Bytes of the stream, cut anywhere. -EBADMSG: not DNS; close it and call dns_tcp_failed. */
MUST_USE int dns_tcp_input(struct dns *dns, uint64_t now_ns, uint32_t server_index,
                           struct span bytes);
/* The connection was refused or ended, by whichever side. */
void dns_tcp_failed(struct dns *dns, uint64_t now_ns, uint32_t server_index);
/* Nobody waits for it: the hall may close it (then dns_tcp_failed), at once or after a while. */
MUST_USE bool dns_tcp_idle(const struct dns *dns, uint32_t server_index);

/* Questions went out on it, and for two seconds nothing has come: the path may have lost it without
 * a word. The hall closes it (then dns_tcp_failed). */
MUST_USE bool dns_tcp_hung(const struct dns *dns, uint64_t now_ns, uint32_t server_index);

/* A time at which to call dns_expire, or UINT64_MAX. */
MUST_USE uint64_t dns_deadline_ns(const struct dns *dns);
void dns_expire(struct dns *dns, uint64_t now_ns);

void dns_stats(const struct dns *dns, struct dns_stats *ret_stats);

#endif
