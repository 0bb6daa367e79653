#include "queue/due.h"

#include "base/check.h"

#define WORD_BITS 64

struct flow_key {
    uint32_t campaign;
    uint32_t domain;
};

size_t due_cost(uint32_t flows_max, uint32_t campaigns_max)
{
    return arena_cost(flows_max, sizeof(struct due_flow)) + table_cost(flows_max) +
           arena_cost(campaigns_max, sizeof(struct due_list)) +
           arena_cost(DUE_BUCKETS, sizeof(uint32_t)) +
           arena_cost(DUE_BUCKETS / WORD_BITS, sizeof(uint64_t));
}

void due_init(struct due *due, struct arena *arena, uint32_t *links, uint32_t flows_max,
              uint32_t campaigns_max)
{
    CHECK(flows_max >= 1);
    *due = (struct due){.flows_max = flows_max};
    due->links = links;
    due->flows = arena_alloc(arena, flows_max, sizeof(struct due_flow));
    table_init(&due->table, arena, flows_max);
    due->parked = arena_alloc(arena, campaigns_max, sizeof(struct due_list));
    due->buckets = arena_alloc(arena, DUE_BUCKETS, sizeof(uint32_t));
    due->bucket_bits = arena_alloc(arena, DUE_BUCKETS / WORD_BITS, sizeof(uint64_t));
    due->ready = (struct due_list){DUE_NONE, DUE_NONE};
    due->expired = DUE_NONE;
    due->last_flow = DUE_NONE;
    for (uint32_t i = 0; i < campaigns_max; i++)
        due->parked[i] = due->ready;
    for (uint32_t i = 0; i < DUE_BUCKETS; i++)
        due->buckets[i] = DUE_NONE;
    due->free_head = DUE_NONE;
}

