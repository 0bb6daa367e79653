#include "dns/dns_cache.h"

#include <string.h>

#include "base/check.h"

/* Entries begin at multiples of this: a filler's header fits wherever an entry ends. */
#define UNIT 32
/* What an entry takes on average: header, name, four addresses or three hosts. */
#define ENTRY_SIZE_USUAL 192
#define RING_SIZE_MIN (256 * KIB)
#define PAYLOAD_MAX (64 * KIB - 512)
/* Bounds the work of one store. */
#define SECOND_ROUNDS_MAX 8
/* A day fits in 16 bits of these. */
#define PERIOD_NS (2 * NS_PER_S)
/* A fading entry has so many parts of its time left. */
#define FADING_PARTS 10

enum entry_state {
    ENTRY_LIVE,   /* in the table */
    ENTRY_DEAD,   /* replaced by a newer one */
    ENTRY_FILLER, /* the end of the ring, too short for the entry that came next */
};

struct entry {
    uint64_t hash;
    uint64_t expires_ns;
    uint32_t size; /* of the whole, a multiple of UNIT */
    uint16_t payload_size;
    uint16_t type;
    uint16_t period; /* fresh: its whole time; stale: since when; in PERIOD_NS */
    uint8_t count;
    uint8_t name_size;
    uint8_t target_size;
    uint8_t server;
    uint8_t status : 4, detail : 4;
    uint8_t state : 2, used : 1 /* found since it was written */, secure : 1, stale : 1;
    uint8_t bytes[]; /* name, target, payload */
};
static_assert(offsetof(struct entry, bytes) == UNIT, "the header of an entry is one unit");
static_assert((size_t)2 * DNS_NAME_SIZE_MAX + PAYLOAD_MAX < RING_SIZE_MIN / 3, "any entry fits");

static struct entry *entry_at(const struct dns_cache *cache, size_t at)
{
    return (struct entry *)(void *)&cache->ring[at];
}

static size_t round_up(size_t size)
{
    return (size + UNIT - 1) / UNIT * UNIT;
}

static uint32_t entries_max_of(uint32_t entries_max)
{
    return entries_max < DNS_CACHE_ENTRIES_MIN ? DNS_CACHE_ENTRIES_MIN : entries_max;
}

static size_t ring_size_of(uint32_t entries_max)
{
    size_t size = (size_t)entries_max_of(entries_max) * ENTRY_SIZE_USUAL;

    return size < RING_SIZE_MIN ? RING_SIZE_MIN : round_up(size);
}

/* Names come from outside: a keyed hash, so that nobody can choose names that collide. */
static uint64_t hash_of(const struct dns_cache *cache, struct dns_cache_key key)
{
    uint8_t bytes[DNS_NAME_SIZE_MAX + 2];

    memcpy(bytes, key.name->bytes, key.name->size);
    bytes[key.name->size] = (uint8_t)(key.type >> 8);
    bytes[key.name->size + 1] = (uint8_t)key.type;
    return table_hash(&cache->seed, span_make(bytes, (size_t)key.name->size + 2));
}

static bool matches(const void *context, uint32_t value, const void *key)
{
    const struct dns_cache *cache = context;
    const struct dns_cache_key *wanted = key;
    const struct entry *entry = entry_at(cache, (size_t)value * UNIT);

    return entry->type == wanted->type &&
           span_equal(span_make(entry->bytes, entry->name_size), dns_name_span(wanted->name));
}

size_t dns_cache_cost(uint32_t entries_max)
{
    return arena_cost(ring_size_of(entries_max), 1) + table_cost(entries_max_of(entries_max));
}

void dns_cache_init(struct dns_cache *cache, struct arena *arena, uint32_t entries_max,
                    struct table_key seed)
{
    *cache = (struct dns_cache){.seed = seed,
                                .ring_size = ring_size_of(entries_max),
                                .entries_max = entries_max_of(entries_max)};
    CHECK(cache->ring_size / UNIT < TABLE_NONE);
    cache->ring = arena_alloc(arena, cache->ring_size, 1);
    table_init(&cache->table, arena, cache->entries_max);
}

