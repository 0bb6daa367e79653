#include "engine/signing.h"

#include <string.h>

#include "base/check.h"
#include "engine/shard.h"
#include "engine/talk.h"

#define TRIES_MAX 3
/* Batches beside those that hold a signature: nobody wants what is in them any more. */
#define EMPTY_MAX (POLICY_SIGNERS_MAX * SIGNER_UNDER_WAY_MAX)

enum batch_state {
    BATCH_FILLING, /* takes more, in `filling` until it is due */
    BATCH_READY,   /* waits for a turn, or for room with a signer; may take more */
    BATCH_AWAY,    /* with a signer; what is dropped is NULL in `signatures` */
};

struct signing_batch {
    struct list_node node; /* in filling, ready or away */
    enum batch_state state;
    const struct signing_keys *keys;
    const struct signing_key *key;
    struct signature *signatures[SIGN_BATCH_MAX];
    uint32_t count;
    uint64_t due_ns;
    bool is_stale;
};

size_t signing_cost(uint32_t signatures_max)
{
    return slab_cost(signatures_max + EMPTY_MAX, sizeof(struct signing_batch)) +
           arena_cost(POLICY_DKIM_MAX, sizeof(struct signing_batch *));
}

void signing_open(struct signing *signing, struct arena *arena, uint32_t signatures_max)
{
    slab_init(&signing->batches, arena, signatures_max + EMPTY_MAX, sizeof(struct signing_batch));
    signing->open = arena_alloc(arena, POLICY_DKIM_MAX, sizeof(struct signing_batch *));
    list_init(&signing->filling);
    list_init(&signing->ready);
    list_init(&signing->away);
}

/* How many of its signatures are made at once; of RSA one by one, each takes a millisecond, which
 * matters to the shard, not to a signer. */
