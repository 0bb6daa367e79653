#include "engine/signing.h"

#include <string.h>

#include "base/check.h"
#include "engine/shard.h"
#include "engine/talk.h"

#define TRIES_MAX 3

struct signing_batch {
    struct list_node node; /* in filling or ready */
    const struct signing_keys *keys;
    const struct signing_key *key;
    struct signature *signatures[SIGN_BATCH_MAX];
    uint32_t count;
    uint64_t due_ns;
    bool is_stale;
};

size_t signing_cost(uint32_t signatures_max)
{
    return slab_cost(signatures_max, sizeof(struct signing_batch)) +
           arena_cost(POLICY_DKIM_MAX, sizeof(struct signing_batch *));
}

void signing_open(struct signing *signing, struct arena *arena, uint32_t signatures_max)
{
    slab_init(&signing->batches, arena, signatures_max, sizeof(struct signing_batch));
    signing->open = arena_alloc(arena, POLICY_DKIM_MAX, sizeof(struct signing_batch *));
    list_init(&signing->filling);
    list_init(&signing->ready);
}

/* How many of its signatures are made at once; of RSA one by one, each takes a millisecond. */
static uint32_t width_of(const struct shard *shard, const struct signing_key *key)
{
    if (shard->options.signing_width != 0)
        return shard->options.signing_width;
    return key->is_wide || key->plan.algorithm == SIGN_ED25519_SHA256 ? SIGN_BATCH_MAX : 1;
}

static bool gathers(const struct shard *shard, const struct signing_key *key)
{
    return shard->options.signing_width > 1 || key->is_wide;
}

static void make_ready(struct shard *shard, struct signing_batch *batch)
{
    if (list_linked(&batch->node))
        list_remove(&batch->node);
    list_push_back(&shard->signing.ready, &batch->node);
}

static struct signing_batch *begin_batch(struct shard *shard, const struct signing_key *key)
{
    struct signing *signing = &shard->signing;
    struct signing_batch *batch = slab_claim(&signing->batches);

    CHECK(batch != NULL); /* as many as there can be signatures */
    batch->keys = shard->policy->signing_keys;
    batch->key = key;
    batch->due_ns = shard_now_ns(shard) + SIGNING_GATHER_NS;
    if (gathers(shard, key))
        list_push_back(&signing->filling, &batch->node);
    else
        make_ready(shard, batch);
    signing->open[key->index] = batch;
    return batch;
}

void signing_add(struct shard *shard, struct signature *signature)
{
    struct signing *signing = &shard->signing;
    const struct signing_key *key = signature->key;
    struct signing_batch *batch = signing->open[key->index];

    CHECK(signature->batch == NULL);
    if (batch == NULL)
        batch = begin_batch(shard, key);
    CHECK(batch->key == key);
    batch->signatures[batch->count++] = signature;
    signature->batch = batch;
    if (batch->count < width_of(shard, key))
        return;
    signing->open[key->index] = NULL;
    if (gathers(shard, key))
        make_ready(shard, batch);
}

/* It takes no more, and stands in no list. */
static void detach(struct signing *signing, struct signing_batch *batch)
{
    if (!batch->is_stale && signing->open[batch->key->index] == batch)
        signing->open[batch->key->index] = NULL;
    if (list_linked(&batch->node))
        list_remove(&batch->node);
}

static void release(struct shard *shard, struct signing_batch *batch)
{
    struct signing *signing = &shard->signing;

    if (batch->is_stale && --signing->stale_count == 0)
        stats_set(shard->stats, STATS_POLICY, shard->policy->generation);
    slab_release(&signing->batches, batch);
}

void signing_drop(struct shard *shard, struct signature *signature)
{
    struct signing_batch *batch = signature->batch;

    if (batch == NULL)
        return;
    signature->batch = NULL;
    for (uint32_t i = 0; i < batch->count; i++)
        if (batch->signatures[i] == signature)
            batch->signatures[i] = batch->signatures[--batch->count];
    if (batch->count > 0)
        return;
    detach(&shard->signing, batch);
    release(shard, batch);
}

/* Its preface knows who waits for it; those go on when all signatures of the batch are in place. */
static void hand_out(struct shard *shard, struct signature *signature, const struct sign_job *job,
                     const struct signing_batch *batch)
{
    signature->batch = NULL;
    if (job->result == 0) {
        stats_add(shard->stats, STATS_SIGNATURES, 1);
        preface_signed(shard, signature, span_make(job->signature, job->signature_size));
    } else if (!batch->is_stale && ++signature->tries_count < TRIES_MAX) {
        signing_add(shard, signature); /* memory was short, or the processor erred */
    } else {
        stats_add(shard->stats, STATS_SIGN_FAILURES, 1);
        preface_unsigned(signature);
    }
}

static void run(struct shard *shard, struct signing_batch *batch)
{
    struct slab_handle waiters[SIGN_BATCH_MAX];
    struct sign_job jobs[SIGN_BATCH_MAX];
    struct sign_batch *place = signing_keys_batch(batch->keys, shard->options.index);
    uint32_t count = batch->count;

    CHECK(place != NULL);
    detach(&shard->signing, batch);
    for (uint32_t i = 0; i < count; i++) {
        jobs[i].key = batch->key->secret;
        memcpy(jobs[i].digest, batch->signatures[i]->digest, sizeof(jobs[i].digest));
    }
    (void)sign_batch_run(place, jobs, count); /* each job has its own result */
    stats_add(shard->stats, STATS_SIGN_BATCHES, 1);
    for (uint32_t i = 0; i < count; i++) {
        waiters[i] = preface_waiter(batch->signatures[i]->preface);
        hand_out(shard, batch->signatures[i], &jobs[i], batch);
    }
    release(shard, batch);
    for (uint32_t i = 0; i < count; i++)
        talk_signed(shard, waiters[i]);
}

void signing_turn(struct shard *shard)
{
    struct signing *signing = &shard->signing;
    uint64_t now_ns = shard_now_ns(shard);
    struct list_node *node;

    while ((node = list_first(&signing->filling)) != NULL) {
        struct signing_batch *batch = CONTAINER_OF(node, struct signing_batch, node);

        if (batch->due_ns > now_ns)
            break;
        make_ready(shard, batch);
    }
    node = list_first(&signing->ready);
    if (node != NULL)
        run(shard, CONTAINER_OF(node, struct signing_batch, node));
}

uint64_t signing_deadline_ns(const struct shard *shard)
{
    const struct signing *signing = &shard->signing;
    const struct list_node *node = list_first(&signing->filling);

    if (!list_empty(&signing->ready))
        return 0;
    return node == NULL ? UINT64_MAX : CONTAINER_OF_CONST(node, struct signing_batch, node)->due_ns;
}

void signing_policy(struct shard *shard)
{
    struct signing *signing = &shard->signing;
    struct list_node *node;

    while ((node = list_first(&signing->filling)) != NULL)
        make_ready(shard, CONTAINER_OF(node, struct signing_batch, node));
    list_for_each(entry, &signing->ready) {
        struct signing_batch *batch = CONTAINER_OF(entry, struct signing_batch, node);

        signing->stale_count += !batch->is_stale;
        batch->is_stale = true;
    }
    memset((void *)signing->open, 0, POLICY_DKIM_MAX * sizeof(struct signing_batch *));
    if (signing->stale_count == 0)
        stats_set(shard->stats, STATS_POLICY, shard->policy->generation);
}
