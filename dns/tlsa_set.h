/* tlsa_set.h - what the DNS says about the certificate of one mail host (RFC 6698, RFC 7672 2.2).
 *
 * Knows nothing of packets, waiters or certificates; it only reads the cache. The addresses of the
 * host decide first: DANE applies to a host whose addresses are secure. Then the TLSA records are
 * looked for at the name that its aliases lead to, and after that at its own (2.2.2); of an alias
 * that is secure and leads out of the secure DNS only its own name counts. Records that are not
 * secure count as none; no answer, or a bogus one, is a failure, never "none".
 *
 * A plain value, but the records lie within it: copy with tlsa_set_copy. */
#ifndef DNS_TLSA_SET_H
#define DNS_TLSA_SET_H

#include "dns/dns_name.h"
#include "dns/route.h"
#include "message/tlsa.h"

#define TLSA_SET_RECORDS_MAX 16
#define TLSA_SET_BYTES_MAX 4096

enum tlsa_set_status {
    TLSA_SET_PENDING = 0, /* asked; dns_done gives the waiter back */
    TLSA_SET_RECORDS,     /* secure ones: DANE applies, even if none of them is usable */
    TLSA_SET_NONE,        /* DANE does not apply to this host; problem says why */
    TLSA_SET_FAILED,      /* bogus, SERVFAIL, silence, too large: no mail to this host until the
                             answer is known (RFC 7672 2.1.2), and none in clear */
    TLSA_SET_UNTRUSTED,   /* dns.trust_ad is off: nothing is known to be secure */
    TLSA_SET_BUSY,        /* dns_options.waiters_max are waiting: ask again later */
    TLSA_SET_STATUS_COUNT
};

struct tlsa_set {
    enum tlsa_set_status status;
    uint64_t expires_ns; /* until when this holds; 0 for PENDING and BUSY */
    uint32_t servers;    /* bits: name servers that have said it */
    uint32_t count;      /* of records; usable ones first */
    uint32_t left_out;   /* there was no room for so many more */
    uint32_t bytes_size;
    struct tlsa_record records[TLSA_SET_RECORDS_MAX]; /* their data lies in bytes */
    /* The TLSA base domain: what to send as SNI and to find in a certificate (RFC 7672 3.2.2),
     * besides the next-hop domain; lower case, NUL at the end. Of RECORDS only. */
    char base[ROUTE_NAME_SIZE];
    char problem[ROUTE_PROBLEM_SIZE]; /* in words for people; empty when RECORDS */
    uint8_t bytes[TLSA_SET_BYTES_MAX];
};

struct inquiry;

struct tlsa_set_question {
    struct dns_name host;
    uint16_t port;
    enum dns_families families; /* which addresses are asked for */
};

/* Reads the cache; PENDING exactly when the inquiry, which has begun, lacks something. */
void tlsa_set_build(struct inquiry *inquiry, const struct tlsa_set_question *question,
                    struct tlsa_set *ret_set);
/* A set without records, with the words for it. */
void tlsa_set_empty(struct tlsa_set *ret_set, enum tlsa_set_status status, uint64_t expires_ns,
                    const char *problem);
void tlsa_set_copy(const struct tlsa_set *from, struct tlsa_set *ret_set);
/* By the numbers alone: could it match a certificate in SMTP (RFC 7672 3.1)? */
MUST_USE bool tlsa_set_usable(const struct tlsa_record *record);
const char *tlsa_set_status_name(enum tlsa_set_status status); /* "records", "none" ... */

#endif
