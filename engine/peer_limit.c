#include "engine/peer_limit.h"

#include <string.h>

#include "base/check.h"

#define MINUTE_NS (60 * NS_PER_S)

void peer_limit_init(struct peer_limit *limit, const struct peer_limit_options *options)
{
    CHECK(options->minute_max > 0);
    memset(limit, 0, sizeof(*limit));
    limit->options = *options;
}

static void make_key(const struct ip *ip, uint8_t key[9])
{
    memset(key, 0, 9);
    key[0] = ip->family;
    memcpy(key + 1, ip->bytes, ip->family == IP_V4 ? 4 : 8);
}

static struct peer_limit_entry *set_of(struct peer_limit *limit, const uint8_t key[9])
{
    uint64_t hash = table_hash(&limit->options.seed, span_make(key, 9));

    return limit->entries[hash % PEER_LIMIT_SETS];
}

static struct peer_limit_entry *find(struct peer_limit_entry *set, const uint8_t key[9])
{
    for (uint32_t i = 0; i < PEER_LIMIT_WAYS; i++)
        if (memcmp(set[i].key, key, 9) == 0)
            return &set[i];
    return NULL;
}

/* A free place, else the one of a peer that has been away longest; NULL: all have connections. */
static struct peer_limit_entry *make_room(struct peer_limit_entry *set)
{
    struct peer_limit_entry *best = NULL;

    for (uint32_t i = 0; i < PEER_LIMIT_WAYS; i++) {
        if (set[i].key[0] == IP_NONE)
            return &set[i];
        if (set[i].open_count == 0 && (best == NULL || set[i].seen_ns < best->seen_ns))
            best = &set[i];
    }
    return best;
}

bool peer_limit_enter(struct peer_limit *limit, const struct ip *ip, uint64_t now_ns)
{
    uint64_t cost_ns = MINUTE_NS / limit->options.minute_max;
    struct peer_limit_entry *set, *entry;
    uint8_t key[9];

    if (ip->family == IP_NONE)
        return true;
    make_key(ip, key);
    set = set_of(limit, key);
    entry = find(set, key);
    if (entry == NULL) {
        entry = make_room(set);
        if (entry == NULL)
            return false;
        *entry = (struct peer_limit_entry){.tokens_ns = MINUTE_NS, .seen_ns = now_ns};
        memcpy(entry->key, key, 9);
    }
    entry->tokens_ns = min_u64(MINUTE_NS, entry->tokens_ns + (now_ns - entry->seen_ns));
    entry->seen_ns = now_ns;
    if (entry->open_count >= limit->options.open_max || entry->tokens_ns < cost_ns)
        return false;
    entry->tokens_ns -= cost_ns;
    entry->open_count++;
    return true;
}

void peer_limit_leave(struct peer_limit *limit, const struct ip *ip)
{
    struct peer_limit_entry *entry;
    uint8_t key[9];

    if (ip->family == IP_NONE)
        return;
    make_key(ip, key);
    entry = find(set_of(limit, key), key);
    CHECK(entry != NULL); /* who has a connection does not give way */
    CHECK(entry->open_count > 0);
    entry->open_count--;
}
