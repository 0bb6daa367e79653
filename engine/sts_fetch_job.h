/* sts_fetch_job.h - gets the MTA-STS policy of one domain: its record, then the policy itself.
 *
 *   TXT -> QUEUED (for a free exchange) -> FETCH -> TOLD (its owner is to be told) -> free
 *     what nobody waits for is free at once; what came of it, or of a failure, is in the cache
 *
 * A slot of the fetch's (sts_fetch.h), whose cache, exchanges and dns room it borrows. Knows
 * nothing of the file, and of when a policy is due again. */
#ifndef ENGINE_STS_FETCH_JOB_H
#define ENGINE_STS_FETCH_JOB_H

#include "engine/sts_fetch.h"

enum sts_fetch_state {
    STS_FETCH_TXT,    /* the record is asked for */
    STS_FETCH_QUEUED, /* waits for a free exchange */
    STS_FETCH_FETCH,  /* the policy is being fetched */
    STS_FETCH_TOLD    /* ended; sts_fetch_done names its owner */
};

struct sts_fetch_job {
    enum sts_fetch_state state;
    bool asked;     /* registered in the dns room */
    uint32_t owner; /* who waits, or STS_FETCH_NOBODY */
    uint8_t domain_size;
    uint8_t id_size;
    char domain[STS_CACHE_DOMAIN_MAX];
    char id[STS_RECORD_ID_MAX];
};

/* For a domain of STS_CACHE_DOMAIN_MAX octets at most, while there is a slot. Nobody waits for it
 * yet. It may end at once: the answer may be in the DNS cache. */
void sts_fetch_job_start(struct sts_fetch *fetch, struct span domain);
/* The one under way for this domain, or NULL. */
struct sts_fetch_job *sts_fetch_job_find(struct sts_fetch *fetch, struct span domain);
/* TXT: asks the dns room, for the first time or because it has named the waiter. */
void sts_fetch_job_ask(struct sts_fetch *fetch, struct sts_fetch_job *job);
/* FETCH: what the exchange came to. RFC 8461 3.3: a 200, of type text/plain, that is a policy. */
void sts_fetch_job_take(struct sts_fetch *fetch, struct sts_fetch_job *job,
                        const struct https_result *result);
/* Once a turn: goes on where there was no room before. */
void sts_fetch_job_turn(struct sts_fetch *fetch, struct sts_fetch_job *job);

#endif
