/* preface.h - what goes out in front of a message's own header: fields that the sender adds, and
 * above them the signatures over both (RFC 6376).
 *
 * Made when a recipient is claimed: then its size is known, and SIZE= is exact, though the
 * signatures themselves come later (signing.h), at the latest before the first octet of content.
 * Kept until the attempt is settled or released. Made of stored things, keys and the configuration
 * alone: a retry under the same configuration sends the same octets. To a message that carries a
 * signature of its own no field is added: it may cover that there is none.
 *
 *   begun -- no key for its From --> READY
 *   begun -- signatures wanted --> WAITS -- the last is made --> READY;  a signature failed -->
 * FAILED
 *
 * Owns the octets: PREFACE_SIZE for each delivery that needs any, in address space that is touched
 * as it is used. */
#ifndef ENGINE_PREFACE_H
#define ENGINE_PREFACE_H

#include "base/slab.h"
#include "base/span.h"
#include "engine/signing.h"

/* The largest that there can be, in whole pages. */
#define PREFACE_SIZE ((size_t)28 * 1024)
#define PREFACE_HEADER_MAX ((size_t)256 * 1024) /* of a message that is to be signed */

struct delivery;
struct preface_work;
struct shard;

struct preface {
    uint32_t size;
    uint32_t pending; /* signatures that are not made yet */
    bool has_failed;
    struct slab_handle waiter; /* the session that wants to send it; generation 0: none yet */
    uint32_t signatures_count;
    struct signature signatures[SIGNING_KEYS_USED_MAX];
};

/* Of a shard. */
struct prefaces {
    struct slab slots;
    uint8_t *bytes; /* PREFACE_SIZE for each slot */
    struct preface_work *work;
};

enum preface_state { PREFACE_READY, PREFACE_WAITS, PREFACE_FAILED };

MUST_USE size_t preface_cost(uint32_t sessions_max);
void preface_open(struct prefaces *prefaces, struct arena *arena, uint32_t sessions_max);
/* Makes what the delivery's message needs, if anything: delivery->preface, and its octets are added
 * to delivery->size. Its merge has begun, its return path is written. -EINVAL, with *ret_why: it
 * cannot be signed under this configuration, and must wait; there is no preface then. */
MUST_USE int preface_begin(struct shard *shard, struct delivery *delivery, struct span *ret_why);
/* Whether it may go out; who has to wait is told by talk_signed(). NULL is ready. */
enum preface_state preface_ask(struct preface *preface, struct slab_handle session);
/* The octets as they go out: whole lines, none of which begins with a dot. */
struct span preface_span(const struct prefaces *prefaces, const struct preface *preface);
/* NULL is a no-op. */
void preface_end(struct shard *shard, struct preface *preface);

/* --- for signing.c --- */

/* Who waits for it; generation 0: nobody. */
struct slab_handle preface_waiter(const struct preface *preface);
void preface_signed(struct shard *shard, const struct signature *signature, struct span octets);
void preface_unsigned(const struct signature *signature);

#endif
