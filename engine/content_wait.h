/* content_wait.h - the content of a campaign that is durable already, and no memory for it.
 *
 * What was accepted is not given up: it is tried again, after a pause that grows, because a try
 * costs the compilation of a template and the memory may be missing for long. Knows nothing of
 * loads. A plain value, zeroed for each campaign; the set and the queue are lent. Front thread
 * only. */
#ifndef ENGINE_CONTENT_WAIT_H
#define ENGINE_CONTENT_WAIT_H

#include "engine/content.h"
#include "queue/queue.h"

#define CONTENT_WAIT_FIRST_NS (10 * NS_PER_MS)
#define CONTENT_WAIT_MAX_NS (10 * NS_PER_S) /* memory that is free again is found in this time */

struct content_wait {
    uint64_t next_ns;  /* no try before; 0: at once */
    uint64_t pause_ns; /* before that try */
    int error;         /* -errno of the last try; 0: none failed */
};

/* content_add, if it is time for a try. True: the content is there. */
MUST_USE bool content_wait_add(struct content_wait *wait, struct content_set *set,
                               const struct queue *queue, uint32_t campaign_index, uint64_t now_ns);

#endif
