/* signing.h - signatures that messages wait for, made in batches beside the loop's other work.
 *
 * A key whose signatures cost the same whether one or eight are made at once gathers them for a
 * millisecond; others sign at once. A turn signs one batch at most, so the loop never stands still
 * for longer. What is under way when the policy changes is signed with the old keys, and the change
 * is acknowledged when the last of it is done.
 *
 * With signers (signer.h) a turn signs nothing: it gives batches away as long as there is room with
 * a signer, and takes what they have made. Without room they wait here, and go on filling: the
 * shard never signs beside its signers, for that would be the pause which they are there to avoid.
 * How much can wait is bounded by the deliveries, of which each waits for its own signatures.
 *
 *   a batch:  FILLING -- eight, or a millisecond, or another policy --> READY -- a turn --> gone
 *             READY -- room with a signer --> AWAY -- the answer --> gone
 *
 * What is dropped while it is away leaves its place empty; the batch is gone with the answer.
 *
 * Knows nothing of messages and sessions: it makes signatures out of digests. Borrows keys from the
 * policy, and a signature from signing_add until it is made or dropped. */
#ifndef ENGINE_SIGNING_H
#define ENGINE_SIGNING_H

#include "base/list.h"
#include "base/slab.h"
#include "engine/policy.h"
#include "engine/signing_keys.h"

#define SIGNING_GATHER_NS NS_PER_MS

struct preface;
struct shard;
struct signing_batch;

/* One that is wanted. */
struct signature {
    const struct signing_key *key;
    struct preface *preface;     /* it is for */
    struct signing_batch *batch; /* NULL: made, or not wanted any more */
    uint8_t digest[SIGN_DIGEST_SIZE];
    uint32_t tries_count;
    uint32_t at;         /* of its header field in the preface */
    uint32_t begun_size; /* written of the field, up to the signature */
    uint32_t size;       /* of the whole field */
};

/* Of a shard. */
struct signing {
    struct slab batches;
    struct list filling; /* the first is due first */
    struct list ready;
    struct list away;
    uint32_t under_way[POLICY_SIGNERS_MAX]; /* batches with each signer */
    uint32_t under_way_count;
    struct signing_batch **open; /* by the key's index: one that takes more, or NULL */
    uint32_t stale_count;        /* batches with keys of a policy that has gone */
};

MUST_USE size_t signing_cost(uint32_t signatures_max);
void signing_open(struct signing *signing, struct arena *arena, uint32_t signatures_max);
/* Its key is one of the shard's policy. preface_signed() is called when it is made. */
void signing_add(struct shard *shard, struct signature *signature);
/* Nobody waits for it any more; one that is made is left alone. */
void signing_drop(struct shard *shard, struct signature *signature);
/* At most one batch; with signers none, but whatever they have made and have room for. */
void signing_turn(struct shard *shard);
/* When the next batch is due, or UINT64_MAX: an answer of a signer wakes the shard. */
MUST_USE uint64_t signing_deadline_ns(const struct shard *shard);
/* The shard's policy is another. Acknowledged at once, or when the last batch of the old is done.
 */
void signing_policy(struct shard *shard);
/* True: no signer has anything of this shard's. Nobody is in need of a signature any more. */
MUST_USE bool signing_stop(const struct shard *shard);

#endif
