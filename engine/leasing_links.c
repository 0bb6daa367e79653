#include "engine/leasing_links.h"

size_t leasing_links_cost(uint32_t shards_count)
{
    size_t pairs = (size_t)shards_count * shards_count;

    return arena_cost(pairs, sizeof(struct channel)) +
           pairs * channel_cost(LEASING_CHANNEL_MAX, sizeof(struct leasing_message));
}

void leasing_links_init(struct leasing_links *links, struct arena *arena, uint32_t shards_count,
                        struct table_key key)
{
    uint32_t pairs = shards_count * shards_count;

    links->count = shards_count;
    links->key = key;
    links->channels = arena_alloc(arena, pairs, sizeof(struct channel));
    for (uint32_t i = 0; i < pairs; i++)
        channel_init(&links->channels[i], arena, LEASING_CHANNEL_MAX,
                     sizeof(struct leasing_message));
}

static struct channel *channel_of(const struct leasing_links *links, uint32_t from, uint32_t to)
{
    return &links->channels[from * links->count + to];
}

bool leasing_links_has_room(const struct leasing_links *links, uint32_t from, uint32_t to)
{
    const struct channel *channel = channel_of(links, from, to);
    uint64_t written = atomic_load_explicit(&channel->written, memory_order_relaxed);
    uint64_t read = atomic_load_explicit(&channel->read, memory_order_acquire);

    return to == from || written - read <= channel->mask;
}

bool leasing_links_send(struct leasing_links *links, uint32_t from, uint32_t to,
                        const struct leasing_message *message)
{
    return channel_send(channel_of(links, from, to), message);
}

bool leasing_links_receive(struct leasing_links *links, uint32_t from, uint32_t to,
                           struct leasing_message *ret_message)
{
    return channel_receive(channel_of(links, from, to), ret_message);
}
