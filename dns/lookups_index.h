/* lookups_index.h - finds the questions in flight: by name and type, and by id.
 *
 * Draws the ids, so that no two questions have the same. Knows nothing of packets, servers or time.
 * Part of lookups.c's work. Borrows the slab that the lookups lie in, and its memory from an
 * arena. */
#ifndef DNS_LOOKUPS_INDEX_H
#define DNS_LOOKUPS_INDEX_H

#include "base/arena.h"
#include "base/prng.h"
#include "base/slab.h"
#include "base/table.h"
#include "dns/dns_cache.h"
#include "dns/lookup.h"

struct lookups_index {
    const struct slab *slab; /* of struct lookup */
    struct table by_key;
    struct table by_id;
    struct table_key seed;
};

/* Bytes of arena, beside the struct itself. */
size_t lookups_index_cost(uint32_t lookups_max);
/* As many lookups as the slab has slots. */
void lookups_index_init(struct lookups_index *index, struct arena *arena, const struct slab *slab,
                        struct prng *prng);

/* The lookup of that question, or NULL. */
struct lookup *lookups_index_find(const struct lookups_index *index, struct dns_cache_key key);
/* Enters it under its key, which no other one has; takes it out again. */
void lookups_index_add(struct lookups_index *index, const struct lookup *lookup);
void lookups_index_remove(struct lookups_index *index, const struct lookup *lookup);

/* The lookup with that id, or NULL. */
struct lookup *lookups_index_find_id(const struct lookups_index *index, uint16_t id);
/* A new id that no other question has, for lookup->id: it is found under it from now on, and no
 * longer under an earlier one. */
void lookups_index_draw_id(struct lookups_index *index, struct prng *prng, struct lookup *lookup);
void lookups_index_remove_id(struct lookups_index *index, const struct lookup *lookup);

#endif
