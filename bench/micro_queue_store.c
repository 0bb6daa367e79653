#include "bench/micro_queue_store.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define STORE_TAG 100
#define SHARD_TAG 1000

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

void micro_queue_store_remove(const char *spool)
{
    (void)nftw(spool, remove_one, 16, FTW_DEPTH | FTW_PHYS); /* it may not be there */
}

static int remove_checkpoint(const char *path, const struct stat *status, int kind,
                             struct FTW *walk)
{
    (void)status;
    if (kind == FTW_F && strncmp(path + walk->base, "checkpoint.", 11) == 0)
        return remove(path);
    return 0;
}

int micro_queue_store_forget(const char *spool)
{
    return nftw(spool, remove_checkpoint, 16, FTW_PHYS) == 0 ? 0 : -EIO;
}

static struct store_options options_of(const struct micro_queue_store *store)
{
    const struct micro_queue_options *options = store->options;
    uint32_t lists_count = options->lists_count > 0 ? options->lists_count : 1;

    return (struct store_options){
        .folder = options->spool,
        .durability = options->durability,
        .claims_max = MICRO_QUEUE_WINDOW + 8,
        .limits =
            {
                .recipients_max = options->recipients_count * lists_count,
                .domains_max = options->domains_count,
                .campaigns_max = lists_count + 15,
                .segments_max = 4096,
                .runs_max = 8192,
                .flows_max = options->domains_count,
                .shards_count = 1,
            },
        .tag_base = STORE_TAG,
        .wake_index = STORE_NO_WAKE,
    };
}

/* The lock on a spool lives as long as the ring: each store has its own. */
int micro_queue_store_open(struct micro_queue_store *store, struct text *error)
{
    const struct io_options io_options = {0};
    const struct store_options options = options_of(store);
    struct store_shard_options shard = {.tag_base = SHARD_TAG, .wake_index = STORE_NO_WAKE};
    size_t flows_size = arena_cost(store->options->domains_count, sizeof(uint32_t));
    int r = io_open(&store->io, &io_options, error);

    if (r == 0)
        r = arena_open(&store->arena, store_cost(&options) + flows_size);
    if (r < 0)
        return r;
    shard.io = store->io;
    store->flows = arena_alloc(&store->arena, store->options->domains_count, sizeof(uint32_t));
    store->flows_count = 0;
    r = store_open(&store->store, store->io, &store->arena, &options, error);
    if (r < 0)
        return r;
    arena_seal(&store->arena);
    store->shard = store_shard(store->store, 0);
    store_shard_open(store->shard, &shard);
    return 0;
}

void micro_queue_store_turn(struct micro_queue_store *store, bool wait)
{
    struct io_event events[64];
    uint64_t deadline = 0;
    uint32_t count;

    if (wait)
        deadline =
            min_u64(min_u64(store_deadline_ns(store->store), store_shard_deadline_ns(store->shard)),
                    io_now_ns(store->io) + NS_PER_S);
    count = io_wait(store->io, deadline, events, ARRAY_LEN(events));
    for (uint32_t i = 0; i < count; i++)
        if (!store_event(store->store, &events[i]) && !store_shard_event(store->shard, &events[i]))
            continue; /* the end of a closed handle */
    store_tick(store->store);
    store_shard_tick(store->shard);
    store->turn_max_ns = max_u64(store->turn_max_ns, io_turn_ns(store->io));
}

int micro_queue_store_close(struct micro_queue_store *store)
{
    int r;

    for (uint32_t i = 0; i < 1000000 && !store_quiet(store->store); i++)
        micro_queue_store_turn(store, true);
    r = store_shard_close(store->shard);
    store_shards_closed(store->store);
    if (r == 0)
        r = store_close(store->store);
    arena_close(&store->arena);
    io_close(store->io);
    store->io = NULL;
    return r;
}
