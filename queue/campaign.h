/* campaign.h - one campaign: what is sent, for whom, within which limits, and its state.
 *
 * Knows nothing of recipients, files or time. A plain noun: the descriptor is written once, at the
 * head of every segment that holds the campaign's recipients; the state changes by campaign records
 * in the journals, of which the highest sequence wins.
 *
 *   LOADING -> READY <-> PAUSED
 *   LOADING -> DISCARDED                  (a load that was broken off; queued nothing)
 *   READY, PAUSED -> CANCELLED            (an operator's decision)
 *   READY, PAUSED -> DONE                 (every recipient has its final outcome)
 *
 * Spans are lent: in a draft by the caller, in a campaign of the queue by a mapped segment for as
 * long as the queue lives. */
#ifndef QUEUE_CAMPAIGN_H
#define QUEUE_CAMPAIGN_H

#include "base/span.h"
#include "message/envelope.h"

#define CAMPAIGN_DIGEST_SIZE 32
#define CAMPAIGN_NAME_MAX 255
#define CAMPAIGN_CONTENT_MAX ((size_t)32 * 1024 * 1024)

enum campaign_state {
    CAMPAIGN_LOADING = 0, /* recipients are being added; nobody is mailed */
    CAMPAIGN_READY,       /* accepted, durable; claims are served */
    CAMPAIGN_PAUSED,      /* accepted; claims are refused until it is READY again */
    CAMPAIGN_CANCELLED,   /* what is not under way is never sent */
    CAMPAIGN_DONE,        /* every recipient has its final outcome */
    CAMPAIGN_DISCARDED,   /* the load was broken off; as if it had never been */
    CAMPAIGN_STATE_COUNT
};

enum campaign_content {
    CAMPAIGN_TEMPLATE = 0, /* content is template source, recipients carry field values */
    CAMPAIGN_MESSAGE,      /* content is a finished message */
    CAMPAIGN_CONTENT_COUNT
};

enum campaign_duplicates {
    CAMPAIGN_DUPLICATES_KEEP = 0, /* the same address twice in the list is mailed twice */
    CAMPAIGN_DUPLICATES_DROP,     /* ...once; the loader has dropped the others */
    CAMPAIGN_DUPLICATES_COUNT
};

/* What does not change after the load began. */
struct campaign_descriptor {
    uint64_t id;        /* 0 in a draft: the store makes one */
    struct span name;   /* at most CAMPAIGN_NAME_MAX, like the next four */
    struct span tenant; /* names are unique a tenant */
    struct span stream;
    struct span egress_pool;
    struct span sender; /* the address of --from, without angle brackets */
    enum lane lane;
    enum campaign_content kind;
    enum campaign_duplicates duplicates;
    bool require_tls; /* REQUIRETLS (RFC 8689): verified TLS to a server that offers it, or not at
                         all */
    uint32_t weight;  /* share among the campaigns of the lane; 0 = 1 */
    uint64_t rate;    /* messages an hour; 0 = no limit */
    uint64_t not_before_s; /* wall seconds since 1970; 0 = at once */
    uint64_t lifetime_s;   /* of each recipient from created_s; 0 = the configured one */
    uint64_t created_s;    /* wall seconds since 1970 */
    uint8_t content_digest[CAMPAIGN_DIGEST_SIZE];
};

struct campaign {
    struct campaign_descriptor descriptor;
    struct span content; /* the template source or the message; at most CAMPAIGN_CONTENT_MAX */
    uint32_t recipients_count;                 /* as committed */
    uint8_t list_digest[CAMPAIGN_DIGEST_SIZE]; /* as committed */
    enum campaign_state state;                 /* as the store's thread sees it */
    uint32_t state_sequence;
    uint64_t state_time_s;
};

/* Where recipients of a campaign stand. queued + deferred + in_flight + delivered + failed +
 * expired + suppressed + cancelled + damaged = recipients_count. */
struct campaign_counts {
    int64_t queued;     /* never tried */
    int64_t deferred;   /* tried, waits for its time */
    int64_t in_flight;  /* claimed now */
    int64_t delivered;  /* accepted by the receiver */
    int64_t failed;     /* refused for good */
    int64_t expired;    /* the lifetime ran out */
    int64_t suppressed; /* not to be mailed */
    int64_t cancelled;  /* by an operator */
    int64_t damaged;    /* the record cannot be read: see queue verify */
    int64_t unsure;     /* of all these: some attempt ended without an answer after the dot */
};

/* The one that takes all of a fresh campaign's changes: adds `more` to *counts. */
void campaign_counts_add(struct campaign_counts *counts, const struct campaign_counts *more);
/* queued + deferred + in_flight: what still has to end. */
int64_t campaign_counts_open(const struct campaign_counts *counts);
/* READY or PAUSED: its open recipients may be mailed, now or later. */
MUST_USE bool campaign_is_alive(enum campaign_state state);
/* Whether a state record may follow another. */
MUST_USE bool campaign_may_become(enum campaign_state from, enum campaign_state to);
const char *campaign_state_name(enum campaign_state state);

#endif
