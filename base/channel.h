/* channel.h - a bounded ring of fixed-size messages from one thread to one other.
 *
 * Single producer, single consumer; acquire/release on two counters, each on its own cache line.
 * The only atomics in ringpost outside engine/stats. Borrows an arena; capacity is a power of two.
 */
#ifndef BASE_CHANNEL_H
#define BASE_CHANNEL_H

#include <stdatomic.h>

#include "base/arena.h"

struct channel {
    _Alignas(64) _Atomic uint64_t written; /* by the producer */
    _Alignas(64) _Atomic uint64_t read;    /* by the consumer */
    _Alignas(64) uint8_t *messages;
    uint32_t message_size;
    uint32_t mask;
};

size_t channel_cost(uint32_t messages_max, uint32_t message_size);
void channel_init(struct channel *channel, struct arena *arena, uint32_t messages_max,
                  uint32_t message_size);
/* False when full: back-pressure, nothing was written. */
MUST_USE bool channel_send(struct channel *channel, const void *message);
/* False when empty. */
MUST_USE bool channel_receive(struct channel *channel, void *ret_message);

#endif
