/* question.h - one question as a packet (RFC 1035 4.1, EDNS0 of RFC 6891).
 *
 * Knows nothing of servers, retries or answers. ldns builds the packet; nothing of it leaves this
 * file or stays allocated after the call. */
#ifndef DNS_QUESTION_H
#define DNS_QUESTION_H

#include "base/prng.h"
#include "base/span.h"
#include "dns/dns_name.h"

#define QUESTION_SIZE_MAX 512
/* No fragments on any path (DNS flag day 2020). */
#define QUESTION_EDNS_SIZE 1232

struct question {
    uint16_t id;
    uint16_t type;
    bool edns;
    bool dnssec; /* AD, and DO where there is EDNS: we want to know what is secure (RFC 6840 5.7) */
    struct span name; /* wire form, in the case to be sent */
};

/* The size of the packet, recursion desired; -ENOBUFS, or -ENOMEM from the library. */
MUST_USE int question_write(const struct question *question, struct span_mut into);
/* Draws the case of every letter (draft-vixie-dnsext-dns0x20), so that a forged answer must guess
 * it too. `ret_bytes` takes name->size octets. */
void question_draw_case(const struct dns_name *name, struct prng *prng, uint8_t *ret_bytes);

#endif
