#include "schedule/share.h"

#include <errno.h>

#include "base/check.h"

static uint64_t hash_of(const struct share_pool *pool, const struct share_place *place)
{
    uint32_t words[4] = {place->site, place->campaign, (uint32_t)place->lane, place->needs};

    return table_hash(&pool->key, span_make(words, sizeof(words)));
}

static bool is_at(const void *context, uint32_t value, const void *key)
{
    const struct share_pool *pool = context;
    const struct share_place *place = key;
    const struct share_place *other = &pool->shares[value].place;

    return other->site == place->site && other->campaign == place->campaign &&
           other->lane == place->lane && other->needs == place->needs;
}

static uint32_t weight_of(const struct share_place *place)
{
    if (place->weight == 0)
        return 1;
    return place->weight < SHARE_WEIGHT_MAX ? place->weight : SHARE_WEIGHT_MAX;
}

/* Behind all others of the ring, that is before its head. */
static void link_share(struct share_pool *pool, struct share_ring *ring, uint32_t index)
{
    struct share *share = &pool->shares[index];
    uint32_t *head = &ring->heads[share->place.lane];

    share->left = 0;
    ring->needy_count += share->place.needs != 0;
    if (*head == SHARE_NONE) {
        share->next = share->prev = *head = index;
        return;
    }
    share->next = *head;
    share->prev = pool->shares[*head].prev;
    pool->shares[share->prev].next = index;
    pool->shares[share->next].prev = index;
}

static void unlink_share(struct share_pool *pool, struct share_ring *ring, uint32_t index)
{
    struct share *share = &pool->shares[index];
    uint32_t *head = &ring->heads[share->place.lane];

    ring->needy_count -= share->place.needs != 0;
    pool->shares[share->prev].next = share->next;
    pool->shares[share->next].prev = share->prev;
    if (*head == index)
        *head = share->next == index ? SHARE_NONE : share->next;
}

static void link_flow(struct share_pool *pool, struct share *share, uint32_t index)
{
    struct share_flow *flow = &pool->flows[index];

    if (share->flow == SHARE_NONE) {
        flow->next = flow->prev = share->flow = index;
        return;
    }
    flow->next = share->flow;
    flow->prev = pool->flows[share->flow].prev;
    pool->flows[flow->prev].next = index;
    pool->flows[flow->next].prev = index;
}

static void unlink_flow(struct share_pool *pool, struct share *share, uint32_t index)
{
    struct share_flow *flow = &pool->flows[index];

    pool->flows[flow->prev].next = flow->next;
    pool->flows[flow->next].prev = flow->prev;
    if (share->flow == index)
        share->flow = flow->next == index ? SHARE_NONE : flow->next;
}

void share_ring_init(struct share_ring *ring)
{
    *ring = (struct share_ring){.heads = {SHARE_NONE, SHARE_NONE}};
}

size_t share_pool_cost(uint32_t flows_max, uint32_t shares_max)
{
    return arena_cost(flows_max, sizeof(struct share_flow)) +
           arena_cost(shares_max, sizeof(struct share)) + table_cost(shares_max);
}

void share_pool_init(struct share_pool *pool, struct arena *arena, uint32_t flows_max,
                     uint32_t shares_max, const struct table_key *key)
{
    pool->flows = arena_alloc(arena, flows_max, sizeof(*pool->flows));
    pool->shares = arena_alloc(arena, shares_max, sizeof(*pool->shares));
    table_init(&pool->table, arena, shares_max);
    pool->key = *key;
    pool->flows_max = flows_max;
    pool->shares_max = shares_max;
    pool->shares_count = 0;
    pool->free = SHARE_NONE;
}

/* One given back, else one never used; SHARE_NONE: none is left. */
static uint32_t free_share(struct share_pool *pool)
{
    uint32_t index = pool->free;

    if (index != SHARE_NONE)
        pool->free = pool->shares[index].next;
    else if (pool->shares_count < pool->shares_max)
        index = pool->shares_count++;
    return index;
}

/* Found or claimed; SHARE_NONE when there is no room. */
static uint32_t share_for(struct share_pool *pool, const struct share_place *place)
{
    uint64_t hash = hash_of(pool, place);
    uint32_t index = table_find(&pool->table, hash, is_at, pool, place);

    if (index != TABLE_NONE)
        return index;
    index = free_share(pool);
    if (index == SHARE_NONE)
        return SHARE_NONE;
    if (table_insert(&pool->table, hash, index) < 0)
        UNREACHABLE("the table has room for every share");
    pool->shares[index] = (struct share){.place = *place, .flow = SHARE_NONE};
    return index;
}

int share_attach(struct share_pool *pool, uint32_t flow, const struct share_place *place)
{
    uint32_t index;

    CHECK(flow < pool->flows_max);
    CHECK(pool->flows[flow].place == 0);
    index = share_for(pool, place);
    if (index == SHARE_NONE)
        return -ENOSPC;
    pool->shares[index].place.weight = weight_of(place);
    pool->shares[index].flows_count++;
    pool->flows[flow] = (struct share_flow){.place = index + 1};
    return 0;
}

