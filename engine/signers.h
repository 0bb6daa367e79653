/* signers.h - all signers of the process: each on a thread of its own with a ring of its own.
 *
 * Started before the shards, stopped after them. The simulator starts none: it opens them on rings
 * of its own and turns them (signers_open). */
#ifndef ENGINE_SIGNERS_H
#define ENGINE_SIGNERS_H

#include "engine/signer.h"

struct signers_thread; /* opaque */

struct signers {
    struct signer_links links;
    struct signers_thread *threads; /* links.count */
};

MUST_USE size_t signers_cost(uint32_t shards_count, uint32_t count);
/* Of each one's ring, from the allocator. */
MUST_USE size_t signers_ring_size(void);
/* `count` may be 0. */
void signers_init(struct signers *signers, struct arena *arena, uint32_t shards_count,
                  uint32_t count);
/* For the shards' options; NULL: the shards sign. */
struct signer_links *signers_links(struct signers *signers);
/* Starts the threads. -errno with *error when one cannot be; those that run are for signers_stop.
 */
MUST_USE int signers_start(struct signers *signers, struct io_group *group, struct text *error);
/* Instead of signers_start: that signer on the caller's ring and thread. */
struct signer *signers_open(struct signers *signers, uint32_t index, struct io *io);
/* All shards have stopped: tells the threads to end. The front waits until they have. */
void signers_order_stop(struct signers *signers, struct io *front);
MUST_USE bool signers_stopped(const struct signers *signers);
/* After signers_stopped. */
void signers_join(struct signers *signers);

#endif
