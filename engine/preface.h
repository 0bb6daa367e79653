/* preface.h - what goes out in front of a message's own header: the fields that the sender adds.
 *
 * Made when a recipient is claimed, so that SIZE= is exact; kept until its attempt is settled or
 * released. Made of stored things and the configuration alone: a retry under the same configuration
 * sends the same octets. Of a message that carries a signature of its own nothing is touched. Owns
 * the octets; one of PREFACE_SIZE for each delivery that needs any, in address space that is
 * touched as it is used. */
#ifndef ENGINE_PREFACE_H
#define ENGINE_PREFACE_H

#include "base/arena.h"
#include "base/slab.h"
#include "base/span.h"

#define PREFACE_SIZE ((size_t)4096)

struct delivery;
struct shard;

struct preface {
    uint32_t size;
};

/* Of a shard. */
struct prefaces {
    struct slab slots;
    uint8_t *bytes; /* PREFACE_SIZE for each slot */
};

MUST_USE size_t preface_cost(uint32_t sessions_max);
void preface_open(struct prefaces *prefaces, struct arena *arena, uint32_t sessions_max);
/* Makes what the delivery's message needs, if anything: delivery->preface, and its octets are added
 * to delivery->size. Its merge has begun, its return path is written. */
void preface_begin(struct shard *shard, struct delivery *delivery);
/* The octets as they go out: whole lines, none of which begins with a dot. */
struct span preface_span(const struct prefaces *prefaces, const struct preface *preface);
/* NULL is a no-op. */
void preface_end(struct prefaces *prefaces, struct preface *preface);

#endif
