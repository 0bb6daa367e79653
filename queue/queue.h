/* queue.h - campaigns and recipients in memory: what is due, who has it, how it ended.
 *
 * Knows no file, clock, socket or thread. Mapped files are lent to it by the hall (engine/store),
 * and what must be written is handed back as records for an appender. Two halves:
 *   - struct queue: campaigns, domains, segments, runs and the dense table. Changed only by the
 *     thread that opened it (the store's thread).
 *   - struct queue_shard: flows, due buckets and claims of the domains of one shard. Used only by
 *     that shard's thread. What the other thread did arrives as struct queue_notice through a
 *     channel of the hall's; so there is no lock and no shared mutable word.
 *
 * A recipient is one 16-byte entry (entries.h) and one 4-byte link; its record (address, values)
 * stays in the mapped segment. A flow is the list of due recipients of one (campaign, domain).
 *
 *   recipient: QUEUED -> claimed -> DELIVERED | FAILED | EXPIRED | SUPPRESSED | CANCELLED
 *                          |  ^
 *                          v  | due
 *                        DEFERRED
 *
 * A stop (stops.h) keeps mail to a domain from being claimed, or ends it.
 *
 * Owns: nothing on the heap, all memory comes from the arena at start. Borrows: mappings until
 * queue_close. Layout on disk: docs/queue-format.md. */
#ifndef QUEUE_QUEUE_H
#define QUEUE_QUEUE_H

#include "base/arena.h"
#include "queue/attempt.h"
#include "queue/campaign.h"
#include "queue/stops.h"

#define QUEUE_NONE UINT32_MAX
#define QUEUE_VALUES_MAX 256 /* field values a recipient */

struct queue;
struct queue_shard;

struct queue_limits {
    uint32_t recipients_max; /* all that the spool knows, settled ones included */
    uint32_t domains_max;
    uint32_t campaigns_max;
    uint32_t segments_max;  /* files in segments/ */
    uint32_t runs_max;      /* stretches of recipients of one campaign in one segment */
    uint32_t flows_max;     /* a shard */
    uint32_t shards_count;  /* 1..64 */
    struct span domain_key; /* 16 random bytes: key of the domain table (chosen names) */
};

/* A recipient as the engine sees it. Spans are lent by the mapped segment until queue_close. */
struct queue_recipient {
    struct identity identity;
    const struct campaign *campaign;
    uint32_t campaign_index;
    uint32_t domain; /* id, dense from 0 */
    struct span domain_name;
    struct span address;  /* the mailbox as given, without angle brackets */
    struct span values;   /* encoded; queue_values splits it */
    struct span metadata; /* JSON, or empty */
    uint32_t attempts;    /* finished so far, in all processes */
    bool unsure;          /* some attempt ended without an answer after the dot */
};

/* A flow as the scheduler sees it. */
struct queue_flow {
    uint32_t campaign_index;
    uint32_t domain;
    enum lane lane;
    uint32_t count; /* recipients that can be claimed now */
};

/* What the store's thread tells every shard; sent by value through a channel. */
enum queue_notice_kind {
    QUEUE_NOTICE_RECIPIENTS, /* runs [run_first, runs_count) are there to be admitted */
    QUEUE_NOTICE_STATE,      /* a campaign has another state */
    QUEUE_NOTICE_SWEEP,      /* its state CANCELLED is durable: see queue_sweep */
    QUEUE_NOTICE_STOP,       /* of mail to a domain; a cancel once it is durable: see queue_sweep */
};

struct queue_notice {
    enum queue_notice_kind kind;
    uint32_t campaign_index;   /* QUEUE_NONE: those of every campaign (after opening) */
    enum campaign_state state; /* of campaign_index; not of QUEUE_NOTICE_STOP */
    struct stop stop;
    uint32_t run_first;
    uint32_t runs_count;
};

/* --- the store's thread --- */

size_t queue_cost(const struct queue_limits *limits); /* bytes of arena, shards included */
struct queue *queue_open(struct arena *arena, const struct queue_limits *limits);
/* The entries and the links: filled from their front, then used at random, millions of them. */
void queue_memory(const struct queue *queue, struct span_mut ret_parts[2]);

uint32_t queue_campaigns_count(const struct queue *queue);
/* Campaigns are numbered from 0 in the order in which they came; discarded ones stay in place. */
const struct campaign *queue_campaign(const struct queue *queue, uint32_t campaign_index);
/* The one that is not DISCARDED, or QUEUE_NONE. */
MUST_USE uint32_t queue_find_campaign(const struct queue *queue, struct span tenant,
                                      struct span name);
MUST_USE uint32_t queue_find_campaign_id(const struct queue *queue, uint64_t id);
/* The highest campaign id in any record that was read or added, also of campaigns whose load a
 * crash undid: their state records remain and must never meet a new campaign. */
uint64_t queue_id_max(const struct queue *queue);
/* What was known when the queue was opened, and loads since; the shards' changes come on top. */
const struct campaign_counts *queue_base_counts(const struct queue *queue, uint32_t campaign_index);

uint32_t queue_domains_count(const struct queue *queue);
struct span queue_domain_name(const struct queue *queue, uint32_t domain);
/* The shard that a domain belongs to: a stable hash of its lower-case name. */
uint32_t queue_domain_shard(const struct queue *queue, uint32_t domain);
/* The same for a lower-case name that need not be in any queue. */
uint32_t queue_shard_of(struct span name, uint32_t shards_count);
/* QUEUE_NONE when it is not known. */
MUST_USE uint32_t queue_find_domain(const struct queue *queue, struct span name);