void share_set_ready(struct share_pool *pool, struct share_ring *ring, uint32_t flow,
                     uint32_t count)
{
    struct share_flow *entry = &pool->flows[flow];
    struct share *share;
    uint32_t before, index;

    CHECK(flow < pool->flows_max);
    CHECK(entry->place != 0);
    index = entry->place - 1;
    share = &pool->shares[index];
    before = entry->count;
    ring->ready_count[share->place.lane] += (uint64_t)count - before;
    entry->count = count;
    if (before == 0 && count > 0) {
        if (share->flow == SHARE_NONE)
            link_share(pool, ring, index);
        link_flow(pool, share, flow);
    } else if (before > 0 && count == 0) {
        unlink_flow(pool, share, flow);
        if (share->flow == SHARE_NONE)
            unlink_share(pool, ring, index);
    }
}

void share_detach(struct share_pool *pool, struct share_ring *ring, uint32_t flow)
{
    uint32_t index = pool->flows[flow].place - 1;
    struct share *share;

    share_set_ready(pool, ring, flow, 0);
    share = &pool->shares[index];
    pool->flows[flow].place = 0;
    if (--share->flows_count > 0)
        return;
    (void)table_remove(&pool->table, hash_of(pool, &share->place), index); /* it was inserted */
    share->next = pool->free;
    pool->free = index;
}

const struct share_place *share_place_of(const struct share_pool *pool, uint32_t flow)
{
    uint32_t place;

    CHECK(flow < pool->flows_max);
    place = pool->flows[flow].place;
    return place == 0 ? NULL : &pool->shares[place - 1].place;
}

uint32_t share_ready_count(const struct share_pool *pool, uint32_t flow)
{
    CHECK(flow < pool->flows_max);
    return pool->flows[flow].place == 0 ? 0 : pool->flows[flow].count;
}

/* The first of the ring, from its head, that a session with these bits may take from. */
static uint32_t first_served(const struct share_pool *pool, const struct share_ring *ring,
                             uint32_t lane, uint32_t has)
{
    uint32_t index = ring->heads[lane];

    if (index == SHARE_NONE || ring->needy_count == 0)
        return index;
    do {
        if ((pool->shares[index].place.needs & ~has) == 0)
            return index;
        index = pool->shares[index].next;
    } while (index != ring->heads[lane]);
    return SHARE_NONE;
}

uint32_t share_take(struct share_pool *pool, struct share_ring *ring, uint32_t has)
{
    uint32_t lane = LANE_TRANSACTIONAL;
    uint32_t index = first_served(pool, ring, lane, has);
    struct share *share;
    uint32_t flow;

    if (index == SHARE_NONE) {
        lane = LANE_BULK;
        index = first_served(pool, ring, lane, has);
    }
    if (index == SHARE_NONE)
        return SHARE_NONE;
    share = &pool->shares[index];
    if (share->left == 0)
        share->left = share->place.weight;
    share->left--;
    flow = share->flow;
    share->flow = pool->flows[flow].next;
    if (share->left == 0)
        ring->heads[lane] = share->next;
    share_set_ready(pool, ring, flow, pool->flows[flow].count - 1);
    return flow;
}

bool share_serves(const struct share_pool *pool, const struct share_ring *ring, uint32_t has)
{
    return first_served(pool, ring, LANE_TRANSACTIONAL, has) != SHARE_NONE ||
           first_served(pool, ring, LANE_BULK, has) != SHARE_NONE;
}

static bool is_met(uint32_t needs, const uint32_t *has, uint32_t has_count)
{
    for (uint32_t i = 0; i < has_count; i++)
        if ((needs & ~has[i]) == 0)
            return true;
    return false;
}

/* A ready flow that a session with `has` may carry and none with any of `lacks` may. */
static uint32_t find(const struct share_pool *pool, const struct share_ring *ring, uint32_t has,
                     const uint32_t *lacks, uint32_t lacks_count)
{
    for (uint32_t lane = 0; lane < LANES_COUNT; lane++) {
        uint32_t index = ring->heads[lane];

        if (index == SHARE_NONE)
            continue;
        do {
            const struct share *share = &pool->shares[index];

            if ((share->place.needs & ~has) == 0 && !is_met(share->place.needs, lacks, lacks_count))
                return share->flow;
            index = share->next;
        } while (index != ring->heads[lane]);
    }
    return SHARE_NONE;
}

uint32_t share_unmet(const struct share_pool *pool, const struct share_ring *ring,
                     const uint32_t *has, uint32_t has_count)
{
    if (ring->needy_count == 0 && has_count > 0)
        return SHARE_NONE;
    return find(pool, ring, UINT32_MAX, has, has_count);
}

uint32_t share_gained(const struct share_pool *pool, const struct share_ring *ring, uint32_t less,
                      uint32_t has)
{
    return ring->needy_count == 0 ? SHARE_NONE : find(pool, ring, has, &less, 1);
}
