/* dictionary.h - domain names by number, dense from 0, each with its shard.
 *
 * Knows nothing of DNS. Names are kept in lower case (ASCII). Numbers are this process's; on disk
 * they stand in checkpoints only. Added to by one thread; other threads may read the names and
 * shards of numbers that they were told of. Borrows an arena. */
#ifndef QUEUE_DICTIONARY_H
#define QUEUE_DICTIONARY_H

#include "base/table.h"

#define DICTIONARY_NAME_MAX 255
/* Bytes of names set aside a domain, on average. */
#define DICTIONARY_NAME_AVERAGE 32

struct dictionary_entry {
    uint32_t offset; /* of the name */
    uint32_t size;
};

struct dictionary {
    struct dictionary_entry *entries;
    uint8_t *names;
    uint8_t *shards;
    struct table table;
    struct table_key key;
    uint32_t count;
    uint32_t count_max;
    uint32_t names_size;
    uint32_t names_max;
    uint32_t shards_count;
};

size_t dictionary_cost(uint32_t domains_max);
void dictionary_init(struct dictionary *dictionary, struct arena *arena, uint32_t domains_max,
                     uint32_t shards_count, struct table_key key);
void dictionary_clear(struct dictionary *dictionary);
/* 0 and the name's number, new or old; -EINVAL empty or too long; -ENOSPC. */
MUST_USE int dictionary_add(struct dictionary *dictionary, struct span name, uint32_t *ret_domain);
/* TABLE_NONE when it is not there. */
MUST_USE uint32_t dictionary_find(const struct dictionary *dictionary, struct span name);
/* Of a lower-case name. */
uint32_t dictionary_shard_of(struct span name, uint32_t shards_count);
struct span dictionary_name(const struct dictionary *dictionary, uint32_t domain);

#endif
