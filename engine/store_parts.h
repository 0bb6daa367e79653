/* store_parts.h - what the files of the store share about its insides; for nobody else.
 *
 * Words that both the store's thread and a shard's thread use go through the two channels of the
 * shard; the rest belongs to one of them, as the comments say. */
#ifndef ENGINE_STORE_PARTS_H
#define ENGINE_STORE_PARTS_H

#include "base/channel.h"
#include "engine/store.h"
#include "engine/store_log.h"
#include "queue/checkpoint.h"
#include "queue/journal.h"
#include "queue/queue_append.h"
#include "queue/queue_recover.h"
#include "queue/scan.h"

#define STORE_PARTS_NOTICES 256    /* that the store keeps for slow shards */
#define STORE_PARTS_JOURNALS 16384 /* files in journals/ */
#define STORE_PARTS_CANCELS 256    /* of domains, that are not durable yet */
#define STORE_PARTS_READERS 2      /* of events, at their own places at once */
#define STORE_PARTS_UNKNOWN (UINT32_MAX - 1)
#define STORE_PARTS_BLOCKS_AT_REST 16 /* of a checkpoint, a write while no shard runs */
#define STORE_PARTS_LEFT 16           /* journals that a shard left and has not reported yet */
#define STORE_PARTS_NAMES_SIZE ((size_t)512 * 1024)

/* Tags, counted from tag_base. */
enum {
    STORE_TAG_CONTROL = 0, /* the control journal */
    STORE_TAG_LANE = 1,    /* and one more for each further lane */
    STORE_TAG_CHECKPOINT = STORE_TAG_LANE + LANES_COUNT,
    STORE_TAG_IGNORED = STORE_TAGS - 1,
};

enum store_report_kind {
    STORE_REPORT_COUNTS,   /* of one campaign */
    STORE_REPORT_PROGRESS, /* of the shard */
    STORE_REPORT_LEFT,     /* a journal was left: journal, journal_durable */
    STORE_REPORT_COPIED,   /* its part of a checkpoint's block is filled in */
};

/* What a shard tells the store. Counts are since the start, so that a later one replaces. */
struct store_report {
    enum store_report_kind kind;
    uint32_t campaign;
    struct campaign_counts counts;
    uint64_t settled_count;
    uint64_t durable_count;
    uint64_t waiting_count;
    uint64_t claimed_count;
    uint64_t next_due_s;
    uint64_t notices_count; /* taken in so far */
    uint64_t journal;       /* present file, 0: none yet */
    uint64_t journal_durable;
    uint64_t bytes; /* journaled */
    bool admitting;
    int error;
};

enum store_order_kind {
    STORE_ORDER_NOTICE, /* for the queue */
    STORE_ORDER_COPY,   /* fill in your part of some blocks of a checkpoint */
};

/* What the store tells a shard. */
struct store_order {
    enum store_order_kind kind;
    struct queue_notice notice;
    const struct checkpoint_writer *writer;
    uint64_t block;
    uint64_t blocks_count;
    uint8_t *data;
};

struct store_counted {
    struct campaign_counts counts;
    uint64_t settled_count; /* of the shard, when it counted */
};

struct store_shard {
    struct channel orders;  /* store -> shard */
    struct channel reports; /* shard -> store */
    struct store *store;
    struct queue_shard *queue;
    uint32_t index;
    /* the shard's */
    uint32_t wake_index;
    struct io *io;
    uint64_t tag_base;
    struct store_log log;
    uint64_t *dirty;           /* campaigns whose counts changed, a bit each */
    uint64_t waiting_reported; /* queue_waiting_count as last reported */
    uint64_t report_ns;
    uint64_t notices_count;
    uint64_t settled_count;
    uint64_t journal;                                   /* the present file, 0: none yet */
    uint64_t journal_durable;                           /* ...and the end of its durable part */
    struct checkpoint_cover left[STORE_PARTS_LEFT + 4]; /* to be reported */
    uint64_t bytes;
    struct store_order held; /* received, but there is no room for it yet */
    uint32_t left_count;
    bool holds;
    bool changed;
    bool more_due;
    bool more_to_sweep; /* and there is room for it */
    /* the store's */
    struct store_report progress;  /* the last one */
    struct store_counted *counted; /* one a campaign */
    uint64_t notices_sent;
};

/* A journal file. */
struct store_journal {
    uint64_t file;
    uint64_t end;     /* of its durable part; UINT64_MAX: as far as it is good */
    uint64_t covered; /* by the tables; UINT64_MAX: to its end */
    uint32_t part;    /* shard, or RECORD_PART_CONTROL, or STORE_PARTS_UNKNOWN */
    bool live;        /* is being written */
};

