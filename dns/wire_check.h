/* wire_check.h - the guard before the DNS library: is this packet well formed, and where are the
 * few records that matter?
 *
 * Knows nothing of ldns, of questions asked or of what records mean. Every length, count and
 * compression pointer (RFC 1035 4.1) is checked against the packet; pointers go strictly backward,
 * so that a walk ends; the fixed parts of the types we read are complete and fill their rdata.
 * Only records that pass are ever shown to the library. Lends spans of the packet. */
#ifndef DNS_WIRE_CHECK_H
#define DNS_WIRE_CHECK_H

#include "base/span.h"

#define WIRE_HEADER_SIZE 12
#define WIRE_RECORDS_MAX 100

enum wire_type {
    WIRE_A = 1,
    WIRE_CNAME = 5,
    WIRE_SOA = 6,
    WIRE_MX = 15,
    WIRE_TXT = 16,
    WIRE_AAAA = 28,
    WIRE_OPT = 41,
    WIRE_TLSA = 52
};

enum wire_rcode {
    WIRE_NOERROR = 0,
    WIRE_FORMERR = 1,
    WIRE_SERVFAIL = 2,
    WIRE_NXDOMAIN = 3,
    WIRE_NOTIMP = 4,
    WIRE_REFUSED = 5
};

/* Whose packet it claims to be: readable even when the rest is not. */
struct wire_question {
    uint16_t id;
    bool response; /* QR */
    bool truncated;
    bool authentic;    /* AD: the server vouches for answer and authority (RFC 4035 3.2.3) */
    bool has_question; /* exactly one, uncompressed, of class IN */
    uint8_t rcode;
    uint16_t type;
    struct span name; /* as sent: case kept, wire form */
};

struct wire_records {
    uint32_t count;
    uint16_t offsets[WIRE_RECORDS_MAX]; /* of the owner name */
};

struct wire_check {
    struct wire_records answer; /* of the types we read, class IN, the first WIRE_RECORDS_MAX */
    bool has_ns;                /* name servers in the authority section: a referral, if no SOA */
    bool has_soa;
    uint16_t soa_offset; /* the first SOA of the authority section */
};

/* False: not even a header. */
MUST_USE bool wire_check_question(struct span packet, struct wire_question *ret_question);
/* False: malformed. The question section is as wire_check_question has found it. */
MUST_USE bool wire_check_records(struct span packet, struct wire_check *ret_check);

#endif
