/* signer.h - a thread beside the shards that makes their signatures, so that no turn of a shard
 * lasts as long as a batch of them.
 *
 * A signer is a function (signer_tick), as a shard is: the program calls it in a loop on a thread
 * of its own (signers.h), the simulator turns it like any other ring. With each shard it shares two
 * channels and nothing else: batches come, of one key each, and answers go back. What is under way
 * between a shard and a signer is bounded by the shard (SIGNER_UNDER_WAY_MAX), so neither channel
 * is ever full.
 *
 *   RUNNING -- the front's order --> STOPPED (the shards have stopped before)
 *
 * Keys are the policy's, lent with each batch until its answer is received: a shard acknowledges a
 * new policy when it has the answers to all that it asked under the old one. The signer works in
 * its own place in the keys' locked memory, at shards_count + its index. */
#ifndef ENGINE_SIGNER_H
#define ENGINE_SIGNER_H

#include "base/channel.h"
#include "base/slab.h"
#include "engine/signing_keys.h"
#include "io/io.h"

/* Batches between one shard and one signer: one in work, and others so that it need not wait for
 * the shard's next turn. A power of two. */
#define SIGNER_UNDER_WAY_MAX 4

struct signer_request {
    const struct signing_keys *keys; /* NULL: stop, from the front */
    const struct sign_key *key;
    struct slab_handle batch; /* the asker's, comes back */
    uint32_t count;
    uint8_t digests[SIGN_BATCH_MAX][SIGN_DIGEST_SIZE];
};

struct signer_answer {
    struct slab_handle batch;
    uint32_t count;
    struct sign_job jobs[SIGN_BATCH_MAX]; /* as asked, in the same order */
};

struct signer_links {
    uint32_t shards_count;
    uint32_t count;           /* of signers */
    struct channel *requests; /* to signer k from shard i, the front being the last of these */
    struct channel *answers;  /* from signer k to shard i */
};

enum signer_state {
    SIGNER_RUNNING, /* takes batches */
    SIGNER_STOPPED, /* nobody asks any more */
};

struct signer {
    enum signer_state state;
    struct io *io;
    struct signer_links *links;
    uint32_t index;
    uint32_t first; /* the shard that is looked at first */
    bool found;     /* something in the last turn: there may be more */
    struct signer_request request;
    struct signer_answer answer;
};

MUST_USE size_t signer_links_cost(uint32_t shards_count, uint32_t signers_count);
void signer_links_init(struct signer_links *links, struct arena *arena, uint32_t shards_count,
                       uint32_t signers_count);
/* Its ring in the group of the shards and the front. */
MUST_USE uint32_t signer_ring(const struct signer_links *links, uint32_t signer);

/* --- the asker --- */

/* At most SIGNER_UNDER_WAY_MAX that are not answered. The wake travels with the next wait. */
void signer_ask(struct signer_links *links, struct io *io, uint32_t shard, uint32_t signer,
                const struct signer_request *request);
/* False: no answer is there. */
MUST_USE bool signer_hear(struct signer_links *links, uint32_t shard, uint32_t signer,
                          struct signer_answer *ret_answer);
/* By the front, when all shards have stopped. */
void signer_order_stop(struct signer_links *links, struct io *front, uint32_t signer);

/* --- the signer --- */

/* Its ring is `io`, used by the calling thread from now on. */
void signer_init(struct signer *signer, struct io *io, struct signer_links *links, uint32_t index);
/* Waits at most until deadline_ns, and signs one batch if there is any. */
enum signer_state signer_tick(struct signer *signer, uint64_t deadline_ns);

#endif
