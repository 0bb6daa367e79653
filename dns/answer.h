/* answer.h - what a packet says about one question.
 *
 * Knows nothing of servers, retries, the cache or time. wire_check has passed every record before
 * ldns parses it; nothing of ldns leaves this file or stays allocated after the call. Only the
 * answer section is believed, and in it only the chain of aliases that starts at the name asked
 * for: additional records and other owners are ignored. */
#ifndef DNS_ANSWER_H
#define DNS_ANSWER_H

#include "base/span.h"
#include "dns/dns_name.h"
#include "dns/wire_check.h"

#define ANSWER_CHAIN_MAX 8
/* A record in the payload, packed: A 4 octets; AAAA 16; MX the preference (2, network order), the
 * size of the name (1), the name in wire form and lower case; CNAME the name; TLSA and TXT a size
 * (2, network order) and so many octets: the rdata of RFC 6698 2.1, or the strings of one record,
 * joined (RFC 8461 3.1). */
#define ANSWER_PAYLOAD_MAX (WIRE_RECORDS_MAX * (3 + DNS_NAME_SIZE_MAX))

enum answer_status {
    ANSWER_RECORDS,   /* count > 0 */
    ANSWER_NO_DATA,   /* the name exists, without this type */
    ANSWER_NO_DOMAIN, /* NXDOMAIN, of the name or of what it is an alias for */
    ANSWER_ALIAS,     /* the chain leaves the packet: ask for `target` */
    ANSWER_LOOP,      /* more than ANSWER_CHAIN_MAX aliases */
    ANSWER_REFERRAL,  /* "ask others": the server does not resolve for us */
    ANSWER_BROKEN     /* malformed, or against itself; or the library had no memory */
};

struct answer {
    enum answer_status status;
    uint32_t ttl_s;         /* the least of the chain and of what ended it; 0 without SOA */
    uint32_t chain_count;   /* aliases so far, those before this packet included */
    struct dns_name target; /* the end of the chain */
    uint32_t count;         /* of records */
    uint32_t payload_size;
    uint8_t payload[ANSWER_PAYLOAD_MAX];
};

struct answer_query {
    struct dns_name name;
    uint16_t type;        /* WIRE_A, WIRE_AAAA, WIRE_MX, WIRE_CNAME, WIRE_TLSA, WIRE_TXT */
    uint8_t rcode;        /* WIRE_NOERROR or WIRE_NXDOMAIN, as the packet says */
    uint32_t chain_count; /* aliases followed before this packet */
};

/* Reads a packet whose question has been matched; fills *ret_answer wholly but for unused payload.
 */
void answer_read(struct span packet, const struct answer_query *query, struct answer *ret_answer);

/* Takes the next MX record off the front of *payload; false at the end. The name lies in it. */
MUST_USE bool answer_next_mx(struct span *payload, uint16_t *ret_preference, struct span *ret_name);

/* The same for TLSA and TXT records. */
MUST_USE bool answer_next_bytes(struct span *payload, struct span *ret_bytes);

#endif
