/* peer_limit.h - how many connections one address may have, at once and in a minute.
 *
 * A bucket of tokens for each IPv4 address or IPv6 network of 64 bits. Bounded: a fixed number of
 * peers is remembered, in sets of few; of a full set the one that was seen longest ago and has no
 * connection gives way, and without such a one a newcomer is refused. Pure; owns its memory in the
 * struct. */
#ifndef ENGINE_PEER_LIMIT_H
#define ENGINE_PEER_LIMIT_H

#include "base/ip.h"
#include "base/table.h"

#define PEER_LIMIT_SETS 256
#define PEER_LIMIT_WAYS 4

struct peer_limit_options {
    uint32_t open_max;   /* connections at once */
    uint32_t minute_max; /* connections a minute, and so many at once after a rest */
    struct table_key seed;
};

struct peer_limit_entry {
    uint8_t key[9]; /* family and address or network; family 0: free */
    uint32_t open_count;
    uint64_t tokens_ns; /* each connection costs a minute / minute_max of it */
    uint64_t seen_ns;
};

struct peer_limit {
    struct peer_limit_options options;
    struct peer_limit_entry entries[PEER_LIMIT_SETS][PEER_LIMIT_WAYS];
};

void peer_limit_init(struct peer_limit *limit, const struct peer_limit_options *options);
/* A connection comes: true, then peer_limit_leave is due; false: one too many. An address of no
 * family is not limited. */
MUST_USE bool peer_limit_enter(struct peer_limit *limit, const struct ip *ip, uint64_t now_ns);
void peer_limit_leave(struct peer_limit *limit, const struct ip *ip);

#endif