/* The numbers are ours, nobody can choose them to collide: a plain mixer will do. */
static uint64_t hash_of(uint32_t campaign, uint32_t domain)
{
    uint64_t word = ((uint64_t)campaign << 32 | domain) + UINT64_C(0x9e3779b97f4a7c15);

    word = (word ^ word >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    word = (word ^ word >> 27) * UINT64_C(0x94d049bb133111eb);
    return word ^ word >> 31;
}

static bool is_flow(const struct due_flow *flow, uint32_t campaign, uint32_t domain)
{
    return flow->campaign == campaign && flow->domain == domain && flow->state != DUE_FLOW_FREE;
}

static bool matches(const void *context, uint32_t value, const void *key)
{
    const struct due *due = context;
    const struct flow_key *wanted = key;

    return is_flow(&due->flows[value], wanted->campaign, wanted->domain);
}

static void list_append(struct due *due, struct due_list *list, uint32_t flow)
{
    due->flows[flow].link = DUE_NONE;
    due->flows[flow].state = DUE_FLOW_LISTED;
    if (list->head == DUE_NONE)
        list->head = flow;
    else
        due->flows[list->tail].link = flow;
    list->tail = flow;
}

/* One that was given back, else one that was never used, so that memory is touched when needed. */
static uint32_t free_flow(struct due *due)
{
    uint32_t flow = due->free_head;

    if (flow != DUE_NONE)
        due->free_head = due->flows[flow].link;
    else if (due->flows_used < due->flows_max)
        flow = due->flows_used++;
    return flow;
}

/* The flow of (campaign, domain), a new one if need be, or DUE_NONE. */
static uint32_t flow_for(struct due *due, uint32_t campaign, uint32_t domain)
{
    const struct flow_key key = {campaign, domain};
    uint64_t hash;
    uint32_t flow;

    if (due->last_flow != DUE_NONE && is_flow(&due->flows[due->last_flow], campaign, domain))
        return due->last_flow;
    hash = hash_of(campaign, domain);
    flow = table_find(&due->table, hash, matches, due, &key);
    if (flow != TABLE_NONE)
        return flow;
    flow = free_flow(due);
    if (flow == DUE_NONE)
        return DUE_NONE;
    due->flows[flow] = (struct due_flow){
        .campaign = campaign, .domain = domain, .head = DUE_NONE, .tail = DUE_NONE};
    CHECK(table_insert(&due->table, hash, flow) == 0);
    list_append(due, &due->ready, flow);
    return flow;
}

void due_near(const struct due *due, uint32_t campaign, const uint32_t *domains, uint32_t count)
{
    uint64_t hashes[DUE_NEAR_MAX];
    uint32_t flows[DUE_NEAR_MAX];

    CHECK(count <= DUE_NEAR_MAX);
    for (uint32_t i = 0; i < count; i++) {
        hashes[i] = hash_of(campaign, domains[i]);
        table_prefetch(&due->table, hashes[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        flows[i] = table_guess(&due->table, hashes[i]);
        if (flows[i] != TABLE_NONE)
            __builtin_prefetch(&due->flows[flows[i]], 1);
    }
    for (uint32_t i = 0; i < count; i++)
        if (flows[i] != TABLE_NONE && due->flows[flows[i]].count > 0)
            __builtin_prefetch(&due->links[due->flows[flows[i]].tail], 1);
}

bool due_push(struct due *due, uint32_t campaign, uint32_t domain, uint32_t record, bool front)
{
    uint32_t index = flow_for(due, campaign, domain);
    struct due_flow *flow;

    if (index == DUE_NONE)
        return false;
    flow = &due->flows[index];
    due->last_flow = index;
    if (flow->count == 0) {
        flow->head = flow->tail = record;
        due->links[record] = DUE_NONE;
    } else if (front) {
        due->links[record] = flow->head;
        flow->head = record;
    } else {
        due->links[flow->tail] = record;
        due->links[record] = DUE_NONE;
        flow->tail = record;
    }
    flow->count++;
    due->waiting_count++;
    return true;
}

uint32_t due_ready(struct due *due)
{
    uint32_t flow = due->ready.head;

    if (flow == DUE_NONE)
        return DUE_NONE;
    CHECK(due->flows[flow].state == DUE_FLOW_LISTED);
    due->ready.head = due->flows[flow].link;
    due->flows[flow].state = DUE_FLOW_GIVEN;
    return flow;
}

void due_drop(struct due *due, uint32_t index)
{
    struct due_flow *flow = &due->flows[index];

    CHECK(flow->state == DUE_FLOW_GIVEN);
    CHECK(table_remove(&due->table, hash_of(flow->campaign, flow->domain), index));
    due->waiting_count -= flow->count;
    flow->count = 0;
    flow->state = DUE_FLOW_FREE;
    flow->link = due->free_head;
    due->free_head = index;
}

uint32_t due_pop(struct due *due, uint32_t index)
{
    struct due_flow *flow = &due->flows[index];
    uint32_t record = flow->head;

    CHECK(index < due->flows_max);
    CHECK(flow->state == DUE_FLOW_GIVEN);
    if (flow->count == 0) {
        due_drop(due, index);
        return DUE_NONE;
    }
    flow->head = due->links[record];
    flow->count--;
    due->waiting_count--;
    return record;
}

void due_park(struct due *due, uint32_t flow)
{
    CHECK(due->flows[flow].state == DUE_FLOW_GIVEN);
    list_append(due, &due->parked[due->flows[flow].campaign], flow);
}

void due_unpark(struct due *due, uint32_t campaign)
{
    struct due_list *parked = &due->parked[campaign];

    if (parked->head == DUE_NONE)
        return;
    if (due->ready.head == DUE_NONE)
        due->ready.head = parked->head;
    else
        due->flows[due->ready.tail].link = parked->head;
    due->ready.tail = parked->tail;
    *parked = (struct due_list){DUE_NONE, DUE_NONE};
}

void due_sleep(struct due *due, uint32_t record, uint64_t due_s)
{
    uint64_t second = min_u64(max_u64(due_s, due->next_s), due->next_s + DUE_BUCKETS - 1);
    uint32_t bucket = (uint32_t)(second % DUE_BUCKETS);

    due->links[record] = due->buckets[bucket];
    due->buckets[bucket] = record;
    due->bucket_bits[bucket / WORD_BITS] |= UINT64_C(1) << (bucket % WORD_BITS);
    due->sleeping_count++;
}

uint64_t due_next_s(const struct due *due)
{
    uint32_t start = (uint32_t)(due->next_s % DUE_BUCKETS);
    uint32_t passed = 0;

    if (due->expired != DUE_NONE)
        return due->next_s > 0 ? due->next_s - 1 : 0;
    if (due->sleeping_count == 0)
        return UINT64_MAX;
    while (passed < DUE_BUCKETS + WORD_BITS) {
        uint32_t bucket = (start + passed) % DUE_BUCKETS;
        uint64_t bits = due->bucket_bits[bucket / WORD_BITS] >> (bucket % WORD_BITS);

        if (bits != 0)
            return due->next_s + passed + (uint32_t)__builtin_ctzll(bits);
        passed += WORD_BITS - bucket % WORD_BITS;
    }
    UNREACHABLE("sleeping records in no bucket");
}

/* Takes the list of the first bucket that is due at now_s. */
static bool take_bucket(struct due *due, uint64_t now_s)
{
    uint64_t second = due_next_s(due);
    uint32_t bucket = (uint32_t)(second % DUE_BUCKETS);

    if (second > now_s) {
        due->next_s = now_s + 1;
        return false;
    }
    due->expired = due->buckets[bucket];
    due->buckets[bucket] = DUE_NONE;
    due->bucket_bits[bucket / WORD_BITS] &= ~(UINT64_C(1) << (bucket % WORD_BITS));
    due->next_s = second + 1;
    return true;
}

uint32_t due_wake(struct due *due, uint64_t now_s)
{
    uint32_t record;

    /* Set back: the seconds between were drained, so their buckets are empty, or hold what lies
     * beyond the ring and is put in again when it falls out. */
    if (now_s < due->next_s)
        due->next_s = now_s + 1 < due->next_s ? now_s + 1 : due->next_s;
    if (due->expired == DUE_NONE && !take_bucket(due, now_s))
        return DUE_NONE;
    record = due->expired;
    due->expired = due->links[record];
    due->sleeping_count--;
    return record;
}
