/* queue_parts.h - what the files of the queue share about its insides; for nobody else.
 *
 * The store's thread writes campaigns, segments, runs and domains behind the counts that the shards
 * were told of; what stands below those counts does not change any more (but a campaign's state,
 * which shards keep for themselves). Entries and links belong to the shard of their domain. */
#ifndef QUEUE_QUEUE_PARTS_H
#define QUEUE_QUEUE_PARTS_H

#include "base/table.h"
#include "queue/dictionary.h"
#include "queue/due.h"
#include "queue/entries.h"
#include "queue/queue.h"

#define QUEUE_PARTS_HINT 1024
#define QUEUE_PARTS_ADMISSIONS 64 /* notices of recipients that may wait in a shard */

struct queue_segment {
    uint64_t file;
    struct span image;
    uint64_t covered; /* recipients below this offset have their entries */
    uint32_t part;    /* lane */
    bool damaged;
};

/* Recipients of one campaign whose records follow each other in one segment. On disk in
 * checkpoints. */
struct queue_run {
    uint32_t campaign;
    uint32_t segment;
    uint32_t ordinal_first;
    uint32_t first; /* number of its first recipient */
    uint32_t count;
    uint32_t next; /* run of the same campaign, or QUEUE_NONE */
};

static_assert(sizeof(struct queue_run) == 24, "on disk");

/* Where a campaign's descriptor and content stand. */
struct queue_place {
    uint32_t segment; /* QUEUE_NONE: nowhere yet */
    uint64_t descriptor_offset;
    uint64_t content_offset; /* 0: not found */
};

struct queue_campaign {
    struct campaign campaign;
    struct queue_place place;
    struct campaign_counts base;
    uint32_t run_first; /* QUEUE_NONE: none */
    uint32_t run_last;
    uint32_t run_found; /* where the last search ended */
    uint32_t loaded_count;
};

struct queue_admission {
    uint32_t campaign; /* QUEUE_NONE: all */
    uint32_t run;
    uint32_t runs_end;
    uint32_t position; /* in the run */
};

/* Of a campaign, as a shard sees it. */
enum {
    QUEUE_SWEEP_WAITS = 1, /* its runs are to be walked once more */
    QUEUE_SWEEP_WHOLE = 2, /* all of it was cancelled, and that is durable */
};

/* Where the walk over campaigns is of which something was cancelled. */
struct queue_sweep {
    uint8_t *flags;      /* QUEUE_SWEEP_..., one a campaign */
    uint32_t open_count; /* walks that are not at their end, or have not begun */
    uint32_t campaign;   /* the one whose runs are walked, or whose turn to be looked at it is */
    uint32_t run;        /* QUEUE_NONE: none is walked */
    uint32_t position;   /* in the run */
    uint32_t late;       /* list (by links) of records that were in flight; QUEUE_NONE: empty */
};

struct queue_shard {
    struct queue *queue;
    uint32_t index;
    struct due due;
    struct campaign_counts *counts; /* one a campaign */
    uint8_t *states;                /* enum campaign_state, as far as this shard knows */
    struct queue_admission admissions[QUEUE_PARTS_ADMISSIONS];
    uint32_t admissions_first;
    uint32_t admissions_count;
    uint32_t runs_known;
    uint32_t run_found;
    uint32_t claimed_count;
    bool ready_cut; /* queue_ready stopped at its bound */
    uint64_t now_s;
    struct stops stops; /* of this shard's domains */
    struct queue_sweep sweep;
};

struct queue {
    struct queue_limits limits;
    struct dictionary dictionary;
    struct stops stops;
    uint64_t stop_sequence; /* the highest that was applied */
    struct entries entries;
    uint32_t *links;
    struct queue_campaign *campaigns;
    struct table campaign_ids;
    uint64_t
        id_max; /* the highest campaign id in any record seen, of campaigns that are gone too */
    uint32_t campaigns_count;
    struct queue_segment *segments;
    uint32_t segments_count;
    struct queue_run *runs;
    uint32_t runs_count;
    uint32_t *run_hints; /* the run of every QUEUE_PARTS_HINT-th recipient */
    uint32_t *numbers;   /* scratch of recovery: a segment's domain numbers to ours */
    struct queue_shard *shards;
};

/* What an operator has made of a campaign's mail to a domain. */
enum queue_fate {
    QUEUE_FATE_GOES,  /* it can be claimed */
    QUEUE_FATE_WAITS, /* not now */
    QUEUE_FATE_ENDS,  /* its recipients are kept in no list: they have ended, or are about to */
};

static inline enum queue_fate queue_parts_fate(const struct queue_shard *shard, uint32_t campaign,
                                               uint32_t domain)
{
    enum campaign_state state = (enum campaign_state)shard->states[campaign];
    enum stop_kind stop = stops_kind(&shard->stops, campaign, domain);

    if (!campaign_is_alive(state) || stop == STOP_CANCELLED)
        return QUEUE_FATE_ENDS;
    return state == CAMPAIGN_PAUSED || stop == STOP_PAUSED ? QUEUE_FATE_WAITS : QUEUE_FATE_GOES;
}

/* The run that holds the recipient, of the first `runs_count` runs; they are in order of `first`.
 */
uint32_t queue_parts_run(const struct queue *queue, uint32_t runs_count, uint32_t record);
/* Reads the record of a recipient that lies in `run`. 0 or -EBADMSG. */
MUST_USE int queue_parts_read(const struct queue *queue, uint32_t run, uint32_t record,
                              struct queue_recipient *ret);
uint64_t queue_parts_hash(uint64_t number);
/* --- queue_shard.c --- */
/* An open record of the campaign, which nobody has, is in flight. */
void queue_parts_claim(struct queue_shard *shard, uint32_t campaign, uint32_t record);
/* --- queue_sweep.c --- */
size_t queue_parts_sweep_cost(const struct queue_limits *limits);
void queue_parts_sweep_init(struct queue_shard *shard, struct arena *arena);
/* The campaign's CANCELLED is durable; or, not `whole`, the cancel of one of its domains is. */
void queue_parts_sweep_order(struct queue_shard *shard, uint32_t campaign, bool whole);
/* The record is not in flight any more, open, and in no list. */
void queue_parts_sweep_late(struct queue_shard *shard, uint32_t campaign, uint32_t record);

#endif
