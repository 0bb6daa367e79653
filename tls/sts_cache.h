/* sts_cache.h - what is known about the MTA-STS policies of domains, and when to ask again.
 *
 *   unknown --want--> asking --announced--> fetching --fetched--> policy until it expires
 *                        |  no record           |  failed
 *                        v                      v
 *                      none, asked again    none, or the policy it had while that is not expired
 *
 * A policy belongs to a recipient domain, never to the hosts behind it: domains that share an MX
 * set are known apart. A policy that was fetched stays in force until it expires, whatever becomes
 * of the record and of later fetches (RFC 8461 3.3, 5.1). It is fetched again when the id in the
 * record changes and when it is a day, or half of its life, old.
 *
 * Knows neither DNS nor HTTP nor files: the hall asks and fetches, and keeps the bytes. Time is the
 * wall clock in seconds, because policies outlive the process. Full tables forget domains without a
 * policy first, then the policy that was longest not used. Borrows an arena. */
#ifndef TLS_STS_CACHE_H
#define TLS_STS_CACHE_H

#include "base/list.h"
#include "base/slab.h"
#include "base/table.h"
#include "base/text.h"
#include "message/tls_demand.h"
#include "tls/sts_policy.h"
#include "tls/sts_record.h"

#define STS_CACHE_ASK_S 600                /* after an answer the record is asked for again */
#define STS_CACHE_RETRY_S 300              /* after a failure; also between two fetches at least */
#define STS_CACHE_LIFE_MIN_S 300           /* max_age 0 is this long, or nothing would apply */
#define STS_CACHE_REFRESH_S 86400          /* a policy is fetched again when this old */
#define STS_CACHE_IDLE_S UINT64_C(2592000) /* 30 days without use: let it expire */
#define STS_CACHE_SURE_S UINT64_C(43200)   /* what was heard is certain for 12 hours */
#define STS_CACHE_BUSY_S 180               /* a question or fetch that never ended is given up */
#define STS_CACHE_RECORD_MAX (8 * KIB)     /* octets of one policy in the file */
#define STS_CACHE_DOMAIN_MAX 253

struct sts_entry {
    struct list_node node; /* in the cache's lists by use */
    uint32_t slot;
    struct slab_handle policy; /* generation 0: none */
    uint64_t fetched_s;
    uint64_t expires_s;
    uint64_t used_s;
    uint64_t ask_s;       /* the record is not asked for before */
    uint64_t fetch_s;     /* nor the policy fetched */
    uint64_t busy_s;      /* a question or fetch is under way until then; 0: none */
    bool known;           /* an answer has come, ever */
    bool sure;            /* the last try told whether there is a policy, and which */
    enum tls_fault fault; /* of the last try, TLS_FAULT_NONE when it went well */
    uint8_t domain_size;
    uint8_t id_size;
    char domain[STS_CACHE_DOMAIN_MAX];
    char id[STS_RECORD_ID_MAX]; /* of the policy */
};

struct sts_cache {
    struct table_key seed;
    struct table index;
    struct slab entries;
    struct slab policies;
    struct list plain;   /* entries without a policy, longest unused first */
    struct list lasting; /* entries with one */
    uint32_t due_at;     /* where the search for what is due goes on */
    uint64_t changes;    /* counts policies set and dropped: a reason to write the file */
};

struct sts_cache_options {
    uint32_t domains_max;
    uint32_t policies_max;
    struct table_key seed;
};

enum sts_knowledge {
    STS_UNKNOWN, /* ask, and wait for the answer */
    STS_WITHOUT, /* no policy applies (or none could be had: `fault`) */
    STS_POLICY   /* this one */
};

struct sts_view {
    enum sts_knowledge knowledge;
    const struct sts_policy *policy; /* STS_POLICY; valid within the turn */
    enum tls_fault fault;            /* why the last try to get the policy failed */
    bool sure; /* the last try was not long ago and did not fail in any way: what is known is so */
    struct span id;
    uint64_t fetched_s;
    uint64_t expires_s;
};

size_t sts_cache_cost(const struct sts_cache_options *options);
void sts_cache_init(struct sts_cache *cache, struct arena *arena,
                    const struct sts_cache_options *options);
/* What is known. `domain`: lower-case A-labels without final dot, as everywhere here. */
struct sts_view sts_cache_look(struct sts_cache *cache, struct span domain, uint64_t now_s);
/* The domain is mailed to. True: ask for its record now, and then call sts_cache_announced or
 * sts_cache_failed: until then it does not say so again. */
MUST_USE bool sts_cache_want(struct sts_cache *cache, struct span domain, uint64_t now_s);
/* A domain whose policy is due to be fetched again; at most `count` entries are looked at. Like a
 * sts_cache_want that was true. The name is valid within the turn. */
MUST_USE bool sts_cache_due(struct sts_cache *cache, uint32_t count, uint64_t now_s,
                            struct span *ret_domain);
/* The record has come; `id` empty: there is none. True: fetch the policy, and then call
 * sts_cache_fetched or sts_cache_failed. */
MUST_USE bool sts_cache_announced(struct sts_cache *cache, struct span domain, struct span id,
                                  uint64_t now_s);
void sts_cache_fetched(struct sts_cache *cache, struct span domain, struct span id,
                       const struct sts_policy *policy, uint64_t now_s);
void sts_cache_failed(struct sts_cache *cache, struct span domain, enum tls_fault fault,
                      uint64_t now_s);

/* The file: text, one piece a policy with a CRC of its own. Adds what fits to *out; *cursor, 0 at
 * the start, says where to go on. True when everything is written. An empty *out of
 * STS_CACHE_RECORD_MAX + 64 makes progress. */
MUST_USE bool sts_cache_write(const struct sts_cache *cache, uint32_t *cursor, uint64_t now_s,
                              struct text *out);
/* Which domains are taken out of a file. */
typedef bool sts_cache_filter(const void *context, struct span domain);
/* Takes the policies that have not expired, that `filter` (NULL: all) wants, and that are newer
 * than what is there. -EBADMSG: damaged; the good ones before it are in. */
MUST_USE int sts_cache_read(struct sts_cache *cache, struct span file, uint64_t now_s,
                            sts_cache_filter *filter, const void *context);

#endif