static struct entry *find(const struct dns_cache *cache, struct dns_cache_key key)
{
    uint32_t at = table_find(&cache->table, hash_of(cache, key), matches, cache, &key);

    return at == TABLE_NONE ? NULL : entry_at(cache, (size_t)at * UNIT);
}

static uint16_t periods_of(uint64_t ns)
{
    return (uint16_t)min_u64(ns / PERIOD_NS, UINT16_MAX);
}

static bool is_fading(const struct entry *entry, uint64_t now_ns)
{
    return entry->used && !entry->stale && entry->status == DNS_CACHE_RECORDS &&
           entry->expires_ns - now_ns < entry->period * PERIOD_NS / FADING_PARTS;
}

bool dns_cache_has(const struct dns_cache *cache, uint64_t now_ns, struct dns_cache_key key)
{
    const struct entry *entry = find(cache, key);

    return entry != NULL && entry->expires_ns > now_ns;
}

static uint64_t ended_of(const struct entry *entry)
{
    return entry->expires_ns - (entry->stale ? entry->period * PERIOD_NS : 0);
}

bool dns_cache_revive(struct dns_cache *cache, uint64_t now_ns, struct dns_cache_key key,
                      uint64_t stale_max_ns, uint64_t serve_ns)
{
    struct entry *entry = find(cache, key);
    uint64_t ended_ns;

    if (entry == NULL || entry->status != DNS_CACHE_RECORDS)
        return false;
    if (entry->expires_ns > now_ns)
        return true;
    ended_ns = ended_of(entry);
    if (ended_ns + stale_max_ns < now_ns + serve_ns)
        return false;
    entry->period = periods_of(now_ns + serve_ns - ended_ns + PERIOD_NS - 1);
    entry->expires_ns = ended_ns + entry->period * PERIOD_NS;
    entry->stale = true;
    return true;
}

bool dns_cache_find(struct dns_cache *cache, uint64_t now_ns, struct dns_cache_key key,
                    struct dns_cache_value *ret_value)
{
    struct entry *entry = find(cache, key);

    if (entry == NULL || entry->expires_ns <= now_ns) {
        cache->misses++;
        return false;
    }
    CHECK(entry->state == ENTRY_LIVE);
    cache->hits++;
    bool fading = is_fading(entry, now_ns);
    entry->used = true;
    *ret_value = (struct dns_cache_value){
        .status = (enum dns_cache_status)entry->status,
        .detail = entry->detail,
        .server = entry->server,
        .count = entry->count,
        .secure = entry->secure,
        .stale = entry->stale,
        .fading = fading,
        .expires_ns = entry->expires_ns,
        .ended_ns = ended_of(entry),
        .target = span_make(&entry->bytes[entry->name_size], entry->target_size),
        .payload =
            span_make(&entry->bytes[entry->name_size + entry->target_size], entry->payload_size)};
    return true;
}

/* The free run that begins at head; the ring is empty when head meets tail with no entries. */
static size_t room_at_head(const struct dns_cache *cache)
{
    if (cache->entries_count == 0 || cache->head > cache->tail)
        return cache->ring_size - cache->head;
    return cache->tail - cache->head;
}

static void advance(const struct dns_cache *cache, size_t *at, size_t size)
{
    *at += size;
    CHECK(*at <= cache->ring_size);
    if (*at == cache->ring_size)
        *at = 0;
}

/* Takes the oldest entry out of the ring; true when it deserves a second round, and then it is
 * still whole in memory. */
static bool drop_oldest(struct dns_cache *cache, uint64_t now_ns)
{
    struct entry *entry = entry_at(cache, cache->tail);
    bool again = false;

    CHECK(cache->entries_count > 0);
    if (entry->state == ENTRY_LIVE) {
        CHECK(table_remove(&cache->table, entry->hash, (uint32_t)(cache->tail / UNIT)));
        again = entry->used && entry->expires_ns > now_ns;
        cache->evictions += entry->expires_ns > now_ns && !again;
    }
    advance(cache, &cache->tail, entry->size);
    cache->entries_count--;
    if (cache->entries_count == 0)
        cache->head = cache->tail = 0;
    return again;
}

