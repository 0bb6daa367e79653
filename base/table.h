/* table.h - a fixed-capacity hash index: from a 64-bit keyed hash to a 32-bit value (a slot index).
 *
 * Keys themselves live with the caller; equal hashes are told apart by the caller's match function.
 * Tables whose keys come from outside are hashed with table_hash (SipHash-2-4, BoringSSL) under a
 * random key, so that chosen names cannot collide on purpose. Open addressing, linear probing,
 * backward-shift removal; capacity is rounded up to twice a power of two. Borrows an arena. */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include "base/arena.h"
#include "base/span.h"

#define TABLE_NONE UINT32_MAX

struct table_key {
    uint64_t words[2];
};

struct table_entry {
    uint64_t hash;
    uint32_t place; /* value + 1; 0: empty */
    uint32_t unused;
};

struct table {
    struct table_entry *entries;
    uint32_t mask;
    uint32_t count;
    uint32_t count_max;
};

/* Whether the item `value` has the key that `key` points to. */
typedef bool table_match(const void *context, uint32_t value, const void *key);

uint64_t table_hash(const struct table_key *seed, struct span key);

size_t table_cost(uint32_t count_max);
void table_init(struct table *table, struct arena *arena, uint32_t count_max);
void table_clear(struct table *table);
/* The value, or TABLE_NONE. */
MUST_USE uint32_t table_find(const struct table *table, uint64_t hash, table_match *match,
                             const void *context, const void *key);
/* Brings the place near where a search for the hash begins. */
static inline void table_prefetch(const struct table *table, uint64_t hash)
{
    __builtin_prefetch(&table->entries[(uint32_t)hash & table->mask]);
}
/* A value with that hash, nearly always the one that table_find would give, or TABLE_NONE: good
 * enough to bring near what belongs to it. */
MUST_USE uint32_t table_guess(const struct table *table, uint64_t hash);
/* -ENOSPC when count_max items are in. The caller has made sure that the key is not there yet. */
MUST_USE int table_insert(struct table *table, uint64_t hash, uint32_t value);
/* True when (hash, value) was there. */
bool table_remove(struct table *table, uint64_t hash, uint32_t value);

#endif
