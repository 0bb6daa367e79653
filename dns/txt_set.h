/* txt_set.h - the TXT records of one name, the strings of each joined (RFC 8461 3.1, RFC 8460 3).
 *
 * Knows nothing of what they mean, of packets or of waiters; it only reads the cache. Whoever reads
 * them discards those that are not theirs. A plain value; records are found by offset. */
#ifndef DNS_TXT_SET_H
#define DNS_TXT_SET_H

#include "dns/dns_name.h"
#include "dns/route.h"

#define TXT_SET_RECORDS_MAX 16
#define TXT_SET_BYTES_MAX 4096

enum txt_set_status {
    TXT_SET_PENDING = 0, /* asked; dns_done gives the waiter back */
    TXT_SET_RECORDS,     /* count > 0 */
    TXT_SET_NONE,        /* the name does not exist, or has no TXT record */
    TXT_SET_FAILED,      /* SERVFAIL, bogus, silence: nothing is known */
    TXT_SET_BUSY,        /* dns_options.waiters_max are waiting: ask again later */
    TXT_SET_STATUS_COUNT
};

struct txt_set {
    enum txt_set_status status;
    bool secure;         /* the answer is, NONE too (AD of a trusted resolver) */
    uint64_t expires_ns; /* until when this holds; 0 for PENDING and BUSY */
    uint32_t servers;    /* bits: name servers that have said it */
    uint32_t count;
    uint32_t left_out; /* there was no room for so many more */
    uint32_t ends[TXT_SET_RECORDS_MAX];
    char problem[ROUTE_PROBLEM_SIZE]; /* in words for people; empty when RECORDS */
    uint8_t bytes[TXT_SET_BYTES_MAX];
};

struct inquiry;

/* Reads the cache; PENDING exactly when the inquiry, which has begun, lacks something. */
void txt_set_build(struct inquiry *inquiry, const struct dns_name *name, struct txt_set *ret_set);
void txt_set_empty(struct txt_set *ret_set, enum txt_set_status status, uint64_t expires_ns,
                   const char *problem);
/* Any octets; valid as long as the set stays where it is. */
struct span txt_set_at(const struct txt_set *set, uint32_t index);
const char *txt_set_status_name(enum txt_set_status status); /* "records", "none" ... */

#endif
