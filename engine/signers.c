#include "engine/signers.h"

#include <string.h>

#include "base/check.h"
#include "engine/ring_thread.h"
#include "engine/tag.h"

struct signers_thread {
    struct signers *signers;
    struct signer signer;
    uint32_t index;
    struct ring_thread thread;
};

size_t signers_cost(uint32_t shards_count, uint32_t count)
{
    if (count == 0)
        return 0;
    return signer_links_cost(shards_count, count) +
           arena_cost(count, sizeof(struct signers_thread));
}

void signers_init(struct signers *signers, struct arena *arena, uint32_t shards_count,
                  uint32_t count)
{
    memset(signers, 0, sizeof(*signers));
    if (count == 0)
        return;
    signer_links_init(&signers->links, arena, shards_count, count);
    signers->threads = arena_alloc(arena, count, sizeof(struct signers_thread));
    for (uint32_t i = 0; i < count; i++) {
        signers->threads[i].signers = signers;
        signers->threads[i].index = i;
    }
}

struct signer_links *signers_links(struct signers *signers)
{
    return signers->links.count > 0 ? &signers->links : NULL;
}

struct signer *signers_open(struct signers *signers, uint32_t index, struct io *io)
{
    CHECK(index < signers->links.count);
    signer_init(&signers->threads[index].signer, io, &signers->links, index);
    return &signers->threads[index].signer;
}

static struct io_options ring_options(struct io_group *group, uint32_t index)
{
    return (struct io_options){
        .group = group,
        .index = index,
        .entries = 64,
        .handles_max = 8,
        .buffers_count = 8,
        .buffer_size = 256,
        .wake_tag = tag_of(TAG_WAKE, 0),
    };
}

size_t signers_ring_size(void)
{
    struct io_options ring = ring_options(NULL, 0);

    return io_cost(&ring);
}

static void opened(void *context, struct io *io)
{
    struct signers_thread *item = context;

    (void)signers_open(item->signers, item->index, io); /* it is there */
}

static void run(void *context)
{
    struct signers_thread *item = context;

    while (signer_tick(&item->signer, UINT64_MAX) != SIGNER_STOPPED)
        continue;
}

int signers_start(struct signers *signers, struct io_group *group, struct text *error)
{
    for (uint32_t i = 0; i < signers->links.count; i++) {
        struct ring_thread_options options = {
            .ring = ring_options(group, signer_ring(&signers->links, i)),
            .wakes = RING_THREAD_WAKES_NOBODY,
            .opened = opened,
            .run = run,
            .context = &signers->threads[i],
        };
        int result = ring_thread_start(&signers->threads[i].thread, &options, error);

        if (result < 0)
            return result;
    }
    return 0;
}

void signers_order_stop(struct signers *signers, struct io *front)
{
    for (uint32_t i = 0; i < signers->links.count; i++)
        if (signers->threads[i].thread.started)
            signer_order_stop(&signers->links, front, i);
}

bool signers_stopped(const struct signers *signers)
{
    for (uint32_t i = 0; i < signers->links.count; i++)
        if (!ring_thread_is_over(&signers->threads[i].thread))
            return false;
    return true;
}

void signers_join(struct signers *signers)
{
    for (uint32_t i = 0; i < signers->links.count; i++)
        ring_thread_join(&signers->threads[i].thread);
}
