/* sts_fetch.h - gets MTA-STS policies for the domains of one shard (RFC 8461), and keeps them.
 *
 * Asks for TXT _mta-sts.<domain>, fetches https://mta-sts.<domain>/.well-known/mta-sts.txt when the
 * record says so, and remembers what came of it (tls/sts_cache.h). A few at a time
 * (sts_fetch_job.h); a domain that waits for its first answer is told of by sts_fetch_done. Known
 * policies are fetched again in the background. They are written to <folder>/sts.<shard> within a
 * minute, and at the end.
 *
 * Knows nothing of mail. A failure keeps no mail back: without a policy the domain has none. Owns
 * the cache, the exchanges and the file. Borrows io, the dns room, the TLS context. */
#ifndef ENGINE_STS_FETCH_H
#define ENGINE_STS_FETCH_H

#include "engine/https.h"
#include "engine/snapshot.h"
#include "tls/sts_cache.h"

#define STS_FETCH_JOBS_MAX 256
#define STS_FETCH_DOMAINS_MAX 32768
#define STS_FETCH_POLICIES_MAX 4096
#define STS_FETCH_SAVE_NS NS_PER_MINUTE
#define STS_FETCH_WAITER (UINT64_C(1) << 61) /* with the slot: who waits in the dns room */
#define STS_FETCH_NOBODY UINT32_MAX
#define STS_FETCH_SNAPSHOT 0 /* its number */

struct sts_fetch {
    struct io *io;
    struct dns *dns;
    uint16_t port;
    uint64_t timeout_ns;
    struct sts_cache cache;
    struct https https;
    struct slab jobs; /* of struct sts_fetch_job */
    struct snapshot snapshot;
    uint64_t saved_changes; /* of the cache, in the file or being written */
    uint64_t save_ns;       /* not before */
    uint64_t due_ns;        /* when to look for policies to fetch again */
    bool stopping;
};

struct sts_fetch_options {
    struct io *io;
    struct dns *dns;
    const struct tls_context *tls; /* with roots */
    bool allow_special;
    uint16_t port;       /* 443 */
    uint64_t timeout_ns; /* of one fetch; 0: HTTPS_TIMEOUT_NS */
    uint32_t shard;      /* names the file */
    struct span folder;  /* exists; empty: nothing is kept */
    bool sync;
    uint32_t domains_max;  /* 0: STS_FETCH_DOMAINS_MAX */
    uint32_t policies_max; /* 0: STS_FETCH_POLICIES_MAX */
    struct table_key seed;
    sts_cache_filter *is_ours; /* whose policies are taken out of the files; NULL: all */
    const void *context;
};

enum sts_fetch_answer {
    STS_FETCH_KNOWN,   /* *ret_view holds */
    STS_FETCH_PENDING, /* sts_fetch_done will name the owner; then ask again */
    STS_FETCH_BUSY     /* no place: ask again later */
};

size_t sts_fetch_cost(const struct sts_fetch_options *options);
/* Reads what the files hold; damaged ones count as far as they are good. -errno: the folder or the
 * paths. */
MUST_USE int sts_fetch_init(struct sts_fetch *fetch, struct arena *arena,
                            const struct sts_fetch_options *options);
/* The domain (lower-case A-labels) is mailed to: what is its policy? Starts what is to be started.
 * One owner a domain. The view's policy is valid within the turn. */
MUST_USE enum sts_fetch_answer sts_fetch_ask(struct sts_fetch *fetch, struct span domain,
                                             uint32_t owner, struct sts_view *ret_view);
/* The same, without asking anybody. */
struct sts_view sts_fetch_look(struct sts_fetch *fetch, struct span domain);
MUST_USE bool sts_fetch_done(struct sts_fetch *fetch, uint32_t *ret_owner);
/* Events of TAG_HTTPS_*, and of TAG_SNAPSHOT with index STS_FETCH_SNAPSHOT. */
void sts_fetch_event(struct sts_fetch *fetch, const struct io_event *event);
/* dns_done named a waiter with STS_FETCH_WAITER or HTTPS_WAITER in it. */
void sts_fetch_answered(struct sts_fetch *fetch, uint64_t waiter);
MUST_USE bool sts_fetch_owns(uint64_t waiter);
/* Once a turn, before questions are sent. */
void sts_fetch_turn(struct sts_fetch *fetch);
MUST_USE uint64_t sts_fetch_deadline_ns(const struct sts_fetch *fetch);
/* Ends what is under way and writes the file; owners are not told any more. True when nothing is in
 * flight. */
MUST_USE bool sts_fetch_stop(struct sts_fetch *fetch);

#endif
