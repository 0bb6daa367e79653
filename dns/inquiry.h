/* inquiry.h - one reading of the cache on behalf of one asker: what it relied on, and what it
 * lacks.
 *
 * Knows nothing of packets, waiters, routes or records. A reader (route_build, tlsa_set, txt_set)
 * finds what it can; questions that are missing are to be asked, and the reader run again; those
 * that fade are still good and should be asked anew meanwhile (prefetch). A plain value. Borrows
 * the cache. */
#ifndef DNS_INQUIRY_H
#define DNS_INQUIRY_H

#include "base/text.h"
#include "dns/dns_cache.h"
#include "dns/lookup.h"

/* Two types for five hosts. */
#define INQUIRY_QUESTIONS_MAX 10

struct inquiry_question {
    struct dns_name name;
    uint16_t type;
};

struct inquiry {
    struct dns_cache *cache;
    uint64_t now_ns;
    uint64_t expires_ns; /* the least of all that was found; UINT64_MAX: nothing was */
    bool stale;          /* something found has expired and serves on */
    bool failed;         /* a question could not be answered; the first one: */
    enum lookup_failure failure;
    struct inquiry_question failed_question;
    uint32_t servers; /* bits: who has said what was found */
    uint32_t missing_count;
    struct inquiry_question missing[INQUIRY_QUESTIONS_MAX];
    uint32_t fading_count;
    struct inquiry_question fading[INQUIRY_QUESTIONS_MAX];
};

void inquiry_begin(struct inquiry *inquiry, struct dns_cache *cache, uint64_t now_ns);
/* False: not in the cache, and noted as missing. */
MUST_USE bool inquiry_find(struct inquiry *inquiry, const struct dns_name *name, uint16_t type,
                           struct dns_cache_value *ret_value);
/* "SERVFAIL, asked for MX of a.example", of the question that failed. */
void inquiry_write_failure(const struct inquiry *inquiry, struct text *text);

#endif
