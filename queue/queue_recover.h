/* queue_recover.h - rebuilds the queue from the images of segments and journals.
 *
 * Knows no file: the store lends mapped images. Order: every segment (registered, from a checkpoint
 * or new), then every journal, then queue_recover_finish. Any order of journals gives the same
 * result, and applying one twice changes nothing. Nothing in an image is trusted: what cannot be
 * read is stepped over and reported, the rest is used. */
#ifndef QUEUE_QUEUE_RECOVER_H
#define QUEUE_QUEUE_RECOVER_H

#include "queue/queue.h"
#include "queue/scan.h"

struct queue_recovered {
    uint64_t end;     /* of the good part of the file */
    uint64_t durable; /* ...and of what is known to have been durable */
    uint64_t records_count;
    uint64_t torn_bytes;
    uint64_t damage_offset; /* of the first damage */
    uint32_t damages_count;
    uint32_t strangers_count; /* records that speak of nothing that is known */
    bool sealed;              /* a journal that was closed in good order */
    bool campaign_missing;    /* a state of a committed campaign that no segment knows */
    bool no_room;             /* for a domain that is stopped: a limit is too low */
};

/* Recipients at and behind `from` are added; campaigns and domains are read from the beginning.
 * -ENOSPC: a limit is too low; else 0. */
MUST_USE int queue_recover_segment(struct queue *queue, uint32_t segment, uint64_t from,
                                   struct queue_recovered *ret);
/* The same from the beginning, once queue_recover_incomplete has said that more was durable than
 * the watermarks tell: the walk does not end at the first bad batch. */
MUST_USE int queue_recover_committed(struct queue *queue, uint32_t segment,
                                     struct queue_recovered *ret);
/* Whether less of a campaign was found than its READY says. */
MUST_USE bool queue_recover_incomplete(const struct queue *queue);
/* Applies outcomes and states at and behind `from`. */
void queue_recover_journal(struct queue *queue, struct span image, uint64_t file, uint64_t from,
                           struct queue_recovered *ret);
/* Counts. Campaigns that are still LOADING are for the caller to discard. */
void queue_recover_finish(struct queue *queue);
/* Forgets everything but the registered segments: a checkpoint turned out to be of no use. */
void queue_recover_reset(struct queue *queue);
/* The slot of a segment, or QUEUE_NONE. */
MUST_USE uint32_t queue_recover_slot(const struct queue *queue, uint64_t file);

#endif
