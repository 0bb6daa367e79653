/* dns_cache.h - what the DNS has said, by name and type, in a fixed amount of memory.
 *
 * Knows nothing of packets or questions; time is an argument. Entries lie one behind the other in
 * a ring of bytes, so that a small answer takes little and a large one fits; a new one overwrites
 * the oldest, and an old one that was used since gets a second round (clock). An entry found is
 * valid until the next dns_cache_store. Borrows its memory from an arena. */
#ifndef DNS_DNS_CACHE_H
#define DNS_DNS_CACHE_H

#include "base/table.h"
#include "dns/dns_name.h"

/* The least that is kept, whatever is asked for: one route takes up to eleven. */
#define DNS_CACHE_ENTRIES_MIN 64

enum dns_cache_status {
    DNS_CACHE_RECORDS,   /* the payload holds them, packed as in answer.h */
    DNS_CACHE_NO_DATA,   /* the name has no record of this type */
    DNS_CACHE_NO_DOMAIN, /* NXDOMAIN */
    DNS_CACHE_FAILED     /* no answer to be had; detail says why */
};

struct dns_cache_key {
    const struct dns_name *name;
    uint16_t type;
};

struct dns_cache_value {
    enum dns_cache_status status;
    uint8_t detail; /* the caller's word for a failure, below 16 */
    uint8_t server; /* who said it */
    uint8_t count;  /* records */
    bool secure;    /* the resolver has validated it (AD), aliases included */
    bool stale;     /* found only: it has expired and serves on, see dns_cache_revive */
    bool fading;    /* found only: records used before, of whose time a tenth is left */
    uint64_t expires_ns;
    uint64_t ended_ns;   /* found only: expires_ns, but of a stale one when it had expired */
    struct span target;  /* where aliases have led, in wire form; empty: there were none */
    struct span payload; /* at most 64 KiB - 512 */
};

struct dns_cache {
    uint8_t *ring;
    size_t ring_size;
    size_t head;            /* where the next entry goes */
    size_t tail;            /* the oldest entry */
    uint32_t entries_count; /* in the ring, replaced ones included */
    uint32_t entries_max;
    uint64_t hits, misses;
    uint64_t evictions; /* live ones, before their time */
    struct table table;
    struct table_key seed;
};

size_t dns_cache_cost(uint32_t entries_max); /* bytes of arena */
void dns_cache_init(struct dns_cache *cache, struct arena *arena, uint32_t entries_max,
                    struct table_key seed);
/* False when there is none or it has expired. */
MUST_USE bool dns_cache_find(struct dns_cache *cache, uint64_t now_ns, struct dns_cache_key key,
                             struct dns_cache_value *ret_value);
/* Replaces what was there; always succeeds. */
void dns_cache_store(struct dns_cache *cache, uint64_t now_ns, struct dns_cache_key key,
                     const struct dns_cache_value *value);
/* Records that have expired, at most stale_max_ns ago, count for `serve_ns` more (RFC 8767 5), and
 * again after that. False: there are none, or they are too old. */
MUST_USE bool dns_cache_revive(struct dns_cache *cache, uint64_t now_ns, struct dns_cache_key key,
                               uint64_t stale_max_ns, uint64_t serve_ns);
/* Is there an entry that has not expired? Not counted as a use. */
MUST_USE bool dns_cache_has(const struct dns_cache *cache, uint64_t now_ns,
                            struct dns_cache_key key);
uint32_t dns_cache_count(const struct dns_cache *cache);

#endif
