/* share.h - fair turns at a site: flows of one campaign and lane make a share, shares take turns by
 * weight.
 *
 * Knows nothing of sites but their index and the ring that each lends. The transactional lane goes
 * first; within a lane deficit round robin (one record costs 1, a turn is `weight` records); within
 * a share its flows take turns record by record. Flows may *need* what not every session *has*
 * (bits without meaning here): equal needs make a share, and a share is passed over, without losing
 * its turn to others of its kind, by sessions that lack something. Owns its arrays (from the
 * arena); flows and shares are linked by index: 16 bytes a flow. */
#ifndef SCHEDULE_SHARE_H
#define SCHEDULE_SHARE_H

#include "base/arena.h"
#include "base/table.h"
#include "message/envelope.h"

#define SHARE_NONE UINT32_MAX
#define SHARE_WEIGHT_MAX 1000

struct share_place {
    uint32_t site;
    uint32_t campaign; /* the queue's index */
    uint32_t weight;   /* 1..SHARE_WEIGHT_MAX, cut to that; the share takes the latest */
    uint32_t needs;    /* bits that a session must have */
    enum lane lane;
};

/* What waits at one site; share_ring_init before use. */
struct share_ring {
    uint32_t heads[LANES_COUNT];       /* the share whose turn it is, or SHARE_NONE */
    uint64_t ready_count[LANES_COUNT]; /* records that can be taken */
    uint32_t needy_count;              /* shares in the rings that need anything */
};

struct share_flow {
    uint32_t place; /* of its share, + 1; 0: not attached */
    uint32_t next;  /* while count > 0: the ring of the share's ready flows */
    uint32_t prev;
    uint32_t count;
};

struct share {
    struct share_place place;
    uint32_t flow;        /* the ready flow whose turn it is, or SHARE_NONE */
    uint32_t flows_count; /* attached */
    uint32_t left;        /* records left of this turn */
    uint32_t next; /* while a flow is ready: the ring of its site and lane; else the free list */
    uint32_t prev;
};

struct share_pool {
    struct share_flow *flows;
    struct share *shares;
    struct table table; /* (site, lane, campaign, needs) -> share */
    struct table_key key;
    uint32_t flows_max;
    uint32_t shares_max;
    uint32_t shares_count; /* used at least once */
    uint32_t free;         /* head of the list of those given back */
};

void share_ring_init(struct share_ring *ring);
size_t share_pool_cost(uint32_t flows_max, uint32_t shares_max);
void share_pool_init(struct share_pool *pool, struct arena *arena, uint32_t flows_max,
                     uint32_t shares_max, const struct table_key *key);

/* The flow must not be attached. 0 or -ENOSPC. */
MUST_USE int share_attach(struct share_pool *pool, uint32_t flow, const struct share_place *place);
/* The flow must be attached, `ring` be its site's. */
void share_detach(struct share_pool *pool, struct share_ring *ring, uint32_t flow);
void share_set_ready(struct share_pool *pool, struct share_ring *ring, uint32_t flow,
                     uint32_t count);
/* The share_place of an attached flow, or NULL. */
const struct share_place *share_place_of(const struct share_pool *pool, uint32_t flow);
uint32_t share_ready_count(const struct share_pool *pool, uint32_t flow);
/* Takes one record for a session that has these bits: its flow, or SHARE_NONE when nothing is ready
 * that it may take. */
MUST_USE uint32_t share_take(struct share_pool *pool, struct share_ring *ring, uint32_t has);
/* Whether share_take would find one. */
MUST_USE bool share_serves(const struct share_pool *pool, const struct share_ring *ring,
                           uint32_t has);
/* A ready flow whose needs none of these meets; SHARE_NONE: all are met by one or the other. */
MUST_USE uint32_t share_unmet(const struct share_pool *pool, const struct share_ring *ring,
                              const uint32_t *has, uint32_t has_count);
/* A ready flow whose needs `has` meets and `less` does not, or SHARE_NONE. */
MUST_USE uint32_t share_gained(const struct share_pool *pool, const struct share_ring *ring,
                               uint32_t less, uint32_t has);

#endif