/* What operators have stopped, as the store's thread sees it. */
const struct stops *queue_stops(const struct queue *queue);

/* All that are known, settled ones included: records are numbered from 0. */
uint32_t queue_recipients_count(const struct queue *queue);
/* The recipient's number, or QUEUE_NONE. */
MUST_USE uint32_t queue_find(const struct queue *queue, struct identity identity);
/* 0; -ENOENT no such record; -EBADMSG damaged. Settled recipients can be read too. Leaves attempts
 * and unsure 0: those belong to the shards, see queue_standing. */
MUST_USE int queue_read(const struct queue *queue, uint32_t record, struct queue_recipient *ret);

/* Where one recipient stands; for `queue list` and `queue show` while no shard runs. */
struct queue_standing {
    enum outcome_kind kind; /* NONE: queued; DEFERRED; or the final verdict */
    uint32_t attempts;
    uint64_t due_s; /* wall seconds: not before, or the next attempt; 0: at once */
    uint32_t campaign_index;
    uint32_t domain;
    bool unsure;
};
MUST_USE int queue_standing(const struct queue *queue, uint32_t record, struct queue_standing *ret);
/* The values in template order; at most values_max are given, the whole number is returned. */
uint32_t queue_values(struct span values, struct span *ret_values, uint32_t values_max);

/* --- a shard's thread --- */

struct queue_shard *queue_shard(struct queue *queue, uint32_t shard_index);

/* Whether there is room for another notice. */
MUST_USE bool queue_can_notice(const struct queue_shard *shard);
/* Takes in what the store's thread has done. Bounded; recipients are admitted by queue_due. */
void queue_notice(struct queue_shard *shard, const struct queue_notice *notice);

/* Moves recipients whose time has come into their flows, and admits recipients that notices
 * brought, at most work_max of them. True when there is more to do at once. `now_s`: wall seconds
 * since 1970; may jump either way. */
MUST_USE bool queue_due(struct queue_shard *shard, uint64_t now_s, uint32_t work_max);

/* The next flow that became ready since it was last given out, or QUEUE_NONE. From then on the
 * flow is the caller's to claim from, until a claim answers QUEUE_NONE; then the number is void,
 * and when there is something again it is given out anew, perhaps under another number. */
MUST_USE uint32_t queue_ready(struct queue_shard *shard);
/* True when the last queue_ready answered QUEUE_NONE at its bound of work: call it again soon. */
MUST_USE bool queue_ready_cut(const struct queue_shard *shard);
void queue_flow(const struct queue_shard *shard, uint32_t flow, struct queue_flow *ret);

/* The next recipient of the flow, now in flight; or QUEUE_NONE: nothing more, or its campaign is
 * PAUSED or CANCELLED, or its domain stopped (then the flow is void, see queue_ready). */
MUST_USE uint32_t queue_claim(struct queue_shard *shard, uint32_t flow);
/* The claimed record. 0 or -EBADMSG: its bytes are damaged, settle it with queue_damaged. */
MUST_USE int queue_view(const struct queue_shard *shard, uint32_t record,
                        struct queue_recipient *ret);
uint32_t queue_campaign_of(struct queue_shard *shard, uint32_t record);
struct identity queue_identity(struct queue_shard *shard, uint32_t record);
/* A settle of this record comes next: begins to fetch its entry, which is in no cache any more when
 * there are millions. */
void queue_near(const struct queue_shard *shard, uint32_t record);
/* The attempt number that a settle with this attempt will have. */
uint32_t queue_attempt_number(const struct queue_shard *shard, uint32_t record,
                              const struct attempt *attempt);
/* The verdict in memory: the store has put the same attempt into the journal. What is deferred of
 * what was cancelled is found by queue_sweep. */
void queue_settle(struct queue_shard *shard, uint32_t record, const struct attempt *attempt);
/* The next recipient that was cancelled, with its campaign or with its domain, that is open and
 * that nobody has, now claimed: to be settled as cancelled at once. Waiting or deferred makes no
 * difference; those in flight come when they are released or deferred. QUEUE_NONE: none is left, or
 * *work entries have been looked at, which is counted down. */
MUST_USE uint32_t queue_sweep(struct queue_shard *shard, uint32_t *work);
/* Whether the record was cancelled with its domain, and not with its whole campaign. */
MUST_USE bool queue_is_stopped(struct queue_shard *shard, uint32_t record);
/* True while queue_sweep may find something. */
MUST_USE bool queue_sweeping(const struct queue_shard *shard);
/* No attempt was made: back to the head of its flow, nothing is journaled. */
void queue_release(struct queue_shard *shard, uint32_t record);
/* The claimed record cannot be read: out of the way until the next start, counted as damaged. */
void queue_damaged(struct queue_shard *shard, uint32_t record);

/* This shard's changes since the queue was opened. */
const struct campaign_counts *queue_counts(const struct queue_shard *shard,
                                           uint32_t campaign_index);
uint32_t queue_claimed_count(const struct queue_shard *shard);
/* Recipients in flows: they could be claimed now (what is paused included). */
uint32_t queue_waiting_count(const struct queue_shard *shard);
/* True while notices brought recipients that queue_due has not admitted yet, or that queue_sweep
 * has not ended yet. */
MUST_USE bool queue_admitting(const struct queue_shard *shard);
/* The wall second (since 1970) in which the next deferred recipient is due, or UINT64_MAX. */
uint64_t queue_next_due_s(const struct queue_shard *shard);

#endif
