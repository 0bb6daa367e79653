/* queue_append.h - what the store adds to the queue: segments, campaigns, recipients, states.
 *
 * Used by the store's thread, by loads and by recovery. Nothing here is seen by a shard before a
 * notice tells it. */
#ifndef QUEUE_QUEUE_APPEND_H
#define QUEUE_QUEUE_APPEND_H

#include "queue/journal.h"
#include "queue/queue.h"

struct queue_new_recipient {
    uint32_t segment; /* slot */
    uint32_t campaign;
    uint32_t ordinal;
    uint32_t domain;
    uint64_t offset; /* of its record in the segment */
    uint64_t due_s;
};

/* A segment whose records are read through `image` from now on. -ENOSPC, else its slot. */
MUST_USE int queue_append_segment(struct queue *queue, uint64_t file, struct span image,
                                  uint32_t part, uint32_t *ret_slot);
/* -EEXIST: a campaign of that id is there (its number is given); -ENOSPC. LOADING. */
MUST_USE int queue_append_campaign(struct queue *queue,
                                   const struct campaign_descriptor *descriptor,
                                   uint32_t *ret_campaign);
/* Reads descriptor and content at these places of a segment's image; from then on the campaign's
 * spans point there. Content offset 0: not known. 0 or -EBADMSG. */
MUST_USE int queue_append_place(struct queue *queue, uint32_t campaign, uint32_t segment,
                                uint64_t descriptor_offset, uint64_t content_offset);
/* The name's number. -EINVAL, -ENOSPC. */
MUST_USE int queue_append_domain(struct queue *queue, struct span name, uint32_t *ret_domain);
/* -ENOSPC: recipients or runs. */
MUST_USE int queue_append_recipient(struct queue *queue,
                                    const struct queue_new_recipient *recipient);
/* Applies a state when its sequence is higher. True when it changed something. */
bool queue_append_state(struct queue *queue, uint32_t campaign, const struct journal_state *state);
/* The state record that takes a campaign from its present state to another. */
struct journal_state queue_append_next_state(const struct queue *queue, uint32_t campaign,
                                             enum campaign_state state, uint64_t time_s);
/* Applies the stop of that sequence, if it is higher than all before. One of a campaign that has
 * ended says nothing. -ENOSPC: see stops_set. */
MUST_USE int queue_append_stop(struct queue *queue, const struct stop *stop, uint64_t sequence);
uint64_t queue_append_next_stop(const struct queue *queue);
/* Counts all that were loaded as queued: at the commit of a load. */
void queue_append_counts(struct queue *queue, uint32_t campaign);
uint32_t queue_append_loaded(const struct queue *queue, uint32_t campaign);
/* Recipients of the segment below `offset` have their entries: a checkpoint covers them. */
void queue_append_covered(struct queue *queue, uint32_t segment, uint64_t offset);
/* What recovery looks at: the segment's image and its numbers. */
struct span queue_append_image(const struct queue *queue, uint32_t segment, uint64_t *ret_file,
                               uint64_t *ret_covered);
uint32_t queue_append_runs_count(const struct queue *queue);

#endif
