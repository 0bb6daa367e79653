/* engine.h - all shards together: opened, started on threads, stopped, closed.
 *
 * Two sides. engine_prepare makes what the shards share (store, contents, links, memory) on the
 * front's thread and io; then either engine_start runs each shard, and each signer, on a thread of
 * its own (the program), or the caller opens and ticks them itself (the simulator). engine_close
 * ends it.
 *
 * The front is the caller: it owns the store's half, the exporter, control and signals (front.h).
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "engine/client_tls.h"
#include "engine/content.h"
#include "engine/hygiene_store.h"
#include "engine/policy.h"
#include "engine/shard.h"
#include "engine/signers.h"
#include "engine/stats.h"
#include "engine/store.h"

struct engine;

/* Capacities; 0 = what limits.connections and the machine suggest. */
struct engine_limits {
    uint32_t shards_count; /* at least 1 */
    uint32_t connections_max;
    uint32_t recipients_max;
    uint32_t domains_max;
    uint32_t flows_max; /* a shard */
    uint32_t sites_max; /* a shard */
    uint32_t campaigns_max;
    uint32_t buffers_max;       /* a shard: output buffers */
    uint32_t cache_entries_max; /* a shard: DNS */
    uint32_t tickets_max;       /* a shard: TLS sessions to resume, one a host */
    uint32_t signers_count;     /* threads that sign; 0 = signing.threads */
    uint32_t signing_width;     /* signatures gathered for a batch; 0: as the key wants it */
    uint32_t suppressed_max;    /* 0 = hygiene.addresses */
    bool shelf_in_memory;       /* hygiene without LMDB: the simulator */
    uint64_t segment_size;      /* 0 = the store's */
    uint64_t journal_size;
};

struct engine_options {
    const struct policy *policy;
    struct verp_keys *verp;        /* NULL: none; stays until engine_close */
    struct client_tls_options tls; /* what it points to stays until engine_close */
    const uint8_t *ticket_key;     /* TLS_RESUME_KEY_SIZE octets; NULL: tickets are not kept */
    struct io *io;                 /* the front's */
    struct io_group *group;        /* of engine_limits_rings; the front's index is shards_count */
    struct engine_limits limits;
    uint64_t seed; /* jitter, ids: from io_entropy, or the simulation's */
};

/* Fills what is 0 in *limits from the policy and the number of cores. */
void engine_limits_fill(struct engine_limits *limits, const struct policy *policy,
                        uint32_t cores_count);
/* Places in the group of rings: shards, the front, signers. */
MUST_USE uint32_t engine_limits_rings(const struct engine_limits *limits);
/* What an engine asks of the allocator, but for small things; in octets. */
struct engine_costs {
    size_t shared_size;
    size_t shard_size; /* each */
    size_t ring_size;  /* each shard's */
    uint32_t sessions_a_shard;
};
void engine_costs(const struct engine_limits *limits, const struct policy *policy,
                  struct engine_costs *ret);

/* Opens the spool, recovers, compiles the content of every open campaign; one that does not compile
 * is held (content_fault). -errno with *error. */
MUST_USE int engine_prepare(struct engine **ret_engine, const struct engine_options *options,
                            struct text *error);
struct store *engine_store(struct engine *engine);
struct content_set *engine_contents(struct engine *engine);
struct hygiene_store *engine_hygiene(struct engine *engine);
uint32_t engine_shards_count(const struct engine *engine);

/* Starts the threads; each opens its ring. -errno with *error when one cannot: the others are
 * stopped. */
MUST_USE int engine_start(struct engine *engine, struct text *error);
/* Instead of engine_start: opens shard `index` on the caller's io and thread. */
struct shard *engine_open_shard(struct engine *engine, uint32_t index, struct io *io);
/* The same for a signer, on ring shards_count + 1 + index. */
struct signer *engine_open_signer(struct engine *engine, uint32_t index, struct io *io);

void engine_order_stop(struct engine *engine);
/* Another policy for all shards; the old one may go when STATS_POLICY says the new generation.
 * -EAGAIN: a shard has not yet taken the orders before; nobody got this one. */
MUST_USE int engine_order_policy(struct engine *engine, const struct policy *policy);
void engine_stats(const struct engine *engine, struct stats_sum *ret_sum);
/* All shards have stopped and closed. */
MUST_USE bool engine_stopped(const struct engine *engine);
/* After engine_stopped, or when never started. Joins threads, closes the store. The first error. */
int engine_close(struct engine *engine);

#endif
