/* store.h - the hall's side of the queue: opens the spool, moves the queue's bytes through io/io.h.
 *
 * Knows nothing of mail servers. Two halves, each used by exactly one thread with that thread's io:
 *   - struct store: the spool as a whole. Recovery at start, loads (segments), campaign states (the
 *     control journal), checkpoints, what the shards reported, reading of events.
 *   - struct store_shard: one shard's claims and settles, its outcome journal with group commit.
 * Both may run on the same thread and io. Between them run channels (base/channel.h); after a send
 * the other side's ring is woken.
 *
 * The owner of an io gives every event to store_event or store_shard_event first (true: it was
 * theirs), calls the tick once a turn and waits no longer than the deadline says.
 *
 *   shard's journal: NONE -> CREATING -> OPEN -> (full, or failed) -> CREATING ...
 *                    CREATING -> FAILED -> CREATING (retried every second)
 *   load: ADDING -> COMMITTING -> READY;  any -> FAILED
 *         kept back: ADDING -> COMMITTING -> DURABLE -> (store_load_publish) COMMITTING -> READY
 *
 * Spool: lock, checkpoint.<n>, segments/<id>.seg, journals/<id>.jnl (docs/queue-format.md).
 *
 * Durability: durable (default: write, sync, then report), os (write, no sync), memory (no writes
 * at all; for benchmarks). Owns what it opens; memory comes from the arena at start. */
#ifndef ENGINE_STORE_H
#define ENGINE_STORE_H

#include "base/arena.h"
#include "base/text.h"
#include "io/io.h"
#include "queue/attempt.h"
#include "queue/campaign.h"
#include "queue/queue.h"

struct store;
struct store_shard;
struct store_load;

enum store_durability { STORE_DURABLE = 0, STORE_OS, STORE_MEMORY };

/* Tags taken by one store or one store_shard, from its tag_base on. */
#define STORE_TAGS 64
#define STORE_SHARDS_MAX 64
#define STORE_NO_WAKE UINT32_MAX

struct store_options {
    const char *folder; /* the spool; made if absent */
    enum store_durability durability;
    uint64_t commit_interval_ns; /* a shard's settles wait at most this long; 0 = 2 ms */
    uint64_t segment_size;       /* preallocated; 0 = 64 MiB. A larger content gets a larger file */
    uint64_t journal_size;       /* the most; the first of a process is smaller; 0 = 64 MiB */
    uint64_t checkpoint_bytes; /* journal bytes, at least, after which a checkpoint is made; 0 = 256
                                  MiB */
    uint32_t claims_max;       /* a shard: recipients in flight at once; 0 = 4096 */
    struct queue_limits limits; /* domain_key may be empty: drawn from io_entropy */
    uint64_t node;              /* 16 bits of each campaign id; 0 for a single machine */
    uint64_t tag_base;          /* the store's own tags: [tag_base, tag_base + STORE_TAGS) */
    uint32_t wake_index;        /* the store's ring in its group; STORE_NO_WAKE: do not wake it */
};

/* What recovery found, for the log line at start. */
struct store_recovery {
    uint64_t recipients_count;
    uint32_t campaigns_count;
    uint32_t discarded_count; /* loads that had been broken off */
    uint32_t segments_count;
    uint32_t journals_count;
    uint64_t replayed_count; /* journal records applied */
    uint64_t torn_bytes;     /* cut off behind the last good batch */
    uint32_t damaged_count;  /* files with damage below their watermark: see queue verify */
    bool from_checkpoint;    /* false: rebuilt from segments and journals */
    bool clean;              /* the last process closed the spool in good order */
};

/* --- the store's thread --- */

size_t store_cost(const struct store_options *given); /* bytes of arena, all shards included */
/* Opens and recovers; waits on `io` itself, on which nothing else may be under way, and returns
 * when done. Everything that was recovered is durable then. -EWOULDBLOCK: in use by the process
 * named in *error; -ENOSPC: more recipients, domains... than the limits allow; -ENOTSUP: a newer
 * format; else -errno. *error says it in words. */
MUST_USE int store_open(struct store **ret_store, struct io *io, struct arena *arena,
                        const struct store_options *options, struct text *error);
/* All shards are closed and their threads have ended: takes their last counts, so that store_counts
 * is exact from now on. store_close does it if it was not done. */
void store_shards_closed(struct store *store);
/* All shards are closed. Writes the checkpoint, seals the journals, waits on its io. NULL is a
 * no-op. Returns the first error; nothing accepted is lost by one. */
int store_close(struct store *store);
const struct store_recovery *store_recovery(const struct store *store);
struct queue *store_queue(struct store *store);