/* A journal in which a reader of events stands. Each part has a few, so that two readers do not
 * chase each other through the file. */
struct store_reading {
    struct io_mapping mapping;
    uint64_t file;     /* 0: none */
    uint64_t position; /* everything below this offset was given out */
    uint64_t used;     /* when: the one that was used longest ago gives way */
    struct scan scan;
};

struct store_load {
    struct store *store;
    bool used;
    bool abandoned; /* ends by itself when its commit has ended */
    bool kept_back; /* DURABLE comes before READY */
    enum store_load_state state;
    int error;
    enum lane lane;
    uint32_t campaign;
    uint32_t count;
    uint32_t run_first;
    uint64_t ready_ticket;
    struct campaign_descriptor descriptor;
    struct span content;
    uint8_t list_digest[CAMPAIGN_DIGEST_SIZE];
    uint8_t strings[5 * CAMPAIGN_NAME_MAX];
};

enum store_lane_step {
    STORE_LANE_CLOSED = 0, /* no segment yet, or it failed */
    STORE_LANE_OPENING,    /* a new segment is being made */
    STORE_LANE_OPEN,       /* records go to it */
    STORE_LANE_LEAVING,    /* it is full: what is gathered is made durable */
    STORE_LANE_SEALING,    /* a seal goes behind it, then the next one is made */
};

struct store_lane {
    struct store_log log;
    enum store_lane_step step;
    uint32_t slot;     /* of the open segment */
    uint32_t *numbers; /* our number of a domain to the segment's, QUEUE_NONE: not there */
    uint32_t numbers_count;
    uint32_t campaign; /* whose descriptor and content stand in the segment; QUEUE_NONE */
    bool described;    /* its descriptor does; the content may still wait */
    uint64_t descriptor_offset;
    uint64_t content_offset;
    uint8_t *content; /* the load's, copied: CAMPAIGN_CONTENT_MAX of memory, touched when used */
    struct store_load load;
};

enum store_checkpoint_step {
    STORE_CHECKPOINT_IDLE = 0,
    STORE_CHECKPOINT_UNLINK,      /* what a process left that died while writing one */
    STORE_CHECKPOINT_CREATE,      /* the file is being made */
    STORE_CHECKPOINT_FILL,        /* the shards copy their entries into the blocks */
    STORE_CHECKPOINT_WRITE,       /* blocks are being written */
    STORE_CHECKPOINT_TRAILER,     /* ...and what stands behind them */
    STORE_CHECKPOINT_HEADER,      /* ...and in front of them */
    STORE_CHECKPOINT_SYNC,        /* the file is being synced */
    STORE_CHECKPOINT_SETTLE,      /* until all that it knows is durable in a journal */
    STORE_CHECKPOINT_RENAME,      /* it gets its name */
    STORE_CHECKPOINT_FOLDER,      /* the spool folder is being opened */
    STORE_CHECKPOINT_FOLDER_SYNC, /* ...and synced: from now on it counts */
};

struct store_checkpoint {
    enum store_checkpoint_step step;
    struct checkpoint_writer writer;
    struct checkpoint_memory memory;
    struct checkpoint_cover *covers; /* of journals */
    uint64_t number;                 /* of the last one */
    uint64_t block;
    uint64_t data_blocks;           /* in `data`, from `block` on */
    uint32_t copies_left;           /* shards that have not filled in theirs yet */
    bool ordered[STORE_SHARDS_MAX]; /* have been asked */
    uint8_t *data;
    int file;
    int folder;
    bool at_rest; /* no shard runs: the store copies all entries itself */
    int error;    /* of the last try: no checkpoint was made, nothing is lost */
    uint64_t retry_ns;
    uint64_t bytes_at_last; /* journaled when the last one began */
    uint32_t recipients_at_last;
    uint64_t settled[STORE_SHARDS_MAX]; /* must be durable before it counts */
    uint64_t states_count;              /* ...and so many records of the control journal */
    char path[STORE_LOG_PATH_MAX];
};

/* A cancel of a domain, which the shards do not know yet. */
struct store_cancel {
    struct stop stop;
    uint64_t ticket; /* durable at this control count */
};

struct store_stops {
    struct store_cancel cancels[STORE_PARTS_CANCELS]; /* a ring */
    uint32_t cancels_first;
    uint32_t cancels_count;
    uint64_t ticket; /* all stops are durable at this control count */
};

