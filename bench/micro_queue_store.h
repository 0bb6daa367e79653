/* micro_queue_store.h - the store that `micro queue` fills and empties, on a spool of its own.
 *
 * Store and its one shard are on one ring and are turned together, so that the figures are those of
 * one core. Knows nothing of lists, verdicts or figures, but the longest turn. Owns ring and memory
 * while it is open; borrows the options. */
#ifndef BENCH_MICRO_QUEUE_STORE_H
#define BENCH_MICRO_QUEUE_STORE_H

#include "base/base.h"
#include "engine/store.h"

#define MICRO_QUEUE_WINDOW 2000 /* recipients in flight */

struct micro_queue_options {
    const char *spool;         /* is made, and removed again */
    uint32_t recipients_count; /* of one list */
    uint32_t domains_count;
    uint32_t lists_count; /* of micro_queue_work_lists */
    enum store_durability durability;
    uint64_t seed;
};

struct micro_queue_store {
    const struct micro_queue_options *options;
    struct arena arena;
    struct io *io;
    struct store *store;
    struct store_shard *shard;
    uint32_t *flows; /* room for one a domain: those that the queue gave out */
    uint32_t flows_count;
    uint64_t turn_max_ns;
};

/* The spool with all in it; it may not be there. */
void micro_queue_store_remove(const char *spool);
/* Its checkpoints only: the next opening reads everything. 0 or -EIO. */
MUST_USE int micro_queue_store_forget(const char *spool);

/* `store->options` is set, the rest zero or closed. 0; or -errno, perhaps with words in *error, and
 * the ring is the caller's to close. */
MUST_USE int micro_queue_store_open(struct micro_queue_store *store, struct text *error);
/* One turn of the ring; waits for an event when `wait`. */
void micro_queue_store_turn(struct micro_queue_store *store, bool wait);
/* When everything is durable, with a checkpoint. 0 or -errno. */
MUST_USE int micro_queue_store_close(struct micro_queue_store *store);

#endif
