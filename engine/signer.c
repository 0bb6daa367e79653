#include "engine/signer.h"

#include <string.h>

#include "base/check.h"
#include "engine/tag.h"

static_assert((SIGNER_UNDER_WAY_MAX & (SIGNER_UNDER_WAY_MAX - 1)) == 0, "a channel's size");

size_t signer_links_cost(uint32_t shards_count, uint32_t signers_count)
{
    size_t askers = (size_t)signers_count * (shards_count + 1);
    size_t pairs = (size_t)signers_count * shards_count;

    return arena_cost(askers, sizeof(struct channel)) + arena_cost(pairs, sizeof(struct channel)) +
           askers * channel_cost(SIGNER_UNDER_WAY_MAX, sizeof(struct signer_request)) +
           pairs * channel_cost(SIGNER_UNDER_WAY_MAX, sizeof(struct signer_answer));
}

void signer_links_init(struct signer_links *links, struct arena *arena, uint32_t shards_count,
                       uint32_t signers_count)
{
    uint32_t askers = signers_count * (shards_count + 1);
    uint32_t pairs = signers_count * shards_count;

    links->shards_count = shards_count;
    links->count = signers_count;
    links->requests = arena_alloc(arena, askers, sizeof(struct channel));
    links->answers = arena_alloc(arena, pairs, sizeof(struct channel));
    for (uint32_t i = 0; i < askers; i++)
        channel_init(&links->requests[i], arena, SIGNER_UNDER_WAY_MAX,
                     sizeof(struct signer_request));
    for (uint32_t i = 0; i < pairs; i++)
        channel_init(&links->answers[i], arena, SIGNER_UNDER_WAY_MAX, sizeof(struct signer_answer));
}

uint32_t signer_ring(const struct signer_links *links, uint32_t signer)
{
    return links->shards_count + 1 + signer; /* the front's is in between */
}

static struct channel *requests_of(const struct signer_links *links, uint32_t signer,
                                   uint32_t asker)
{
    CHECK(signer < links->count);
    CHECK(asker <= links->shards_count);
    return &links->requests[signer * (links->shards_count + 1) + asker];
}

static struct channel *answers_of(const struct signer_links *links, uint32_t signer, uint32_t shard)
{
    CHECK(signer < links->count);
    CHECK(shard < links->shards_count);
    return &links->answers[signer * links->shards_count + shard];
}

void signer_ask(struct signer_links *links, struct io *io, uint32_t shard, uint32_t signer,
                const struct signer_request *request)
{
    CHECK(shard < links->shards_count);
    CHECK(request->keys != NULL);
    CHECK(channel_send(requests_of(links, signer, shard), request));
    io_wake(io, signer_ring(links, signer));
}

bool signer_hear(struct signer_links *links, uint32_t shard, uint32_t signer,
                 struct signer_answer *ret_answer)
{
    return channel_receive(answers_of(links, signer, shard), ret_answer);
}

void signer_order_stop(struct signer_links *links, struct io *front, uint32_t signer)
{
    struct signer_request stop = {.keys = NULL};

    CHECK(channel_send(requests_of(links, signer, links->shards_count), &stop));
    io_wake(front, signer_ring(links, signer));
}

void signer_init(struct signer *signer, struct io *io, struct signer_links *links, uint32_t index)
{
    memset(signer, 0, sizeof(*signer));
    signer->io = io;
    signer->links = links;
    signer->index = index;
}

static void sign(struct signer *signer)
{
    const struct signer_request *request = &signer->request;
    struct signer_answer *answer = &signer->answer;
    struct sign_batch *place =
        signing_keys_batch(request->keys, signer->links->shards_count + signer->index);

    CHECK(place != NULL);
    CHECK(request->count <= SIGN_BATCH_MAX);
    answer->batch = request->batch;
    answer->count = request->count;
    for (uint32_t i = 0; i < request->count; i++) {
        answer->jobs[i].key = request->key;
        memcpy(answer->jobs[i].digest, request->digests[i], SIGN_DIGEST_SIZE);
    }
    (void)sign_batch_run(place, answer->jobs, request->count); /* each job has its own result */
}

/* The shards take turns: one that asks much does not keep the others waiting. */
static bool serve_one(struct signer *signer)
{
    struct signer_links *links = signer->links;

    for (uint32_t i = 0; i < links->shards_count; i++) {
        uint32_t shard = (signer->first + i) % links->shards_count;

        if (!channel_receive(requests_of(links, signer->index, shard), &signer->request))
            continue;
        sign(signer);
        CHECK(channel_send(answers_of(links, signer->index, shard), &signer->answer));
        io_wake(signer->io, shard);
        signer->first = shard + 1;
        return true;
    }
    return false;
}

enum signer_state signer_tick(struct signer *signer, uint64_t deadline_ns)
{
    struct io_event events[16];
    struct signer_request order;
    uint32_t count =
        io_wait(signer->io, signer->found ? 0 : deadline_ns, events, ARRAY_LEN(events));

    for (uint32_t i = 0; i < count; i++)
        CHECK(tag_op_of(events[i].tag) == TAG_WAKE); /* which says only: look */
    signer->found = serve_one(signer);
    if (channel_receive(requests_of(signer->links, signer->index, signer->links->shards_count),
                        &order))
        signer->state = SIGNER_STOPPED;
    return signer->state;
}