struct store {
    struct store_options options;
    char folder[STORE_LOG_PATH_MAX];
    struct io *io;
    struct queue *queue;
    struct store_recovery recovery;
    struct store_log control;
    struct store_lane lanes[LANES_COUNT];
    struct store_shard *shards;
    struct store_checkpoint checkpoint;
    struct io_mapping *segments;    /* one a slot */
    struct store_journal *journals; /* in order of their ids */
    uint32_t journals_count;
    uint8_t *names; /* scratch: names in a folder */
    struct queue_notice *notices;
    uint64_t notices_count;
    bool *held;              /* one a campaign: see store_hold */
    uint64_t *state_tickets; /* one a campaign: its last state is durable at this control count */
    bool *unswept;           /* one a campaign: cancelled, and not known to be durable yet */
    uint32_t unswept_count;
    struct store_stops stops;
    uint64_t file_next; /* first file number that was free at start */
    uint64_t created_last_s;
    uint32_t created_first; /* sequence that each second begins with */
    uint32_t created_sequence;
    bool check_done;
    bool shards_closed;
    bool campaign_missing;          /* recovery read a READY of one that no segment knows */
    struct store_reading *readings; /* STORE_PARTS_READERS a part */
    uint64_t readings_used;
    uint32_t reading_last;
    uint32_t parts_count; /* parts that have journals are below */
    uint32_t parts_seen;  /* journals looked at for that */
};

/* The order in which file numbers are dealt out: shards, control, lanes. */
static inline uint64_t store_parts_id_step(const struct store *store)
{
    return store->options.limits.shards_count + 1 + LANES_COUNT;
}

static inline bool store_parts_loading(const struct store_lane *lane)
{
    return lane->load.used &&
           (lane->load.state == STORE_LOAD_ADDING || lane->load.state == STORE_LOAD_COMMITTING ||
            lane->load.state == STORE_LOAD_DURABLE);
}

/* --- store_reports.c --- */
void store_parts_send_notices(struct store *store);
/* Campaigns whose last verdict is durable become DONE. */
void store_parts_find_done(struct store *store);
/* False: a slow shard leaves no room for another notice. */
MUST_USE bool store_parts_can_notify(const struct store *store);
/* Tells all shards; false when there is no room. */
MUST_USE bool store_parts_notify(struct store *store, const struct queue_notice *notice);
/* Puts a state into the control journal and applies it. -EBUSY. */
MUST_USE int store_parts_state(struct store *store, uint32_t campaign, enum campaign_state state);
uint64_t store_parts_wall_s(const struct store *store);
/* Takes what the shards reported. */
void store_parts_reports(struct store *store);
/* --- store_events.c --- */
/* The journal of that id, a new one if need be; NULL: no room. */
struct store_journal *store_parts_journal(struct store *store, uint64_t file);
/* --- store_recover.c --- */
/* The id in a name like "0123456789abcdef.seg". */
MUST_USE bool store_parts_file_id(struct span name, struct span suffix, uint64_t *ret_id);
MUST_USE int store_parts_recover(struct store *store, struct text *error);
/* --- store_secure.c --- */
/* Makes durable what recovery read in a journal and no watermark says is durable. Waits on the
 * store's io. 0 or -errno: nothing may be built on it then. */
MUST_USE int store_parts_secure(struct store *store, uint64_t journal, struct span image,
                                const struct queue_recovered *found);
/* --- store_load.c --- */
void store_parts_lane_step(struct store *store, struct store_lane *lane);
/* The id of a new campaign: never given before. */
uint64_t store_parts_new_id(struct store *store);
/* --- store_checkpoint.c --- */
size_t store_parts_checkpoint_cost(const struct store_options *options);
void store_parts_checkpoint_path(const struct store *store, uint64_t number, struct text *path);
void store_parts_checkpoint_init(struct store *store, struct arena *arena);
void store_parts_checkpoint_begin(struct store *store, bool at_rest);
void store_parts_checkpoint_event(struct store *store, const struct io_event *event);
void store_parts_checkpoint_step(struct store *store);
/* --- store_shard.c --- */
size_t store_parts_shard_cost(const struct store_options *options);
void store_parts_shard_init(struct store *store, struct arena *arena, uint32_t index);
/* Whether the journal has room for one more verdict beside those of the claims; asks for a write if
 * not. */
MUST_USE bool store_parts_has_room(struct store_shard *shard);
/* --- store_stop.c --- */
/* The shards learn of cancels that are durable now. */
void store_parts_tell_cancels(struct store *store);
/* After opening, before the shards run. */
void store_parts_resume_stops(struct store *store);
/* --- store_sweep.c --- */
/* The campaign was cancelled: once that is durable, the shards end what is open in it. */
void store_parts_sweep_later(struct store *store, uint32_t campaign);
void store_parts_order_sweeps(struct store *store);
/* After opening, before the shards run. */
void store_parts_resume_sweeps(struct store *store);
/* One step of a shard's. */
void store_parts_sweep(struct store_shard *shard);
void store_parts_sweep_on(struct store_shard *shard); /* after the journal's step */

#endif
