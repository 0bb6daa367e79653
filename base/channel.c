#include "base/channel.h"

#include <string.h>

#include "base/check.h"

static uint8_t *message_at(const struct channel *channel, uint64_t position)
{
    return channel->messages + (size_t)(position & channel->mask) * channel->message_size;
}

size_t channel_cost(uint32_t messages_max, uint32_t message_size)
{
    return arena_cost(messages_max, message_size);
}

void channel_init(struct channel *channel, struct arena *arena, uint32_t messages_max,
                  uint32_t message_size)
{
    CHECK(messages_max > 0);
    CHECK((messages_max & (messages_max - 1)) == 0);
    CHECK(message_size > 0);
    atomic_init(&channel->written, 0);
    atomic_init(&channel->read, 0);
    channel->messages = arena_alloc(arena, messages_max, message_size);
    channel->message_size = message_size;
    channel->mask = messages_max - 1;
}

bool channel_send(struct channel *channel, const void *message)
{
    uint64_t written = atomic_load_explicit(&channel->written, memory_order_relaxed);
    uint64_t read = atomic_load_explicit(&channel->read, memory_order_acquire);

    if (written - read > channel->mask)
        return false;
    memcpy(message_at(channel, written), message, channel->message_size);
    atomic_store_explicit(&channel->written, written + 1, memory_order_release);
    return true;
}

bool channel_receive(struct channel *channel, void *ret_message)
{
    uint64_t read = atomic_load_explicit(&channel->read, memory_order_relaxed);
    uint64_t written = atomic_load_explicit(&channel->written, memory_order_acquire);

    if (read == written)
        return false;
    memcpy(ret_message, message_at(channel, read), channel->message_size);
    atomic_store_explicit(&channel->read, read + 1, memory_order_release);
    return true;
}
