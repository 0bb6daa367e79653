/* leasing_homes.h - the sites whose home is here: what all shards want of each, and what they were
 * granted (schedule/lease.h).
 *
 * Found by the hash of the site's name, made when a shard announces the first time. A home in which
 * no holder lives may be given to another site. Knows nothing of channels: a home that may have
 * something to say stands in `dirty`. Owns its memory, from the arena. */
#ifndef ENGINE_LEASING_HOMES_H
#define ENGINE_LEASING_HOMES_H

#include "base/arena.h"
#include "base/list.h"
#include "base/table.h"
#include "schedule/lease.h"

#define LEASING_HOMES_ROTATE_NS NS_PER_S

struct leasing_home {
    struct list_node node; /* in dirty */
    uint64_t hash;
    uint64_t paced_ns; /* the latest announced */
    struct lease_home home;
};

struct leasing_homes {
    struct leasing_home *homes;
    struct lease_place *places; /* of each home, shards_count */
    uint32_t shards_count;
    uint32_t used_count; /* at least once */
    uint32_t max;
    uint32_t hand; /* where the search for one that nobody holds goes on */
    struct table by_hash;
    struct list dirty;
    uint64_t rotate_ns;
};

MUST_USE size_t leasing_homes_cost(uint32_t shards_count, uint32_t max);
void leasing_homes_init(struct leasing_homes *homes, struct arena *arena, uint32_t shards_count,
                        uint32_t max);
/* The home of this site, made if there is none; NULL: `max` are held. */
struct leasing_home *leasing_homes_at(struct leasing_homes *homes, uint64_t hash, uint32_t limit);
/* It may have something to say. */
void leasing_homes_touch(struct leasing_homes *homes, struct leasing_home *home);
/* Once a turn: lease_home_rotate for each, once a second. */
void leasing_homes_rotate(struct leasing_homes *homes, uint64_t now_ns);
/* UINT64_MAX: there is none. */
MUST_USE uint64_t leasing_homes_deadline_ns(const struct leasing_homes *homes);

#endif
