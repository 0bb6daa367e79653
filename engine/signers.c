#include "engine/signers.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>

#include "base/check.h"
#include "engine/tag.h"

struct signers_thread {
    struct signers *signers;
    struct io_group *group;
    struct signer signer;
    uint32_t index;
    pthread_t thread;
    bool started;
    sem_t opened;
    int open_result;
    char open_error[512];
    _Atomic bool closed;
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

static void *run_signer(void *argument)
{
    struct signers_thread *item = argument;
    struct io_options ring =
        ring_options(item->group, signer_ring(&item->signers->links, item->index));
    struct signer *signer;
    struct io *io = NULL;
    struct text error;

    text_init(&error, item->open_error, sizeof(item->open_error));
    item->open_result = io_open(&io, &ring, &error);
    (void)text_cstr_end(&error);
    if (item->open_result < 0) {
        (void)sem_post(&item->opened);
        return NULL;
    }
    signer = signers_open(item->signers, item->index, io);
    (void)sem_post(&item->opened);
    while (signer_tick(signer, UINT64_MAX) != SIGNER_STOPPED)
        continue;
    io_close(io);
    atomic_store_explicit(&item->closed, true, memory_order_release);
    return NULL;
}

int signers_start(struct signers *signers, struct io_group *group, struct text *error)
{
    for (uint32_t i = 0; i < signers->links.count; i++) {
        struct signers_thread *item = &signers->threads[i];
        int result;

        item->group = group;
        if (sem_init(&item->opened, 0, 0) != 0)
            return -errno;
        result = -pthread_create(&item->thread, NULL, run_signer, item);
        if (result < 0) {
            text_add_format(error, "a thread cannot be started: %s", strerror(-result));
            return result;
        }
        while (sem_wait(&item->opened) != 0)
            continue;
        if (item->open_result < 0) {
            (void)pthread_join(item->thread, NULL);
            text_add_cstr(error, item->open_error);
            return item->open_result;
        }
        item->started = true;
    }
    return 0;
}

void signers_order_stop(struct signers *signers, struct io *front)
{
    for (uint32_t i = 0; i < signers->links.count; i++)
        if (signers->threads[i].started)
            signer_order_stop(&signers->links, front, i);
}

bool signers_stopped(const struct signers *signers)
{
    for (uint32_t i = 0; i < signers->links.count; i++) {
        const struct signers_thread *item = &signers->threads[i];

        if (item->started && !atomic_load_explicit(&item->closed, memory_order_acquire))
            return false;
    }
    return true;
}

void signers_join(struct signers *signers)
{
    for (uint32_t i = 0; i < signers->links.count; i++) {
        struct signers_thread *item = &signers->threads[i];

        if (item->started)
            (void)pthread_join(item->thread, NULL);
        item->started = false;
    }
}