MUST_USE bool store_event(struct store *store, const struct io_event *event);
void store_tick(struct store *store);
uint64_t store_deadline_ns(const struct store *store); /* UINT64_MAX: none */
/* True when nothing of the store's is in flight or waits to be written. */
MUST_USE bool store_quiet(const struct store *store);
/* The first error that stopped a write of the store's thread, or 0. */
int store_error(const struct store *store);

/* What was written since the start: segments and control journal of the store, or the journal of
 * one shard. */
struct store_traffic {
    uint64_t batches_count;
    uint64_t bytes;
    uint64_t syncs_count;
    uint64_t sync_ns; /* from asking to the answer, added up */
    uint64_t sync_max_ns;
};
void store_traffic(const struct store *store, struct store_traffic *ret);
void store_shard_traffic(const struct store_shard *shard, struct store_traffic *ret);

/* Base plus the shards' last reports (at most 100 ms old; exact once the shards are closed). */
void store_counts(const struct store *store, uint32_t campaign_index,
                  struct campaign_counts *ret_counts);
/* Of all shards by their last report: recipients that could be claimed now, claimed ones, and
 * the wall second in which the next deferred one is due (UINT64_MAX: none). */
struct store_progress {
    uint64_t waiting_count;
    uint64_t claimed_count;
    uint64_t next_due_s;
    /* Recipients that have come are not all ready to be claimed; or those that were cancelled are
     * still to be ended (a sweep is ordered or open); or a shard has not reported since the last
     * load or start. */
    bool admitting;
    bool journal_failed;
};
void store_progress(const struct store *store, struct store_progress *ret);

/* READY, PAUSED, CANCELLED, DONE; durable when store_state_durable answers true. -EINVAL: not from
 * its present state; -EBUSY: the control journal has no room now, try again after a tick. The
 * shards learn of it at once. DONE is set by the store itself. */
MUST_USE int store_set_state(struct store *store, uint32_t campaign_index,
                             enum campaign_state state);
/* Nobody claims from this campaign as long as this store is open, whatever its state; the spool
 * keeps the state that it has. Before the shards run. */
void store_hold(struct store *store, uint32_t campaign_index);
MUST_USE bool store_state_durable(const struct store *store, uint32_t campaign_index);
/* Its state was set since the store was opened. */
MUST_USE bool store_state_is_new(const struct store *store, uint32_t campaign_index);
/* Stops the mail to a domain or, STOP_NONE, lets it go on (queue/stops.h): of one campaign, or of
 * STOPS_EVERY; `domain` in any case. Durable when store_stops_durable answers true. -EINVAL: no
 * name of a domain, a campaign that has ended or whose content is lost, or a cancel of every
 * campaign; -EALREADY: it is so; -ENOSPC: too many stops or domains; -EBUSY: as above. */
MUST_USE int store_set_stop(struct store *store, uint32_t campaign_index, struct span domain,
                            enum stop_kind kind);
/* All that were ordered so far are. */
MUST_USE bool store_stops_durable(const struct store *store);

/* --- loads (one a lane at a time) --- */

enum store_load_state {
    STORE_LOAD_ADDING = 0, /* store_load_add */
    STORE_LOAD_COMMITTING, /* segments, then the READY record are being made durable */
    STORE_LOAD_DURABLE,    /* kept back: READY is durable and its content can be read */
    STORE_LOAD_READY,      /* durable; the shards have been told */
    STORE_LOAD_FAILED,     /* nothing was queued: store_load_error */
};

struct store_recipient {
    struct span address;       /* local@domain, as it goes into RCPT TO; 3..320 octets */
    struct span domain;        /* of the address, for routing; any case; 1..255 octets */
    const struct span *values; /* in template order */
    uint32_t values_count;     /* at most QUEUE_VALUES_MAX */
    struct span metadata;      /* JSON text, or empty */
};

/* -EEXIST: the tenant has a campaign of that name; -EBUSY: the lane has an open load; -ENOSPC: no
 * campaign left; -EINVAL: a name or the content is too long. Strings and content are copied. */
MUST_USE int store_load_begin(struct store *store, const struct campaign_descriptor *descriptor,
                              struct span content, struct store_load **ret_load);
/* Address, values and metadata of one recipient, together. */
#define STORE_RECIPIENT_MAX ((size_t)192 * 1024)
/* 0; -EAGAIN: back-pressure: give the store its events and tick, then add it again; -EINVAL: too
 * long; -ENOSPC, -EIO...: the load has FAILED. The ordinal is the count of those added before. */
MUST_USE int store_load_add(struct store_load *load, const struct store_recipient *recipient);
/* The shards learn of the campaign only after store_load_publish: beside shards that run, so that
 * its content is there before a claim. Before the commit. A load that is DURABLE is the caller's
 * until it is READY; a process that ends before has accepted it all the same. */