static uint32_t width_of(const struct shard *shard, const struct signing_key *key)
{
    if (shard->options.signing_width != 0)
        return shard->options.signing_width;
    return shard->options.signers != NULL || key->is_wide ||
                   key->plan.algorithm == SIGN_ED25519_SHA256
               ? SIGN_BATCH_MAX
               : 1;
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
    batch->state = BATCH_READY;
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
    uint32_t i = 0;

    if (batch == NULL)
        return;
    signature->batch = NULL;
    while (batch->signatures[i] != signature) {
        i++;
        CHECK(i < batch->count);
    }
    if (batch->state == BATCH_AWAY) {
        batch->signatures[i] = NULL;
        return;
    }
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

/* Its signatures, made or not, go to those who still want them. */
static void settle(struct shard *shard, struct signing_batch *batch, const struct sign_job *jobs)
{
    struct slab_handle waiters[SIGN_BATCH_MAX];
    uint32_t waiters_count = 0;

    stats_add(shard->stats, STATS_SIGN_BATCHES, 1);
    for (uint32_t i = 0; i < batch->count; i++) {
        struct signature *signature = batch->signatures[i];

        if (signature == NULL)
            continue;
        CHECK(memcmp(signature->digest, jobs[i].digest, SIGN_DIGEST_SIZE) == 0);
        waiters[waiters_count++] = preface_waiter(signature->preface);
        hand_out(shard, signature, &jobs[i], batch);
    }
    release(shard, batch);
    for (uint32_t i = 0; i < waiters_count; i++)
        talk_signed(shard, waiters[i]);
}

static void run(struct shard *shard, struct signing_batch *batch)
{
    struct sign_job jobs[SIGN_BATCH_MAX];
    struct sign_batch *place = signing_keys_batch(batch->keys, shard->options.index);

    CHECK(place != NULL);
    detach(&shard->signing, batch);
    for (uint32_t i = 0; i < batch->count; i++) {
        jobs[i].key = batch->key->secret;
        memcpy(jobs[i].digest, batch->signatures[i]->digest, sizeof(jobs[i].digest));
    }
    (void)sign_batch_run(place, jobs, batch->count); /* each job has its own result */
    settle(shard, batch, jobs);
}

/* --- signers --- */

static bool has_room(const struct shard *shard)
{
    const struct signer_links *signers = shard->options.signers;

    return signers == NULL ||
           shard->signing.under_way_count < signers->count * SIGNER_UNDER_WAY_MAX;
}

/* The one with the least to do for this shard; of equal ones, each shard begins with another. */
static uint32_t choose_signer(const struct shard *shard)
{
    const uint32_t *under_way = shard->signing.under_way;
    uint32_t count = shard->options.signers->count;
    uint32_t best = shard->options.index % count;

    for (uint32_t i = 1; i < count; i++) {
        uint32_t signer = (shard->options.index + i) % count;

        if (under_way[signer] < under_way[best])
            best = signer;
    }
    return best;
}

static void give_away(struct shard *shard, struct signing_batch *batch)
{
    struct signing *signing = &shard->signing;
    uint32_t signer = choose_signer(shard);
    struct signer_request request = {
        .keys = batch->keys,
        .key = batch->key->secret,
        .batch = slab_handle_of(&signing->batches, batch),
        .count = batch->count,
    };

    detach(signing, batch);
    for (uint32_t i = 0; i < batch->count; i++)
        memcpy(request.digests[i], batch->signatures[i]->digest, SIGN_DIGEST_SIZE);
    signer_ask(shard->options.signers, shard->io, shard->options.index, signer, &request);
    batch->state = BATCH_AWAY;
    list_push_back(&signing->away, &batch->node);
    signing->under_way[signer]++;
    signing->under_way_count++;
}

static void take_answers(struct shard *shard, uint32_t signer)
{
    struct signing *signing = &shard->signing;
    struct signer_answer answer;

    while (signer_hear(shard->options.signers, shard->options.index, signer, &answer)) {
        struct signing_batch *batch = slab_get(&signing->batches, answer.batch);

        CHECK(batch != NULL); /* it stays until now, whoever is gone */
        CHECK(batch->state == BATCH_AWAY);
        CHECK(batch->count == answer.count);
        signing->under_way[signer]--;
        signing->under_way_count--;
        detach(signing, batch);
        settle(shard, batch, answer.jobs);
    }
}

/* --- a turn --- */

static struct signing_batch *first_ready(struct signing *signing)
{
    struct list_node *node = list_first(&signing->ready);

    return node == NULL ? NULL : CONTAINER_OF(node, struct signing_batch, node);
}

static void expire(struct shard *shard)
{
    struct list_node *node;

    while ((node = list_first(&shard->signing.filling)) != NULL) {
        struct signing_batch *batch = CONTAINER_OF(node, struct signing_batch, node);

        if (batch->due_ns > shard_now_ns(shard))
            break;
        make_ready(shard, batch);
    }
}

void signing_turn(struct shard *shard)
{
    const struct signer_links *signers = shard->options.signers;
    struct signing_batch *batch;

    for (uint32_t i = 0; signers != NULL && i < signers->count; i++)
        if (shard->signing.under_way[i] > 0)
            take_answers(shard, i);
    if (!has_room(shard))
        return;
    expire(shard);
    if (signers != NULL) {
        while (has_room(shard) && (batch = first_ready(&shard->signing)) != NULL)
            give_away(shard, batch);
    } else if ((batch = first_ready(&shard->signing)) != NULL) {
        run(shard, batch);
    }
}

uint64_t signing_deadline_ns(const struct shard *shard)
{
    const struct signing *signing = &shard->signing;
    const struct list_node *node = list_first(&signing->filling);

    if (!has_room(shard))
        return UINT64_MAX;
    if (!list_empty(&signing->ready))
        return 0;
    return node == NULL ? UINT64_MAX : CONTAINER_OF_CONST(node, struct signing_batch, node)->due_ns;
}

bool signing_stop(const struct shard *shard)
{
    return shard->signing.under_way_count == 0;
}

/* Its keys go when it is done. */
static void make_stale(struct signing *signing, struct list *batches)
{
    list_for_each(entry, batches) {
        struct signing_batch *batch = CONTAINER_OF(entry, struct signing_batch, node);

        signing->stale_count += !batch->is_stale;
        batch->is_stale = true;
    }
}

void signing_policy(struct shard *shard)
{
    struct signing *signing = &shard->signing;
    struct list_node *node;

    while ((node = list_first(&signing->filling)) != NULL)
        make_ready(shard, CONTAINER_OF(node, struct signing_batch, node));
    make_stale(signing, &signing->ready);
    make_stale(signing, &signing->away);
    memset((void *)signing->open, 0, POLICY_DKIM_MAX * sizeof(struct signing_batch *));
    if (signing->stale_count == 0)
        stats_set(shard->stats, STATS_POLICY, shard->policy->generation);
}
