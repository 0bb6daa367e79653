/* leasing.h - shares of each site's limits between the shards, by messages (schedule/lease.h).
 *
 * A site's home shard is chosen by the hash of its name. Every shard with mail for the site
 * announces what it wants to the home, which grants connections so that all shards together keep
 * the limit; the message rate is shared in the same proportion, and what is owed to it (messages
 * that went ahead of their time) goes with the connections. With one shard the whole limit is its
 * own. A connection that rests is kept as long as no other shard has work for one; then it is
 * ended to make room there.
 *
 * Full channels are back-pressure: what could not be said is said in a later turn, and nobody waits
 * for an answer while holding something, so there is no deadlock. */
#ifndef ENGINE_LEASING_H
#define ENGINE_LEASING_H

#include "base/list.h"
#include "base/table.h"
#include "engine/leasing_homes.h"
#include "engine/leasing_links.h"
#include "schedule/site.h"

struct shard;

#define LEASING_RENEW_NS (100 * NS_PER_MS) /* what a site needs is looked at so often */
/* Unsaid at once; one more is dropped: its permits stay idle until the site comes back. */
#define LEASING_FAREWELLS_MAX 1024

struct leasing_site {
    struct list_node node; /* in dirty */
    uint64_t hash;
    uint32_t home;
    uint32_t limit;
    struct lease_holder holder;
    uint32_t told;          /* the lease as last given to the schedule */
    uint32_t resting_count; /* sessions that are open and have no mail */
    bool used;
};

/* The last words of a site that was given up here. */
struct leasing_farewell {
    uint32_t home;
    struct leasing_message message;
};

struct leasing {
    struct leasing_links *links; /* NULL: alone */
    struct leasing_site *sites;  /* parallel to the schedule's sites */
    uint32_t sites_max;
    struct leasing_homes homes;
    struct table sites_by_hash;
    struct list dirty;
    uint32_t lives; /* of holders, over all sites: one number each */
    uint32_t farewells_count;
    struct leasing_farewell farewells[LEASING_FAREWELLS_MAX]; /* not yet said */
    uint64_t renew_ns;
    bool renewing; /* some site here wants connections */
    bool unheard;  /* a turn's bound was reached: there may be more messages */
};

MUST_USE size_t leasing_cost(const struct leasing_links *links, uint32_t sites_max);
void leasing_init(struct leasing *leasing, struct arena *arena, struct leasing_links *links,
                  uint32_t sites_max);
/* This site index has a new life: its limits come from the policy. */
void leasing_site(struct shard *shard, uint32_t site, struct span name);
/* The site's demand or use may have changed. */
void leasing_touch(struct shard *shard, uint32_t site);
void leasing_opened(struct shard *shard, uint32_t site);
void leasing_closed(struct shard *shard, uint32_t site);
/* A session asked for mail in vain, or has some again (or ends). */
void leasing_rests(struct shard *shard, uint32_t site);
void leasing_works(struct shard *shard, uint32_t site);
/* Once a turn: hears and speaks. */
void leasing_turn(struct shard *shard);
MUST_USE uint64_t leasing_deadline_ns(const struct shard *shard);
/* Limits of every site anew, after another policy. */
void leasing_policy(struct shard *shard);

#endif