void store_load_keep_back(struct store_load *load);
/* DURABLE: the shards may have it; READY follows after a tick. */
void store_load_publish(struct store_load *load);
/* Success is reported by store_load_state only when READY is durable. */
void store_load_commit(struct store_load *load, const uint8_t list_digest[CAMPAIGN_DIGEST_SIZE]);
/* Gives the load up: nothing of it is queued. Also after FAILED or READY: frees the slot. */
void store_load_end(struct store_load *load);
enum store_load_state store_load_state(const struct store_load *load);
int store_load_error(const struct store_load *load);         /* -errno of FAILED */
uint32_t store_load_campaign(const struct store_load *load); /* its index */
uint32_t store_load_count(const struct store_load *load);    /* recipients added */

/* --- one shard's thread --- */

struct store_shard_options {
    struct io *io;
    uint64_t tag_base;
    uint32_t wake_index; /* this shard's ring in its group; STORE_NO_WAKE: it need not be woken */
};

/* Called before the shard's thread starts; the other calls below belong to that thread. */
struct store_shard *store_shard(struct store *store, uint32_t shard_index);
void store_shard_open(struct store_shard *shard, const struct store_shard_options *options);
/* Makes everything settled durable, waiting on its io; claimed recipients go back. 0 or -errno. */
int store_shard_close(struct store_shard *shard);
/* For queue_ready, queue_flow, queue_view, queue_attempt_number, queue_counts. Claims, settles and
 * releases go through the store. */
struct queue_shard *store_shard_queue(struct store_shard *shard);

MUST_USE bool store_shard_event(struct store_shard *shard, const struct io_event *event);
/* Notices, due recipients (at most a few thousand a call), group commit, reports. */
void store_shard_tick(struct store_shard *shard);
uint64_t store_shard_deadline_ns(const struct store_shard *shard);

/* 0; -ENOENT: the flow has nothing now and its number is void (queue_ready gives it out again);
 * -EAGAIN: the journal has no room for another verdict now, try after the next event; -EIO: the
 * journal cannot be written, nothing may be claimed (store_shard_failed). A damaged record is
 * counted and skipped inside. */
MUST_USE int store_claim(struct store_shard *shard, uint32_t flow, uint32_t *ret_record,
                         struct queue_recipient *ret_recipient);
/* A verdict on the record is on its way: begins to fetch what store_settle will touch. Optional. */
void store_near(const struct store_shard *shard, uint32_t record);
/* Never fails: room was reserved by the claim. Returns the settle's number on this shard, from 1;
 * it is durable once store_durable_count has reached it. */
uint64_t store_settle(struct store_shard *shard, uint32_t record, const struct attempt *attempt);
void store_release(struct store_shard *shard, uint32_t record);
uint64_t store_durable_count(const struct store_shard *shard);
/* -errno of the journal while it cannot be written, else 0. */
int store_shard_error(const struct store_shard *shard);

/* --- reading events (store_events.c): in order for each shard --- */

/* How far a reader has come: of each shard's journals, everything in files before `journal` and in
 * that one everything below `offset`. All zero: from the beginning. A plain value. */
struct store_cursor {
    struct {
        uint64_t journal;
        uint64_t offset;
    } parts[STORE_SHARDS_MAX];
};

/* As text for a file: "1 shard:journal:offset ...\n", and back; at most STORE_CURSOR_TEXT_MAX. */
#define STORE_CURSOR_TEXT_MAX ((size_t)4096)
void store_cursor_write(const struct store_cursor *cursor, struct text *text);
MUST_USE bool store_cursor_read(struct span text, struct store_cursor *ret_cursor);

/* The next durable event behind the cursor, which moves past it; spans of *ret are valid until the
 * next call. 1: an event; 0: none now; -EBADMSG: damage was stepped over (counted by queue verify;
 * go on calling); else -errno. Belongs to the store's thread. */
MUST_USE int store_events_next(struct store *store, struct store_cursor *cursor,
                               struct attempt_event *ret);

/* --- verification of a spool at rest (store_verify.c) --- */

struct store_problem {
    const char *file; /* "segments/0000000000000003.seg" */
    uint64_t offset;
    const char *what; /* in words */
    bool lost;        /* recipients or outcomes cannot be read; false: a torn tail, a left-over */
};

struct store_verify_totals {
    uint32_t files_count;
    uint64_t bytes;
    uint64_t batches_count;
    uint64_t records_count;
    uint64_t recipients_count;
    uint64_t outcomes_count;
    uint32_t problems_count; /* with lost = true */
};

typedef void store_report_problem(void *context, const struct store_problem *problem);

/* Walks the spool read-only, without a store; the lock is taken, so no sender is running. 0 or
 * -errno (the walk itself could not be done). */
MUST_USE int store_verify(struct io *io, const char *folder, store_report_problem *report,
                          void *context, struct store_verify_totals *ret_totals);

#endif