static void put_at_head(struct dns_cache *cache, const struct entry *entry)
{
    int r = table_insert(&cache->table, entry->hash, (uint32_t)(cache->head / UNIT));

    CHECK(r >= 0);
    advance(cache, &cache->head, entry->size);
    cache->entries_count++;
}

/* Moves the entry that has just left the tail to the head, if allowed and the run there takes it.
 */
static void second_round(struct dns_cache *cache, const struct entry *old, bool allowed)
{
    size_t size = old->size;

    if (!allowed || cache->entries_count == 0 || room_at_head(cache) < size) {
        cache->evictions++;
        return;
    }
    struct entry *entry = entry_at(cache, cache->head);
    memmove(entry, old, size);
    entry->used = false;
    put_at_head(cache, entry);
}

static void fill_to_end(struct dns_cache *cache)
{
    struct entry *filler = entry_at(cache, cache->head);

    filler->size = (uint32_t)(cache->ring_size - cache->head);
    filler->state = ENTRY_FILLER;
    advance(cache, &cache->head, filler->size);
    cache->entries_count++;
}

static void make_room(struct dns_cache *cache, uint64_t now_ns, size_t size)
{
    uint32_t rounds = 0;

    while (cache->table.count == cache->entries_max || room_at_head(cache) < size) {
        bool at_end = cache->entries_count > 0 && cache->head > cache->tail;

        if (at_end && room_at_head(cache) < size) {
            fill_to_end(cache);
            continue;
        }
        const struct entry *oldest = entry_at(cache, cache->tail);
        if (drop_oldest(cache, now_ns))
            second_round(cache, oldest, rounds++ < SECOND_ROUNDS_MAX);
    }
}

void dns_cache_store(struct dns_cache *cache, uint64_t now_ns, struct dns_cache_key key,
                     const struct dns_cache_value *value)
{
    size_t size =
        round_up(sizeof(struct entry) + key.name->size + value->target.size + value->payload.size);
    uint64_t hash = hash_of(cache, key);
    uint32_t old = table_find(&cache->table, hash, matches, cache, &key);

    CHECK(value->payload.size <= PAYLOAD_MAX);
    CHECK(value->target.size <= DNS_NAME_SIZE_MAX);
    CHECK(value->detail < 16);
    if (old != TABLE_NONE) {
        CHECK(table_remove(&cache->table, hash, old));
        entry_at(cache, (size_t)old * UNIT)->state = ENTRY_DEAD;
    }
    make_room(cache, now_ns, size);

    struct entry *entry = entry_at(cache, cache->head);
    *entry = (struct entry){.hash = hash,
                            .expires_ns = value->expires_ns,
                            .size = (uint32_t)size,
                            .payload_size = (uint16_t)value->payload.size,
                            .type = key.type,
                            .period = periods_of(value->expires_ns - now_ns),
                            .count = value->count,
                            .name_size = key.name->size,
                            .target_size = (uint8_t)value->target.size,
                            .server = value->server,
                            .status = (uint8_t)(value->status & 15),
                            .detail = (uint8_t)(value->detail & 15),
                            .state = ENTRY_LIVE,
                            .secure = value->secure};
    memcpy(entry->bytes, key.name->bytes, key.name->size);
    if (value->target.size > 0)
        memcpy(&entry->bytes[key.name->size], value->target.data, value->target.size);
    if (value->payload.size > 0)
        memcpy(&entry->bytes[key.name->size + value->target.size], value->payload.data,
               value->payload.size);
    put_at_head(cache, entry);
}

uint32_t dns_cache_count(const struct dns_cache *cache)
{
    return cache->table.count;
}
