/* due.h - who is next: flows (lists a campaign and domain) and a ring of one-second buckets.
 *
 * Knows nothing of what a record is but its number: all lists run through one array of links, so
 * that a record is in a flow, in a bucket or in neither. The caller says when a record that falls
 * out of a bucket is due; one that was put in too early, because it is due beyond the ring, is
 * simply put in again.
 *
 *   flow: FREE -> LISTED (has records, waits to be given out) -> GIVEN (the caller claims from it)
 *         GIVEN -> FREE (nothing left) ;  GIVEN or LISTED -> parked (LISTED, on its campaign's
 * list)
 *
 * Used by one thread. Borrows an arena, and the links, which shards share (each its own records).
 */
#ifndef QUEUE_DUE_H
#define QUEUE_DUE_H

#include "base/table.h"

#define DUE_NONE UINT32_MAX
#define DUE_BUCKETS 65536 /* seconds that the ring spans: 18 hours */

enum due_flow_state {
    DUE_FLOW_FREE = 0,
    DUE_FLOW_LISTED, /* in the ready list or parked */
    DUE_FLOW_GIVEN,  /* the caller has it */
};

struct due_flow {
    uint32_t campaign;
    uint32_t domain;
    uint32_t head;
    uint32_t tail;
    uint32_t count;
    uint32_t link; /* in the ready, parked or free list */
    enum due_flow_state state;
};

struct due_list {
    uint32_t head;
    uint32_t tail;
};

struct due {
    uint32_t *links; /* lent; one a record */
    struct due_flow *flows;
    struct table table;
    struct due_list ready;
    struct due_list *parked; /* one a campaign */
    uint32_t *buckets;
    uint64_t *bucket_bits; /* which buckets hold something */
    uint64_t next_s;       /* the first second that is not drained yet */
    uint32_t expired;      /* list taken out of a bucket, to be given out */
    uint32_t flows_max;
    uint32_t flows_used; /* the others were never used */
    uint32_t free_head;
    uint32_t waiting_count;  /* records in flows */
    uint32_t sleeping_count; /* records in buckets */
    uint32_t last_flow;      /* where the last record went: the next often goes there too */
};

size_t due_cost(uint32_t flows_max, uint32_t campaigns_max);
void due_init(struct due *due, struct arena *arena, uint32_t *links, uint32_t flows_max,
              uint32_t campaigns_max);

/* Brings near what due_push for these domains will touch: a table of millions is in no cache. */
#define DUE_NEAR_MAX 16
void due_near(const struct due *due, uint32_t campaign, const uint32_t *domains, uint32_t count);
/* Into the flow of (campaign, domain), behind the others or in front. False: no flow left. */
MUST_USE bool due_push(struct due *due, uint32_t campaign, uint32_t domain, uint32_t record,
                       bool front);
/* The next flow that has become ready, now the caller's; or DUE_NONE. */
MUST_USE uint32_t due_ready(struct due *due);
/* The next record of a flow that is the caller's, or DUE_NONE: the flow is free again. */
MUST_USE uint32_t due_pop(struct due *due, uint32_t flow);
/* A flow that is the caller's is free again; its records are in no list any more. */
void due_drop(struct due *due, uint32_t index);
/* A flow that is the caller's waits on its campaign's list until due_unpark. */
void due_park(struct due *due, uint32_t flow);
void due_unpark(struct due *due, uint32_t campaign);

/* Into the bucket of that second (now, when it is past). */
void due_sleep(struct due *due, uint32_t record, uint64_t due_s);
/* The next record whose bucket is due at `now_s`, or DUE_NONE. A clock that was set back is
 * followed. */
MUST_USE uint32_t due_wake(struct due *due, uint64_t now_s);
/* The second of the first bucket with something in it, or UINT64_MAX. */
uint64_t due_next_s(const struct due *due);

#endif
